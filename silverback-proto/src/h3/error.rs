//! The errors of HTTP/3: which code the peer gets, and whether the connection ends or only the stream (RFC 9114, 8).

use std::fmt;

use http::StatusCode;

use super::{error_code::ErrorCode, frame::FrameType, message_fault::MessageFault, stream_type::StreamType};

/// A rule of HTTP/3 that the peer broke, or a limit that it exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A frame that must not come here or now (7.2).
    UnexpectedFrame {
        /// The type of the frame.
        frame: FrameType,
        /// The place where it arrived.
        place: Place,
    },
    /// The control stream begins with another frame than SETTINGS (6.2.1).
    MissingSettings {
        /// The type of its first frame.
        first: FrameType,
    },
    /// No SETTINGS came, although each side sends them at the beginning of the connection (6.2.1).
    NoSettings,
    /// The payload of a frame is too short or too long for its content (7.1).
    MalformedFrame(FrameType),
    /// A stream ended cleanly inside a frame (7.1).
    TruncatedFrame,
    /// An identifier of the wrong kind, or one that moved in the wrong direction (5.2, 7.2.7).
    InvalidId {
        /// The type of the frame.
        frame: FrameType,
        /// The identifier.
        id: u64,
    },
    /// The peer acts as if there was a server push, which we never allow (4.6).
    UninvitedPush,
    /// A client opened a push stream (6.2.2).
    PushStreamFromClient,
    /// A second stream of a type that may exist once (6.2.1; RFC 9204, 4.2).
    DuplicateStream(StreamType),
    /// A stream ended that must stay open as long as the connection (6.2.1; RFC 9204, 4.2).
    ClosedCriticalStream(StreamType),
    /// A SETTINGS frame with forbidden content (7.2.4).
    Settings(SettingsFault),
    /// The first byte of a forbidden instruction on the QPACK encoder stream (RFC 9204, 3.2.3).
    EncoderInstruction(u8),
    /// A byte of a forbidden instruction on the QPACK decoder stream (RFC 9204, 4.4).
    DecoderInstruction(u8),
    /// A field section that QPACK cannot decode (RFC 9204, 2.2).
    FieldSection(FieldSectionFault),
    /// A malformed request or response (4.1.2).
    Message(MessageFault),
    /// The client's stream ended before its request (4.1).
    IncompleteRequest,
    /// A limit of ours that the peer exceeded.
    Limit(LimitError),
}

impl Error {
    /// The code that the peer gets when the stream or the connection is closed.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UnexpectedFrame { .. } => ErrorCode::FRAME_UNEXPECTED,
            Self::MissingSettings { .. } | Self::NoSettings => ErrorCode::MISSING_SETTINGS,
            Self::MalformedFrame(_) | Self::TruncatedFrame => ErrorCode::FRAME_ERROR,
            Self::InvalidId { .. } | Self::UninvitedPush => ErrorCode::ID_ERROR,
            Self::PushStreamFromClient | Self::DuplicateStream(_) => ErrorCode::STREAM_CREATION_ERROR,
            Self::ClosedCriticalStream(_) => ErrorCode::CLOSED_CRITICAL_STREAM,
            Self::Settings(_) => ErrorCode::SETTINGS_ERROR,
            Self::EncoderInstruction(_) => ErrorCode::QPACK_ENCODER_STREAM_ERROR,
            Self::DecoderInstruction(_) => ErrorCode::QPACK_DECODER_STREAM_ERROR,
            Self::FieldSection(_) => ErrorCode::QPACK_DECOMPRESSION_FAILED,
            Self::Message(_) => ErrorCode::MESSAGE_ERROR,
            Self::IncompleteRequest => ErrorCode::REQUEST_INCOMPLETE,
            Self::Limit(_) => ErrorCode::EXCESSIVE_LOAD,
        }
    }

    /// Whether the whole connection ends (8). Otherwise only the request stream does, and the others go on.
    pub fn ends_connection(&self) -> bool {
        match self {
            Self::Message(_) | Self::IncompleteRequest => false,
            Self::Limit(error) => error.ends_connection(),
            _ => true,
        }
    }

    /// The HTTP status of the response that a server may send before it ends the stream (4.1.2, 4.2.2); `None` if the
    /// fault is not in the request itself.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Message(_) => Some(StatusCode::BAD_REQUEST),
            Self::Limit(error) if !error.ends_connection() => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedFrame { frame, place } => write!(f, "a frame of type {frame} is not allowed {place}"),
            Self::MissingSettings { first } => {
                write!(f, "the control stream begins with a frame of type {first} instead of SETTINGS")
            }
            Self::NoSettings => f.write_str("no SETTINGS came in time"),
            Self::MalformedFrame(frame) => write!(f, "the length of a frame of type {frame} does not fit its content"),
            Self::TruncatedFrame => f.write_str("the stream ended inside a frame"),
            Self::InvalidId { frame, id } => write!(f, "the identifier {id} is not valid in this {frame} frame"),
            Self::UninvitedPush => f.write_str("a server push was not allowed, so nothing can refer to one"),
            Self::PushStreamFromClient => f.write_str("a client must not open a push stream"),
            Self::DuplicateStream(stream) => write!(f, "a second {stream} stream"),
            Self::ClosedCriticalStream(stream) => write!(f, "the {stream} stream ended before the connection"),
            Self::Settings(fault) => fault.fmt(f),
            Self::EncoderInstruction(byte) => {
                write!(f, "the QPACK encoder stream must not change a dynamic table without room (0x{byte:02x})")
            }
            Self::DecoderInstruction(byte) => {
                write!(f, "the QPACK decoder stream acknowledges entries that were never sent (0x{byte:02x})")
            }
            Self::FieldSection(fault) => fault.fmt(f),
            Self::Message(fault) => fault.fmt(f),
            Self::IncompleteRequest => f.write_str("the stream ended before the request"),
            Self::Limit(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Settings(fault) => Some(fault),
            Self::FieldSection(fault) => Some(fault),
            Self::Message(fault) => Some(fault),
            Self::Limit(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SettingsFault> for Error {
    fn from(fault: SettingsFault) -> Self {
        Self::Settings(fault)
    }
}

impl From<FieldSectionFault> for Error {
    fn from(fault: FieldSectionFault) -> Self {
        Self::FieldSection(fault)
    }
}

impl From<MessageFault> for Error {
    fn from(fault: MessageFault) -> Self {
        Self::Message(fault)
    }
}

impl From<LimitError> for Error {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

/// The place of a frame that is not allowed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// On the control stream.
    ControlStream,
    /// On the control stream, after its first frame.
    AfterSettings,
    /// On a request stream.
    RequestStream,
    /// From a client.
    FromClient,
    /// From a server.
    FromServer,
    /// On a request stream, before the first HEADERS.
    BeforeHeaders,
    /// On a request stream, after the trailers.
    AfterTrailers,
    /// On the stream of a CONNECT request, after it was accepted or sent.
    Tunnel,
    /// On any stream: it belongs to HTTP/2.
    Http3,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ControlStream => "on the control stream",
            Self::AfterSettings => "after the first frame of the control stream",
            Self::RequestStream => "on a request stream",
            Self::FromClient => "from a client",
            Self::FromServer => "from a server",
            Self::BeforeHeaders => "before the first HEADERS",
            Self::AfterTrailers => "after the trailers",
            Self::Tunnel => "on the stream of a CONNECT request",
            Self::Http3 => "in HTTP/3, only in HTTP/2",
        })
    }
}

/// The fault in a SETTINGS frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsFault {
    /// The same setting comes twice (7.2.4).
    Duplicate(u64),
    /// A setting that only HTTP/2 has (7.2.4.1).
    Http2(u64),
    /// A setting that is 0 or 1 has another value (RFC 8441, 3).
    NotABoolean {
        /// The setting.
        identifier: u64,
        /// Its value.
        value: u64,
    },
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(identifier) => write!(f, "the setting 0x{identifier:x} comes twice"),
            Self::Http2(identifier) => write!(f, "the setting 0x{identifier:x} belongs to HTTP/2"),
            Self::NotABoolean { identifier, value } => {
                write!(f, "the setting 0x{identifier:x} is {value} instead of 0 or 1")
            }
        }
    }
}

impl std::error::Error for SettingsFault {}

/// The fault in an encoded field section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldSectionFault {
    /// It ends inside a field, or a string declares more bytes than there are.
    Truncated,
    /// An integer of more than 62 bits, or with more bytes than those need (RFC 9204, 4.1.1).
    Integer,
    /// Huffman code with bad padding or with the symbol for the end of the string (RFC 7541, 5.2).
    Huffman,
    /// An index beyond the static table (RFC 9204, 3.1).
    StaticIndex(u64),
    /// A reference to the dynamic table, which has no room (RFC 9204, 2.2.3).
    DynamicTable,
    /// The base is negative (RFC 9204, 4.5.1.2).
    NegativeBase,
}

impl fmt::Display for FieldSectionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("a field section ends inside a field"),
            Self::Integer => f.write_str("a field section has an integer of more than 62 bits"),
            Self::Huffman => f.write_str("a field section has malformed Huffman code"),
            Self::StaticIndex(index) => write!(f, "a field section refers to the static entry {index} of 0 to 98"),
            Self::DynamicTable => f.write_str("a field section refers to a dynamic table without room"),
            Self::NegativeBase => f.write_str("the base of a field section is negative"),
        }
    }
}

impl std::error::Error for FieldSectionFault {}

/// A limit of ours that the peer exceeded. [`Limits`](super::Limits) has the defaults and their reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitError {
    /// A SETTINGS frame declares more than `Limits::settings_frame`.
    SettingsFrame {
        /// The declared length, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A HEADERS frame declares more than `Limits::field_section`.
    EncodedFieldSection {
        /// The declared length, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A field section grows beyond `Limits::field_section`.
    FieldSection {
        /// The least size that the section would have reached, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A field section has more fields than `Limits::fields`.
    Fields {
        /// The limit.
        limit: usize,
    },
    /// A server sends more interim responses than `Limits::interim_responses`.
    InterimResponses {
        /// The limit.
        limit: u32,
    },
    /// A client cancels too many requests in a short time. A driver counts them.
    CancelledRequests {
        /// The limit.
        limit: u32,
    },
}

impl LimitError {
    fn ends_connection(&self) -> bool {
        match self {
            Self::SettingsFrame { .. } | Self::CancelledRequests { .. } => true,
            // Without a dynamic table, the other streams do not depend on this section.
            Self::EncodedFieldSection { .. }
            | Self::FieldSection { .. }
            | Self::Fields { .. }
            | Self::InterimResponses { .. } => false,
        }
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SettingsFrame { size, limit } => {
                write!(f, "a SETTINGS frame of {size} bytes is over the limit of {limit}")
            }
            Self::EncodedFieldSection { size, limit } => {
                write!(f, "a HEADERS frame of {size} bytes is over the limit of {limit}")
            }
            Self::FieldSection { size, limit } => {
                write!(f, "a field section of {size} bytes or more is over the limit of {limit}")
            }
            Self::Fields { limit } => write!(f, "a field section has more than {limit} fields"),
            Self::InterimResponses { limit } => write!(f, "more than {limit} interim responses"),
            Self::CancelledRequests { limit } => write!(f, "more than {limit} requests were cancelled in a short time"),
        }
    }
}

impl std::error::Error for LimitError {}
