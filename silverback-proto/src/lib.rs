//! WebSocket without I/O: frames, rules, messages, handshakes and the state machine of a connection.
//!
//! Nothing here reads a socket, a clock or a random source. Bytes, instants and mask keys come in as arguments; events
//! and slices to send come out. That makes every rule testable without a network, and lets one state machine drive
//! every transport and every style of use.
//!
//! The contract for the owner of a [`Connection`]: give it input until it has used all of it; after any `handle_*` or
//! command, send what [`poll_transmit`](connection::Transmitter::poll_transmit) yields; be back at
//! [`poll_timeout`](connection::Transmitter::poll_timeout).
//!
//! ```
//! use std::time::Instant;
//! use silverback_proto::{Config, Connection, Event, MaskKey, Negotiated, Role};
//!
//! let now = Instant::now();
//! let no_masks = || MaskKey([0; 4]); // only clients mask
//! let mut conn = Connection::new(Role::Server, Negotiated::default(), Config::default(), now, no_masks);
//! let mut input = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]; // RFC 6455, 5.7
//! let handled = conn.handle_input(now, &mut input)?;
//! let Some(Event::Message(message)) = handled.event else { panic!("a whole message") };
//! assert_eq!(message.into_message(), "Hello".into());
//! # Ok::<(), silverback_proto::ConnectionError>(())
//! ```

mod assembler;
mod budget;
pub mod buffer;
mod close;
mod config;
pub mod connection;
pub mod deflate;
mod error;
mod event;
pub mod handshake;
mod header;
mod mask;
mod message;
mod opcode;
mod prepared;
mod rules;
mod text;
mod utf8;

pub use budget::MemoryBudget;
pub use close::{CloseCode, CloseFrame, UnsendableCode};
pub use config::{Config, Limits};
pub use connection::{CloseInfo, Connection, Event, Initiator, State, Stats};
pub use error::{ConnectionError, LimitError, ProtocolError, SendError, Timeout};
pub use event::{Arrival, ControlPayload, Delivery, Handled, Incoming, Place};
pub use handshake::{Negotiated, Subprotocol};
pub use header::{FrameHeader, HeaderBytes, MAX_HEADER_LEN};
pub use mask::MaskKey;
pub use message::{Message, MessageKind, MessageRef};
pub use opcode::Opcode;
pub use prepared::PreparedMessage;
pub use text::Text;
pub use utf8::Utf8Validator;

/// Which side of the connection an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sent the opening handshake; masks what it sends.
    Client,
    /// Answered the opening handshake; closes the transport first.
    Server,
}

impl Role {
    /// The other side.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
