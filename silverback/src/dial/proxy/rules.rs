//! Which proxy a server is reached through, if any.

use std::fmt;

use super::{InvalidProxy, Proxy, exceptions::Exceptions};
use crate::dial::resolve::is_localhost;

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
    pub(super) plain: Option<Setting>,
    pub(super) secure: Option<Setting>,
    pub(super) exceptions: Exceptions,
    /// Servers on this machine are reached directly, as a proxy elsewhere would look for them on its own.
    pub(super) never_loopback: bool,
}

pub(super) type Setting = Result<Proxy, InvalidProxyVariable>;

/// A variable of the environment should name a proxy, and does not. Its value is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidProxyVariable {
    /// Which one.
    pub name: &'static str,
    /// What is wrong with it.
    pub error: InvalidProxy,
}

impl ProxyRules {
    /// Everything goes through this proxy.
    pub fn all(proxy: Proxy) -> Self {
        Self { plain: Some(Ok(proxy.clone())), secure: Some(Ok(proxy)), ..Self::default() }
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
    ///
    /// # Errors
    /// The environment's variable that says so is no proxy's URL.
    pub fn proxy_for(&self, secure: bool, host: &str, port: u16) -> Result<Option<&Proxy>, InvalidProxyVariable> {
        let setting = if secure { &self.secure } else { &self.plain };
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let direct = self.exceptions.match_host(&host, port) || (self.never_loopback && is_loopback(&host));
        match setting {
            Some(setting) if !direct => setting.as_ref().map(Some).map_err(|error| *error),
            _ => Ok(None),
        }
    }
}

impl fmt::Display for InvalidProxyVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {}: {}", self.name, self.error)
    }
}

impl std::error::Error for InvalidProxyVariable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

fn is_loopback(host: &str) -> bool {
    is_localhost(host) || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
