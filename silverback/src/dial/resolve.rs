//! From a host to its addresses, in the order in which they are to be tried.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

use silverback_proto::handshake::ascii_host;

/// Addresses that the application gives instead of looking a host up.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides(Vec<Override>);

#[derive(Clone, Debug)]
struct Override {
    host: String,
    /// The port that connections are for, if not all.
    port: Option<u16>,
    address: SocketAddr,
}

impl Overrides {
    /// `host` may have a port behind it.
    pub(super) fn add(&mut self, host: &str, address: SocketAddr) {
        let (host, port) = split_port(host);
        let host = ascii_host(host).unwrap_or_else(|| host.into());
        self.0.push(Override { host: host.trim_matches(['[', ']']).to_ascii_lowercase(), port, address });
    }

    fn addresses(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        let given = self
            .0
            .iter()
            .filter(|given| given.host.eq_ignore_ascii_case(host) && given.port.is_none_or(|only| only == port));
        given.map(|given| with_port(given.address, port)).collect()
    }
}

fn split_port(host: &str) -> (&str, Option<u16>) {
    let parts = host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
    match parts.and_then(|(name, port)| Some((name, port.parse().ok()?))) {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    }
}

/// `host` has no brackets; an IPv6 address may have a zone, `fe80::1%eth0`. An IPv4 address that is mapped into IPv6, such
/// as `::ffff:192.0.2.7`, comes as IPv4: it leads to the same server, also where there is no IPv6, and people know it by
/// that form.
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
        // IPv4 first: that is where most servers of this machine listen, and a machine may be without IPv6.
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

/// The system's resolver knows the numbers of interfaces, but takes their names for link-local addresses alone.
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

/// RFC 6761, 6.3: `localhost` and every name below it mean this machine. The name service is not asked: it often does not
/// know them, and must not be able to send us elsewhere. `host` is in lower case.
pub(super) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

/// RFC 8305, 4: the families in turn, beginning with the one that the system puts first (RFC 6724), so that one family
/// that leads nowhere costs one delay. Addresses that come twice are tried once.
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

/// Port 0 stands for the URL's.
fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    if address.port() == 0 {
        address.set_port(port);
    }
    address
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
