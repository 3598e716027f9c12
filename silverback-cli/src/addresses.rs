//! Socket addresses in their usual form.

use std::net::{IpAddr, SocketAddr};

/// Returns an IPv4-mapped IPv6 address as IPv4. A socket for both families names its IPv4 clients `::ffff:192.0.2.7`.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        // An IPv6 address keeps its zone.
        IpAddr::V6(_) => address,
        ip => SocketAddr::new(ip, address.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_shown_as_ipv4_and_others_as_they_are() {
        for (address, shown) in [
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("[fe80::1%1]:80", "[fe80::1%1]:80"),
            ("[2001:db8::ffff:7f00:1]:80", "[2001:db8::ffff:7f00:1]:80"),
        ] {
            let address: SocketAddr = address.parse().expect("an address");
            assert_eq!(canonical(address).to_string(), shown);
        }
    }
}
