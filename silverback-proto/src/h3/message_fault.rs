//! The faults of messages, received and sent.

use std::fmt;

use http::HeaderName;

use crate::handshake::Received;

/// The reason why a message is malformed (RFC 9114, 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageFault {
    /// A name with upper-case letters or with characters that no name has (4.2, 10.3).
    FieldName(Received),
    /// A value with characters that no value has (10.3).
    FieldValue(HeaderName),
    /// A header about the connection, which HTTP/3 does not have (4.2).
    ConnectionSpecific(HeaderName),
    /// A pseudo-header field after another field (4.3).
    LatePseudo(Received),
    /// A pseudo-header field that this kind of message does not have (4.3).
    UnknownPseudo(Received),
    /// A pseudo-header field that comes twice (4.3.1).
    DuplicatePseudo(&'static str),
    /// A pseudo-header field is missing (4.3.1, 4.3.2).
    MissingPseudo(&'static str),
    /// `:scheme` or `:path` in a CONNECT request without `:protocol` (4.4).
    PseudoInConnect(&'static str),
    /// `:protocol` in a request that is not CONNECT (RFC 8441, 4).
    ProtocolWithoutConnect,
    /// A pseudo-header field, or `host`, with a malformed value.
    Invalid {
        /// The name of the field.
        name: &'static str,
        /// Its value.
        value: Received,
    },
    /// Neither `:authority` nor `Host` (4.3.1).
    NoAuthority,
    /// Several `Host` headers.
    SeveralHosts,
    /// `Host` differs from `:authority` (4.3.1).
    OtherHost {
        /// The value of `:authority`.
        authority: Received,
        /// The value of `Host`.
        host: Received,
    },
    /// The status 101, which HTTP/3 does not have (4.5).
    SwitchingProtocols,
    /// A `Content-Length` that is not a number, or several that differ.
    ContentLength(Received),
    /// The content is longer or shorter than `Content-Length` says (4.1.2).
    ContentLengthDiffers {
        /// The declared length, in bytes.
        declared: u64,
    },
    /// The server's stream ended before the response (4.1).
    NoResponse,
}

impl MessageFault {
    pub(super) fn invalid(name: &'static str, value: &[u8]) -> Self {
        Self::Invalid { name, value: Received::new(value) }
    }
}

impl fmt::Display for MessageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldName(name) => write!(f, "the field name {name} is not a token in lower case"),
            Self::FieldValue(name) => write!(f, "the value of {name} has characters that are not allowed"),
            Self::ConnectionSpecific(name) => write!(f, "the header {name} is not allowed in HTTP/3"),
            Self::LatePseudo(name) => write!(f, "the pseudo-header field {name} comes after other fields"),
            Self::UnknownPseudo(name) => write!(f, "the pseudo-header field {name} is not allowed here"),
            Self::DuplicatePseudo(name) => write!(f, "the pseudo-header field {name} comes twice"),
            Self::MissingPseudo(name) => write!(f, "the pseudo-header field {name} is missing"),
            Self::PseudoInConnect(name) => {
                write!(f, "the pseudo-header field {name} is not allowed in CONNECT without :protocol")
            }
            Self::ProtocolWithoutConnect => f.write_str("the pseudo-header field :protocol is only allowed in CONNECT"),
            Self::Invalid { name, value } => write!(f, "the field {name} has the malformed value {value}"),
            Self::NoAuthority => f.write_str("the request has neither :authority nor Host"),
            Self::SeveralHosts => f.write_str("the request has several Host headers"),
            Self::OtherHost { authority, host } => write!(f, "the Host {host} differs from :authority {authority}"),
            Self::SwitchingProtocols => f.write_str("the status 101 does not exist in HTTP/3"),
            Self::ContentLength(value) => write!(f, "the Content-Length {value} is not one number"),
            Self::ContentLengthDiffers { declared } => {
                write!(f, "the content does not have the {declared} bytes that Content-Length declares")
            }
            Self::NoResponse => f.write_str("the stream ended before the response"),
        }
    }
}

impl std::error::Error for MessageFault {}

/// Why a message of ours cannot be sent over HTTP/3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsendableMessage {
    /// The URI has no scheme.
    NoScheme,
    /// The URI has no authority, and there is no `Host` header.
    NoAuthority,
    /// A `:protocol` with another method than CONNECT.
    ProtocolWithoutConnect,
    /// A `:protocol` that is not a token.
    InvalidProtocol,
    /// The status 101, which HTTP/3 does not have.
    SwitchingProtocols,
}

impl fmt::Display for UnsendableMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoScheme => "the URI of a request over HTTP/3 needs a scheme",
            Self::NoAuthority => "the URI of a request over HTTP/3 needs a host",
            Self::ProtocolWithoutConnect => "only a CONNECT request has a :protocol",
            Self::InvalidProtocol => "the :protocol is not a token",
            Self::SwitchingProtocols => "the status 101 does not exist in HTTP/3",
        })
    }
}

impl std::error::Error for UnsendableMessage {}
