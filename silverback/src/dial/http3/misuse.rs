//! Settings of a dialer that do not go with HTTP/3.

use std::fmt;

/// Why a dialer cannot use HTTP/3. It runs over UDP, with TLS 1.3 inside of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuicMisuse {
    /// The URL begins with `ws://`, but QUIC always has TLS.
    Scheme,
    /// The server is behind a proxy.
    Proxy,
    /// The dialer connects to a Unix socket or with a connector of the application.
    Route,
    /// The application has given a stream that is already connected.
    Stream,
    /// The TLS library of the system cannot do QUIC. It needs rustls, with one of the features `ring` and `aws-lc-rs`.
    TlsLibrary,
}

impl fmt::Display for QuicMisuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "HTTP/3 always has TLS: use a URL with wss://",
            Self::Proxy => {
                "HTTP/3 cannot go through a proxy: use HTTP/2 or HTTP/1.1, or exempt this server from the proxy"
            }
            Self::Route => "HTTP/3 runs over UDP and cannot use a Unix socket or a connector",
            Self::Stream => "HTTP/3 runs over UDP and cannot use a stream that is already connected",
            Self::TlsLibrary => {
                "HTTP/3 needs rustls: turn on silverback's feature ring or aws-lc-rs, and do not choose native-tls"
            }
        })
    }
}

impl std::error::Error for QuicMisuse {}
