//! Why a dial did not end in a connection: which step, and what the other side said.

use std::{fmt, io, time::Duration};

use http::{HeaderMap, StatusCode};
use silverback_proto::handshake::{HandshakeError, HeadError};

/// Why a server could not be reached, or did not answer as a WebSocket server.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// The URL, or something that was to be sent, cannot be. Nothing was sent.
    Request(HandshakeError),
    /// The URL asks for TLS, which this build cannot do.
    TlsUnsupported,
    /// A step failed.
    Io {
        /// Which one.
        step: DialStep,
        /// Towards whom, as `host:port`.
        target: String,
        /// How.
        source: io::Error,
    },
    /// A step took too long.
    Timeout {
        /// Which one.
        step: DialStep,
        /// Towards whom, as `host:port`.
        target: String,
        /// The budget.
        after: Duration,
    },
    /// The answer is no HTTP response.
    Head(HeadError),
    /// The server answered with another status than 101.
    Refused(Box<Refusal>),
    /// The server answered with 101, but not as RFC 6455 asks.
    Answer(HandshakeError),
}

/// The steps of a dial, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialStep {
    /// Find the addresses of the host and connect to one.
    Connect,
    /// Send the request and read the answer.
    Handshake,
}

/// What a server said instead of 101.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// At most 4 KiB of the body.
    pub body: Vec<u8>,
}

impl DialError {
    /// Whether a time budget ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// What the server said instead of 101, if it said something.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Display for DialStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting to",
            Self::Handshake => "the WebSocket handshake with",
        })
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::TlsUnsupported => f.write_str("wss needs TLS, which this version does not have yet: use ws"),
            Self::Io { step, target, source } => write!(f, "{step} {target} failed: {source}"),
            Self::Timeout { step, target, after } => write!(f, "{step} {target} took longer than {after:?}"),
            Self::Head(error) => write!(f, "the server did not answer with HTTP: {error}"),
            Self::Refused(refusal) => write!(f, "the server refused the WebSocket handshake with {}", refusal.status),
            Self::Answer(error) => write!(f, "the server's answer to the WebSocket handshake is wrong: {error}"),
        }
    }
}

impl std::error::Error for DialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request(error) | Self::Answer(error) => Some(error),
            Self::Io { source, .. } => Some(source),
            Self::Head(error) => Some(error),
            Self::TlsUnsupported | Self::Timeout { .. } | Self::Refused(_) => None,
        }
    }
}
