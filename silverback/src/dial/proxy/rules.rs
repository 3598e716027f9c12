//! The rules that choose the proxy for a server, if any.

use std::fmt;

use super::{InvalidProxy, Proxy, exceptions::Exceptions};
use crate::dial::resolve::is_localhost;

/// The rules that choose the proxy for each server.
///
/// ```
/// use silverback::{Dialer, dial::ProxyRules};
///
/// let rules = ProxyRules::all("http://proxy.example.com:3128".parse()?).except(".internal.example, 10.0.0.0/8");
/// let dialer = Dialer::new().proxy_rules(rules);
/// # Ok::<_, silverback::dial::InvalidProxy>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ProxyRules {
    pub(super) plain: Option<Setting>,
    pub(super) secure: Option<Setting>,
    pub(super) exceptions: Exceptions,
    /// Whether servers on this machine are reached directly. A proxy elsewhere would connect to its own machine
    /// instead.
    pub(super) never_loopback: bool,
}

pub(super) type Setting = Result<Proxy, InvalidProxyVariable>;

/// The error of an environment variable that does not hold the URL of a proxy. Its value is not repeated, because it
/// may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidProxyVariable {
    /// The variable.
    pub name: &'static str,
    /// The fault in its value.
    pub error: InvalidProxy,
}

impl ProxyRules {
    /// Uses this proxy for every server.
    pub fn all(proxy: Proxy) -> Self {
        Self { plain: Some(Ok(proxy.clone())), secure: Some(Ok(proxy)), ..Self::default() }
    }

    /// Adds servers that are reached directly, in the form of `NO_PROXY`. Commas or white space separate the entries:
    ///
    /// - `example.com` means this host and every host below it. `.example.com` or `*.example.com` means only those
    ///   below it.
    /// - An address or a range of addresses: `192.0.2.1`, `2001:db8::/32`.
    /// - A host or an address with `:port` counts for that port only.
    /// - `*` means every server.
    ///
    /// Names are compared with the host in the URL. No name is resolved. Several calls add up.
    pub fn except(mut self, list: &str) -> Self {
        self.exceptions.add(list);
        self
    }

    /// Returns the proxy for a server, or `None` to connect directly. An IPv6 address in `host` may have brackets.
    ///
    /// # Errors
    /// Fails if the environment variable for this server does not hold the URL of a proxy.
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
