//! The codes that end a stream or a connection (RFC 9114, 8.1; RFC 9204, 6).

use std::fmt;

/// An application error code of QUIC. Unknown codes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(u64);

macro_rules! codes {
    ($($(#[$doc:meta])* $code:literal $name:ident $text:literal;)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name in the registry of the RFC; `None` if the code is not in it.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The connection or stream ends, and nothing is wrong.
    0x100 NO_ERROR "H3_NO_ERROR";
    /// The peer broke a rule without a more specific code.
    0x101 GENERAL_PROTOCOL_ERROR "H3_GENERAL_PROTOCOL_ERROR";
    /// A fault of our own.
    0x102 INTERNAL_ERROR "H3_INTERNAL_ERROR";
    /// The peer opened a stream that we do not accept.
    0x103 STREAM_CREATION_ERROR "H3_STREAM_CREATION_ERROR";
    /// A stream ended that must stay open as long as the connection.
    0x104 CLOSED_CRITICAL_STREAM "H3_CLOSED_CRITICAL_STREAM";
    /// A frame that is not allowed here or now.
    0x105 FRAME_UNEXPECTED "H3_FRAME_UNEXPECTED";
    /// A frame with a wrong length or layout.
    0x106 FRAME_ERROR "H3_FRAME_ERROR";
    /// The peer sends more than we are willing to process.
    0x107 EXCESSIVE_LOAD "H3_EXCESSIVE_LOAD";
    /// A stream ID or push ID that is not allowed.
    0x108 ID_ERROR "H3_ID_ERROR";
    /// A SETTINGS frame with forbidden content.
    0x109 SETTINGS_ERROR "H3_SETTINGS_ERROR";
    /// The control stream does not begin with SETTINGS.
    0x10A MISSING_SETTINGS "H3_MISSING_SETTINGS";
    /// The server did not process the request at all, so the client may repeat it.
    0x10B REQUEST_REJECTED "H3_REQUEST_REJECTED";
    /// The request or its response is not wanted any more.
    0x10C REQUEST_CANCELLED "H3_REQUEST_CANCELLED";
    /// The client's stream ended before its request was complete.
    0x10D REQUEST_INCOMPLETE "H3_REQUEST_INCOMPLETE";
    /// A malformed request or response.
    0x10E MESSAGE_ERROR "H3_MESSAGE_ERROR";
    /// The TCP connection behind a CONNECT request was reset or failed.
    0x10F CONNECT_ERROR "H3_CONNECT_ERROR";
    /// The request cannot be served over HTTP/3; the client should use HTTP/1.1.
    0x110 VERSION_FALLBACK "H3_VERSION_FALLBACK";
    /// A field section that QPACK cannot decode.
    0x200 QPACK_DECOMPRESSION_FAILED "QPACK_DECOMPRESSION_FAILED";
    /// A forbidden instruction on the peer's QPACK encoder stream.
    0x201 QPACK_ENCODER_STREAM_ERROR "QPACK_ENCODER_STREAM_ERROR";
    /// A forbidden instruction on the peer's QPACK decoder stream.
    0x202 QPACK_DECODER_STREAM_ERROR "QPACK_DECODER_STREAM_ERROR";
}

impl ErrorCode {
    /// Takes a code as QUIC reports it.
    pub const fn new(code: u64) -> Self {
        Self(code)
    }

    /// The code as QUIC sends it.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:x}", self.0),
        }
    }
}
