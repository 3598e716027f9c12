//! WebSocket without I/O: frames, rules, messages, handshakes and the state machine of a connection.
//!
//! This crate reads no socket, no clock and no random source. You pass in bytes, instants and mask keys, and you get
//! events and slices to send. So every rule can be tested without a network, and one state machine serves every
//! transport.
//!
//! The owner of a [`Connection`] has three duties:
//! - Call [`handle_input`](Connection::handle_input) until it has used all input.
//! - After every command and every `handle_*`, send the slices of
//!   [`poll_transmit`](connection::Transmitter::poll_transmit).
//! - Call [`handle_timeout`](connection::Transmitter::handle_timeout) at the instant that
//!   [`poll_timeout`](connection::Transmitter::poll_timeout) returns.
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
//!
//! # Features
//! - `deflate` (default): compression of messages (permessage-deflate, RFC 7692). Without it, `deflate::Compression` has no
//!   value, and zlib-rs is not built.
//! - `http3`: `h3`, the layer of HTTP/3 that WebSocket needs (RFC 9114, 9204, 9220).
//! - `idna`: host names outside ASCII.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod connection;
pub mod deflate;
#[cfg(feature = "http3")]
pub mod h3;
pub mod handshake;
mod message;
mod wire;

pub use connection::{
    CloseInfo, Connection, Event, Initiator, State, Stats,
    config::Config,
    event::{ControlPayload, Handled, Incoming, PayloadLocation, ReadMode, ReceivedEvent},
};
pub use deflate::budget::MemoryBudget;
pub use handshake::{Negotiated, Subprotocol};
pub use message::{
    Message, MessageRef, buffer,
    close::{CloseFrame, UnsendableCode},
    prepared::PreparedMessage,
    text::Text,
    utf8::Utf8Validator,
};
pub use wire::{
    close_code::CloseCode,
    error::{ConnectionError, LimitError, ProtocolError, SendError, Timeout},
    header::{FrameHeader, HeaderBytes, MAX_HEADER_LEN},
    limits::Limits,
    mask::MaskKey,
    opcode::{MessageKind, Opcode},
    role::Role,
};
