//! `host [ ":" port ]` of a `Host` header, an origin or a WebSocket URI (RFC 3986, 3.2.2 and 3.2.3). It is normalised,
//! so that two of them can be compared.

use std::net::Ipv6Addr;

use super::host_name::ascii_host;

/// A host with an optional port, without user information and percent-encoding.
///
/// ```
/// use silverback_proto::handshake::Authority;
///
/// let authority = Authority::parse(b"[0:0:0:0:0:0:0:1]:8000").expect("a host and a port");
/// assert_eq!((authority.host(), authority.port()), ("[::1]", Some(8000)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    pub(super) host: Box<str>,
    pub(super) port: Option<u16>,
}

impl Authority {
    /// Parses `host` or `host:port`. Returns `None` if the text has another form.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, rest) = match text.strip_prefix('[') {
            Some(literal) => parse_ipv6(literal)?,
            None => parse_name(text)?,
        };
        Some(Self { host: host.into(), port: parse_port(rest)? })
    }

    /// Does the same for text that a person typed: a host name outside ASCII is converted by
    /// [`ascii_host`](super::ascii_host).
    pub fn from_input(text: &str) -> Option<Self> {
        Self::parse(ascii_host(text)?.as_bytes())
    }

    /// Returns the host in lower case. An IPv6 address is in brackets and in its shortest form.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port. `None` if it is missing or empty, which mean the same (RFC 3986, 6.2.3).
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

fn parse_ipv6(literal: &str) -> Option<(String, &str)> {
    let (address, rest) = literal.split_once(']')?;
    let address: Ipv6Addr = address.parse().ok()?;
    Some((format!("[{address}]"), rest))
}

fn parse_name(text: &str) -> Option<(String, &str)> {
    let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_name = !host.is_empty() && host.bytes().all(is_host_byte);
    is_name.then(|| (host.to_ascii_lowercase(), rest))
}

/// Reads what follows the host: nothing, `:` or `:` and digits.
fn parse_port(rest: &str) -> Option<Option<u16>> {
    let Some(digits) = rest.strip_prefix(':') else {
        return rest.is_empty().then_some(None);
    };
    if digits.is_empty() {
        return Some(None);
    }
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?.map(Some)
}
