//! The steps of a dial.

use std::fmt;

/// The steps of a dial, in their order. Not every dial takes all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DialStep {
    /// Find the addresses of the host.
    Resolve,
    /// Connect to one of them.
    Connect,
    /// Have the proxy connect us to the server.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// Send the request and read the answer.
    Handshake,
}

impl fmt::Display for DialStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "finding the addresses of",
            Self::Connect => "connecting to",
            Self::Proxy => "being connected by the proxy to",
            Self::Tls => "the TLS handshake with",
            Self::Handshake => "the WebSocket handshake with",
        })
    }
}
