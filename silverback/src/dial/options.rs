//! What can be set on a `Dialer`.

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
    ConnectTo, CookieJar, DialEvent, Dialer, Misuse, Proxy, ProxyRules,
    connector::{self, Way},
    proxy::basic,
};
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
use crate::dial::tls::Tls;
use crate::io::{
    settings::{forward_settings, subprotocols},
    transport::ByteStream,
};

impl Dialer {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The subprotocols to offer, the best first. The answer must be one of them, or none.
    pub fn subprotocols<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let mut misuse = None;
        self.subprotocols = subprotocols(names, &mut misuse);
        self.note(misuse.map(Misuse::Request))
    }

    /// A header to send along. The dial refuses headers of the handshake itself before it connects to anything:
    /// `Upgrade`, `Connection`, `Sec-WebSocket-*`, `Content-Length`, `Transfer-Encoding`, and `Host`, which has a setting
    /// of its own. See [`subprotocols`](Self::subprotocols), [`compression`](Self::compression) and
    /// [`host_header`](Self::host_header).
    ///
    /// `User-Agent` is `silverback/VERSION` unless it is set here. It goes to proxies too.
    ///
    /// No value of a header appears in debug output or errors. If a redirect leads to another origin, these headers are
    /// not sent there, because each of them may hold a secret. Only `User-Agent` is.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        match parse_header(name.as_ref(), value) {
            Ok(header) => {
                self.add_header(header);
                self
            }
            Err(error) => self.note(Some(Misuse::Request(error))),
        }
    }

    /// Sends all of these headers too, as [`header`](Self::header).
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
            // Only the first value of a name comes with it.
            name = next.or(name);
            if let Some(name) = &name {
                self.add_header((name.clone(), value));
            }
        }
        self
    }

    /// Sends user name and password (RFC 7617), in place of any `Authorization` before. The name has no colon.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        match basic(user, password) {
            Some(value) => {
                self.replace_authorization(value);
                self
            }
            None => self.note(Some(Misuse::UserName)),
        }
    }

    /// Sends a token (RFC 6750), in place of any `Authorization` before.
    pub fn bearer_auth(mut self, token: &str) -> Self {
        match parse_header("Authorization", format!("Bearer {token}")) {
            Ok((_, value)) => {
                self.replace_authorization(value);
                self
            }
            Err(error) => self.note(Some(Misuse::Request(error))),
        }
    }

    /// The origin to name, as a browser would. A host name outside ASCII is converted with the feature `idna`. Default:
    /// none.
    pub fn origin(mut self, origin: &str) -> Self {
        match single_value("origin", &ascii_origin(origin)) {
            Ok(value) => self.origin = Some(value),
            Err(error) => return self.note(Some(Misuse::Request(error))),
        }
        self
    }

    /// The `Host` to name instead of the URL's, for servers that sort by it. TLS still asks for the URL's. A name outside
    /// ASCII is converted with the feature `idna`.
    pub fn host_header(mut self, host: &str) -> Self {
        match single_value("host", &ascii_authority(host)) {
            Ok(value) => self.host_header = Some(value),
            Err(error) => return self.note(Some(Misuse::Request(error))),
        }
        self
    }

    /// Where cookies come from and go to. Default: nowhere.
    pub fn cookie_jar(mut self, jar: impl CookieJar) -> Self {
        self.cookie_jar = Some(Arc::new(jar));
        self
    }

    /// How many redirects are followed. Default 0: a redirect is a refusal, and the application decides.
    ///
    /// Statuses 301, 302, 303, 307 and 308 are followed, never from TLS to a server without. Another origin (scheme, host
    /// and port; RFC 6454, 4) is sent neither the headers of [`header`](Self::header), except `User-Agent`, nor the
    /// credentials, nor [`host_header`](Self::host_header), even if it redirects back to the first origin. It is sent
    /// [`origin`](Self::origin) and the subprotocols, which it needs for its answer: a subprotocol is no place for a
    /// token.
    ///
    /// Cookies that a redirect sets go with the requests that follow it in the same dial, to the hosts, paths and schemes
    /// that RFC 6265 allows, unless there is a [`cookie_jar`](Self::cookie_jar).
    pub fn redirects(mut self, at_most: usize) -> Self {
        self.max_redirects = at_most;
        self
    }

    /// The proxy for everything, as a URL: see [`Proxy`]. Default: none, whatever the environment says.
    pub fn proxy(self, url: &str) -> Self {
        match url.parse::<Proxy>() {
            Ok(proxy) => self.proxy_rules(ProxyRules::all(proxy)),
            Err(error) => self.note(Some(Misuse::Proxy(error))),
        }
    }

    /// Which servers are reached through which proxy, instead of what was set before.
    pub fn proxy_rules(mut self, rules: ProxyRules) -> Self {
        self.proxies = rules;
        self
    }

    /// Uses the proxies of the environment, as it is now: see [`ProxyRules::from_env`]. A library that did so unasked
    /// would let a variable that nobody thinks of decide where a server's or a test's connections go.
    pub fn proxy_from_env(self) -> Self {
        self.proxy_rules(ProxyRules::from_env())
    }

    /// An address for a host, instead of looking it up; several calls give several. Port 0 stands for the URL's port.
    /// With a port of its own (`example.com:443`), the host is meant for connections to that port only.
    ///
    /// Applies wherever a name is resolved here, so to proxies too, and not to what a proxy resolves.
    pub fn resolve(mut self, host: &str, address: SocketAddr) -> Self {
        self.overrides.add(host, address);
        self
    }

    /// The address of this machine to connect from. Default: as the system chooses. Addresses of the other family are
    /// then not tried.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.way = Way::Tcp { from: Some(address) };
        self
    }

    /// Connects to a Unix socket. The URL still says what is asked for, and whether over TLS; no proxy is used.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Self {
        self.way = Way::Unix(path.as_ref().into());
        self
    }

    /// Connects by a function of the application's: to the server, or to the proxy if there is one. TLS and the opening
    /// handshake are done on what it returns, within the time for connecting.
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
        self.way = Way::Custom(connector::erase(connect));
        self
    }

    /// How TLS is done with the server. Default: [`Tls::default`].
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    pub fn tls(mut self, tls: impl Into<Tls>) -> Self {
        self.tls = Some(tls.into());
        self
    }

    /// How TLS is done with an `https://` proxy. Default: [`Tls::default`], and never what was set for servers: a client
    /// certificate, or leave to accept any certificate, was not meant for the proxy.
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    pub fn proxy_tls(mut self, tls: impl Into<Tls>) -> Self {
        self.proxy_tls = Some(tls.into());
        self
    }

    /// How long finding the addresses may take. Default 10 s.
    pub fn resolve_timeout(mut self, within: Duration) -> Self {
        self.budgets.resolve = within;
        self
    }

    /// How long connecting may take, all addresses together. Default 10 s.
    pub fn connect_timeout(mut self, within: Duration) -> Self {
        self.budgets.connect = within;
        self
    }

    /// How long a proxy may take to connect us. Default 10 s.
    pub fn proxy_timeout(mut self, within: Duration) -> Self {
        self.budgets.proxy = within;
        self
    }

    /// How long a TLS handshake may take. Default 10 s.
    pub fn tls_timeout(mut self, within: Duration) -> Self {
        self.budgets.tls = within;
        self
    }

    /// How long everything together may take, redirects included. Default 30 s, or the longest time of a single step if
    /// that is longer.
    pub fn timeout(mut self, within: Duration) -> Self {
        self.budgets.all = Some(within);
        self
    }

    /// Calls this for each step of each dial, as they happen. It must not block: the dial waits for it.
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

    fn note(mut self, misuse: Option<Misuse>) -> Self {
        self.misuse = self.misuse.or(misuse);
        self
    }
}

/// As browsers send an origin: the host in its `xn--` form. What cannot be converted stays as it is.
fn ascii_origin(origin: &str) -> Cow<'_, str> {
    match origin.split_once("://") {
        Some((scheme, rest)) if !rest.is_ascii() => format!("{scheme}://{}", ascii_authority(rest)).into(),
        _ => origin.into(),
    }
}

/// The same for a host with an optional port.
fn ascii_authority(text: &str) -> Cow<'_, str> {
    let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    match ascii_host(host) {
        Some(Cow::Owned(host)) => format!("{host}{port}").into(),
        _ => text.into(),
    }
}

fn single_value(name: &str, value: &str) -> Result<HeaderValue, HandshakeError> {
    parse_header(name, value).map(|(_, value)| value)
}
