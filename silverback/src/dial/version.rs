//! The version of HTTP over which a dialer opens WebSockets, and why a server does not take it.

use std::fmt;

/// The version of HTTP over which a [`Dialer`](crate::Dialer) opens WebSockets.
///
/// HTTP/1.1 needs a TCP connection for each WebSocket. HTTP/2 carries many WebSockets over one connection if they are
/// opened by a [`Session`](crate::dial::Session). A TCP segment that is lost then delays all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.1 (RFC 6455). The default, because every WebSocket server has it.
    #[default]
    Http1,
    /// HTTP/2 only (RFC 8441). With `wss://` the server must choose `h2` by ALPN. With `ws://` it must speak HTTP/2
    /// without being asked (*prior knowledge*).
    #[cfg(feature = "http2")]
    Http2,
    /// HTTP/2 if the server takes WebSockets over it, otherwise HTTP/1.1. With `wss://` the server chooses by ALPN.
    ///
    /// If it chooses `h2` but does not announce extended CONNECT (RFC 8441, 3), the dialer opens a second connection
    /// that offers `http/1.1` only. The dialer and its clones remember this for an hour, for at most 256 servers. A
    /// clone that gets another route (TLS settings, proxy, address, socket or connector) starts with an empty memory.
    ///
    /// With `ws://` this is HTTP/1.1, because a server without TLS cannot tell its version.
    #[cfg(feature = "http2")]
    Http2OrHttp1,
    /// HTTP/3 only (RFC 9220), over QUIC. It needs `wss://`, rustls with `ring` or `aws-lc-rs`, and a way for UDP: it
    /// goes through no proxy, no Unix socket and no connector of the application. A lost packet delays only the
    /// WebSockets whose data it carried.
    #[cfg(feature = "http3")]
    Http3,
}

/// Why a server does not take WebSockets over the version of HTTP that the dialer asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionFault {
    /// The server did not choose the protocol by ALPN (RFC 7301).
    Alpn {
        /// The protocol that it chose, if any.
        selected: Option<Vec<u8>>,
    },
    /// The server's answer is not of this version of HTTP.
    OtherProtocol,
    /// The server does not announce extended CONNECT (`SETTINGS_ENABLE_CONNECT_PROTOCOL`; RFC 8441, 3 and
    /// RFC 9220, 3).
    ExtendedConnect,
}

impl fmt::Display for VersionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alpn { selected: None } => f.write_str("it chose no protocol by ALPN"),
            Self::Alpn { selected: Some(name) } => write!(f, "it chose {} by ALPN", name.escape_ascii()),
            Self::OtherProtocol => f.write_str("it answered in another protocol"),
            Self::ExtendedConnect => f.write_str("it does not announce extended CONNECT"),
        }
    }
}

impl std::error::Error for VersionFault {}

/// The protocols that the client offers by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpn {
    /// `http/1.1`, or the application's own list.
    Http1,
    #[cfg(feature = "http2")]
    Http2,
    #[cfg(feature = "http2")]
    Http2OrHttp1,
    #[cfg(feature = "http3")]
    Http3,
}

impl Alpn {
    /// Returns whether a server without TLS may send before the client does: in HTTP/2 both sides begin at once (RFC
    /// 9113, 3.4).
    pub(super) fn server_may_begin(self) -> bool {
        match self {
            Self::Http1 => false,
            #[cfg(feature = "http2")]
            Self::Http2 => true,
            #[cfg(feature = "http2")]
            Self::Http2OrHttp1 => false,
            #[cfg(feature = "http3")]
            Self::Http3 => false,
        }
    }
}

#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
impl Alpn {
    /// The number of different offers.
    pub(super) const COUNT: usize = 4;

    /// Returns the names for ALPN, the preferred one first. `None` means the setting of the application.
    pub(super) fn names(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Http1 => None,
            #[cfg(feature = "http2")]
            Self::Http2 => Some(&["h2"]),
            #[cfg(feature = "http2")]
            Self::Http2OrHttp1 => Some(&["h2", "http/1.1"]),
            #[cfg(feature = "http3")]
            Self::Http3 => Some(&["h3"]),
        }
    }
}
