//! Runs the close sequence: send the queued output, shut down, drain. It continues in the background if the application
//! drops the connection.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use silverback_proto::{
    CloseCode, CloseFrame, Role, Timeout,
    connection::{CloseSequence, CloseStep, FlushFor, Polled},
};
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep_until},
};

use super::{handle::SharedHandle, inner::Locked, shared::Shared};
use crate::{
    error::Error,
    io::{clock, last_look::LastLook, read_buffer::ReadBuffer, sync::spawn, transport::ReadSide},
};

/// The close sequence of a connection that receives no more messages.
#[derive(Debug)]
pub(crate) struct Closer {
    shared: SharedHandle,
    io: ReadSide,
    sequence: CloseSequence,
    timer: Option<Pin<Box<Sleep>>>,
    last_look: Option<LastLook>,
    /// The error that is still to be reported.
    outcome: Option<Error>,
}

impl Closer {
    /// Starts the orderly close sequence: the peer has sent its Close frame, or will get ours.
    pub(crate) fn new(shared: SharedHandle, io: ReadSide, deadline: Instant, role: Role) -> Self {
        let mut sequence = CloseSequence::new(role, deadline);
        if io.is_multiplexed() {
            sequence = sequence.multiplexed(role);
        }
        Self { shared, io, sequence, timer: None, last_look: None, outcome: None }
    }

    /// Changes the close sequence for a fault of the peer: it shuts down at once instead of waiting for the peer.
    /// `outcome` is the error that is still to be reported.
    pub(crate) fn after_fault(self, outcome: Option<Error>) -> Self {
        Self { sequence: self.sequence.after_fault(), outcome, ..self }
    }

    /// Ends a connection whose transport is lost, or whose deadline has passed. Nothing can be sent any more.
    pub(crate) fn lost(shared: SharedHandle, error: Error) -> Self {
        shared.handle_lost(&error);
        let sequence = CloseSequence::lost(clock::now());
        Self { shared, io: ReadSide::Closed, sequence, timer: None, last_look: None, outcome: Some(error) }
    }

    /// Runs the close sequence. Returns the error once if the connection ended with one. A fault of the peer is
    /// returned as soon as our Close frame has left: draining tells the application nothing more, and may take all of
    /// the remaining time.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let polled = match self.sequence.step() {
                CloseStep::Send => self.poll_send(cx),
                CloseStep::ShutDown => self.shared.poll_shutdown(cx).map(|()| self.sequence.handle_shutdown()),
                CloseStep::Drain => {
                    if let Some(fault) = self.outcome.take() {
                        return Poll::Ready(Err(fault));
                    }
                    self.poll_drain(cx).map(|()| self.sequence.handle_end_of_input())
                }
                CloseStep::Done => break,
            };
            if polled.is_pending() {
                ready!(self.poll_deadline(cx));
                self.end_late();
            }
        }
        self.io = ReadSide::Closed;
        self.timer = None;
        self.shared.close_transport();
        Poll::Ready(self.outcome.take().map_or(Ok(()), Err))
    }

    /// Continues the close sequence as a background task, unless it is done or no runtime is running.
    pub(crate) fn finish_in_background(mut self) {
        if self.sequence.step() == CloseStep::Done {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            spawn(&runtime, async move {
                // The application did not wait for the outcome, so nothing reports it.
                let _ = poll_fn(|cx| self.poll(cx)).await;
            });
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.shared.poll_flush(cx, FlushFor::Polled(Polled::CloseSequence))) {
            // The flusher has noticed the timeout first.
            Err(error @ Error::Timeout(Timeout::Close(_))) => {
                self.outcome.get_or_insert(error);
                self.sequence.handle_timeout();
            }
            // Nothing more can leave. The peer may still have to say something.
            Ok(()) | Err(_) => self.sequence.handle_sent(clock::now(), self.shared.close_is_done()),
        }
        Poll::Ready(())
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut buffer = ReadBuffer::take(DRAIN);
        for _ in 0..READS_PER_TURN {
            match ready!(self.io.poll_read(cx, buffer.as_mut_slice())) {
                Ok(0) | Err(_) => return self.io.poll_leave(cx),
                Ok(_) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ready when the deadline has passed and, if output waits, the transport was tried once more.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.sequence.deadline();
        // The clock is read too: a peer that never stops sending uses up the task's budget before its timer is polled.
        if deadline > clock::now() {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
            if timer.deadline() != deadline.into() {
                timer.as_mut().reset(deadline.into());
            }
            ready!(timer.as_mut().poll(cx));
        }
        if self.sequence.step() == CloseStep::Send {
            return self.last_look.get_or_insert_with(|| LastLook::at(deadline)).poll(cx);
        }
        Poll::Ready(())
    }

    fn end_late(&mut self) {
        if self.sequence.handle_timeout() {
            self.outcome.get_or_insert_with(|| Error::Timeout(self.shared.close_timeout()));
        }
    }
}

const DRAIN: usize = 16 * 1024;
const READS_PER_TURN: usize = 16;

impl Shared {
    /// Starts the closing handshake with this code and reason, as [`start_close`](Self::start_close) does.
    pub(crate) fn start_close_with(self: &Arc<Self>, code: CloseCode, reason: &str) -> Result<(), Error> {
        let close = match code {
            CloseCode::NO_STATUS => None,
            code => Some(CloseFrame::new(code, reason.to_owned())?),
        };
        self.start_close(close);
        Ok(())
    }

    /// Starts the closing handshake, unless it has started. A sink asks for it at every poll, but only the first time
    /// needs to wake tasks.
    pub(crate) fn start_close(self: &Arc<Self>, close: Option<CloseFrame>) {
        let mut inner = self.lock();
        if !inner.transmitter.start_close(clock::now(), close) {
            return;
        }
        self.flush(&mut inner);
        if inner.transmitter.blocked_until().is_some() {
            // The flusher must learn the close deadline, which may come before the one that it knows. It may be the
            // only task that checks it, because a closing sink does not read.
            inner.listed.blocked = self.flusher.watch_blocked(self.clone());
        }
        inner.wakes_waiting = true;
        // The reader waits for a deadline that is no longer the next one.
        inner.wakes_reader = true;
        self.close_without_reader(inner);
    }

    /// Keeps the transport's read side when the reader is dropped before the connection has ended. The close sequence
    /// needs it if a writer has started to close or will.
    pub(crate) fn keep_read_side(self: &Arc<Self>, io: ReadSide, role: Role) {
        let mut inner = self.lock();
        inner.keep_read_side(io, role);
        self.close_without_reader(inner);
    }

    /// Closes in the background if the closing handshake has started and the reader is gone.
    fn close_without_reader(self: &Arc<Self>, mut inner: Locked<'_>) {
        let Some(deadline) = inner.transmitter.close_deadline() else { return };
        let Some((io, role)) = inner.take_read_side() else { return };
        drop(inner);
        Closer::new(SharedHandle::new(self.clone()), io, deadline, role).finish_in_background();
    }
}
