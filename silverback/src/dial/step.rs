//! The steps of a dial.

use std::fmt;

/// A step of a dial. The steps are in their order. Not every dial takes all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DialStep {
    /// Resolves the host to its addresses.
    Resolve,
    /// Connects to one of the addresses.
    Connect,
    /// Asks the proxy to connect to the server.
    Proxy,
    /// Does the TLS handshake.
    Tls,
    /// Sends the request and reads the response.
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
