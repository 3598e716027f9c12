//! SOCKS5 (RFC 1928, 1929), implemented by `tokio-socks`.

use std::{io, net::SocketAddr};

use tokio_socks::{Error, tcp::Socks5Stream};

use super::Proxy;
use crate::io::transport::wire::Wire;

/// The server that the proxy should connect to.
#[derive(Debug)]
pub(in crate::dial) enum SocksTarget<'a> {
    /// The proxy resolves the name.
    Name(&'a str, u16),
    Address(SocketAddr),
}

pub(in crate::dial) async fn through_socks(stream: Wire, proxy: &Proxy, server: SocksTarget<'_>) -> io::Result<Wire> {
    let connected = match (server, &proxy.credentials) {
        (SocksTarget::Name(host, port), None) => Socks5Stream::connect_with_socket(stream, (host, port)).await,
        (SocksTarget::Address(address), None) => Socks5Stream::connect_with_socket(stream, address).await,
        (SocksTarget::Name(host, port), Some(us)) => {
            Socks5Stream::connect_with_password_and_socket(stream, (host, port), &us.user, &us.password).await
        }
        (SocksTarget::Address(address), Some(us)) => {
            Socks5Stream::connect_with_password_and_socket(stream, address, &us.user, &us.password).await
        }
    };
    connected.map(Socks5Stream::into_inner).map_err(wording)
}

fn wording(error: Error) -> io::Error {
    let kind = match &error {
        Error::Io(_) => None,
        Error::PasswordAuthFailure(_)
        | Error::AuthorizationRequired
        | Error::NoAcceptableAuthMethods
        | Error::ConnectionNotAllowedByRuleset => Some(io::ErrorKind::PermissionDenied),
        Error::ConnectionRefused => Some(io::ErrorKind::ConnectionRefused),
        Error::HostUnreachable => Some(io::ErrorKind::HostUnreachable),
        Error::NetworkUnreachable => Some(io::ErrorKind::NetworkUnreachable),
        Error::GeneralSocksServerFailure | Error::TtlExpired => Some(io::ErrorKind::Other),
        _ => Some(io::ErrorKind::InvalidData),
    };
    match (kind, error) {
        (None, Error::Io(error)) => error,
        (kind, error) => io::Error::new(kind.unwrap_or(io::ErrorKind::Other), format!("the SOCKS proxy says: {error}")),
    }
}
