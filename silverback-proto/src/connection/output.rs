//! The state of a connection's output: the only file that moves it.

#[cfg(test)]
mod tests;

use std::time::Instant;

use OutputState::{Blocked, Closed, Closing, Held, Idle, Queued};

/// The state of the output between the queue and the transport. A driver writes in `Held` and `Queued`, and in
/// `Blocked` after the transport has announced room.
///
/// ```text
///          queue               hold
/// Idle ───────────▶ Queued ───────────▶ Held
///   ▲                │ ▲ ▲  take some    │
///   │   take all     │ │ └───────────────┤
///   ├────────────────┴─│─────────────────┤
///   │                  │ take some       │
///   │   take all       │      block      ▼
///   └────────────── Blocked { since } ◀───────  Idle, Held or Queued
///
/// Idle ── shut down ──▶ Closing              any of them ── lose ──▶ Closed
/// ```
///
/// `Idle` becomes `Blocked` if a layer above the socket, such as TLS, has taken everything and passes none on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputState {
    /// Everything that was accepted has left.
    Idle,
    /// Output waits for more output, so that both leave in one write.
    Held,
    /// Output is to be written as soon as possible.
    Queued,
    /// The transport takes nothing, or a layer above the socket passes nothing on.
    Blocked {
        /// The last progress, or the beginning of the wait.
        since: Instant,
    },
    /// Everything has left, and the write side is being shut down.
    Closing,
    /// Nothing is sent any more.
    Closed,
}

/// Whether output is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It is not. The driver writes now, if it [may](super::Transmitter::may_write).
    No,
    /// It is from now on. The driver makes sure to write later.
    Begins,
    /// It was before.
    GoesOn,
}

/// The steps. One that does not apply in a state changes nothing. They are separate functions and not one with an
/// argument, because the first two run for every message.
impl OutputState {
    /// Bytes were queued.
    #[inline]
    pub(super) fn queue(&mut self) {
        if matches!(self, Idle) {
            *self = Queued;
        }
    }

    /// The queued bytes wait for more. Returns whether they do: a blocked transport needs no decision.
    #[inline]
    pub(super) fn hold(&mut self) -> Hold {
        match self {
            Held => Hold::GoesOn,
            Queued => {
                *self = Held;
                Hold::Begins
            }
            Idle | Blocked { .. } | Closing | Closed => Hold::No,
        }
    }

    /// The transport took something, and bytes are left.
    pub(super) fn take_some(&mut self) {
        if matches!(self, Held | Blocked { .. }) {
            *self = Queued;
        }
    }

    /// Records that all output has left: the queue and the layers below are empty.
    pub(super) fn take_all(&mut self) {
        if matches!(self, Held | Queued | Blocked { .. }) {
            *self = Idle;
        }
    }

    /// Records that the transport takes no bytes now. An attempt that moves no bytes is not progress, so the wait
    /// continues.
    pub(super) fn block(&mut self, now: Instant) {
        if matches!(self, Idle | Held | Queued) {
            *self = Blocked { since: now };
        }
    }

    /// The peer has taken output that the transport held.
    pub(super) fn progress(&mut self, now: Instant) {
        if let Blocked { since } = self {
            *since = now;
        }
    }

    /// The write side is being shut down.
    pub(super) fn shut_down(&mut self) {
        if matches!(self, Idle) {
            *self = Closing;
        }
    }

    /// The transport ended, or the connection failed.
    pub(super) fn lose(&mut self) {
        *self = Closed;
    }
}

impl OutputState {
    /// Returns since when the transport takes nothing.
    #[inline]
    pub fn blocked_since(&self) -> Option<Instant> {
        match self {
            Blocked { since } => Some(*since),
            Idle | Held | Queued | Closing | Closed => None,
        }
    }
}
