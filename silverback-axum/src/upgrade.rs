//! The extractor: it turns an opening handshake into a connection.

use std::{borrow::Cow, fmt, future::Future, mem};

use axum::{Error, body::Body, extract::FromRequestParts, response::Response};
use http::{HeaderMap, HeaderValue, Request, request::Parts};
use hyper::upgrade::OnUpgrade;
use silverback::{
    Config, HostPolicy, OriginPolicy, Upgrade, UpgradeError, Upgrader,
    proto::handshake::{ParseHostError, ParseOriginError, ServerHandshake},
};

use crate::{rejection::WebSocketUpgradeRejection, socket::WebSocket};

/// An opening handshake that waits for its response.
///
/// It takes its settings from the [`Upgrader`] in the request's extensions, or uses the defaults: same origin, messages
/// of at most 16 MiB. A request that is not a handshake gets a [rejection](WebSocketUpgradeRejection).
/// [`on_upgrade`](Self::on_upgrade) checks whether its host and origin may connect.
///
/// Use `any` for the route, because the request is a GET over HTTP/1.1 and a CONNECT over HTTP/2 (RFC 8441). `get` serves
/// HTTP/1.1 alone. Other methods get 405 in either case.
#[must_use = "the request is answered by `on_upgrade`"]
pub struct WebSocketUpgrade<F = DefaultOnFailedUpgrade> {
    handshake: ServerHandshake,
    on_upgrade: OnUpgrade,
    upgrader: Upgrader,
    requested: Vec<HeaderValue>,
    selected: Option<HeaderValue>,
    on_failed_upgrade: F,
}

impl<F> WebSocketUpgrade<F> {
    /// Selects the first of these subprotocols that the client has offered. Without a match the connection has none.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'static, str>>,
    {
        let found = protocols.into_iter().find_map(|name| self.requested(name.into().as_bytes()).cloned());
        self.selected = found;
        self
    }

    /// Returns the subprotocols that the client has offered, in its order of preference.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &HeaderValue> {
        self.requested.iter()
    }

    /// Selects this subprotocol if the client has offered it. A server must not select any other (RFC 6455, 4.2.2).
    pub fn set_selected_protocol(&mut self, protocol: HeaderValue) {
        self.selected = self.requested(protocol.as_bytes()).cloned();
    }

    /// The subprotocol that was agreed on.
    pub fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.selected.as_ref()
    }

    /// Sets the largest message to accept, in bytes. Default: 16 MiB.
    pub fn max_message_size(self, max: usize) -> Self {
        self.adjust(|config| config.max_message_size(max as u64))
    }

    /// Sets the largest frame to accept, in bytes. Default: the largest message.
    pub fn max_frame_size(self, max: usize) -> Self {
        self.adjust(|config| config.max_frame_size(max as u64))
    }

    /// Sets how many bytes of output may be queued before [`send`](WebSocket::send) waits. Default: 1 MiB.
    pub fn max_write_buffer_size(self, max: usize) -> Self {
        self.adjust(|config| config.max_queued_output(max))
    }

    /// Sets how many bytes of output are gathered before they are sent, while more input is buffered. Default: 64 KiB.
    pub fn write_buffer_size(mut self, size: usize) -> Self {
        self.upgrader = self.upgrader.write_buffer_size(size);
        self
    }

    /// Sets the size of one read, in bytes. The buffer belongs to the thread, so idle connections hold none. Default:
    /// 64 KiB.
    pub fn read_buffer_size(mut self, size: usize) -> Self {
        self.upgrader = self.upgrader.read_buffer_size(size);
        self
    }

    /// Lets pages of this origin connect too, such as `https://example.com` or `http://localhost:3000`.
    ///
    /// # Errors
    /// Fails if the text is not an origin.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, ParseOriginError> {
        self.upgrader = self.upgrader.allow_origin(origin)?;
        Ok(self)
    }

    /// Sets which page origins may connect. Default: the same origin.
    pub fn check_origin(mut self, policy: OriginPolicy) -> Self {
        self.upgrader = self.upgrader.check_origin(policy);
        self
    }

    /// Lets pages of any site connect with their visitors' credentials (cross-site WebSocket hijacking, RFC 6455,
    /// 10.2). Use it only if the service does not identify users by cookie, address or network.
    pub fn dangerous_allow_any_origin(mut self) -> Self {
        self.upgrader = self.upgrader.dangerous_allow_any_origin();
        self
    }

    /// Answers only to requests for these hosts, such as `example.com` or `*.example.com`: see
    /// [`Upgrader::allow_hosts`]. Default: every host.
    ///
    /// # Errors
    /// Fails if a text is not a host without a port.
    pub fn allow_hosts<I>(mut self, hosts: I) -> Result<Self, ParseHostError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.upgrader = self.upgrader.allow_hosts(hosts)?;
        Ok(self)
    }

    /// Sets the hosts that the server answers to, by the `Host` header. Default: every host.
    pub fn check_host(mut self, policy: HostPolicy) -> Self {
        self.upgrader = self.upgrader.check_host(policy);
        self
    }

    /// Sets a callback for an upgrade that fails after the response was sent. Default: none.
    pub fn on_failed_upgrade<C: OnFailedUpgrade>(self, callback: C) -> WebSocketUpgrade<C> {
        let Self { handshake, on_upgrade, upgrader, requested, selected, on_failed_upgrade: _ } = self;
        WebSocketUpgrade { handshake, on_upgrade, upgrader, requested, selected, on_failed_upgrade: callback }
    }

    /// Returns the response, and runs `callback` with the connection in a new task, inside the span of the connection
    /// ([`Conn::spawn`](silverback::Conn::spawn)). If the host or origin is not allowed, the response is 403 and the
    /// callback is dropped.
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let Self { handshake, on_upgrade, mut upgrader, requested: _, selected, on_failed_upgrade } = self;
        if let Some(name) = selected.as_ref().and_then(|name| name.to_str().ok()) {
            upgrader = upgrader.subprotocols([name]);
        }
        match upgrader.upgrade_handshake::<Body>(handshake, on_upgrade, HeaderMap::new()) {
            Ok((response, upgrade)) => {
                tokio::spawn(run(upgrade, callback, on_failed_upgrade));
                response
            }
            Err(error) => error.response().map(Body::from),
        }
    }

    fn requested(&self, name: &[u8]) -> Option<&HeaderValue> {
        self.requested.iter().find(|requested| requested.as_bytes() == name)
    }

    fn adjust(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.upgrader = self.upgrader.adjust_config(change);
        self
    }
}

async fn run<C, Fut>(upgrade: Upgrade, callback: C, on_failed_upgrade: impl OnFailedUpgrade)
where
    C: FnOnce(WebSocket) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    match upgrade.await {
        // A new task is only as large as the application's future, because it does not hold the state of the handshake.
        Ok(conn) => _ = conn.spawn(|conn| callback(WebSocket::new(conn))),
        Err(error) => on_failed_upgrade.call(Error::new(error)),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let handshake = read_handshake(parts)?;
        let on_upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(UpgradeError::NotUpgradable)?;
        let upgrader = parts.extensions.get::<Upgrader>().cloned().unwrap_or_default();
        let names = handshake.subprotocols().iter();
        let requested = names.filter_map(|name| HeaderValue::from_str(name.as_str()).ok()).collect();
        Ok(Self {
            handshake,
            on_upgrade,
            upgrader,
            requested,
            selected: None,
            on_failed_upgrade: DefaultOnFailedUpgrade,
        })
    }
}

/// Reads the handshake from a whole request, which is built from the parts for this call.
fn read_handshake(parts: &mut Parts) -> Result<ServerHandshake, WebSocketUpgradeRejection> {
    let (nothing, ()) = Request::new(()).into_parts();
    let request = Request::from_parts(mem::replace(parts, nothing), ());
    let handshake = Upgrader::read_handshake(&request);
    (*parts, ()) = request.into_parts();
    Ok(handshake?)
}

impl<F> fmt::Debug for WebSocketUpgrade<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("upgrader", &self.upgrader)
            .field("requested", &self.requested)
            .field("selected", &self.selected)
            .finish_non_exhaustive()
    }
}

/// A callback for a failed upgrade. Any `FnOnce(axum::Error)` implements it.
pub trait OnFailedUpgrade: Send + 'static {
    /// Called if the upgrade has failed.
    fn call(self, error: Error);
}

impl<C: FnOnce(Error) + Send + 'static> OnFailedUpgrade for C {
    fn call(self, error: Error) {
        self(error);
    }
}

/// Does nothing: the client disconnected between the response and the upgrade.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DefaultOnFailedUpgrade;

impl OnFailedUpgrade for DefaultOnFailedUpgrade {
    fn call(self, _: Error) {}
}
