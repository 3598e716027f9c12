//! The settings of a `Dialer`.

#[cfg(unix)]
use std::path::Path;
use std::{
    borrow::Cow,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use silverback_proto::handshake::{HandshakeError, ascii_host, headers::parse_header};

use super::{
    ConnectTo, CookieJar, DialEvent, Dialer, HttpVersion, Misuse, Proxy, ProxyRules,
    connector::{self, Route},
    proxy::basic,
};
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
use crate::dial::tls::Tls;
use crate::io::{
    settings::{forward_settings, subprotocols},
    transport::ByteStream,
};

impl Dialer {
    /// Creates a dialer with the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers these subprotocols, the preferred one first. The server must choose one of them or none. Default: none.
    pub fn subprotocols<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let mut misuse = None;
        self.subprotocols = subprotocols(names, &mut misuse);
        self.note(misuse.map(Misuse::Request))
    }

    /// Sends this header too. A dial fails before it connects if the header belongs to the handshake itself: `Upgrade`,
    /// `Connection`, `Sec-WebSocket-*`, `Content-Length`, `Transfer-Encoding` or `Host`. Use
    /// [`subprotocols`](Self::subprotocols), [`compression`](Self::compression) and [`host_header`](Self::host_header)
    /// instead.
    ///
    /// The default `User-Agent` is `silverback/VERSION`. A `User-Agent` that is set here also goes to proxies.
    ///
    /// Debug output and errors never show the value of a header. If a redirect leads to another origin, these headers
    /// are not sent there, because any of them may hold a secret. Only `User-Agent` is.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        match parse_header(name.as_ref(), value) {
            Ok(header) => {
                self.add_header(header);
                self
            }
            Err(error) => self.note(Some(Misuse::Request(error))),
        }
    }

    /// Sends all of these headers too, as [`header`](Self::header) does.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, header};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
    /// let dialer = silverback::Dialer::new().headers(headers);
    /// ```
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        let mut name = None;
        for (next, value) in headers {
            // The iterator of a `HeaderMap` gives a name only with its first value.
            name = next.or(name);
            if let Some(name) = &name {
                self.add_header((name.clone(), value));
            }
        }
        self
    }

    /// Sends a user name and password (RFC 7617). Replaces any earlier `Authorization`. The dial fails if the name has
    /// a colon, or if the name or password has a control character.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        match basic(user, password) {
            Some(value) => {
                self.replace_authorization(value);
                self
            }
            None => self.note(Some(Misuse::UserName)),
        }
    }

    /// Sends a bearer token (RFC 6750). Replaces any earlier `Authorization`.
    pub fn bearer_auth(mut self, token: &str) -> Self {
        match parse_header("Authorization", format!("Bearer {token}")) {
            Ok((_, value)) => {
                self.replace_authorization(value);
                self
            }
            Err(error) => self.note(Some(Misuse::Request(error))),
        }
    }

    /// Sends this `Origin`, as a browser would. A host name outside ASCII is converted if the feature `idna` is on.
    /// Default: none.
    pub fn origin(mut self, origin: &str) -> Self {
        match single_value("origin", &ascii_origin(origin)) {
            Ok(value) => self.origin = Some(value),
            Err(error) => return self.note(Some(Misuse::Request(error))),
        }
        self
    }

    /// Sends this `Host` instead of the URL's, for servers that choose a site by it. TLS still asks for the URL's host.
    /// A name outside ASCII is converted if the feature `idna` is on. Default: the URL's host.
    pub fn host_header(mut self, host: &str) -> Self {
        match single_value("host", &ascii_host(host).unwrap_or(host.into())) {
            Ok(value) => self.host_header = Some(value),
            Err(error) => return self.note(Some(Misuse::Request(error))),
        }
        self
    }

    /// Opens WebSockets over this version of HTTP. Default: [`HttpVersion::Http1`].
    ///
    /// ```
    /// # #[cfg(feature = "http2")]
    /// # async fn run() -> Result<(), silverback::DialError> {
    /// use silverback::{Dialer, dial::HttpVersion};
    ///
    /// let dialer = Dialer::new().http_version(HttpVersion::Http2OrHttp1);
    /// let conn = dialer.dial("wss://example.com/chat").await?;
    /// # Ok(()) }
    /// ```
    pub fn http_version(mut self, version: HttpVersion) -> Self {
        self.http_version = version;
        self
    }

    /// Sends cookies from this jar and stores the server's cookies in it. Default: no jar.
    pub fn cookie_jar(mut self, jar: impl CookieJar) -> Self {
        self.cookie_jar = Some(Arc::new(jar));
        self
    }

    /// Follows up to this many redirects. Default 0: a redirect is an error, and the application decides.
    ///
    /// The statuses 301, 302, 303, 307 and 308 are followed, but never from TLS to a server without TLS. Another origin
    /// (scheme, host and port; RFC 6454, 4) never gets the credentials, [`host_header`](Self::host_header), or the
    /// headers of [`header`](Self::header) except `User-Agent`. Once a redirect has left the first origin, this also
    /// holds if a later one leads back to it. [`origin`](Self::origin) and the subprotocols are sent to every origin,
    /// because the server needs them for its response. So do not put a token into a subprotocol.
    ///
    /// Cookies that a redirect sets are sent with the later requests of the same dial, to the hosts, paths and schemes
    /// that RFC 6265 allows. At most 50 of them are kept, over all hosts of the dial; the oldest ones are dropped. If there
    /// is a [`cookie_jar`](Self::cookie_jar), it replaces this.
    pub fn redirects(mut self, at_most: usize) -> Self {
        self.max_redirects = at_most;
        self
    }

    /// Connects to every server through this proxy, given as a URL (see [`Proxy`]). The environment is ignored.
    /// Default: no proxy.
    pub fn proxy(self, url: &str) -> Self {
        match url.parse::<Proxy>() {
            Ok(proxy) => self.proxy_rules(ProxyRules::all(proxy)),
            Err(error) => self.note(Some(Misuse::Proxy(error))),
        }
    }

    /// Chooses the proxy for each server by these rules. Replaces any earlier setting of a proxy.
    pub fn proxy_rules(mut self, rules: ProxyRules) -> Self {
        self.proxies = rules;
        self.with_other_route()
    }

    /// Uses the proxies that the environment names now: see [`ProxyRules::from_env`]. This is never the default,
    /// because a forgotten variable would then decide where the connections of a server or a test go.
    pub fn proxy_from_env(self) -> Self {
        self.proxy_rules(ProxyRules::from_env())
    }

    /// Uses this address for a host, instead of resolving the host. Several calls add several addresses. Port 0 means
    /// the URL's port. If `host` has a port (`example.com:443`), the address is used for connections to that port only.
    ///
    /// This applies to every name that the dialer resolves, so also to proxies. It does not apply to names that a proxy
    /// resolves.
    pub fn resolve(mut self, host: &str, address: SocketAddr) -> Self {
        self.overrides.add(host, address);
        self.with_other_route()
    }

    /// Connects from this address of this machine. Server addresses of the other family are then not tried. Default:
    /// the system chooses.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.route = Route::Tcp { from: Some(address) };
        self.with_other_route()
    }

    /// Connects to a Unix socket, without a proxy. The URL still gives the host, the path and whether to use TLS.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Self {
        self.route = Route::Unix(path.as_ref().into());
        self.with_other_route()
    }

    /// Connects with a function of the application: to the server, or to the proxy if there is one. The function must
    /// finish within the [`connect_timeout`](Self::connect_timeout). The dial then does TLS and the opening handshake
    /// on the stream that it returned.
    ///
    /// ```
    /// use silverback::Dialer;
    /// use tokio::net::TcpStream;
    ///
    /// let dialer = Dialer::new().connector(async |to| TcpStream::connect((to.host, to.port)).await);
    /// ```
    pub fn connector<F, Fut, S>(mut self, connect: F) -> Self
    where
        F: Fn(ConnectTo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: ByteStream,
    {
        self.route = Route::Custom(connector::erase(connect));
        self.with_other_route()
    }

    /// Uses these TLS settings for servers. Default: [`Tls::default`].
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    pub fn tls(mut self, tls: impl Into<Tls>) -> Self {
        self.tls = Some(tls.into());
        self.with_other_route()
    }

    /// Uses these TLS settings for an `https://` proxy. The settings for servers never apply to it, because a client
    /// certificate or a disabled verification was not meant for the proxy. Default: [`Tls::default`].
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    pub fn proxy_tls(mut self, tls: impl Into<Tls>) -> Self {
        self.proxy_tls = Some(tls.into());
        self
    }

    /// Limits the time to resolve the host. Default 10 s.
    pub fn resolve_timeout(mut self, within: Duration) -> Self {
        self.budgets.resolve = within;
        self
    }

    /// Limits the time to connect, for all addresses together. Default 10 s.
    pub fn connect_timeout(mut self, within: Duration) -> Self {
        self.budgets.connect = within;
        self
    }

    /// Limits the time that a proxy may take to connect to the server. Default 10 s.
    pub fn proxy_timeout(mut self, within: Duration) -> Self {
        self.budgets.proxy = within;
        self
    }

    /// Limits the time of a TLS handshake. Default 10 s.
    pub fn tls_timeout(mut self, within: Duration) -> Self {
        self.budgets.tls = within;
        self
    }

    /// Limits the time of the whole dial, with all redirects. Default 30 s, or the longest limit of a single step if
    /// that is longer.
    pub fn timeout(mut self, within: Duration) -> Self {
        self.budgets.all = Some(within);
        self
    }

    /// Calls this function at each event of each dial. The function must not block, because the dial waits for it.
    pub fn observer(mut self, observe: impl Fn(&DialEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observe));
        self
    }

    forward_settings!();

    fn add_header(&mut self, (name, mut value): (HeaderName, HeaderValue)) {
        value.set_sensitive(true);
        self.headers.push((name, value));
    }

    fn replace_authorization(&mut self, value: HeaderValue) {
        self.headers.retain(|(name, _)| *name != AUTHORIZATION);
        self.add_header((AUTHORIZATION, value));
    }

    /// Forgets the servers that want HTTP/1.1, because another route may lead to others.
    #[cfg_attr(not(feature = "http2"), expect(unused_mut, reason = "only HTTP/2 remembers servers"))]
    fn with_other_route(mut self) -> Self {
        #[cfg(feature = "http2")]
        {
            self.http1_servers = Default::default();
        }
        self
    }

    fn note(mut self, misuse: Option<Misuse>) -> Self {
        self.misuse = self.misuse.or(misuse);
        self
    }
}

/// Returns an origin with the host in its `xn--` form, as browsers send it. Returns an origin that cannot be converted
/// unchanged, and `single_value` refuses it.
fn ascii_origin(origin: &str) -> Cow<'_, str> {
    match origin.split_once("://").and_then(|(scheme, host)| Some((scheme, ascii_host(host)?))) {
        Some((scheme, Cow::Owned(host))) => format!("{scheme}://{host}").into(),
        _ => origin.into(),
    }
}

fn single_value(name: &str, value: &str) -> Result<HeaderValue, HandshakeError> {
    parse_header(name, value).map(|(_, value)| value)
}
