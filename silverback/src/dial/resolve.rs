//! Resolves a host to its addresses, in the order in which the dialer tries them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

use silverback_proto::handshake::Authority;

/// Addresses that the application set, to be used instead of resolving the host.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides(Vec<Override>);

#[derive(Clone, Debug)]
struct Override {
    host: String,
    /// The port that the address is for. `None` means every port.
    port: Option<u16>,
    address: SocketAddr,
}

impl Overrides {
    /// Adds an address. `host` may end with a port.
    pub(super) fn add(&mut self, host: &str, address: SocketAddr) {
        let (host, port) = match Authority::from_input(host) {
            Some(authority) => (authority.host().to_owned(), authority.port()),
            None => (host.to_ascii_lowercase(), None),
        };
        self.0.push(Override { host: host.trim_matches(['[', ']']).to_owned(), port, address });
    }

    fn addresses(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        let given = self
            .0
            .iter()
            .filter(|given| given.host.eq_ignore_ascii_case(host) && given.port.is_none_or(|only| only == port));
        given.map(|given| with_port(given.address, port)).collect()
    }
}

/// Returns the addresses of a host. `host` has no brackets, and an IPv6 address may have a zone (`fe80::1%eth0`). An
/// IPv4-mapped IPv6 address, such as `::ffff:192.0.2.7`, is returned as IPv4. It leads to the same server, works
/// without IPv6 too, and is the form that people know.
pub(super) async fn resolve(host: &str, port: u16, overrides: &Overrides) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = find(host, port, overrides).await?;
    for address in &mut addresses {
        if let IpAddr::V4(ip) = address.ip().to_canonical() {
            *address = SocketAddr::new(ip.into(), address.port());
        }
    }
    Ok(addresses)
}

async fn find(host: &str, port: u16, overrides: &Overrides) -> io::Result<Vec<SocketAddr>> {
    let given = overrides.addresses(host, port);
    if !given.is_empty() {
        return Ok(given);
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    if is_localhost(host) {
        // IPv4 first: most servers on this machine listen there, and a machine may have no IPv6.
        return Ok([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].map(|ip| SocketAddr::new(ip, port)).into());
    }
    if let Some((address, zone)) = host.split_once('%') {
        return in_zone(address, zone, port).await;
    }
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        false => Ok(interleave(found)),
    }
}

/// Returns an address with the number of its zone. The lookup uses a link-local address, because the system's resolver
/// accepts names of interfaces only with those.
async fn in_zone(address: &str, zone: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidInput, "only an IPv6 address has a zone");
    let address: Ipv6Addr = address.parse().map_err(invalid)?;
    let mut found = tokio::net::lookup_host((format!("fe80::1%{zone}"), port)).await.map_err(|error| {
        io::Error::new(error.kind(), format!("this machine has no network interface `{zone}`: {error}"))
    })?;
    let scope = found.find_map(|found| match found {
        SocketAddr::V6(found) => Some(found.scope_id()),
        SocketAddr::V4(_) => None,
    });
    Ok(vec![SocketAddrV6::new(address, port, 0, scope.unwrap_or_default()).into()])
}

/// Returns whether a host is `localhost` or below it. These names mean this machine (RFC 6761, 6.3). The name service
/// is not asked: it often does not know them, and it must not be able to lead them elsewhere. `host` is in lower case.
pub(super) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

/// Alternates between the address families (RFC 8305, 4), so that a family that does not work costs one delay. The
/// family that the system puts first (RFC 6724) begins. Duplicates are removed.
pub(super) fn interleave(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let first_is_ipv6 = unique.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = unique.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

/// Replaces port 0 by the URL's port.
fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    if address.port() == 0 {
        address.set_port(port);
    }
    address
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
