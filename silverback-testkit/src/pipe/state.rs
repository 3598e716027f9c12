//! The state that both ends of a pipe share: two directions, their plans, wakers and counters.
//!
//! One rule keeps the wake-ups right: every change goes through [`Shared::change`], which then wakes exactly the tasks
//! whose calls can now make progress.

use super::plan::{Plan, Step};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::ReadBuf;

/// Counts of the calls that the code under test has made on its [`Pipe`](super::Pipe).
///
/// A pending call counts as blocked. Every other call, even a failed one, counts as a read, write, flush or shutdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads that were not pending, the one that found the end included.
    pub reads: usize,
    /// Bytes read.
    pub read_bytes: usize,
    /// Reads that were pending.
    pub blocked_reads: usize,
    /// Writes that were not pending, vectored or not.
    pub writes: usize,
    /// Those of them that were vectored.
    pub vectored_writes: usize,
    /// Bytes written.
    pub written_bytes: usize,
    /// Writes that were pending.
    pub blocked_writes: usize,
    /// Flushes that were not pending.
    pub flushes: usize,
    /// Flushes and shutdowns that were pending.
    pub blocked_flushes: usize,
    /// Shutdowns that were not pending.
    pub shutdowns: usize,
    /// How often the pipe woke the code under test.
    pub wake_ups: usize,
}

#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

impl Shared {
    /// Changes the state, releases the lock, and wakes the tasks that the change concerns.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        let due = state.due_wakers();
        let watchers = match mem::take(&mut state.news) {
            true => mem::take(&mut state.watchers),
            false => Vec::new(),
        };
        drop(state);
        due.into_iter().flatten().chain(watchers).for_each(Waker::wake);
        result
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    pub(super) counters: Counters,
    /// Both directions fail from now on.
    pub(super) reset: bool,
    /// The test's futures that wait for the code under test.
    pub(super) watchers: Vec<Waker>,
    /// Whether the code under test has made a call, so that watchers must check again.
    pub(super) news: bool,
}

/// From the test to the code under test.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    pub(super) plan: Plan,
    /// Sent and not yet read.
    pub(super) bytes: VecDeque<u8>,
    /// Whether the input ends after `bytes`.
    pub(super) ended: bool,
    pub(super) waiting: Option<Waker>,
}

/// From the code under test to the test.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    pub(super) plan: Plan,
    /// Bytes written and not yet taken; they count against the capacity.
    pub(super) bytes: Vec<u8>,
    /// Taken from `bytes`, but not yet by the test: usually the start of a frame.
    pub(super) taken: Vec<u8>,
    /// Bytes at the end of `bytes` that wait for a flush. Always 0 unless `hold_until_flush`.
    pub(super) unflushed: usize,
    pub(super) hold_until_flush: bool,
    pub(super) plain_writes_only: bool,
    /// The limit on `bytes`.
    pub(super) capacity: Option<usize>,
    pub(super) shut_down: bool,
    /// Whether the code under test has dropped its end.
    pub(super) dropped: bool,
    /// Whether the test has stopped receiving.
    pub(super) refused: bool,
    pub(super) waiting: Option<Waker>,
    /// Whether `waiting` is for room; otherwise it is for the release of a stall.
    waits_for_room: bool,
}

impl State {
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let Poll::Ready(result) = self.try_read(buf) else {
            self.counters.blocked_reads += 1;
            self.inbound.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        };
        self.counters.reads += 1;
        self.counters.read_bytes += buf.filled().len() - before;
        Poll::Ready(result)
    }

    fn try_read(&mut self, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let inbound = &mut self.inbound;
        let mut count = buf.remaining().min(inbound.bytes.len());
        match inbound.plan.next() {
            Some(Step::Stall) => return Poll::Pending,
            Some(Step::Error(kind)) => {
                inbound.plan.step_done();
                return Poll::Ready(Err(kind.into()));
            }
            Some(Step::Eof) => {
                inbound.plan = Plan::new();
                inbound.bytes.clear();
                inbound.ended = true;
                return Poll::Ready(Ok(()));
            }
            Some(Step::AtMost(most)) => count = count.min(most),
            None => {}
        }
        if count > 0 {
            buf.put_slice(&inbound.bytes.make_contiguous()[..count]);
            inbound.bytes.drain(..count);
            inbound.plan.step_done();
            return Poll::Ready(Ok(()));
        }
        if inbound.ended || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Poll::Ready(result) = self.try_write(slices) else {
            self.counters.blocked_writes += 1;
            self.outbound.waits_for_room = self.outbound.plan.next() != Some(Step::Stall);
            self.outbound.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        };
        self.counters.writes += 1;
        if let Ok(count) = result {
            self.counters.written_bytes += count;
        }
        Poll::Ready(result)
    }

    fn try_write(&mut self, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if let Some(kind) = self.write_refusal() {
            return Poll::Ready(Err(kind.into()));
        }
        let outbound = &mut self.outbound;
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        if offered == 0 {
            return Poll::Ready(Ok(0));
        }
        let mut count = offered.min(outbound.room());
        match outbound.plan.next() {
            Some(Step::Stall) => return Poll::Pending,
            Some(step @ (Step::Error(_) | Step::Eof)) => {
                outbound.plan.step_done();
                return Poll::Ready(match step {
                    Step::Error(kind) => Err(kind.into()),
                    _ => Ok(0),
                });
            }
            Some(Step::AtMost(most)) => count = count.min(most),
            None => {}
        }
        if count == 0 {
            return Poll::Pending;
        }
        let mut left = count;
        for slice in slices {
            let part = &slice[..slice.len().min(left)];
            outbound.bytes.extend_from_slice(part);
            left -= part.len();
        }
        outbound.plan.step_done();
        if outbound.hold_until_flush {
            outbound.unflushed += count;
        }
        Poll::Ready(Ok(count))
    }

    /// A flush, or the flush at the start of a shutdown.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outbound = &mut self.outbound;
        if self.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if outbound.unflushed == 0 {
            return Poll::Ready(Ok(()));
        }
        if outbound.plan.next() == Some(Step::Stall) {
            self.counters.blocked_flushes += 1;
            outbound.waits_for_room = false;
            outbound.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        outbound.unflushed = 0;
        Poll::Ready(Ok(()))
    }

    fn write_refusal(&self) -> Option<io::ErrorKind> {
        if self.reset {
            return Some(io::ErrorKind::ConnectionReset);
        }
        (self.outbound.shut_down || self.outbound.refused).then_some(io::ErrorKind::BrokenPipe)
    }

    fn due_wakers(&mut self) -> [Option<Waker>; 2] {
        let mut due = [None, None];
        if self.reset || self.inbound.can_go_on() {
            due[0] = self.inbound.waiting.take();
        }
        if self.write_refusal().is_some() || self.outbound.can_go_on() {
            due[1] = self.outbound.waiting.take();
        }
        self.counters.wake_ups += due.iter().flatten().count();
        due
    }
}

impl Inbound {
    fn can_go_on(&self) -> bool {
        match self.plan.next() {
            Some(Step::Stall) => false,
            Some(Step::Error(_) | Step::Eof) => true,
            Some(Step::AtMost(_)) | None => !self.bytes.is_empty() || self.ended,
        }
    }
}

impl Outbound {
    fn can_go_on(&self) -> bool {
        match self.plan.next() {
            Some(Step::Stall) => false,
            Some(Step::Error(_) | Step::Eof) => true,
            Some(Step::AtMost(_)) | None => !self.waits_for_room || self.room() > 0,
        }
    }

    fn room(&self) -> usize {
        let capacity = self.capacity.unwrap_or(usize::MAX);
        capacity.saturating_sub(self.bytes.len())
    }

    /// Returns all bytes that the test may see. This makes room, as in a real receiver, so a frame may be larger than
    /// the capacity.
    pub(super) fn look(&mut self) -> &[u8] {
        let flushed = self.bytes.len() - self.unflushed;
        self.taken.extend(self.bytes.drain(..flushed));
        &self.taken
    }

    /// Takes the first `count` bytes of those that were returned.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        self.taken.drain(..count).collect()
    }

    /// Whether the output has ended.
    pub(super) fn is_over(&self) -> bool {
        self.shut_down || self.dropped
    }
}
