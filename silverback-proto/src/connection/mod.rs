//! The state machine of one connection, as one value or as the two halves that a driver needs.
//!
//! [`Receiver`] reads the peer's bytes and needs no lock. [`Transmitter`] holds the state that reader and writers
//! share. [`Connection`] joins both, for owners without threads.
//!
//! ```text
//! recv                  reads frames                      send, large      build frames
//! state                 the connection's state            outbox           queues them
//! output                the state of the output           compressor       compresses messages
//! writers, room         whose turn it is to queue         tracker          which output has left
//! timer, life           deadlines and signs of life       closing          how the connection closed
//! close_sequence        the steps after the last message  config           every limit and time
//! ```
//!
//! `state` alone moves the connection's state, and `output` that of its output. This room may use every other one.

mod close_sequence;
mod closing;
mod compressor;
pub(crate) mod config;
pub(crate) mod event;
mod frame_in_progress;
mod large;
mod life;
mod outbox;
mod output;
mod recv;
mod room;
mod send;
mod state;
mod stats;
mod timer;
mod tracker;
mod transmit;
mod writers;

#[cfg(test)]
mod tests;

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

pub use self::{
    close_sequence::{CloseSequence, CloseStep},
    closing::{CloseInfo, Initiator},
    config::LARGE_MESSAGE,
    large::{LargeMessage, LargePreparation, LargeSource},
    output::{Hold, OutputState},
    recv::Receiver,
    room::WaiterId,
    state::State,
    stats::{OutputProgress, Stats},
    transmit::Transmitter,
    writers::{FlushFor, Polled, RoomFor, Writers},
};
use crate::{
    connection::{
        config::Config,
        event::{ControlPayload, Incoming, ReadMode, ReceivedEvent},
    },
    handshake::negotiated::Negotiated,
    message::close::CloseFrame,
    wire::{error::ConnectionError, mask::MaskKey, role::Role},
};

/// One connection after its opening handshake. It derefs to [`Transmitter`], which has the commands and the counters.
#[derive(Debug)]
pub struct Connection {
    receiver: Receiver,
    transmitter: Transmitter,
}

/// The outcome of one call of [`Connection::handle_input`].
#[derive(Debug)]
pub struct Progress<'a> {
    /// How many bytes at the front of the input were used. Call again with the rest.
    pub consumed: usize,
    /// The event that these bytes complete; `None` if all of the input was used and more is needed.
    pub event: Option<Event<'a>>,
}

/// A complete message or control frame from the peer. Replies to pings and closes are already queued.
#[derive(Debug)]
pub enum Event<'a> {
    /// A message.
    Message(Incoming<'a>),
    /// A ping.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// A Close frame; `None` if it is empty.
    Close(Option<CloseFrame>),
}

impl Connection {
    /// Creates a connection that is open since `now`, with the parameters that the handshake negotiated. A client calls
    /// `mask_source` for an unpredictable key for each frame (RFC 6455, 5.3 and 10.3). A server never calls it.
    pub fn new(
        role: Role,
        negotiated: Negotiated,
        config: impl Into<Arc<Config>>,
        now: Instant,
        mask_source: fn() -> MaskKey,
    ) -> Self {
        let config = config.into();
        Self {
            receiver: Receiver::new(role, &config, &negotiated),
            transmitter: Transmitter::new(role, config, &negotiated, now, mask_source),
        }
    }

    /// Uses input until an event is complete or all of the input is used. The event may borrow its payload from
    /// `input`.
    ///
    /// # Errors
    /// Fails if the peer broke a rule or exceeded a limit. The Close frame that reports it is queued, and later input
    /// is ignored.
    pub fn handle_input<'a>(&'a mut self, now: Instant, input: &'a mut [u8]) -> Result<Progress<'a>, ConnectionError> {
        let Self { receiver, transmitter } = self;
        let handled =
            receiver.handle_input(input, ReadMode::Whole).inspect_err(|e| transmitter.handle_fault(now, e))?;
        let consumed = handled.consumed;
        transmitter.handle_received(now, consumed);
        let Some(received) = handled.received else { return Ok(Progress { consumed, event: None }) };
        transmitter.handle_event(now, &received);
        let event = match received {
            ReceivedEvent::Message(location) | ReceivedEvent::Piece { location, .. } => {
                let message = receiver.message(input, location);
                Event::Message(message.inspect_err(|e| transmitter.handle_fault(now, e))?)
            }
            ReceivedEvent::Ping(payload) => Event::Ping(payload),
            ReceivedEvent::Pong(payload) => Event::Pong(payload),
            ReceivedEvent::Close(close) => Event::Close(close),
        };
        Ok(Progress { consumed, event: Some(event) })
    }

    /// Splits the connection into its halves, for a driver that reads and writes in different places.
    pub fn split(self) -> (Receiver, Transmitter) {
        (self.receiver, self.transmitter)
    }
}

impl Deref for Connection {
    type Target = Transmitter;

    fn deref(&self) -> &Transmitter {
        &self.transmitter
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Transmitter {
        &mut self.transmitter
    }
}
