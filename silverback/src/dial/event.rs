//! What an application can watch while a dial goes on.

use std::{io, net::SocketAddr, time::Duration};

use http::{HeaderMap, StatusCode};

/// Something that a dial has come past, told to [`Dialer::observer`](crate::Dialer::observer).
///
/// Hosts are told without user names, headers or paths.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialEvent<'a> {
    /// The addresses of a host are known: the server's, or the proxy's.
    Resolved {
        /// The host that was looked up.
        host: &'a str,
        /// Its addresses, in the order in which they are tried.
        addresses: &'a [SocketAddr],
        /// How long it took.
        took: Duration,
    },
    /// A connection to an address is attempted.
    Connecting {
        /// The address.
        address: SocketAddr,
    },
    /// An address could not be connected to. Others may be under way.
    ConnectFailed {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: &'a io::Error,
    },
    /// Connected, to the server or the proxy.
    Connected {
        /// `host:port`, or the path of a Unix socket.
        target: &'a str,
        /// The address, unless a connector of the application's or a Unix socket was used.
        address: Option<SocketAddr>,
        /// How long it took from the first attempt on.
        took: Duration,
    },
    /// The proxy has connected us to the server.
    ProxyConnected {
        /// The proxy, as `host:port`.
        proxy: &'a str,
        /// How long it took.
        took: Duration,
    },
    /// TLS is established, with the server or the proxy.
    TlsEstablished {
        /// `host:port`.
        target: &'a str,
        /// What was agreed on.
        session: &'a TlsSession,
        /// How long it took.
        took: Duration,
    },
    /// The answer to the opening handshake has come.
    Answered {
        /// Its status: 101 where all is well.
        status: StatusCode,
        /// Its headers.
        headers: &'a HeaderMap,
        /// How long it took, from the request on.
        took: Duration,
    },
    /// A redirect is followed.
    Redirected {
        /// The server that it leads to, as `host:port`.
        to: &'a str,
    },
}

/// What a TLS handshake has led to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TlsSession {
    /// The version, as `TLSv1_3`, where the implementation tells.
    pub version: Option<String>,
    /// The cipher suite, where the implementation tells.
    pub cipher_suite: Option<String>,
    /// The protocol that was agreed on by ALPN.
    pub alpn: Option<Vec<u8>>,
    /// The peer's certificates in DER, its own first. With `native-tls` only that one.
    pub peer_certificates: Vec<Vec<u8>>,
    /// Whether certificates of any kind were accepted, so that nobody knows who the peer is.
    pub certificate_unchecked: bool,
}
