//! Details of dialling: steps, events, refusals, proxies, cookies, and ways to connect.

// The client's side of the opening handshake (RFC 6455, 4.1): connect, send the request, verify the response.
// `options` has the settings, `follow` runs a dial and follows redirects, `reach` connects to the server, and
// `exchange` sends the request and reads the response. `connections` chooses the version of HTTP, `http2` has HTTP/2, and
// `http3` HTTP/3.

mod attempt;
mod body;
mod connections;
mod connector;
mod cookies;
pub(crate) mod error;
mod event;
mod exchange;
mod final_response;
mod follow;
#[cfg(feature = "http2")]
mod http2;
#[cfg(feature = "http3")]
mod http3;
#[cfg(any(feature = "http2", feature = "http3"))]
mod multiplexed;
mod options;
mod proxy;
mod race;
mod reach;
mod redirect;
mod redirect_cookies;
mod refusal;
mod resolve;
mod session;
mod step;
mod time_limit;
#[cfg(not(any(feature = "rustls-tls", feature = "native-tls")))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
pub mod tls;
mod version;

use std::{fmt, io, net::SocketAddr, sync::Arc};

use http::{HeaderName, HeaderValue, header};
use silverback_proto::{
    Subprotocol,
    handshake::{ClientRequest, HandshakeError, ascii_host},
};

#[cfg(feature = "http3")]
pub use self::http3::QuicMisuse;
pub use self::{
    attempt::Attempt,
    connector::ConnectTo,
    cookies::CookieJar,
    error::DialError,
    event::{DialEvent, TlsSession},
    proxy::{InvalidProxy, InvalidProxyVariable, Proxy, ProxyRules},
    redirect::RedirectFault,
    refusal::Refusal,
    session::Session,
    step::DialStep,
    version::{HttpVersion, VersionFault},
};
use self::{
    connector::Route,
    resolve::Overrides,
    time_limit::{Budgets, TimeLimit},
    tls::Tls,
};
use crate::io::settings::Settings;

/// Opens connections to servers.
///
/// A `Dialer` is cheap to clone, and clones share its TLS sessions and cookies.
///
/// ```no_run
/// # async fn run() -> Result<(), silverback::Error> {
/// let mut conn = silverback::Dialer::new().dial("ws://localhost:8000/ws/echo").await?;
/// conn.write_message("hello").await?;
/// println!("{:?}", conn.read_message().await?);
/// conn.close(1000, "").await?;
/// # Ok(()) }
/// ```
///
/// # The URL
/// A URL begins with `ws://` or `wss://`. `http://` and `https://` mean the same here. The default port is 80, or 443
/// with TLS. The path may be missing (`ws://host?query`). An IPv6 address needs brackets and may have a zone
/// (`[fe80::1%25eth0]`). Path and query are escaped as browsers do it. A host name outside ASCII is converted if the
/// feature `idna` is on.
///
/// A URL with a fragment is refused (RFC 6455, 3). A URL with a user name or password is refused too, because URLs end
/// up in logs. Use [`basic_auth`](Self::basic_auth) instead.
///
/// # The route to the server
/// By default the dialer resolves the host name and races its addresses (RFC 8305): IPv6 and IPv4 alternate, and the
/// attempts start 250 ms apart. It reaches a proxy in the same way. A Unix socket or a connector of the application
/// replaces all of this. `localhost` and every name below it mean this machine (RFC 6761, 6.3), so no name service is
/// asked. `wss://` needs one of the features for TLS.
///
/// # The version of HTTP
/// WebSockets are opened over HTTP/1.1, each on a separate connection. [`http_version`](Self::http_version) chooses
/// another version, and [`connect`](Self::connect) opens a [`Session`], whose WebSockets share a connection there.
///
/// # Time
/// Each step may take 10 s, and all steps together 30 s. See [`timeout`](Self::timeout).
///
/// # Masks
/// The mask keys come from the system's random source, in blocks of 256. A forked process draws its own blocks from its
/// first new connection on. After a fork, only one of the two processes may use a connection that was opened before.
/// Otherwise both would send frames with the same keys on one socket.
#[derive(Clone, Default)]
#[must_use]
pub struct Dialer {
    settings: Settings,
    subprotocols: Vec<Subprotocol>,
    headers: Vec<(HeaderName, HeaderValue)>,
    origin: Option<HeaderValue>,
    host_header: Option<HeaderValue>,
    budgets: Budgets,
    overrides: Overrides,
    route: Route,
    proxies: ProxyRules,
    http_version: HttpVersion,
    #[cfg(feature = "http2")]
    http1_servers: http2::Http1Servers,
    max_redirects: usize,
    cookie_jar: Option<Arc<dyn CookieJar>>,
    observer: Option<Observer>,
    tls: Option<Tls>,
    proxy_tls: Option<Tls>,
    /// The first invalid setting. Builders do not fail, so each dial reports it.
    misuse: Option<Misuse>,
}

type Observer = Arc<dyn Fn(&DialEvent<'_>) + Send + Sync>;

#[derive(Clone, Debug)]
enum Misuse {
    Request(HandshakeError),
    Proxy(InvalidProxy),
    UserName,
}

impl Dialer {
    /// Validates everything that needs no network: the URL, and the headers, credentials, subprotocols and proxy of
    /// this dialer. Every dial does the same before it opens a connection.
    ///
    /// ```
    /// let dialer = silverback::Dialer::new().header("Sec-WebSocket-Protocol", "chat");
    /// let error = dialer.check("ws://localhost:8000/").unwrap_err();
    /// assert!(error.is_misuse() && error.to_string().contains("use the setting for subprotocols"));
    /// ```
    ///
    /// # Errors
    /// The same errors as [`dial`](Self::dial), limited to those for which [`is_misuse`](DialError::is_misuse) is true.
    pub fn check(&self, url: impl AsRef<str>) -> Result<(), DialError> {
        self.request(url.as_ref(), Trust::Full).map(drop)
    }

    /// Returns the addresses that a dial would try for a host, in their order. They come from
    /// [`resolve`](Self::resolve), or are those of this machine for `localhost` and the names below it, or come from
    /// the name service. This is for applications that connect by themselves and then call [`dial_on`](Self::dial_on)
    /// with the stream.
    ///
    /// # Errors
    /// Fails if the name service finds no address for the host, or if the zone of an IPv6 address is not an interface
    /// of this machine. The lookup has no time limit.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.trim_matches(['[', ']']);
        let host = ascii_host(host).unwrap_or_else(|| host.into());
        // The zone is the name of an interface and keeps its case.
        let host = if host.contains('%') { host.into_owned() } else { host.to_ascii_lowercase() };
        resolve::resolve(&host, port, &self.overrides).await
    }

    /// Builds the request for a URL from the settings.
    fn request(&self, url: &str, trust: Trust) -> Result<ClientRequest, DialError> {
        match &self.misuse {
            Some(Misuse::Request(error)) => return Err(DialError::Request(error.clone())),
            Some(Misuse::Proxy(error)) => return Err(DialError::Proxy(*error)),
            Some(Misuse::UserName) => return Err(DialError::UserName),
            None => {}
        }
        let mut request = ClientRequest::parse(url).map_err(DialError::Request)?;
        request = request.compression(self.settings.config.compression.clone());
        for name in &self.subprotocols {
            request = request.subprotocol(name.clone());
        }
        if !self.has_header(&header::USER_AGENT) {
            request = request.header(header::USER_AGENT, USER_AGENT.clone());
        }
        for (name, value) in &self.headers {
            if trust == Trust::Full || is_for_all(name) {
                request = request.header(name.clone(), value.clone());
            }
        }
        if let Some(host) = self.host_header.as_ref().filter(|_| trust == Trust::Full) {
            request = request.host_header(host.clone());
        }
        if let Some(origin) = &self.origin {
            request = request.origin(origin.clone());
        }
        request.check().map_err(DialError::Request)?;
        Ok(request)
    }

    fn has_header(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(given, _)| given == name)
    }

    /// Returns the application's `User-Agent`, or the default one. Proxies get it too.
    fn user_agent(&self) -> &HeaderValue {
        let given = self.headers.iter().find(|(name, _)| *name == header::USER_AGENT);
        given.map_or(&USER_AGENT, |(_, value)| value)
    }

    fn time_limit(&self) -> TimeLimit {
        TimeLimit::start(self.budgets, self.settings.handshake_timeout)
    }

    fn observe(&self, event: &DialEvent<'_>) {
        tracing::debug!(name: "step", target: "silverback::dial", "{event}");
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

/// Whether a server may get the secrets that the application gave for the server it dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Full,
    None,
}

/// Whether any server may get this header. Every other header may hold a secret (`X-Api-Key`), and only the application
/// knows whether it does.
fn is_for_all(name: &HeaderName) -> bool {
    *name == header::USER_AGENT
}

/// RFC 9110, 10.1.5. Many firewalls refuse requests without a `User-Agent`.
static USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("silverback/", env!("CARGO_PKG_VERSION")));

fn target(request: &ClientRequest) -> String {
    format!("{}:{}", request.host(), request.port())
}

/// Shows the names of headers without their values, which may be secret.
impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Dialer")
            .field("settings", &self.settings)
            .field("subprotocols", &self.subprotocols)
            .field("headers", &headers)
            .field("origin", &self.origin)
            .field("budgets", &self.budgets)
            .field("route", &self.route)
            .field("proxies", &self.proxies)
            .field("http_version", &self.http_version)
            .field("max_redirects", &self.max_redirects)
            .finish_non_exhaustive()
    }
}
