//! What an application can watch while a dial goes on.

use std::{fmt, io, net::SocketAddr, time::Duration};

use http::{HeaderMap, Request, StatusCode};

/// Something that a dial has come past, told to [`Dialer::observer`](crate::Dialer::observer).
///
/// Hosts are told without user names and paths, except in [`Requested`](Self::Requested). `Display` and `Debug` are one
/// line without headers and without the query, which the library itself gives to `tracing` at level debug.
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
    /// The opening handshake is sent.
    Requested {
        /// All of it, as it goes over the wire once
        /// [`encode_request`](crate::handshake::http1::encode_request) has written it. What the application added may be
        /// secret, and is marked so ([`is_sensitive`](http::HeaderValue::is_sensitive)); so are cookies. The query may
        /// be as well.
        request: &'a Request<()>,
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
#[derive(Clone, Default)]
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

impl fmt::Display for DialEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved { host, addresses, took } => {
                write!(f, "{host} has {} addresses, found in {took:?}", addresses.len())
            }
            Self::Connecting { address } => write!(f, "connecting to {address}"),
            Self::ConnectFailed { address, error } => write!(f, "connecting to {address} failed: {error}"),
            Self::Connected { target, address: Some(address), took } => {
                write!(f, "connected to {target} at {address} in {took:?}")
            }
            Self::Connected { target, address: None, took } => write!(f, "connected to {target} in {took:?}"),
            Self::ProxyConnected { proxy, took } => write!(f, "connected through the proxy {proxy} in {took:?}"),
            Self::TlsEstablished { target, session, took } => {
                let version = session.version.as_deref().unwrap_or("TLS");
                let caution = if session.certificate_unchecked { ", its certificate unchecked" } else { "" };
                write!(f, "{version} with {target} established in {took:?}{caution}")
            }
            Self::Requested { .. } => f.write_str("the opening handshake is sent"),
            Self::Answered { status, took, .. } => write!(f, "answered with {status} in {took:?}"),
            Self::Redirected { to } => write!(f, "redirected to {to}"),
        }
    }
}

/// As `Display`: what is printed for debugging ends up in logs too.
impl fmt::Debug for DialEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialEvent({self})")
    }
}

/// Certificates are counted, not printed.
impl fmt::Debug for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSession")
            .field("version", &self.version)
            .field("cipher_suite", &self.cipher_suite)
            .field("alpn", &self.alpn.as_deref().map(String::from_utf8_lossy))
            .field("peer_certificates", &self.peer_certificates.len())
            .field("certificate_unchecked", &self.certificate_unchecked)
            .finish()
    }
}
