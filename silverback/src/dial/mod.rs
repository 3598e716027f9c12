//! The client's side of the opening handshake (RFC 6455, 4.1): reach the server, ask, verify the answer.
//! `options` has the settings, `follow` runs a dial and follows redirects, `reach` connects to the server, and `exchange`
//! sends the request and reads the answer.

mod attempt;
mod body;
mod connector;
mod cookies;
mod error;
mod event;
mod exchange;
mod final_response;
mod follow;
mod options;
mod proxy;
mod race;
mod reach;
mod redirect;
mod redirect_cookies;
mod refusal;
mod resolve;
mod secure;
mod step;
mod time_limit;
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
pub mod tls;

use std::{fmt, io, net::SocketAddr, sync::Arc};

use http::{HeaderName, HeaderValue, header};
use silverback_proto::{
    Subprotocol,
    handshake::{ClientRequest, HandshakeError, ascii_host},
};

pub use self::{
    attempt::Attempt,
    connector::ConnectTo,
    cookies::CookieJar,
    error::DialError,
    event::{DialEvent, TlsSession},
    proxy::{InvalidProxy, InvalidProxyVariable, Proxy, ProxyRules},
    redirect::RedirectFault,
    refusal::Refusal,
    step::DialStep,
};
use self::{
    connector::Way,
    resolve::Overrides,
    time_limit::{Budgets, TimeLimit},
};
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
use crate::dial::tls::Tls;
use crate::io::settings::Settings;

/// Opens connections to servers.
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
/// `ws://` and `wss://`, and `http://` and `https://`, which mean the same here. The port is 80 or, with TLS, 443 unless
/// the URL says otherwise; the path may be missing (`ws://host?query`); an IPv6 address stands in brackets, and may have a
/// zone (`[fe80::1%25eth0]`). Path and query are escaped as browsers do; a host name outside ASCII is converted with the
/// feature `idna`. A fragment
/// is refused (RFC 6455, 3), and so are user name and password: URLs end up in logs. They belong in
/// [`basic_auth`](Self::basic_auth).
///
/// # The way to the server
/// The addresses of its name are tried side by side, IPv6 and IPv4 in turn, 250 ms apart (RFC 8305), unless a proxy, a
/// Unix socket or a connector of the application's is set. `localhost` and every name below it is this machine (RFC 6761,
/// 6.3): no name service is asked. `wss://` needs one of the features for TLS.
///
/// # Time
/// Each step has a limit of 10 s of its own, all together have 30 s: see [`timeout`](Self::timeout).
///
/// # Masks
/// The keys that frames of a client are masked with come from the system's source of randomness, in blocks of 256. A
/// process that was forked off draws a block of its own from its first new connection on. A connection that was opened
/// before the fork belongs to one of the two processes alone: both would mask with the same keys, on one socket.
///
/// A `Dialer` is cheap to clone, and clones share its TLS sessions and cookies.
#[derive(Clone, Default)]
pub struct Dialer {
    settings: Settings,
    subprotocols: Vec<Subprotocol>,
    headers: Vec<(HeaderName, HeaderValue)>,
    origin: Option<HeaderValue>,
    host_header: Option<HeaderValue>,
    budgets: Budgets,
    overrides: Overrides,
    way: Way,
    proxies: ProxyRules,
    max_redirects: usize,
    cookie_jar: Option<Arc<dyn CookieJar>>,
    observer: Option<Observer>,
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    tls: Option<Tls>,
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    proxy_tls: Option<Tls>,
    /// The first thing that was asked for and cannot be. Reported by each dial: builders do not fail.
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
    /// Checks what can be checked without the network: the URL, and the headers, credentials, subprotocols and proxy that
    /// were set. Every dial does the same before it connects to anything.
    ///
    /// ```
    /// let dialer = silverback::Dialer::new().header("Sec-WebSocket-Protocol", "chat");
    /// let error = dialer.check("ws://localhost:8000/").unwrap_err();
    /// assert!(error.is_misuse() && error.to_string().contains("use the setting for subprotocols"));
    /// ```
    ///
    /// # Errors
    /// As [`dial`](Self::dial), for which [`is_misuse`](DialError::is_misuse) holds.
    pub fn check(&self, url: impl AsRef<str>) -> Result<(), DialError> {
        self.request(url.as_ref(), Trust::Full).map(drop)
    }

    /// Finds the addresses that a dial would try for a host, in their order: those of [`resolve`](Self::resolve), those
    /// of this machine for `localhost` and the names below it, or what the name service says. For applications that
    /// connect by themselves and then [`dial_on`](Self::dial_on) the stream.
    ///
    /// # Errors
    /// The name service does not know the host. There is no limit on the time that it takes.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.trim_matches(['[', ']']);
        let host = ascii_host(host).unwrap_or_else(|| host.into());
        // The zone of an address keeps its case.
        let host = if host.contains('%') { host.into_owned() } else { host.to_ascii_lowercase() };
        resolve::resolve(&host, port, &self.overrides).await
    }

    /// What to ask the server of this URL.
    fn request(&self, url: &str, trust: Trust) -> Result<ClientRequest, DialError> {
        match &self.misuse {
            Some(Misuse::Request(error)) => return Err(DialError::Request(error.clone())),
            Some(Misuse::Proxy(error)) => return Err(DialError::Proxy(*error)),
            Some(Misuse::UserName) => return Err(DialError::UserName),
            None => {}
        }
        let mut request = ClientRequest::parse(url).map_err(DialError::Request)?;
        request = request.compression(self.settings.connection().wanted_compression().cloned());
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

    /// Who we are to servers and proxies: in the application's words, or in ours.
    fn user_agent(&self) -> &HeaderValue {
        let given = self.headers.iter().find(|(name, _)| *name == header::USER_AGENT);
        given.map_or(&USER_AGENT, |(_, value)| value)
    }

    fn time_limit(&self) -> TimeLimit {
        TimeLimit::start(self.budgets, self.settings.handshake_budget())
    }

    fn observe(&self, event: &DialEvent<'_>) {
        tracing::debug!(target: "silverback::dial", "{event}");
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

/// Whether a server may be told what the application has entrusted to the one it dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Full,
    None,
}

/// Any other header may hold a secret (`X-Api-Key`), and nobody but the application knows whether it does.
fn is_for_all(name: &HeaderName) -> bool {
    *name == header::USER_AGENT
}

/// RFC 9110, 10.1.5. Many firewalls refuse requests that do not say who sends them.
static USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("silverback/", env!("CARGO_PKG_VERSION")));

fn target(request: &ClientRequest) -> String {
    format!("{}:{}", request.host(), request.port())
}

/// Names headers without their values, which may be secret.
impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Dialer")
            .field("settings", &self.settings)
            .field("subprotocols", &self.subprotocols)
            .field("headers", &headers)
            .field("origin", &self.origin)
            .field("budgets", &self.budgets)
            .field("way", &self.way)
            .field("proxies", &self.proxies)
            .field("max_redirects", &self.max_redirects)
            .finish_non_exhaustive()
    }
}
