//! The last steps of a connection: send what is queued, shut down, drain. They go on when the application has left.

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

/// A connection on which nothing more will be received, on its way to the last byte.
#[derive(Debug)]
pub(crate) struct Ending {
    shared: SharedHandle,
    io: ReadSide,
    step: Step,
    /// Whether to tell the transport that nothing more comes, before the peer has.
    shuts_down: bool,
    /// When the budget of the closing handshake is used up, or sooner once both Close frames have been exchanged. No
    /// traffic extends it.
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    last_look: Option<LastLook>,
    outcome: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Send what is queued, our Close frame last.
    Send,
    /// Tell the transport that nothing more comes from us.
    ShutDown,
    /// Read and discard until the peer has closed: unread input would make the kernel reset the connection, which
    /// destroys our Close frame on its way.
    Drain,
    Done,
}

impl Ending {
    /// The ending of a connection whose peer is told, or has said, that it is over.
    pub(crate) fn orderly(shared: SharedHandle, io: ReadSide, deadline: Instant, role: Role) -> Self {
        // 7.1.1: a client lets the server close the transport first.
        let shuts_down = role == Role::Server;
        Self { shared, io, step: Step::Send, shuts_down, deadline, timer: None, last_look: None, outcome: None }
    }

    /// The same ending after a fault of the peer's, which is not waited for. `outcome` is what is still to be reported.
    pub(crate) fn after_fault(self, outcome: Option<Error>) -> Self {
        Self { shuts_down: true, outcome, ..self }
    }

    /// The ending of a connection whose transport is gone: there is nobody to say anything to.
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

    /// Ready when all is done; gives the error once, if the connection ended with one. A fault of the peer's is given as
    /// soon as our Close frame has left: what is still to be drained tells the application nothing, and may take as long as
    /// the budget.
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

    /// Goes on without the application, if there is something to go on with.
    pub(crate) fn linger(mut self) {
        if self.step == Step::Done {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            spawn(&runtime, async move {
                // What the application did not wait for, it does not want to know.
                let _ = poll_fn(|cx| self.poll(cx)).await;
            });
        }
    }

    fn after_send(&mut self, sent: Result<(), Error>) -> Step {
        if let Err(error @ Error::Timeout(Timeout::Close(_))) = sent {
            // The flusher has found it first.
            self.outcome.get_or_insert(error);
            return Step::Done;
        }
        if self.shared.close_is_done() {
            // 5.5.1: nothing is left to be said, and some peers never end the transport.
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
        // The clock is asked too: a peer that never stops sending uses up the task's budget before its timer is polled.
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

/// How long the end of the transport is waited for once both Close frames have been exchanged; browsers wait as long.
const TRANSPORT_END: Duration = Duration::from_secs(2);

const DRAIN: usize = 16 * 1024;
const READS_PER_TURN: usize = 16;

impl Shared {
    /// Starts the closing handshake with this code and reason, as [`start_close`](Self::start_close).
    pub(crate) fn start_close_with(self: &Arc<Self>, code: CloseCode, reason: &str) -> Result<(), Error> {
        let close = match code {
            CloseCode::NO_STATUS => None,
            code => Some(CloseFrame::new(code, reason.to_owned())?),
        };
        self.start_close(close);
        Ok(())
    }

    /// Starts the closing handshake, once: a sink asks for it at every poll, and only the first time is worth a wake-up.
    pub(crate) fn start_close(self: &Arc<Self>, close: Option<CloseFrame>) {
        let mut inner = self.lock();
        if !inner.transmitter.start_close(clock::now(), close) {
            return;
        }
        self.flush(&mut inner);
        if inner.is_blocked {
            // The flusher knows a later deadline. It may be the only one who looks: a sink that is closed does not read.
            inner.is_watched = self.flusher.watch(self.clone());
        }
        inner.wakes_waiting = true;
        // It waits for a deadline that is no longer the next one.
        inner.wakes_reader = true;
        self.linger_if_left(inner);
    }

    /// The reader goes before the connection has ended. Its side of the transport is needed once more if somebody has
    /// closed, or will: with unread input the kernel would reset the connection, which destroys our Close frame.
    pub(crate) fn leave_behind(self: &Arc<Self>, io: ReadSide, role: Role) {
        let mut inner = self.lock();
        inner.left_behind = Some(Box::new(LeftBehind { io, role }));
        self.linger_if_left(inner);
    }

    /// Has the closing handshake go on without a reader, if there is one to go on with and none to do it.
    fn linger_if_left(self: &Arc<Self>, mut inner: Locked<'_>) {
        let Some(deadline) = inner.transmitter.close_deadline() else { return };
        let Some(left_behind) = inner.left_behind.take() else { return };
        drop(inner);
        let LeftBehind { io, role } = *left_behind;
        Ending::orderly(SharedHandle::new(self.clone()), io, deadline, role).linger();
    }
}
