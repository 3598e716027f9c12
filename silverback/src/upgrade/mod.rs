//! The server's side of the opening handshake (RFC 6455, 4.2). The policy is here, the rules are in
//! `silverback_proto::handshake`.

mod bare;
pub(crate) mod error;
#[cfg(any(feature = "http2", feature = "http3"))]
mod handshakes;
#[cfg(feature = "http2")]
mod http2;
#[cfg(feature = "http2")]
mod http2_stream;
#[cfg(feature = "http3")]
mod http3;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(any(feature = "http2", feature = "http3"))]
mod multiplexed;
pub(crate) mod requests;
#[cfg(any(feature = "http2", feature = "http3"))]
mod stream_request;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{HeaderMap, Request, Response};
use silverback_proto::{
    MemoryBudget, Negotiated, Role, Subprotocol,
    handshake::{
        Acceptance, HandshakeError, HostPattern, HostPolicy, Origin, OriginPolicy, ParseHostError, ParseOriginError,
        Rejection, ServerHandshake, requested_host,
    },
};

pub use self::error::UpgradeError;
#[cfg(feature = "http2")]
pub use self::http2::Http2Server;
#[cfg(feature = "http3")]
pub use self::http3::{
    Http3Server,
    endpoint::{Http3Endpoint, Http3Incoming},
};
#[cfg(feature = "hyper")]
pub use self::hyper::Upgrade;
#[cfg(any(feature = "http2", feature = "http3"))]
pub use self::stream_request::StreamRequest;
use crate::{
    conn::{Conn, connections::Connections, opening::Opening},
    io::{
        meter::Begun,
        settings::{Settings, forward_settings, subprotocols},
        transport::ByteStream,
    },
};

/// Turns HTTP requests into WebSocket connections.
///
/// The defaults are safe: only pages of the same origin may connect, and every limit and timeout is on. A service that
/// only some machines can reach, such as one on loopback, also needs [`allow_hosts`](Self::allow_hosts).
///
/// ```no_run
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let upgrader = silverback::Upgrader::new().subprotocols(["chat"]);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
/// loop {
///     let (stream, _) = listener.accept().await?;
///     let upgrader = upgrader.clone();
///     tokio::spawn(async move {
///         let mut conn = upgrader.accept(stream).await?;
///         while let Some(message) = conn.read_message().await? {
///             conn.write_message(message).await?;
///         }
///         Ok::<_, silverback::Error>(())
///     });
/// }
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Upgrader {
    settings: Settings,
    subprotocols: Vec<Subprotocol>,
    origins: OriginPolicy,
    hosts: HostPolicy,
    /// The first invalid option. Each upgrade reports it, because the methods that set options do not fail.
    misuse: Option<HandshakeError>,
    hook: Option<Hook>,
    /// Refuses new connections while they drain.
    connections: Option<Connections>,
}

type Hook = Arc<dyn Fn(Request<()>) -> HookFuture + Send + Sync>;
type HookFuture = Pin<Box<dyn Future<Output = Result<HeaderMap, Response<String>>> + Send>>;

impl Upgrader {
    /// Creates an upgrader with the defaults.
    pub fn new() -> Self {
        Self {
            settings: Settings::for_servers(),
            subprotocols: Vec::new(),
            origins: OriginPolicy::SameOrigin,
            hosts: HostPolicy::Any,
            misuse: None,
            hook: None,
            connections: None,
        }
    }

    /// Sets the subprotocols that the application speaks. The first entry of the client's list that is among them is
    /// selected. If there is none, the connection has no subprotocol (RFC 6455, 4.2.2).
    pub fn subprotocols<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.subprotocols = subprotocols(names, &mut self.misuse);
        self
    }

    /// Also allows pages of this origin to connect, such as `https://example.com` or `http://localhost:3000`. Scheme
    /// and port must match. Pages of the same origin stay allowed, as do clients that send no origin because they are
    /// not browsers.
    ///
    /// # Errors
    /// Fails if the text is not an origin.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, ParseOriginError> {
        let origin = Origin::parse(origin)?;
        match &mut self.origins {
            OriginPolicy::SameOriginOr(list) | OriginPolicy::AllowList(list) => list.push(origin),
            policy => *policy = OriginPolicy::SameOriginOr(vec![origin]),
        }
        Ok(self)
    }

    /// Sets which page origins may connect. Default: the same origin.
    pub fn check_origin(mut self, policy: OriginPolicy) -> Self {
        self.origins = policy;
        self
    }

    /// Allows pages of every site to connect on behalf of the people who visit them (cross-site WebSocket hijacking,
    /// RFC 6455, 10.2). Use it only for services that do not identify users by cookie, address or network.
    pub fn dangerous_allow_any_origin(self) -> Self {
        self.check_origin(OriginPolicy::Any)
    }

    /// Answers only to requests for these hosts, such as `example.com`, `*.example.com` or `localhost`; any port is
    /// allowed. Hosts that were allowed before stay allowed. Default: every host.
    ///
    /// The same-origin check alone does not keep a foreign page out of a service that only its visitor can reach, such
    /// as one on loopback or in a private network. The page of `attacker.example` can make its own name point to
    /// 127.0.0.1 (DNS rebinding). The browser then sends `attacker.example` both in `Host` and in `Origin`, so they are
    /// the same. Only a server that knows its own names can tell. For a service on loopback,
    /// [`check_host`](Self::check_host) with [`HostPolicy::LoopbackOr`] allows all names of loopback.
    ///
    /// ```
    /// let upgrader = silverback::Upgrader::new().allow_hosts(["example.com", "*.example.com"])?;
    /// # Ok::<_, silverback::proto::handshake::ParseHostError>(())
    /// ```
    ///
    /// # Errors
    /// Fails if a text is not a host without a port.
    pub fn allow_hosts<S: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = S>) -> Result<Self, ParseHostError> {
        let hosts: Result<Vec<_>, _> = hosts.into_iter().map(|host| HostPattern::parse(host.as_ref())).collect();
        let hosts = hosts?;
        match &mut self.hosts {
            HostPolicy::AllowList(list) | HostPolicy::LoopbackOr(list) => list.extend(hosts),
            policy => *policy = HostPolicy::AllowList(hosts),
        }
        Ok(self)
    }

    /// Sets the hosts that the server answers to, by the `Host` header. Default: every host. A rejected request gets
    /// 403, and over HTTP/2 421.
    pub fn check_host(mut self, policy: HostPolicy) -> Self {
        self.hosts = policy;
        self
    }

    /// Refuses handshakes with 503 and `Retry-After` once these connections [drain](Connections::drain). Each connection
    /// must still be [tracked](Connections::track). Default: none.
    pub fn connections(mut self, connections: &Connections) -> Self {
        self.connections = Some(connections.clone());
        self
    }

    /// Sets a hook for each request on a bare stream ([`accept`](Self::accept) and `serve_http2`). The hook returns
    /// headers to add to the response, or rejects the request with a response. In an HTTP server, the handler of the
    /// request does this. The hook's future is dropped when the handshake timeout has passed.
    ///
    /// ```
    /// # use http::{HeaderMap, Response, StatusCode};
    /// let upgrader = silverback::Upgrader::new().on_request(|request| async move {
    ///     match request.uri().path() {
    ///         "/chat" => Ok(HeaderMap::new()),
    ///         _ => Err(Response::builder().status(StatusCode::NOT_FOUND).body("Not here.".into()).unwrap()),
    ///     }
    /// });
    /// ```
    pub fn on_request<F>(mut self, hook: impl Fn(Request<()>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HeaderMap, Response<String>>> + Send + 'static,
    {
        self.hook = Some(Arc::new(move |request| Box::pin(hook(request))));
        self
    }

    forward_settings!();

    /// Answers a request of any HTTP server: returns the response to send and the negotiated parameters. Then pass the
    /// stream that the server hands over to [`conn`](Self::conn).
    ///
    /// This is for servers that are not built on hyper 1.x or do not give access to its upgrade. The repository has examples
    /// for actix-web, poem, rocket, salvo and warp, in `examples/frameworks`.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # use silverback::{Conn, Upgrader};
    /// # async fn upgraded() -> tokio::io::DuplexStream { tokio::io::duplex(64).0 }
    /// # fn handler(upgrader: Upgrader, request: Request<()>) -> Response<String> {
    /// match upgrader.respond(&request) {
    ///     Err(error) => error.response(),
    ///     Ok((response, negotiated)) => {
    ///         tokio::spawn(async move {
    ///             let mut conn = upgrader.conn(upgraded().await, negotiated, []);
    ///             conn.write_message("welcome").await
    ///         });
    ///         response
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails if the request is not an acceptable handshake. [`UpgradeError::response`] is then the response for the
    /// client.
    pub fn respond<B, R: Default>(&self, request: &Request<B>) -> Result<(Response<R>, Negotiated), UpgradeError> {
        match requests::read_handshake(request) {
            Ok(handshake) => self.respond_handshake(handshake),
            Err(rejection) => self.counted(Err(rejection.into())),
        }
    }

    /// Does the same as [`respond`](Self::respond) for a handshake that was already read. Use it in a server whose
    /// requests have another type: [`ServerHandshake::read`] takes the parts.
    ///
    /// ```
    /// use http::{HeaderMap, Method, Response, Version};
    /// use silverback::{Negotiated, UpgradeError, Upgrader, proto::handshake::ServerHandshake};
    ///
    /// fn answer(method: &Method, headers: &HeaderMap) -> Result<(Response<String>, Negotiated), UpgradeError> {
    ///     Upgrader::new().respond_handshake(ServerHandshake::read(method, Version::HTTP_11, headers)?)
    /// }
    /// ```
    ///
    /// # Errors
    /// Fails if the host or the origin is not allowed, or if the memory budget is exhausted.
    pub fn respond_handshake<R: Default>(
        &self,
        handshake: ServerHandshake,
    ) -> Result<(Response<R>, Negotiated), UpgradeError> {
        let (response, opening) = self.counted(self.negotiate(handshake, HeaderMap::new()))?;
        Ok((response.map(|()| R::default()), opening.negotiated))
    }

    /// Creates a connection on a stream whose handshake was answered with [`respond`](Self::respond). `leftover` holds
    /// the bytes that the server has read after the request.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub fn conn(&self, stream: impl ByteStream, negotiated: Negotiated, leftover: impl Into<Vec<u8>>) -> Conn {
        Conn::from_handshake(stream, Role::Server, negotiated, leftover, &self.settings)
    }

    /// Checks the host and the origin of a handshake, without answering it.
    /// [`accept_handshake`](Self::accept_handshake) and `upgrade` do the same before they accept. Use this to know the
    /// result first, for instance to log a rejection or to answer it yourself.
    ///
    /// # Errors
    /// Fails if the host or the origin is not allowed.
    pub fn check(&self, handshake: &ServerHandshake) -> Result<(), Rejection> {
        handshake.check_host(&self.hosts).map_err(|refused| handshake.reject(refused))?;
        handshake.check_origin(&self.origins).map_err(|refused| handshake.reject(refused))
    }

    /// Checks the host and the origin of a request that is not a handshake, by the same policies. A browser does not
    /// tell a page why its handshake was refused. If the server answers `OPTIONS` with the result of this check, the
    /// page can `fetch` the reason.
    ///
    /// ```
    /// let page = http::Request::options("/chat")
    ///     .header("Host", "127.0.0.1:8000") // as a proxy may have put it
    ///     .header("Origin", "https://example.com")
    ///     .body(())?;
    /// let refused = silverback::Upgrader::new().check_request(&page).unwrap_err();
    /// assert_eq!(refused.status(), 403);
    /// # Ok::<(), http::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if the host or the origin is not allowed, or `Host` is missing or malformed (RFC 9112, 3.2).
    pub fn check_request<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        let host = requested_host(request)?;
        let host = host.as_ref().map_or(&b""[..], |host| host.as_bytes());
        self.hosts.check(host)?;
        let origin = request.headers().get(http::header::ORIGIN).map(|origin| origin.as_bytes());
        self.origins.check(origin, host).map_err(Rejection::origin)
    }

    /// Checks whether the [`memory_budget`](Self::memory_budget) has room for another connection. Every method
    /// that accepts one does the same.
    ///
    /// # Errors
    /// Fails with [`Rejection::Overloaded`] (503 with `Retry-After`) if seven eighths of the budget are used.
    pub fn check_memory(&self) -> Result<(), Rejection> {
        let is_exhausted = self.settings.memory_budget.as_ref().is_some_and(MemoryBudget::is_exhausted);
        if is_exhausted { Err(Rejection::Overloaded { retry_after: RETRY_AFTER }) } else { Ok(()) }
    }

    /// Reports the result of a handshake.
    fn count<T>(&self, accepted: &Result<T, UpgradeError>, begun: Option<Begun>) {
        if let Err(error) = accepted {
            let result = error.label();
            tracing::debug!(name: "refused", target: "silverback::upgrade", result, %error, "no WebSocket was opened");
        }
        let result = || accepted.as_ref().err().map_or("accepted", UpgradeError::label);
        self.settings.metering.handshake(Role::Server, begun, result);
    }

    fn counted<T>(&self, accepted: Result<T, UpgradeError>) -> Result<T, UpgradeError> {
        self.count(&accepted, None);
        accepted
    }

    /// Validates a handshake and builds the response to it, with the selected subprotocol and compression. The caller
    /// knows the version.
    fn negotiate(
        &self,
        handshake: ServerHandshake,
        headers: HeaderMap,
    ) -> Result<(Response<()>, Opening), UpgradeError> {
        if let Some(error) = &self.misuse {
            return Err(UpgradeError::Misconfigured(error.clone()));
        }
        self.check(&handshake)?;
        if self.connections.as_ref().is_some_and(Connections::is_draining) {
            let retry_after = RETRY_AFTER;
            return Err(handshake.reject(Rejection::Overloaded { retry_after }).into());
        }
        self.check_memory().map_err(|full| handshake.reject(full))?;
        let subprotocol = handshake.select_subprotocol(&self.subprotocols);
        let is_scarce = self.settings.memory_budget.as_ref().is_some_and(MemoryBudget::is_scarce);
        let compression = self.settings.config.compression.clone().filter(|_| !is_scarce);
        let target = handshake.target().cloned();
        let acceptance = Acceptance { subprotocol, compression, headers, ..Acceptance::default() };
        let (response, negotiated) = handshake.accept(acceptance)?;
        Ok((response, Opening { role: Role::Server, version: None, target, negotiated }))
    }
}

/// Idle compressors are released after 10 to 20 s, so there may be room again after this time.
const RETRY_AFTER: Duration = Duration::from_secs(10);

impl Default for Upgrader {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Upgrader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrader")
            .field("settings", &self.settings)
            .field("subprotocols", &self.subprotocols)
            .field("origins", &self.origins)
            .field("hosts", &self.hosts)
            .field("has_hook", &self.hook.is_some())
            .finish_non_exhaustive()
    }
}
