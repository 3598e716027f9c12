//! The errors of our own side of the opening handshake and of a server's response. A faulty client request is a
//! `Rejection`, and a malformed head is a `HeadError`.

use super::{
    deflate_answer::DeflateAnswerError,
    extension::ExtensionListError,
    received::Received,
    subprotocol::{InvalidSubprotocol, Subprotocol},
};
use std::fmt;

use http::{StatusCode, Version};

/// Why a handshake could not be built, or why the server's response is invalid.
///
/// [`is_misuse`](Self::is_misuse) tells whose fault it is. Either the application asked for something that cannot be
/// sent, or the server's response breaks RFC 6455, 4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The URI could not be read.
    InvalidUri(Received),
    /// The URI's scheme is missing, or it is not `ws`, `wss`, `http` or `https`.
    UnsupportedScheme(Received),
    /// The URI names no host, or one that a `Host` header cannot have.
    InvalidHost(Received),
    /// The host has characters outside ASCII and cannot be converted: see [`ascii_host`](super::ascii_host).
    InternationalHost(Received),
    /// The URI holds a user name or password, which would not be sent.
    UserInfo,
    /// The URI holds a fragment (RFC 6455, 3: they must not be used).
    Fragment,
    /// The URI holds a control character.
    ControlCharacter {
        /// That character.
        character: char,
        /// Its position, counted in characters from 1.
        position: usize,
    },
    /// A header name that is not a token.
    InvalidHeaderName(Received),
    /// A header value with a control byte. Holds the header's name.
    InvalidHeaderValue(Received),
    /// The application set a header that belongs to the handshake.
    ReservedHeader(Received),
    /// The application set more headers than this, counted by name.
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
    /// The application set several `Origin` headers.
    RepeatedOrigin,
    /// A subprotocol name that is not a token.
    InvalidSubprotocol(Received),
    /// The application offers the same subprotocol twice.
    RepeatedSubprotocol(Subprotocol),
    /// The application agrees to a subprotocol that the client did not offer.
    UnofferedSubprotocol(Subprotocol),
    /// The application agrees to the same extension twice.
    RepeatedExtension(Received),
    /// An extension name or value that is not a token.
    InvalidExtension(Received),
    /// The application agrees to an extension that the client did not offer.
    UnofferedExtension(Received),
    /// The answer to our offer of compression exceeds the offer or is malformed (RFC 7692, 7.1).
    Compression(DeflateAnswerError),
    /// The server answered with another status than 101.
    Status(StatusCode),
    /// The server answered an extended CONNECT with another status than 200 to 299.
    ConnectStatus(StatusCode),
    /// The server answered with another version than HTTP/1.1.
    HttpVersion(Version),
    /// `Upgrade` is missing or names something else than `websocket`.
    Upgrade(Option<Received>),
    /// `Connection` is missing or has no element `upgrade`.
    Connection(Option<Received>),
    /// A header is missing from the answer.
    MissingHeader(&'static str),
    /// A header that may appear once appears several times in the answer.
    RepeatedHeader(&'static str),
    /// `Sec-WebSocket-Accept` is not the answer to our key.
    WrongAccept(Received),
    /// The server chose a subprotocol that was not offered.
    WrongSubprotocol(Received),
    /// The server's list of extensions is malformed.
    Extensions(ExtensionListError),
    /// The server uses an extension that was not offered.
    WrongExtension(Received),
    /// The server uses an extension twice.
    ExtensionUsedTwice(Received),
}

impl HandshakeError {
    /// Whether the application asked for something that cannot be sent. Otherwise the server's response is at fault.
    pub fn is_misuse(&self) -> bool {
        !matches!(
            self,
            Self::Status(_)
                | Self::ConnectStatus(_)
                | Self::HttpVersion(_)
                | Self::Upgrade(_)
                | Self::Connection(_)
                | Self::MissingHeader(_)
                | Self::RepeatedHeader(_)
                | Self::WrongAccept(_)
                | Self::WrongSubprotocol(_)
                | Self::Extensions(_)
                | Self::WrongExtension(_)
                | Self::ExtensionUsedTwice(_)
                | Self::Compression(_)
        )
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_misuse() {
            f.write_str("the server's answer is not a WebSocket handshake: ")?;
        }
        match self {
            Self::InvalidUri(uri) if uri.as_str().is_empty() => f.write_str("the URI is empty"),
            Self::InvalidUri(uri) if !uri.as_str().contains("://") => {
                write!(f, "{uri} is not a WebSocket URI, which begins with ws:// or wss://")
            }
            Self::InvalidUri(uri) => write!(f, "{uri} is not a URI"),
            Self::UnsupportedScheme(scheme) => {
                f.write_str("a WebSocket URI begins with ws:// or wss://")?;
                if scheme.as_str().is_empty() { Ok(()) } else { write!(f, ", not with {scheme}") }
            }
            Self::InvalidHost(host) => match host.as_str().rsplit_once(':') {
                None if host.as_str().is_empty() => f.write_str("the host is missing"),
                Some(("", _)) => write!(f, "the host is missing in {host}"),
                Some((_, port)) if is_too_large(port) => write!(f, "the port of {host} must be from 0 to 65535"),
                _ => write!(f, "{host} is not a host with an optional port"),
            },
            Self::InternationalHost(host) if cfg!(feature = "idna") => {
                write!(f, "{host} is not a valid international host name (UTS 46)")
            }
            Self::InternationalHost(host) => {
                write!(f, "{host} must be written in its xn-- form, or the feature `idna` turned on")
            }
            Self::UserInfo => f.write_str(
                "user name and password in a WebSocket URI are not sent; \
                 use an Authorization header",
            ),
            Self::Fragment => f.write_str("a WebSocket URI has no fragment; a `#` in path or query is written %23"),
            Self::ControlCharacter { character, position } => {
                write!(f, "the URI has a control character, U+{:04X}, at position {position}", u32::from(*character))?;
                write!(f, "; in path or query write {}", Escaped(*character))
            }
            Self::InvalidHeaderName(name) => write!(f, "{name} is not a header name"),
            Self::InvalidHeaderValue(name) => {
                write!(f, "the value of header {name} has a line break or control byte")
            }
            Self::ReservedHeader(name) => {
                write!(f, "the header {name} belongs to the handshake and cannot be set: ")?;
                f.write_str(match name.as_str() {
                    "Sec-WebSocket-Protocol" => "use the setting for subprotocols",
                    "Sec-WebSocket-Extensions" => "use the setting for compression or extensions",
                    "Host" => "use the setting for the host",
                    "Content-Length" | "Transfer-Encoding" => "a handshake has no body",
                    _ => "leave it out",
                })
            }
            Self::TooManyHeaders { limit } => write!(f, "more than {limit} headers are set"),
            Self::RepeatedOrigin => f.write_str("the header `Origin` is set several times"),
            Self::InvalidSubprotocol(name) => write!(f, "{name} is not a subprotocol name"),
            Self::RepeatedSubprotocol(name) => write!(f, "subprotocol `{name}` is offered twice"),
            Self::UnofferedSubprotocol(name) => {
                write!(f, "subprotocol `{name}` was not offered by the client")
            }
            Self::InvalidExtension(text) => write!(f, "{text} is not an extension"),
            Self::UnofferedExtension(name) => {
                write!(f, "extension {name} was not offered by the client")
            }
            Self::RepeatedExtension(name) => write!(f, "extension {name} is agreed to twice"),
            Self::Status(status) => write!(f, "its status is {status}, not 101"),
            Self::ConnectStatus(status) => write!(f, "its status is {status}, not 200"),
            Self::HttpVersion(version) => write!(f, "it came as {version:?}, not HTTP/1.1"),
            Self::Upgrade(None) => f.write_str("it has no `Upgrade: websocket` header"),
            Self::Upgrade(Some(value)) => write!(f, "its Upgrade is {value}, not `websocket`"),
            Self::Connection(None) => f.write_str("it has no `Connection: Upgrade` header"),
            Self::Connection(Some(value)) => {
                write!(f, "its Connection is {value}, without `upgrade`")
            }
            Self::MissingHeader(name) => write!(f, "it has no {name} header"),
            Self::RepeatedHeader(name) => write!(f, "it has several {name} headers"),
            Self::WrongAccept(value) => {
                write!(f, "its Sec-WebSocket-Accept {value} does not answer the key we sent")
            }
            Self::WrongSubprotocol(name) => {
                write!(f, "it chose the subprotocol {name}, which we did not offer")
            }
            Self::Extensions(error) => write!(f, "its Sec-WebSocket-Extensions: {error}"),
            Self::WrongExtension(name) => {
                write!(f, "it uses the extension {name}, which we did not offer")
            }
            Self::ExtensionUsedTwice(name) => write!(f, "it has the extension {name} twice"),
            Self::Compression(error) => write!(f, "it uses {error}"),
        }
    }
}

impl std::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Extensions(error) => Some(error),
            Self::Compression(error) => Some(error),
            _ => None,
        }
    }
}

impl From<InvalidSubprotocol> for HandshakeError {
    fn from(error: InvalidSubprotocol) -> Self {
        Self::InvalidSubprotocol(error.0)
    }
}

/// A character in the percent-encoding of a URI.
pub(super) struct Escaped(pub(super) char);

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))
    }
}

/// Whether the digits are too large a number for a port.
fn is_too_large(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_err()
}
