//! The errors of a connection: whose fault they are, and which close code the peer gets.
//! Errors of the handshake, which have HTTP statuses, are in `handshake::error`.

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use super::{close_code::CloseCode, opcode::Opcode, role::Role};

/// Why a connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer broke RFC 6455.
    Protocol(ProtocolError),
    /// The peer exceeded a limit of ours.
    Limit(LimitError),
    /// The peer was too slow, or is gone.
    Timeout(Timeout),
    /// The transport ended, or failed, before the closing handshake was done (1006).
    Lost,
    /// Misuse by the caller: the [`PayloadLocation`](crate::PayloadLocation) belongs to another input, or its message
    /// was taken before. The connection is unchanged.
    StaleLocation,
}

impl ConnectionError {
    /// The code of the Close frame that the peer gets; `None` if no Close frame is sent.
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Protocol(error) => Some(error.close_code()),
            Self::Limit(error) => Some(error.close_code()),
            Self::Timeout(_) | Self::Lost | Self::StaleLocation => None,
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::Timeout(error) => error.fmt(f),
            Self::Lost => f.write_str("the connection ended without a closing handshake"),
            Self::StaleLocation => {
                f.write_str("the payload location is stale: it belongs to another input, or was used")
            }
        }
    }
}

impl std::error::Error for ConnectionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Limit(error) => Some(error),
            Self::Timeout(error) => Some(error),
            Self::Lost | Self::StaleLocation => None,
        }
    }
}

impl From<ProtocolError> for ConnectionError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<LimitError> for ConnectionError {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

/// A rule of RFC 6455 that the peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// RSV1 is set and no extension uses it, or RSV2 or RSV3 is set (5.2).
    ReservedBits,
    /// An opcode without a meaning (5.2).
    ReservedOpcode(Opcode),
    /// A control frame without FIN (5.5).
    FragmentedControl(Opcode),
    /// A control frame of more than 125 bytes (5.5).
    LongControl {
        /// The opcode of the frame.
        opcode: Opcode,
        /// The declared length.
        payload_len: u64,
    },
    /// A 64-bit length with its top bit set (5.2).
    LengthTopBit,
    /// A length that is not in its shortest form (5.2).
    OverlongLength {
        /// The declared length.
        payload_len: u64,
    },
    /// A client sent a frame without a mask, or a server sent one with a mask (5.1).
    WrongMasking {
        /// The side that sent it.
        sender: Role,
    },
    /// A continuation frame, but no message is open (5.4).
    UnexpectedContinuation,
    /// A new data frame before the open message has ended (5.4).
    InterruptedMessage(Opcode),
    /// Text, or the reason of a Close, that is not UTF-8 (8.1).
    InvalidUtf8,
    /// A compressed message that is not valid DEFLATE data (RFC 7692, 7.2.2).
    InvalidDeflate,
    /// A Close frame with a payload of one byte (5.5.1).
    TruncatedCloseCode,
    /// A Close frame with a code that must not be sent (7.4).
    InvalidCloseCode(CloseCode),
}

impl ProtocolError {
    /// The code of the Close frame that the peer gets (7.4.1).
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("a reserved bit is set that no extension uses"),
            Self::ReservedOpcode(opcode) => write!(f, "{opcode} has no meaning"),
            Self::FragmentedControl(opcode) => write!(f, "a {opcode} frame must not be fragmented"),
            Self::LongControl { opcode, payload_len } => {
                write!(f, "a {opcode} frame of {payload_len} bytes: control frames hold at most 125")
            }
            Self::LengthTopBit => f.write_str("the top bit of a 64-bit length is set"),
            Self::OverlongLength { payload_len } => {
                write!(f, "the length {payload_len} is not in its shortest form")
            }
            Self::WrongMasking { sender: Role::Client } => f.write_str("a frame from a client must be masked"),
            Self::WrongMasking { sender: Role::Server } => f.write_str("a frame from a server must not be masked"),
            Self::UnexpectedContinuation => f.write_str("a continuation frame, but no message is open"),
            Self::InterruptedMessage(opcode) => {
                write!(f, "a {opcode} frame inside a message that is not finished")
            }
            Self::InvalidUtf8 => f.write_str("text that is not UTF-8"),
            Self::InvalidDeflate => f.write_str("a compressed message that cannot be inflated"),
            Self::TruncatedCloseCode => f.write_str("a close frame of one byte"),
            Self::InvalidCloseCode(code) => write!(f, "close code {code} must not be sent"),
        }
    }
}

impl std::error::Error for ProtocolError {}

/// A limit of ours that the peer exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitError {
    /// A frame declares more than `Config::max_frame_size`.
    Frame {
        /// The declared length, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A message grows beyond `Config::max_message_size`.
    Message {
        /// The least size that the message would have reached, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A compressed message grows beyond `Compression::max_inflate_ratio`.
    InflateRatio {
        /// The limit.
        limit: u32,
    },
    /// A message has more frames than `Config::max_fragments`.
    Fragments {
        /// The limit.
        limit: u32,
    },
    /// There is not enough memory for a message within the limits. On 32-bit systems no message can exceed 2 GiB.
    OutOfMemory {
        /// The size of the received part, in bytes.
        size: u64,
    },
    /// A compressed message needs more memory, and the connections have used up their
    /// [`MemoryBudget`](crate::MemoryBudget).
    MemoryBudget {
        /// The limit in bytes.
        limit: usize,
    },
    /// A compressed message has more final blocks than this. Each of them ends a stream, and the next block costs a new
    /// one (RFC 7692, 7.2.3.4).
    FinalBlocks {
        /// The limit.
        limit: u32,
    },
}

impl LimitError {
    /// The code of the Close frame that the peer gets: 1009 for sizes, 1008 for counts, 1013 if memory runs out.
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::Frame { .. } | Self::Message { .. } | Self::InflateRatio { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::Fragments { .. } | Self::FinalBlocks { .. } => CloseCode::POLICY_VIOLATION,
            Self::OutOfMemory { .. } | Self::MemoryBudget { .. } => CloseCode::TRY_AGAIN_LATER,
        }
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { size, limit } => write!(f, "a frame of {size} bytes is over the limit of {limit}"),
            Self::Message { size, limit } => {
                write!(f, "a message of {size} bytes or more is over the limit of {limit}")
            }
            Self::InflateRatio { limit } => {
                write!(f, "a compressed message grows to more than {limit} times its size")
            }
            Self::Fragments { limit } => write!(f, "a message has more than {limit} fragments"),
            Self::OutOfMemory { size } => write!(f, "there is no memory for a message of {size} bytes or more"),
            Self::MemoryBudget { limit } => {
                write!(f, "the memory for compressed messages of all connections, {limit} bytes, is used up")
            }
            Self::FinalBlocks { limit } => write!(f, "a compressed message has more than {limit} final blocks"),
        }
    }
}

impl std::error::Error for LimitError {}

/// A deadline that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timeout {
    /// The peer did not answer a keepalive ping.
    Pong(Duration),
    /// The peer did not finish the closing handshake.
    Close(Duration),
    /// The peer took no output.
    WriteStall(Duration),
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pong(after) => write!(f, "no byte came within {after:?} of a keepalive ping"),
            Self::Close(after) => write!(f, "the peer did not finish the closing handshake within {after:?}"),
            Self::WriteStall(after) => write!(f, "the peer took no output for {after:?}"),
        }
    }
}

impl std::error::Error for Timeout {}

/// The connection's state does not allow a command. The connection is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// A Close frame was sent, received or queued: no data may follow (5.5.1).
    Closing,
    /// A streamed message is open, and another message cannot be sent inside it (5.4).
    MessageOpen,
    /// A continuation, but no streamed message is open.
    NoMessageOpen,
    /// A ping or pong of more than 125 bytes (5.5).
    LongControl {
        /// Its length in bytes.
        size: usize,
    },
    /// A streamed text message that is not UTF-8 (8.1).
    InvalidUtf8,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closing => f.write_str("the connection is closing: nothing more can be sent"),
            Self::MessageOpen => f.write_str("another message is still being streamed"),
            Self::NoMessageOpen => f.write_str("no message is being streamed"),
            Self::LongControl { size } => {
                write!(f, "a ping or pong of {size} bytes: control frames hold at most 125")
            }
            Self::InvalidUtf8 => f.write_str("the text that is being streamed is not UTF-8"),
        }
    }
}

impl std::error::Error for SendError {}
