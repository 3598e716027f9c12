//! The steps from the last message of a connection to the end of its transport (RFC 6455, 7.1.1).

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::wire::role::Role;

/// The close sequence of a connection that receives no more messages. A driver takes the [step](Self::step), reports
/// its outcome, and stops at the [deadline](Self::deadline).
///
/// ```text
/// Send ──sent──▶ ShutDown ──done──▶ Drain ──end of input──▶ Done
///   └──sent, and the peer shuts down first──▲
/// ShutDown ──done, and a server's stream that is closed cleanly──▶ Done
/// any of them ──timeout, lost──▶ Done
/// ```
#[derive(Debug)]
pub struct CloseSequence {
    step: CloseStep,
    /// Whether to shut the transport down before the peer does.
    shuts_down: bool,
    /// Whether nothing is left to wait for after both Close frames.
    skips_drain: bool,
    /// Whether both Close frames have been exchanged.
    is_clean: bool,
    deadline: Instant,
}

/// The next step of a driver that closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseStep {
    /// Send the queued output, with our Close frame last.
    Send,
    /// Shut down the write side.
    ShutDown,
    /// Read and discard input until the peer has closed. With unread input a kernel would reset the connection, which
    /// destroys our Close frame on its way.
    Drain,
    /// Drop the transport.
    Done,
}

impl CloseSequence {
    /// Begins the close sequence: the peer has sent its Close frame, or will get ours. `deadline` is the end of the
    /// closing handshake, which no traffic extends. A client lets the server close the transport first (7.1.1).
    pub fn new(role: Role, deadline: Instant) -> Self {
        let shuts_down = role == Role::Server;
        Self { step: CloseStep::Send, shuts_down, skips_drain: false, is_clean: false, deadline }
    }

    /// Shuts down at once instead of waiting for the peer, because the peer was at fault (7.1.7).
    pub fn after_fault(self) -> Self {
        Self { shuts_down: true, ..self }
    }

    /// The close sequence of a stream of HTTP/2 or HTTP/3. It ends its side in both roles, because some peers wait for
    /// that. After both Close frames a server does not wait for the client's end: nothing can destroy its Close frame any
    /// more, and Firefox never ends its side. A client waits. If it left before the server's end, it would cancel the
    /// stream, and that may overtake its Close frame.
    pub fn multiplexed(self, role: Role) -> Self {
        Self { shuts_down: true, skips_drain: role == Role::Server, ..self }
    }

    /// The close sequence of a connection whose transport is lost: nothing can be sent any more.
    pub fn lost(now: Instant) -> Self {
        Self { step: CloseStep::Done, shuts_down: false, skips_drain: false, is_clean: false, deadline: now }
    }

    /// The next step.
    pub fn step(&self) -> CloseStep {
        self.step
    }

    /// When the close sequence ends in any case.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Notes that everything has left. `is_clean` says that both Close frames have been exchanged. Then nothing is left
    /// to say, and some peers never close the transport, so the wait for that is short.
    pub fn handle_sent(&mut self, now: Instant, is_clean: bool) {
        self.is_clean = is_clean;
        if is_clean {
            let end = now.checked_add(TRANSPORT_END).unwrap_or(now);
            self.deadline = self.deadline.min(end);
        }
        self.advance(CloseStep::Send, if self.shuts_down { CloseStep::ShutDown } else { CloseStep::Drain });
    }

    /// Notes that the write side is shut down.
    pub fn handle_shutdown(&mut self) {
        let is_over = self.skips_drain && self.is_clean;
        self.advance(CloseStep::ShutDown, if is_over { CloseStep::Done } else { CloseStep::Drain });
    }

    /// Notes that the input has ended.
    pub fn handle_end_of_input(&mut self) {
        self.advance(CloseStep::Drain, CloseStep::Done);
    }

    /// Notes that the deadline has passed or the transport is lost. Returns whether output was still waiting.
    pub fn handle_timeout(&mut self) -> bool {
        std::mem::replace(&mut self.step, CloseStep::Done) == CloseStep::Send
    }

    fn advance(&mut self, from: CloseStep, to: CloseStep) {
        if self.step == from {
            self.step = to;
        }
    }
}

/// How long to wait for the end of the transport once both Close frames have been exchanged. Browsers wait as long.
const TRANSPORT_END: Duration = Duration::from_secs(2);
