//! The errors of a dial: the step, the host, and the response of the other side.

use std::{fmt, io, net::SocketAddr, time::Duration};

use http::Version;
use silverback_proto::handshake::{HandshakeError, HeadError};

use super::{
    Attempt, DialStep, InvalidProxy, InvalidProxyVariable, RedirectFault, Refusal, VersionFault, attempt::Attempts,
};
#[cfg(feature = "http3")]
use crate::dial::http3::QuicMisuse;
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
use crate::dial::tls::TlsError;

/// Why the dialer could not reach a server, or the server did not open a WebSocket.
///
/// [`step`](Self::step) returns the step that failed. [`refusal`](Self::refusal) returns the response if its status was
/// not the expected one. The error holds no secret: neither the headers that were sent nor a proxy's password.
///
/// The variants from `Request` to `Quic` are found before the dialer connects to the server. If a redirect
/// led to this server, the servers before it have already got their requests.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// The URL, a header or another setting is not valid.
    Request(HandshakeError),
    /// The URL of the proxy is not valid.
    Proxy(InvalidProxy),
    /// The environment variable that names the proxy for this server is not a valid proxy URL.
    ProxyVariable(InvalidProxyVariable),
    /// The user name for Basic authentication has a colon, or the name or password has a control character.
    UserName,
    /// The path for [`Session::dial`](super::Session::dial) does not begin with `/`.
    Path,
    /// The certificates, keys or options for TLS cannot be used.
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    Tls(TlsError),
    /// The URL, or the proxy's URL, asks for TLS, which this build does not support.
    TlsUnsupported,
    /// The proxy needs SOCKS, which this build does not support.
    SocksUnsupported,
    /// A setting cannot work with HTTP/3, which runs over UDP and always has TLS.
    #[cfg(feature = "http3")]
    Quic(QuicMisuse),
    /// A step failed with an I/O error.
    Io {
        /// The step that failed.
        step: DialStep,
        /// The server or proxy of the step, as `host:port`.
        target: String,
        /// The address that was connected by then.
        peer: Option<SocketAddr>,
        /// The cause.
        source: io::Error,
    },
    /// A step took too long.
    Timeout {
        /// The step that timed out.
        step: DialStep,
        /// The server or proxy of the step, as `host:port`.
        target: String,
        /// The address that was connected by then.
        peer: Option<SocketAddr>,
        /// The limit that was exceeded: the step's own, or that of the whole dial.
        after: Duration,
    },
    /// The proxy answered with a status that is not a success.
    ProxyRefused {
        /// The proxy, as `host:port`.
        proxy: String,
        /// Its address.
        peer: Option<SocketAddr>,
        /// The response of the proxy.
        refusal: Box<Refusal>,
    },
    /// The head of a response is not valid HTTP, or it is larger than [`max_head_size`](super::Dialer::max_head_size).
    Head {
        /// The server that sent it, as `host:port`.
        target: String,
        /// The address that was connected.
        peer: Option<SocketAddr>,
        /// The fault in the head.
        error: HeadError,
    },
    /// The server sent more interim responses (1xx, RFC 9110, 15.2) than the limit, and no final one.
    TooManyInterim {
        /// The server, as `host:port`.
        target: String,
        /// The address that was connected.
        peer: Option<SocketAddr>,
        /// The most interim responses that the dialer skips.
        limit: usize,
    },
    /// The server does not take WebSockets over the version of HTTP that the dialer was told to use.
    HttpVersion {
        /// The step that failed: TLS or the opening handshake.
        step: DialStep,
        /// The server, as `host:port`.
        target: String,
        /// The address that was connected.
        peer: Option<SocketAddr>,
        /// The version of HTTP.
        version: Version,
        /// Why the server does not take them.
        fault: VersionFault,
    },
    /// The server answered with a status that does not open a WebSocket: not 101, or not 200 to 299 over HTTP/2 and
    /// HTTP/3.
    Refused {
        /// The server, as `host:port`.
        target: String,
        /// The address that was connected.
        peer: Option<SocketAddr>,
        /// The response of the server.
        refusal: Box<Refusal>,
    },
    /// The server redirected the client, and the dialer did not follow.
    Redirect {
        /// The server, as `host:port`.
        target: String,
        /// The address that was connected.
        peer: Option<SocketAddr>,
        /// Why the dialer did not follow the redirect.
        fault: RedirectFault,
        /// The response of the server.
        refusal: Box<Refusal>,
    },
    /// The server answered with a status that opens a WebSocket, but its response breaks RFC 6455.
    Answer {
        /// The server, as `host:port`.
        target: String,
        /// The address that was connected.
        peer: Option<SocketAddr>,
        /// The fault in the response.
        error: HandshakeError,
    },
}

impl DialError {
    /// Returns whether a time limit was exceeded.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// Returns whether the application asked for something that cannot work. Nothing was sent to the server then. After
    /// a redirect, this is the server that the redirect led to.
    pub fn is_misuse(&self) -> bool {
        self.step().is_none()
    }

    /// Returns the step that failed, or `None` if [`is_misuse`](Self::is_misuse) is true.
    pub fn step(&self) -> Option<DialStep> {
        match self {
            Self::Request(_)
            | Self::Proxy(_)
            | Self::ProxyVariable(_)
            | Self::UserName
            | Self::Path
            | Self::TlsUnsupported
            | Self::SocksUnsupported => None,
            #[cfg(feature = "http3")]
            Self::Quic(_) => None,
            #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
            Self::Tls(_) => None,
            Self::Io { step, .. } | Self::Timeout { step, .. } | Self::HttpVersion { step, .. } => Some(*step),
            Self::ProxyRefused { .. } => Some(DialStep::Proxy),
            Self::Head { .. }
            | Self::TooManyInterim { .. }
            | Self::Refused { .. }
            | Self::Redirect { .. }
            | Self::Answer { .. } => Some(DialStep::Handshake),
        }
    }

    /// Returns the label of the result in metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "timeout",
            Self::Refused { .. } | Self::ProxyRefused { .. } | Self::Redirect { .. } | Self::HttpVersion { .. } => {
                "refused"
            }
            Self::Head { .. } | Self::TooManyInterim { .. } | Self::Answer { .. } => "malformed",
            Self::Io { step: DialStep::Tls, .. } => "tls",
            Self::Io { .. } => "unreachable",
            _ => "misconfigured",
        }
    }

    /// Returns the host that the failed step was about, as `host:port`: the server of the URL, the server that a
    /// redirect led to, or the proxy. `None` if [`is_misuse`](Self::is_misuse) is true.
    pub fn target(&self) -> Option<&str> {
        Some(self.place()?.0)
    }

    /// Returns the TCP address that was connected by then: the proxy's if there is one.
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
            | Self::HttpVersion { target, peer, .. }
            | Self::Refused { target, peer, .. }
            | Self::Redirect { target, peer, .. }
            | Self::Answer { target, peer, .. } => Some((target, *peer)),
            _ => None,
        }
    }

    /// Returns the response of a server that opened no WebSocket, or of a proxy that is not a success, if there was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::ProxyRefused { refusal, .. } | Self::Redirect { refusal, .. } => {
                Some(refusal)
            }
            _ => None,
        }
    }

    /// Returns the failed attempts for each address, if connecting failed.
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
                f.write_str("a user name with a colon or credentials with control characters cannot be sent by Basic authentication")
            }
            Self::Path => f.write_str("the path on the server must begin with /"),
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
            #[cfg(feature = "http3")]
            Self::Quic(misuse) => misuse.fmt(f),
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
            Self::HttpVersion { target, peer, version, fault, .. } => {
                let place = Place::new(target, *peer);
                // "HTTP/2.0" is not a name of RFC 9113.
                let name = format!("{version:?}");
                let name = name.strip_suffix(".0").unwrap_or(&name);
                write!(f, "the server {place} does not take WebSockets over {name}: {fault}")?;
                match (fault, *version) {
                    (VersionFault::ExtendedConnect, Version::HTTP_3) => f.write_str(" (RFC 9220)"),
                    (VersionFault::ExtendedConnect, _) => f.write_str(" (RFC 8441)"),
                    _ => Ok(()),
                }
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
    if let Some(why) = crate::dial::tls::why_not_trusted(error) {
        return why;
    }
    error.to_string()
}

/// The host that a step is about, and its address once that is known.
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
            #[cfg(feature = "http3")]
            Self::Quic(misuse) => Some(misuse),
            Self::Io { source, .. } => Some(source),
            Self::Head { error, .. } => Some(error),
            Self::Redirect { fault, .. } => Some(fault),
            Self::HttpVersion { fault, .. } => Some(fault),
            Self::UserName
            | Self::Path
            | Self::TlsUnsupported
            | Self::SocksUnsupported
            | Self::Timeout { .. }
            | Self::TooManyInterim { .. }
            | Self::ProxyRefused { .. }
            | Self::Refused { .. } => None,
        }
    }
}
