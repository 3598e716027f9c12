//! The errors in the bytes of a head.

use std::fmt;

use http::StatusCode;

/// Why bytes are not a readable HTTP/1.1 head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// The head is longer than allowed.
    TooLarge {
        /// The most bytes allowed, the final empty line included.
        limit: usize,
    },
    /// The head has more header lines than allowed.
    TooManyHeaders {
        /// The most lines allowed.
        limit: usize,
    },
    /// A control byte that a head must not contain. A TLS connection begins with 0x16.
    ControlByte(u8),
    /// A line that ends with LF alone, or CR without LF.
    LineEnding,
    /// The stream ended within the head. The caller that reads the stream reports this.
    UnexpectedEnd,
    /// The start line is malformed: the method, the blanks, the status or the reason.
    StartLine,
    /// The request target is neither a path nor an absolute URI, or it has a fragment.
    Target,
    /// The version is neither HTTP/1.1 nor HTTP/1.0.
    Version,
    /// A header line is malformed: no colon, a blank before it, a folded line, a forbidden byte.
    Header,
}

impl HeadError {
    /// The HTTP status that a server answers with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } | Self::TooManyHeaders { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::ControlByte(_)
            | Self::LineEnding
            | Self::UnexpectedEnd
            | Self::StartLine
            | Self::Target
            | Self::Header => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the head is longer than {limit} bytes"),
            Self::TooManyHeaders { limit } => write!(f, "it has more than {limit} header lines"),
            Self::ControlByte(0x16) => f.write_str("it begins like TLS, or has the control byte 0x16"),
            Self::ControlByte(byte) => write!(f, "it has the control byte 0x{byte:02X}"),
            Self::LineEnding => f.write_str("a line does not end with CR LF"),
            Self::UnexpectedEnd => f.write_str("the stream ended within the head"),
            Self::StartLine => f.write_str("its first line is malformed"),
            Self::Target => f.write_str("its target is not a path or an absolute URI"),
            Self::Version => f.write_str("its version is not HTTP/1.1"),
            Self::Header => f.write_str("a header line is malformed"),
        }
    }
}

impl std::error::Error for HeadError {}
