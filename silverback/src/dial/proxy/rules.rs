//! Which proxy a server is reached through, if any.

use super::{InvalidProxy, Proxy, environment, exceptions::Exceptions};

/// Which servers are reached through which proxy.
///
/// ```
/// use silverback::{Dialer, ProxyRules};
///
/// let rules = ProxyRules::all("http://proxy.example.com:3128".parse()?).except(".internal.example, 10.0.0.0/8");
/// let dialer = Dialer::new().proxy_rules(rules);
/// # Ok::<_, silverback::InvalidProxy>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ProxyRules {
    pub(super) plain: Option<Proxy>,
    pub(super) secure: Option<Proxy>,
    pub(super) exceptions: Exceptions,
    /// Servers on this machine are reached directly, as a proxy elsewhere would look for them on its own.
    pub(super) never_loopback: bool,
}

impl ProxyRules {
    /// Everything goes through this proxy.
    pub fn all(proxy: Proxy) -> Self {
        Self { plain: Some(proxy.clone()), secure: Some(proxy), ..Self::default() }
    }

    /// What the environment says, as most programs read it:
    ///
    /// - `http_proxy` for `ws://`, `https_proxy` for `wss://`, else `all_proxy`; lower case goes before upper case, and
    ///   an empty value means none. `HTTP_PROXY` in upper case is not believed where `REQUEST_METHOD` is set: there a
    ///   client of a CGI program could have written it.
    /// - `no_proxy` as [`except`](Self::except).
    /// - `localhost` and the addresses of this machine (127.0.0.0/8, `::1`) are always reached directly.
    ///
    /// # Errors
    /// For a value that is no proxy's URL.
    pub fn from_env() -> Result<Self, InvalidProxy> {
        environment::read(|name| std::env::var(name).ok())
    }

    /// Servers that are reached directly, in the form of `NO_PROXY`: a list with commas of
    ///
    /// - `example.com`, this host and every one under it; `.example.com` or `*.example.com`, only those under it;
    /// - an address, or a range of them: `192.0.2.1`, `2001:db8::/32`;
    /// - either with `:port`, for that port alone;
    /// - `*`, every server.
    ///
    /// Names are compared as they stand in the URL; no address is looked up. Adds to what was given before.
    pub fn except(mut self, list: &str) -> Self {
        self.exceptions.add(list);
        self
    }

    /// The proxy for a server. An IPv6 address in `host` may have brackets.
    pub fn proxy_for(&self, secure: bool, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if secure { self.secure.as_ref() } else { self.plain.as_ref() }?;
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let direct = self.exceptions.match_host(&host, port) || (self.never_loopback && is_loopback(&host));
        (!direct).then_some(proxy)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
