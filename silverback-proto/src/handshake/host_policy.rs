//! Which hosts a server answers to: the defence against DNS rebinding.
//!
//! A page of `attacker.example` can make its own name point to an address that only its visitor reaches, such as
//! 127.0.0.1. The browser then sends the foreign name both in `Host` and in `Origin`, so that a same-origin check
//! passes. The foreign name in `Host` is what gives the page away.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{authority::Authority, host_name::ascii_host, received::Received};

/// A host that a server answers to: `example.com`, `*.example.com`, `192.0.2.7` or `[2001:db8::7]`.
///
/// It has no port, because the port does not matter: a page can choose the port it connects to, but only the operator
/// of a domain can choose its addresses. Upper case, one final dot, and long forms of an IPv6 address make no
/// difference. `*.example.com` stands for every name below `example.com`, and not for `example.com`.
///
/// ```
/// use silverback_proto::handshake::HostPattern;
///
/// let pattern: HostPattern = "*.example.com".parse()?;
/// assert!(pattern.matches(b"Chat.Example.com:8000"));
/// assert!(!pattern.matches(b"example.com"));
/// # Ok::<_, silverback_proto::handshake::ParseHostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    /// As [`comparable`] returns it; without the `*.` of a wildcard.
    host: Box<str>,
    is_wildcard: bool,
}

impl HostPattern {
    /// Reads a host without a port. A name outside ASCII is converted with the feature `idna`.
    ///
    /// # Errors
    /// Fails if the text has a scheme, a port, a path, or a wildcard anywhere but in front.
    pub fn parse(text: &str) -> Result<Self, ParseHostError> {
        if text.contains(['/', '?', '#', '@']) {
            return Err(ParseHostError::IsUrl);
        }
        let (is_wildcard, host) = match text.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, text),
        };
        if host.contains('*') {
            return Err(ParseHostError::Wildcard);
        }
        let host = &*ascii_host(host).ok_or(ParseHostError::NotAscii)?;
        // An IPv6 address may also be written without brackets.
        let bracketed = host.parse::<Ipv6Addr>().map(|address| format!("[{address}]"));
        let authority = Authority::parse(bracketed.as_deref().unwrap_or(host).as_bytes());
        match authority {
            Some(authority) if !has_port(host, bracketed.is_ok()) => {
                let host = comparable(&authority).into_owned().into();
                Ok(Self { host, is_wildcard })
            }
            Some(_) => Err(ParseHostError::HasPort),
            None => Err(ParseHostError::Invalid),
        }
    }

    /// Whether the value of a `Host` header names this host, with any port.
    pub fn matches(&self, host: &[u8]) -> bool {
        Authority::parse(host).is_some_and(|authority| self.is_for(&comparable(&authority)))
    }

    fn is_for(&self, host: &str) -> bool {
        match self.is_wildcard {
            true => host.strip_suffix(&*self.host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            false => *host == *self.host,
        }
    }
}

impl FromStr for HostPattern {
    type Err = ParseHostError;

    fn from_str(text: &str) -> Result<Self, ParseHostError> {
        Self::parse(text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_wildcard { "*." } else { "" }, self.host)
    }
}

/// Why a text is not a host pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseHostError {
    /// The text is a URL, an origin, or a part of one.
    IsUrl,
    /// A port follows the host.
    HasPort,
    /// A `*` that is not the whole first label.
    Wildcard,
    /// A host name outside ASCII.
    NotAscii,
    /// The text is neither a name nor an IP address.
    Invalid,
}

impl fmt::Display for ParseHostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IsUrl => "write the host alone, as in example.com, without a scheme or a path",
            Self::HasPort => "write the host without its port: every port is allowed",
            Self::Wildcard => "a wildcard stands for whole names below a domain, as in *.example.com",
            Self::NotAscii => "write a host name outside ASCII in its xn-- form",
            Self::Invalid => "a host is a name, an IPv4 address, or an IPv6 address",
        })
    }
}

impl std::error::Error for ParseHostError {}

/// The hosts that a server answers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostPolicy {
    /// Every host. The default: a library does not know the names of its server.
    #[default]
    Any,
    /// Exactly these hosts.
    AllowList(Vec<HostPattern>),
    /// Loopback names, which always mean this machine, and these hosts. Loopback names are `localhost` and every name
    /// below it (RFC 6761, 6.3), 127.0.0.0/8 and `[::1]`.
    LoopbackOr(Vec<HostPattern>),
}

impl HostPolicy {
    /// Checks the value of a `Host` header. The port is ignored.
    ///
    /// # Errors
    /// Fails if the policy does not allow the host. The error names the host.
    pub fn check(&self, host: &[u8]) -> Result<(), HostRefused> {
        match self.allows(host) {
            true => Ok(()),
            false => Err(HostRefused { host: Received::new(host) }),
        }
    }

    fn allows(&self, host: &[u8]) -> bool {
        let (list, allows_loopback) = match self {
            Self::Any => return true,
            Self::AllowList(list) => (list, false),
            Self::LoopbackOr(list) => (list, true),
        };
        let Some(authority) = Authority::parse(host) else { return false };
        let host = comparable(&authority);
        (allows_loopback && is_loopback(&host)) || list.iter().any(|pattern| pattern.is_for(&host))
    }
}

/// A request that was refused because of the host that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRefused {
    host: Received,
}

impl fmt::Display for HostRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not among the hosts that this server answers to", self.host)
    }
}

impl std::error::Error for HostRefused {}

/// One spelling for each host: without a final dot, and an IPv4 address that is mapped into IPv6 as IPv4.
fn comparable(authority: &Authority) -> Cow<'_, str> {
    let host = &*authority.host;
    match ipv6(host).and_then(|address| address.to_ipv4_mapped()) {
        Some(address) => address.to_string().into(),
        None => host.strip_suffix('.').unwrap_or(host).into(),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || ipv6(host).is_some_and(|address| address.is_loopback())
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

fn has_port(host: &str, is_bare_ipv6: bool) -> bool {
    let behind_address = host.rsplit(']').next().unwrap_or(host);
    !is_bare_ipv6 && behind_address.contains(':')
}
