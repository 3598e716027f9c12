//! The address of a client behind proxies. A header about it counts only if a proxy that the operator trusts has sent it,
//! because everybody can send one. It may stand before the first byte of a connection (`proxy_header`), and in each request.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

use super::sockets::Peer;
use crate::addresses::canonical;

/// The proxies that may tell the address of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    proxies: Arc<[TrustedProxy]>,
    header: ClientHeader,
    /// Whether connections of trusted proxies begin with a header of the PROXY protocol.
    is_before_connections: bool,
}

/// Proxies that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrustedProxy {
    Network(IpNet),
    /// Those that connect to a Unix socket.
    Unix,
}

/// The header in which trusted proxies tell the address. There is one, because a proxy passes the others on as a client
/// has sent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl FromStr for TrustedProxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self::Network).map_err(|_| FORM.to_owned())
    }
}

impl FromStr for ClientHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("must be x-forwarded-for or forwarded".to_owned()),
        }
    }
}

/// A station on the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    Address(SocketAddr),
    /// The proxy does not know the address, or hides it.
    Hidden,
}

impl Trust {
    /// `is_before_connections` is `--proxy-protocol`. `None` if it is set and there is no proxy: everybody could send such a
    /// header.
    pub(crate) fn new(proxies: Vec<TrustedProxy>, header: ClientHeader, is_before_connections: bool) -> Option<Self> {
        let is_safe = !is_before_connections || !proxies.is_empty();
        is_safe.then(|| Self { proxies: proxies.into(), header, is_before_connections })
    }

    /// Whether a connection from here must begin with a header of the PROXY protocol. A header from elsewhere is not read, so
    /// it is a malformed request.
    pub(crate) fn needs_proxy_header(&self, peer: Peer) -> bool {
        self.is_before_connections && self.trusts(peer)
    }

    /// Returns the client of a request: the last hop that is not a trusted proxy. `peer` is the other end of the socket, or
    /// the client that it has told in a header of the PROXY protocol. Fails with the name of the header if a trusted proxy has
    /// sent a malformed one.
    pub(crate) fn client_of(&self, peer: Peer, headers: &HeaderMap) -> Result<Peer, HeaderName> {
        let mut client = peer;
        if self.proxies.is_empty() || !self.trusts(client) {
            return Ok(client);
        }
        let (name, parse): (_, fn(&str) -> Option<Hop>) = match self.header {
            ClientHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), parse_node),
            ClientHeader::Forwarded => (FORWARDED, parse_element),
        };
        let values: Vec<_> = headers.get_all(&name).iter().collect();
        // Each proxy adds to the end.
        for value in values.iter().rev() {
            let value = value.to_str().map_err(|_| name.clone())?;
            for item in split(value, ',').into_iter().rev().map(str::trim).filter(|item| !item.is_empty()) {
                match parse(item).ok_or_else(|| name.clone())? {
                    Hop::Hidden => return Ok(client),
                    Hop::Address(address) => client = Peer::Ip(canonical(address)),
                }
                if !self.trusts(client) {
                    return Ok(client);
                }
            }
        }
        Ok(client)
    }

    fn trusts(&self, peer: Peer) -> bool {
        self.proxies.iter().any(|proxy| match (proxy, peer) {
            (TrustedProxy::Network(network), Peer::Ip(address)) => network.contains(&address.ip()),
            #[cfg(unix)]
            (TrustedProxy::Unix, Peer::Unix(_)) => true,
            _ => false,
        })
    }
}

/// Parses `for=192.0.2.60;proto=http;by=203.0.113.43`.
fn parse_element(element: &str) -> Option<Hop> {
    let mut hop = Hop::Hidden;
    for pair in split(element, ';').into_iter().map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") {
            let value = value.trim();
            let value = match value.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"')?,
                None => value,
            };
            hop = parse_node(value)?;
        }
    }
    Some(hop)
}

/// Parses an address with a port or without one. IPv6 may stand without brackets if it has no port.
fn parse_node(node: &str) -> Option<Hop> {
    if node.eq_ignore_ascii_case("unknown") || node.starts_with('_') {
        return Some(Hop::Hidden);
    }
    let in_brackets = || node.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let without_port = || Some(SocketAddr::new(node.parse().ok().or_else(in_brackets)?, 0));
    node.parse().ok().or_else(without_port).map(Hop::Address)
}

/// Splits a text outside of quoted strings.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return c == separator && !is_quoted,
        }
        false
    })
    .collect()
}

const FORM: &str = "must be an address, a network like 10.0.0.0/8, or unix";

#[cfg(test)]
mod tests {
    //! Who is believed, and about whom.
    #![allow(clippy::unwrap_used)]

    use super::*;

    const X: HeaderName = HeaderName::from_static("x-forwarded-for");

    fn trust(header: ClientHeader) -> Trust {
        let proxies = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "unix"];
        Trust::new(proxies.iter().map(|text| text.parse().unwrap()).collect(), header, false).unwrap()
    }

    fn client(trust: &Trust, peer: &str, lines: &[(HeaderName, &str)]) -> Result<String, HeaderName> {
        let headers = lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        trust.client_of(Peer::Ip(peer.parse().unwrap()), &headers).map(|peer| peer.to_string())
    }

    #[test]
    fn a_stranger_cannot_say_who_it_is() {
        let lines = [(X, "10.9.9.9"), (FORWARDED, "for=10.9.9.9")];
        for trust in [trust(ClientHeader::XForwardedFor), trust(ClientHeader::Forwarded), Trust::default()] {
            assert_eq!(client(&trust, "203.0.113.1:5", &lines).unwrap(), "203.0.113.1:5");
        }
        assert_eq!(client(&Trust::default(), "10.0.0.1:5", &lines).unwrap(), "10.0.0.1:5");
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_not_a_proxy() {
        let trust = trust(ClientHeader::XForwardedFor);
        for (lines, expected) in [
            (&["203.0.113.1"][..], "203.0.113.1"),
            // The first was invented by the client.
            (&["198.51.100.1, 203.0.113.1"], "203.0.113.1"),
            (&["198.51.100.1, 203.0.113.1, 10.2.3.4,192.0.2.7"], "203.0.113.1"),
            (&["198.51.100.1", "203.0.113.1", "10.2.3.4"], "203.0.113.1"),
            (&["garbage, 203.0.113.1"], "203.0.113.1"),
            (&["10.1.1.1, 10.2.3.4"], "10.1.1.1"),
            (&["203.0.113.1:4711"], "203.0.113.1:4711"),
            (&["2a00::1"], "2a00::1"),
            (&["[2a00::1]:80, [2001:db8::2]"], "[2a00::1]:80"),
            (&["::ffff:203.0.113.1"], "203.0.113.1"),
            (&["203.0.113.1, unknown"], "10.0.0.1:5"),
            (&[""], "10.0.0.1:5"),
            (&[], "10.0.0.1:5"),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| (X, *line)).collect();
            assert_eq!(client(&trust, "10.0.0.1:5", &lines).unwrap(), expected, "{lines:?}");
        }
    }

    #[test]
    fn only_the_chosen_header_counts() {
        let lines = [(X, "203.0.113.1"), (FORWARDED, "for=198.51.100.1")];
        assert_eq!(client(&trust(ClientHeader::XForwardedFor), "10.0.0.1:5", &lines).unwrap(), "203.0.113.1");
        assert_eq!(client(&trust(ClientHeader::Forwarded), "10.0.0.1:5", &lines).unwrap(), "198.51.100.1");
    }

    #[test]
    fn forwarded_is_read_as_the_rfc_writes_it() {
        let trust = trust(ClientHeader::Forwarded);
        for (value, expected) in [
            ("for=203.0.113.1", "203.0.113.1"),
            ("For=\"[2a00::1]:4711\"", "[2a00::1]:4711"),
            ("for=203.0.113.1;proto=http;by=203.0.113.43", "203.0.113.1"),
            ("by=\"a;b,for=1.1.1.1\" ; FOR=203.0.113.1", "203.0.113.1"),
            ("for=203.0.113.1, for=10.1.2.3;proto=https", "203.0.113.1"),
            ("for=_hidden, for=10.1.2.3", "10.1.2.3"),
            ("proto=https", "10.0.0.1:5"),
        ] {
            assert_eq!(client(&trust, "10.0.0.1:5", &[(FORWARDED, value)]).unwrap(), expected, "{value}");
        }
        for wrong in ["for", "for=\"203.0.113.1", "for=example.com", "for=203.0.113.1:port", "for=[2a00::1"] {
            assert_eq!(client(&trust, "10.0.0.1:5", &[(FORWARDED, wrong)]), Err(FORWARDED), "{wrong}");
        }
    }

    #[test]
    fn a_malformed_header_of_a_proxy_is_an_error() {
        for wrong in ["garbage", "203.0.113.1, example.com", "203.0.113.999", "203.0.113.1 10.0.0.1"] {
            assert_eq!(client(&trust(ClientHeader::XForwardedFor), "10.0.0.1:5", &[(X, wrong)]), Err(X), "{wrong}");
        }
    }
}
