//! Opcodes (RFC 6455, 5.2 and 11.8): the registry's numbers by name, and the kinds of messages that they start.
//! `rules` decides whether an opcode is allowed.

use std::fmt;

/// The type of a frame, as its four opcode bits say.
///
/// Decoding keeps reserved values, so that an error can name them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opcode(u8);

impl Opcode {
    /// A further fragment of the open message.
    pub const CONTINUATION: Self = Self(0x0);
    /// The first frame of a text message.
    pub const TEXT: Self = Self(0x1);
    /// The first frame of a binary message.
    pub const BINARY: Self = Self(0x2);
    /// The closing handshake (5.5.1).
    pub const CLOSE: Self = Self(0x8);
    /// A ping (5.5.2).
    pub const PING: Self = Self(0x9);
    /// A pong (5.5.3).
    pub const PONG: Self = Self(0xA);

    /// The opcode in the low four bits of a frame's first byte.
    pub const fn from_bits(byte: u8) -> Self {
        Self(byte & 0x0F)
    }

    /// The four bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether this is a control frame, which has the top bit of the opcode set (5.5).
    pub const fn is_control(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Whether the opcode is reserved: 3 to 7 and 11 to 15.
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0x3..=0x7 | 0xB..=0xF)
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CONTINUATION => f.write_str("continuation"),
            Self::TEXT => f.write_str("text"),
            Self::BINARY => f.write_str("binary"),
            Self::CLOSE => f.write_str("close"),
            Self::PING => f.write_str("ping"),
            Self::PONG => f.write_str("pong"),
            Self(bits) => write!(f, "reserved opcode {bits:#x}"),
        }
    }
}

/// The two kinds of messages (RFC 6455, 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

impl MessageKind {
    /// The opcode of the message's first frame.
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::TEXT,
            Self::Binary => Opcode::BINARY,
        }
    }

    /// The kind of the message that a frame with this opcode starts; `None` for other frames.
    pub const fn from_opcode(opcode: Opcode) -> Option<Self> {
        match opcode {
            Opcode::TEXT => Some(Self::Text),
            Opcode::BINARY => Some(Self::Binary),
            _ => None,
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.opcode().fmt(f)
    }
}
