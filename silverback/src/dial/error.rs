//! Why a dial did not end in a connection: which step, towards whom, and what the other side said.

use std::{fmt, io, net::SocketAddr, time::Duration};

use silverback_proto::handshake::{HandshakeError, HeadError};

use super::{Attempt, DialStep, InvalidProxy, InvalidProxyVariable, RedirectFault, Refusal, attempt::Attempts};
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
use crate::dial::tls::TlsError;

/// Why a server could not be reached, or did not answer as a WebSocket server.
///
/// [`step`](Self::step) tells how far the dial came, [`refusal`](Self::refusal) what was answered with another status
/// than the one that was hoped for. Nothing secret is in it: neither the headers that were sent nor a proxy's password.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// The URL, or something that was to be sent, cannot be. Nothing was sent.
    Request(HandshakeError),
    /// The proxy's URL cannot be one. Nothing was sent.
    Proxy(InvalidProxy),
    /// A variable of the environment is to name the proxy for this server, and does not. Nothing was sent.
    ProxyVariable(InvalidProxyVariable),
    /// The user name for Basic authentication has a colon or a control character. Nothing was sent.
    UserName,
    /// The certificates, keys or options for TLS make no sense together. Nothing was sent.
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    Tls(TlsError),
    /// The URL, or the proxy's, asks for TLS, which this build cannot do.
    TlsUnsupported,
    /// The proxy speaks SOCKS, which this build cannot do.
    SocksUnsupported,
    /// A step failed.
    Io {
        /// Which one.
        step: DialStep,
        /// Towards whom, as `host:port`.
        target: String,
        /// Who was connected to by then.
        peer: Option<SocketAddr>,
        /// How.
        source: io::Error,
    },
    /// A step took too long.
    Timeout {
        /// Which one.
        step: DialStep,
        /// Towards whom, as `host:port`.
        target: String,
        /// Who was connected to by then.
        peer: Option<SocketAddr>,
        /// The budget.
        after: Duration,
    },
    /// The proxy answered with another status than one of success.
    ProxyRefused {
        /// The proxy, as `host:port`.
        proxy: String,
        /// Its address.
        peer: Option<SocketAddr>,
        /// What it said.
        refusal: Box<Refusal>,
    },
    /// The head of the answer is not one of HTTP, or it is larger than [`max_head_size`](super::Dialer::max_head_size).
    Head {
        /// Whose, as `host:port`.
        target: String,
        /// Who was connected to.
        peer: Option<SocketAddr>,
        /// What is wrong with it.
        error: HeadError,
    },
    /// The server sent interim responses (1xx, RFC 9110, 15.2) and no final one.
    TooManyInterim {
        /// Whose, as `host:port`.
        target: String,
        /// Who was connected to.
        peer: Option<SocketAddr>,
        /// The most interim responses that the dialer skips.
        limit: usize,
    },
    /// The server answered with another status than 101.
    Refused {
        /// Which one, as `host:port`.
        target: String,
        /// Who was connected to.
        peer: Option<SocketAddr>,
        /// What it said.
        refusal: Box<Refusal>,
    },
    /// The server sent us elsewhere, and there we do not go.
    Redirect {
        /// Which one, as `host:port`.
        target: String,
        /// Who was connected to.
        peer: Option<SocketAddr>,
        /// Why not.
        fault: RedirectFault,
        /// What the server said.
        refusal: Box<Refusal>,
    },
    /// The server answered with 101, but not as RFC 6455 asks.
    Answer {
        /// Which one, as `host:port`.
        target: String,
        /// Who was connected to.
        peer: Option<SocketAddr>,
        /// What is wrong with the answer.
        error: HandshakeError,
    },
}

impl DialError {
    /// Whether a time budget ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// Whether the application asked for something that cannot be: no other side had a part in it.
    pub fn is_misuse(&self) -> bool {
        self.step().is_none()
    }

    /// How far the dial came, or `None` when it did not begin.
    pub fn step(&self) -> Option<DialStep> {
        match self {
            Self::Request(_)
            | Self::Proxy(_)
            | Self::ProxyVariable(_)
            | Self::UserName
            | Self::TlsUnsupported
            | Self::SocksUnsupported => None,
            #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
            Self::Tls(_) => None,
            Self::Io { step, .. } | Self::Timeout { step, .. } => Some(*step),
            Self::ProxyRefused { .. } => Some(DialStep::Proxy),
            Self::Head { .. }
            | Self::TooManyInterim { .. }
            | Self::Refused { .. }
            | Self::Redirect { .. }
            | Self::Answer { .. } => Some(DialStep::Handshake),
        }
    }

    /// Towards whom the step failed, as `host:port`: the server, be it that of the URL or one that a redirect leads to,
    /// or the proxy. `None` when the dial did not begin.
    pub fn target(&self) -> Option<&str> {
        Some(self.place()?.0)
    }

    /// Which of its addresses was connected to by then, over TCP; the proxy's, where there is one.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.place()?.1
    }

    fn place(&self) -> Option<(&str, Option<SocketAddr>)> {
        match self {
            Self::Io { target, peer, .. }
            | Self::Timeout { target, peer, .. }
            | Self::ProxyRefused { proxy: target, peer, .. }
            | Self::Head { target, peer, .. }
            | Self::TooManyInterim { target, peer, .. }
            | Self::Refused { target, peer, .. }
            | Self::Redirect { target, peer, .. }
            | Self::Answer { target, peer, .. } => Some((target, *peer)),
            _ => None,
        }
    }

    /// What the server said instead of 101, or the proxy instead of 200, if it said something.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::ProxyRefused { refusal, .. } | Self::Redirect { refusal, .. } => {
                Some(refusal)
            }
            _ => None,
        }
    }

    /// The addresses that were tried in vain, where connecting is what failed.
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Io { step: DialStep::Connect, source, .. } => Attempts::within(source),
            _ => &[],
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Proxy(error) => error.fmt(f),
            Self::ProxyVariable(error) => error.fmt(f),
            Self::UserName => {
                f.write_str("a user name for Basic authentication has no colon and no control characters")
            }
            #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
            Self::Tls(error) => error.fmt(f),
            Self::TlsUnsupported => f.write_str(
                "wss needs TLS, which this build does not have: turn on one of silverback's features \
                 rustls-tls-platform-verifier, rustls-tls-native-roots, rustls-tls-webpki-roots (with ring or \
                 aws-lc-rs), or native-tls",
            ),
            Self::SocksUnsupported => {
                f.write_str("this build has no SOCKS: turn on silverback's feature socks, or use an HTTP proxy")
            }
            Self::Io { step, target, peer, source } => {
                write!(f, "{step} {} failed: {}", Place::new(target, *peer), why(source))
            }
            Self::Timeout { step, target, peer, after } => {
                write!(f, "{step} {} took longer than {after:?}", Place::new(target, *peer))
            }
            Self::ProxyRefused { proxy, peer, refusal } => {
                let place = Place::new(proxy, *peer);
                write!(f, "the proxy {place} refused to connect us with {}", refusal.status)
            }
            Self::Head { target, peer, error } => {
                let place = Place::new(target, *peer);
                match error {
                    HeadError::TooLarge { .. } | HeadError::TooManyHeaders { .. } => {
                        write!(f, "the answer of the server {place} is too large: {error}")
                    }
                    _ => write!(f, "the server {place} did not answer with HTTP: {error}"),
                }
            }
            Self::TooManyInterim { target, peer, limit } => {
                let place = Place::new(target, *peer);
                write!(f, "the server {place} sent more than {limit} interim responses (1xx) and no final one")
            }
            Self::Refused { target, peer, refusal } => {
                let place = Place::new(target, *peer);
                write!(f, "the server {place} refused the WebSocket handshake with {}", refusal.status)
            }
            Self::Redirect { target, peer, fault, refusal } => {
                let place = Place::new(target, *peer);
                write!(f, "the server {place} redirects us with {}, but {fault}", refusal.status)
            }
            Self::Answer { target, peer, error } => {
                write!(f, "{} {} failed: {error}", DialStep::Handshake, Place::new(target, *peer))
            }
        }
    }
}

fn why(error: &io::Error) -> String {
    #[cfg(feature = "rustls-tls")]
    if let Some(why) = crate::dial::tls::why_not_believed(error) {
        return why;
    }
    error.to_string()
}

/// Whom a step is about, and which address that turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) target: &'a str,
    pub(super) peer: Option<SocketAddr>,
}

impl<'a> Place<'a> {
    pub(super) fn new(target: &'a str, peer: Option<SocketAddr>) -> Self {
        Self { target, peer }
    }

    pub(super) fn failed(self, step: DialStep, source: io::Error) -> DialError {
        DialError::Io { step, target: self.target.to_owned(), peer: self.peer, source }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) if peer.to_string() != self.target => write!(f, "{} (connected to {peer})", self.target),
            _ => f.write_str(self.target),
        }
    }
}

impl std::error::Error for DialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request(error) | Self::Answer { error, .. } => Some(error),
            Self::Proxy(error) => Some(error),
            Self::ProxyVariable(error) => Some(error),
            #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
            Self::Tls(error) => Some(error),
            Self::Io { source, .. } => Some(source),
            Self::Head { error, .. } => Some(error),
            Self::Redirect { fault, .. } => Some(fault),
            Self::UserName
            | Self::TlsUnsupported
            | Self::SocksUnsupported
            | Self::Timeout { .. }
            | Self::TooManyInterim { .. }
            | Self::ProxyRefused { .. }
            | Self::Refused { .. } => None,
        }
    }
}
