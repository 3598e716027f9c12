//! The state machine of one connection, in one piece or as the two halves that a driver needs.
//!
//! [`Receiver`] reads the peer's bytes and needs no lock; [`Transmitter`] holds what reader and writers share.
//! [`Connection`] is both, for owners without threads.
//!
//! `recv` reads frames and `send` builds them; `outbox` holds what waits to be sent, and `compressor` and `large` make
//! frames of what needs work. `state` alone moves the connection's state, `timer` keeps its deadlines, and `closing`
//! records how it ended. `config` has every limit and time. This room may use every other one.

mod closing;
mod compressor;
pub(crate) mod config;
pub(crate) mod event;
mod frame_in_progress;
mod large;
mod outbox;
mod recv;
mod room;
mod send;
mod state;
mod stats;
mod timer;
mod transmit;

#[cfg(test)]
mod tests;

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

pub use self::{
    closing::{CloseInfo, Initiator},
    config::LARGE_MESSAGE,
    large::{LargeMessage, LargePreparation, LargeSource},
    recv::Receiver,
    room::{Patience, RoomQueue, WaiterId},
    state::State,
    stats::{OutputProgress, Stats},
    transmit::Transmitter,
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

/// One connection after its opening handshake. Commands and readings are those of [`Transmitter`].
#[derive(Debug)]
pub struct Connection {
    receiver: Receiver,
    transmitter: Transmitter,
}

/// What one call of [`Connection::handle_input`] came to.
#[derive(Debug)]
pub struct Progress<'a> {
    /// How many bytes at the front of the input are done with. Call again with the rest.
    pub consumed: usize,
    /// What they amounted to; `None` when all of the input was taken and more is needed.
    pub event: Option<Event<'a>>,
}

/// Something whole that the peer sent. Pings and closes are already answered: the answer waits to be sent.
#[derive(Debug)]
pub enum Event<'a> {
    /// A message.
    Message(Incoming<'a>),
    /// A ping.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// A Close frame; an empty one has neither code nor reason.
    Close(Option<CloseFrame>),
}

impl Connection {
    /// A connection that is open since `now`, as both sides agreed in the handshake. `mask_source` gives a client one
    /// unpredictable key for each frame (RFC 6455, 5.3 and 10.3); a server never asks.
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

    /// Takes input until something whole has arrived or all of it is used. A payload may be lent from `input`.
    ///
    /// # Errors
    /// The peer broke a rule or a limit. The Close frame that tells it waits to be sent; nothing more will be read.
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

    /// The halves, for a driver whose reader and writers are apart.
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
