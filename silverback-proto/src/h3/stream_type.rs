//! The types of unidirectional streams (RFC 9114, 6.2; RFC 9204, 4.2).

use std::fmt;

/// The integer at the front of a unidirectional stream. Unknown types are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamType(u64);

impl StreamType {
    /// The control stream, which carries SETTINGS and GOAWAY.
    pub const CONTROL: Self = Self(0x0);
    /// A server push.
    pub const PUSH: Self = Self(0x1);
    /// The QPACK encoder's instructions to our decoder.
    pub const QPACK_ENCODER: Self = Self(0x2);
    /// The QPACK decoder's instructions to our encoder.
    pub const QPACK_DECODER: Self = Self(0x3);

    /// Creates a stream type from its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number on the wire.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for StreamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::CONTROL => "control",
            Self::PUSH => "push",
            Self::QPACK_ENCODER => "QPACK encoder",
            Self::QPACK_DECODER => "QPACK decoder",
            Self(number) => return write!(f, "0x{number:x}"),
        })
    }
}
