//! `host [ ":" port ]` of a `Host` header, an origin or a WebSocket URI (RFC 3986, 3.2.2 and 3.2.3). It is normalised,
//! so that two of them can be compared.

use std::net::Ipv6Addr;

/// A host with an optional port, without user information and percent-encoding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Authority {
    /// Lower case; an IPv6 address in brackets and in its shortest form.
    pub(super) host: Box<str>,
    /// `None` if the port is missing or empty, which mean the same (RFC 3986, 6.2.3).
    pub(super) port: Option<u16>,
}

impl Authority {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, rest) = match text.strip_prefix('[') {
            Some(literal) => parse_ipv6(literal)?,
            None => parse_name(text)?,
        };
        Some(Self { host: host.into(), port: parse_port(rest)? })
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
