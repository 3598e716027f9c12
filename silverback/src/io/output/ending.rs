//! The close sequence: send the queued output, shut down, drain. It continues in the background if the application
//! drops the connection.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use silverback_proto::{CloseCode, CloseFrame, Role, Timeout};
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep_until},
};

use super::{
    handle::SharedHandle,
    inner::{LeftBehind, Locked},
    shared::Shared,
    waiting::{FlushFor, Polled},
};
use crate::{
    error::Error,
    io::{clock, last_look::LastLook, read_buffer::ReadBuffer, sync::spawn, transport::ReadSide},
};

/// The close sequence of a connection that receives no more messages.
#[derive(Debug)]
pub(crate) struct Ending {
    shared: SharedHandle,
    io: ReadSide,
    step: Step,
    /// Whether to shut the transport down before the peer does.
    shuts_down: bool,
    /// When the time for the closing handshake is over, or earlier once both Close frames have been exchanged. No
    /// traffic extends it.
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    last_look: Option<LastLook>,
    outcome: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Sends the queued output, with our Close frame last.
    Send,
    /// Shuts down the write side.
    ShutDown,
    /// Reads and discards input until the peer has closed. With unread input the kernel would reset the connection,
    /// which destroys our Close frame on its way.
    Drain,
    Done,
}

impl Ending {
    /// Starts the orderly close sequence: the peer has sent its Close frame, or will get ours.
    pub(crate) fn orderly(shared: SharedHandle, io: ReadSide, deadline: Instant, role: Role) -> Self {
        // 7.1.1: a client lets the server close the transport first.
        let shuts_down = role == Role::Server;
        Self { shared, io, step: Step::Send, shuts_down, deadline, timer: None, last_look: None, outcome: None }
    }

    /// Changes the close sequence for a fault of the peer: it shuts down at once instead of waiting for the peer.
    /// `outcome` is the error that is still to be reported.
    pub(crate) fn after_fault(self, outcome: Option<Error>) -> Self {
        Self { shuts_down: true, outcome, ..self }
    }

    /// Starts the close sequence of a connection whose transport is lost. Nothing can be sent any more.
    pub(crate) fn gone(shared: SharedHandle, error: Error) -> Self {
        shared.handle_lost(&error);
        let (step, deadline) = (Step::Done, clock::now());
        Self {
            shared,
            io: ReadSide::Closed,
            step,
            shuts_down: false,
            deadline,
            timer: None,
            last_look: None,
            outcome: Some(error),
        }
    }

    /// Runs the close sequence. Returns the error once if the connection ended with one. A fault of the peer is
    /// returned as soon as our Close frame has left: draining tells the application nothing more, and may take all of
    /// the remaining time.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.step != Step::Done {
            if self.step == Step::Drain {
                if let Some(fault) = self.outcome.take() {
                    return Poll::Ready(Err(fault));
                }
            }
            let next = match self.step {
                Step::Send => {
                    self.shared.poll_flush(cx, FlushFor::Polled(Polled::Ending)).map(|sent| self.after_send(sent))
                }
                Step::ShutDown => self.shared.poll_shutdown(cx).map(|()| Step::Drain),
                Step::Drain => self.poll_drain(cx).map(|()| Step::Done),
                Step::Done => Poll::Ready(Step::Done),
            };
            self.step = match next {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    ready!(self.poll_deadline(cx));
                    if self.step == Step::Send {
                        let deadline = self.deadline;
                        ready!(self.last_look.get_or_insert_with(|| LastLook::at(deadline)).poll(cx));
                        self.outcome.get_or_insert_with(|| Error::Timeout(self.shared.close_timeout()));
                    }
                    Step::Done
                }
            };
        }
        self.io = ReadSide::Closed;
        self.timer = None;
        self.shared.close_transport();
        Poll::Ready(self.outcome.take().map_or(Ok(()), Err))
    }

    /// Continues the close sequence as a background task, unless it is done or there is no runtime.
    pub(crate) fn linger(mut self) {
        if self.step == Step::Done {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            spawn(&runtime, async move {
                // The application did not wait for the outcome, so nothing reports it.
                let _ = poll_fn(|cx| self.poll(cx)).await;
            });
        }
    }

    fn after_send(&mut self, sent: Result<(), Error>) -> Step {
        if let Err(error @ Error::Timeout(Timeout::Close(_))) = sent {
            // The flusher has noticed the timeout first.
            self.outcome.get_or_insert(error);
            return Step::Done;
        }
        if self.shared.close_is_done() {
            // 5.5.1: nothing is left to say, and some peers never close the transport.
            self.deadline = self.deadline.min(clock::now_and(TRANSPORT_END));
        }
        if self.shuts_down { Step::ShutDown } else { Step::Drain }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut buffer = ReadBuffer::take(DRAIN);
        for _ in 0..READS_PER_TURN {
            match ready!(self.io.poll_read(cx, buffer.as_mut_slice())) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // The clock is read too: a peer that never stops sending uses up the task's budget before its timer is polled.
        if self.deadline <= clock::now() {
            return Poll::Ready(());
        }
        let deadline = self.deadline.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

/// How long to wait for the end of the transport once both Close frames have been exchanged. Browsers wait as long.
const TRANSPORT_END: Duration = Duration::from_secs(2);

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
        if inner.is_blocked {
            // The flusher must learn the close deadline, which may come before the one that it knows. It may be the
            // only task that checks it, because a closing sink does not read.
            inner.is_watched = self.flusher.watch(self.clone());
        }
        inner.wakes_waiting = true;
        // The reader waits for a deadline that is no longer the next one.
        inner.wakes_reader = true;
        self.linger_if_left(inner);
    }

    /// Keeps the transport's read side when the reader is dropped before the connection has ended. The close sequence
    /// needs it if a writer has started to close or will: with unread input the kernel would reset the connection,
    /// which destroys our Close frame.
    pub(crate) fn leave_behind(self: &Arc<Self>, io: ReadSide, role: Role) {
        let mut inner = self.lock();
        inner.left_behind = Some(Box::new(LeftBehind { io, role }));
        self.linger_if_left(inner);
    }

    /// Continues the close sequence in the background if the closing handshake has started and the reader is gone.
    fn linger_if_left(self: &Arc<Self>, mut inner: Locked<'_>) {
        let Some(deadline) = inner.transmitter.close_deadline() else { return };
        let Some(left_behind) = inner.left_behind.take() else { return };
        drop(inner);
        let LeftBehind { io, role } = *left_behind;
        Ending::orderly(SharedHandle::new(self.clone()), io, deadline, role).linger();
    }
}
