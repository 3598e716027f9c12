//! Upgrades requests of hyper 1.x and of servers built on it, over HTTP/1.1 and HTTP/2. After the response to an upgrade
//! over HTTP/1.1, the socket is taken out of hyper's wrapper. Over HTTP/2 the wrapper is a stream of the connection.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::hyper::upgrade::{OnUpgrade, Upgraded};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use silverback_proto::{
    Negotiated, Role,
    handshake::{Rejection, ServerHandshake},
};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tracing::Span;

use super::{UpgradeError, Upgrader, requests::read_handshake};
use crate::{
    conn::{Conn, opening::Opening},
    error::Error,
    io::{
        meter::{Begun, Metering},
        settings::Settings,
        transport::split,
    },
};

impl Upgrader {
    /// Upgrades a request of an HTTP server. Send the response, and await the [`Upgrade`] in another task.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # fn handler(mut request: Request<()>) -> Response<String> {
    /// match silverback::Upgrader::new().upgrade(&mut request) {
    ///     Err(error) => error.response(),
    ///     Ok((response, upgrade)) => {
    ///         tokio::spawn(async move {
    ///             let mut conn = upgrade.await?;
    ///             conn.write_message("welcome").await
    ///         });
    ///         response
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// If hyper was given a `TokioIo<TcpStream>` (or a `UnixStream`), the connection runs on the socket itself, and
    /// `TCP_NODELAY` is set. Under `axum::serve` and hyper-util's automatic server, this needs the feature
    /// `hyper-auto`, which `silverback-axum` enables. Any other transport stays in its wrapper and keeps its options. A
    /// TCP socket without `TCP_NODELAY` delays small messages by up to 40 ms, so set it where you accept the socket.
    ///
    /// With the feature `http2`, a request over HTTP/2 (extended CONNECT, RFC 8441) is upgraded in the same way, if the
    /// server enables it (`enable_connect_protocol` of hyper's builder). `docs/http2.md` says which settings of hyper
    /// suit many WebSockets on one connection.
    ///
    /// # Errors
    /// Fails if the request is not an acceptable handshake. [`UpgradeError::response`] is then the response for the
    /// client.
    pub fn upgrade<B, R: Default>(&self, request: &mut Request<B>) -> Result<(Response<R>, Upgrade), UpgradeError> {
        self.upgrade_with_headers(request, HeaderMap::new())
    }

    /// Does the same as [`upgrade`](Self::upgrade), and adds headers to the response, such as `Set-Cookie`.
    ///
    /// # Errors
    /// As [`upgrade`](Self::upgrade). Also fails if a header belongs to the handshake.
    pub fn upgrade_with_headers<B, R: Default>(
        &self,
        request: &mut Request<B>,
        headers: HeaderMap,
    ) -> Result<(Response<R>, Upgrade), UpgradeError> {
        let read = read_handshake(request).map_err(UpgradeError::from).and_then(|handshake| {
            let on_upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(UpgradeError::NotUpgradable)?;
            Ok((handshake, on_upgrade))
        });
        match read {
            Ok((handshake, on_upgrade)) => self.upgrade_handshake(handshake, on_upgrade, headers),
            Err(error) => self.counted(Err(error)),
        }
    }

    /// Reads the handshake of a request, for [`upgrade_handshake`](Self::upgrade_handshake). Over HTTP/2 it takes hyper's
    /// `ext::Protocol` from the extensions of the request.
    ///
    /// # Errors
    /// Fails if the request is not a handshake.
    pub fn read_handshake<B>(request: &Request<B>) -> Result<ServerHandshake, Rejection> {
        read_handshake(request)
    }

    /// Upgrades a request whose handshake was already [read](Self::read_handshake), for instance by an extractor.
    /// `on_upgrade` comes from the extensions of the request.
    ///
    /// # Errors
    /// Fails if the host or the origin is not allowed, if the memory budget is exhausted, or if a header belongs to the
    /// handshake.
    pub fn upgrade_handshake<R: Default>(
        &self,
        handshake: ServerHandshake,
        on_upgrade: OnUpgrade,
        headers: HeaderMap,
    ) -> Result<(Response<R>, Upgrade), UpgradeError> {
        let begun = Metering::begin();
        let negotiated = self.negotiate(handshake, headers);
        if negotiated.is_err() {
            self.count(&negotiated, None);
        }
        let (response, opening) = negotiated?;
        let is_http1 = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let version = if is_http1 { Version::HTTP_11 } else { Version::HTTP_2 };
        let opening = Opening { version: Some(version), ..opening };
        let (request, settings) = (Span::current(), self.settings.clone());
        let upgrade = Upgrade { on_upgrade, opening, request, begun, settings };
        Ok((response.map(|()| R::default()), upgrade))
    }
}

/// A future that resolves to the connection once the response has been sent.
#[must_use = "the connection opens only when this is awaited"]
pub struct Upgrade {
    on_upgrade: OnUpgrade,
    opening: Opening,
    /// The span in which the request was answered.
    request: Span,
    begun: Begun,
    settings: Settings,
}

impl Upgrade {
    /// Returns the negotiated subprotocol and compression.
    pub fn negotiated(&self) -> &Negotiated {
        &self.opening.negotiated
    }
}

impl Future for Upgrade {
    type Output = Result<Conn, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let upgraded = ready!(Pin::new(&mut self.on_upgrade).poll(cx));
        let result = || if upgraded.is_ok() { "accepted" } else { "lost" };
        self.settings.metering.handshake(Role::Server, Some(self.begun), result);
        let upgraded = match upgraded {
            Ok(upgraded) => upgraded,
            Err(error) => return Poll::Ready(Err(Error::Io(std::io::Error::other(error)))),
        };
        let (negotiated, target) = (mem::take(&mut self.opening.negotiated), self.opening.target.take());
        let opening = Opening { negotiated, target, ..self.opening };
        let conn = take_socket(upgraded, opening, &self.settings);
        // Not as a parent, which could not end before the connection, and whose fields may have the query. It is kept until
        // here, because a subscriber does not know a span that has ended.
        let request = mem::replace(&mut self.request, Span::none());
        conn.span().follows_from(request.id());
        Poll::Ready(Ok(conn))
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("negotiated", self.negotiated()).finish_non_exhaustive()
    }
}

/// Takes the socket out of hyper's wrapper. A transport of an unknown type stays wrapped.
fn take_socket(upgraded: Upgraded, opening: Opening, settings: &Settings) -> Conn {
    macro_rules! try_as {
        ($upgraded:ident, $socket:ty) => {
            match $upgraded.downcast::<TokioIo<$socket>>() {
                Ok(parts) => {
                    return Conn::on(split(parts.io.into_inner()), opening, parts.read_buf.into(), settings);
                }
                Err(upgraded) => upgraded,
            }
        };
    }
    let upgraded = try_as!(upgraded, TcpStream);
    #[cfg(unix)]
    let upgraded = try_as!(upgraded, UnixStream);
    #[cfg(feature = "hyper-auto")]
    let upgraded = match hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => {
            return Conn::on(split(parts.io.into_inner()), opening, parts.read_buf.into(), settings);
        }
        Err(upgraded) => upgraded,
    };
    Conn::on(split(TokioIo::new(upgraded)), opening, Vec::new(), settings)
}
