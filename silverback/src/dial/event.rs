//! The events that an application can observe during a dial.

use std::{fmt, io, net::SocketAddr, time::Duration};

use http::{HeaderMap, Request, StatusCode};

/// An event of a dial, passed to [`Dialer::observer`](crate::Dialer::observer).
///
/// Events name hosts without user names and paths, except for [`Requested`](Self::Requested). `Display` and `Debug`
/// write one line without headers and without the query. The library sends the same line to `tracing` at level debug.
#[non_exhaustive]
pub enum DialEvent<'a> {
    /// The addresses of a host were found: the server's or the proxy's.
    Resolved {
        /// The host that was looked up.
        host: &'a str,
        /// Its addresses, in the order in which they are tried.
        addresses: &'a [SocketAddr],
        /// How long the lookup took.
        took: Duration,
    },
    /// A connection attempt to an address starts.
    Connecting {
        /// The address.
        address: SocketAddr,
    },
    /// A connection attempt failed. Attempts to other addresses may still be running.
    ConnectFailed {
        /// The address.
        address: SocketAddr,
        /// Why the attempt failed.
        error: &'a io::Error,
    },
    /// A connection to the server or the proxy is open.
    Connected {
        /// `host:port`, or the path of a Unix socket.
        target: &'a str,
        /// The address, except with a Unix socket or a connector of the application.
        address: Option<SocketAddr>,
        /// The time since the first attempt started.
        took: Duration,
    },
    /// The proxy has connected to the server.
    ProxyConnected {
        /// The proxy, as `host:port`.
        proxy: &'a str,
        /// How long the proxy took.
        took: Duration,
    },
    /// TLS with the server or the proxy is established.
    TlsEstablished {
        /// `host:port`.
        target: &'a str,
        /// The result of the TLS handshake.
        session: &'a TlsSession,
        /// How long the TLS handshake took.
        took: Duration,
    },
    /// The settings of a server over HTTP/2 have arrived. They say whether it takes WebSockets.
    #[cfg(feature = "http2")]
    Http2Settings {
        /// `host:port`.
        target: &'a str,
        /// Whether the server announces extended CONNECT (RFC 8441, 3).
        extended_connect: bool,
        /// The time since the dialer began HTTP/2 on the connection.
        took: Duration,
    },
    /// The settings of a server over HTTP/3 have arrived. They say whether it takes WebSockets.
    #[cfg(feature = "http3")]
    Http3Settings {
        /// `host:port`.
        target: &'a str,
        /// Whether the server announces extended CONNECT (RFC 9220, 3).
        extended_connect: bool,
        /// The time since the dialer began HTTP/3 on the connection.
        took: Duration,
    },
    /// The server takes no WebSockets over HTTP/2, so the dialer opens a connection over HTTP/1.1 instead.
    #[cfg(feature = "http2")]
    FellBack {
        /// `host:port`.
        target: &'a str,
    },
    /// The opening handshake starts: its request is about to be sent.
    Requested {
        /// The complete request. Over HTTP/1.1,
        /// [`encode_request`](crate::proto::handshake::http1::encode_request) turns it into the bytes on the wire. Over
        /// HTTP/2 it is an extended CONNECT, and its version says so. Headers that the application added may be secret and are marked so
        /// ([`is_sensitive`](http::HeaderValue::is_sensitive)), and so are cookies. The query is not marked, but may
        /// also be secret.
        request: &'a Request<()>,
    },
    /// The response to the opening handshake has arrived.
    Answered {
        /// The status. If the server accepted, it is 101, or 200 to 299 over HTTP/2.
        status: StatusCode,
        /// The headers.
        headers: &'a HeaderMap,
        /// The time since the dialer began to send the request.
        took: Duration,
    },
    /// The dialer follows a redirect.
    Redirected {
        /// The server that the redirect leads to, as `host:port`.
        to: &'a str,
    },
}

/// The result of a TLS handshake.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct TlsSession {
    /// The version, such as `TLSv1_3`. `None` with `native-tls`, which does not report it.
    pub version: Option<String>,
    /// The cipher suite. `None` with `native-tls`, which does not report it.
    pub cipher_suite: Option<String>,
    /// The protocol that ALPN selected.
    pub alpn: Option<Vec<u8>>,
    /// The peer's certificates in DER, the peer's own one first. With `native-tls` only that one.
    pub peer_certificates: Vec<Vec<u8>>,
    /// Whether verification was off and any certificate was accepted. The identity of the peer is then unknown.
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
            #[cfg(feature = "http2")]
            Self::Http2Settings { target, extended_connect, took } => {
                let takes = if *extended_connect { "takes" } else { "does not take" };
                write!(f, "{target} speaks HTTP/2 and {takes} WebSockets over it, known in {took:?}")
            }
            #[cfg(feature = "http3")]
            Self::Http3Settings { target, extended_connect, took } => {
                let takes = if *extended_connect { "takes" } else { "does not take" };
                write!(f, "{target} speaks HTTP/3 and {takes} WebSockets over it, known in {took:?}")
            }
            #[cfg(feature = "http2")]
            Self::FellBack { target } => write!(f, "falling back to HTTP/1.1 with {target}"),
            Self::Requested { .. } => f.write_str("the opening handshake is sent"),
            Self::Answered { status, took, .. } => write!(f, "answered with {status} in {took:?}"),
            Self::Redirected { to } => write!(f, "redirected to {to}"),
        }
    }
}

/// Writes the same as `Display`, because debug output ends up in logs too.
impl fmt::Debug for DialEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialEvent({self})")
    }
}

/// Shows the number of certificates instead of their bytes.
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
