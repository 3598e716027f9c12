//! The state of the sending side, and the lock around it.

use std::{
    io::{self, IoSlice},
    mem::{self, ManuallyDrop},
    ops::{Deref, DerefMut},
    sync::PoisonError,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use silverback_proto::{ConnectionError, Role, connection::Transmitter};

use super::waiting::Waiting;
use crate::{
    error::Error,
    io::{
        clock,
        sync::{Mutex, MutexGuard},
        transport::{ReadSide, WriteSide},
    },
};

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) transmitter: Transmitter,
    pub(super) io: WriteSide,
    /// The transport took less than it was given. Its waker wakes the flusher, and until then no task writes.
    pub(super) is_blocked: bool,
    /// A layer between us and the socket may still hold bytes.
    needs_flush: bool,
    /// Since when such a layer holds all of the output and passes none on.
    held_since: Option<Box<Instant>>,
    /// The flusher was asked to flush soon and has not done so yet.
    pub(super) is_registered: bool,
    /// The flusher checks whether the connection has stalled.
    pub(super) is_watched: bool,
    /// The flusher checks whether the compressor is idle.
    pub(super) is_compressor_watched: bool,
    /// Which tasks to wake when the lock is released.
    pub(super) wakes_reader: bool,
    pub(super) wakes_waiting: bool,
    pub(super) failure: Option<Box<Failure>>,
    /// Progress of a peer that may be dead. Boxed, like everything that an idle connection rarely has.
    pub(super) doubt: Option<Box<Doubt>>,
    /// The read side of the transport, if the reader was dropped before the connection closed.
    pub(super) left_behind: Option<Box<LeftBehind>>,
    pub(super) reader: Option<Waker>,
    pub(super) waiting: Option<Box<Waiting>>,
}

/// The read side of a transport without its reader.
#[derive(Debug)]
pub(super) struct LeftBehind {
    pub(super) io: ReadSide,
    pub(super) role: Role,
}

/// Progress of a peer that may be dead.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// The last progress. Set while no byte has come from the peer since, or our transport is full.
    seen: Option<Seen>,
    /// An additional check by the flusher before it fails the connection: the deadline that it is for, and the time
    /// when the check ends.
    pub(super) stall_look: Option<(Instant, Instant)>,
}

/// How much of our output the peer had acknowledged at a check.
#[derive(Clone, Copy, Debug)]
struct Seen {
    acknowledged: u64,
    /// How much the peer must acknowledge before it gets to our keepalive ping.
    before_ping: u64,
}

/// Why nothing can be sent any more. I/O errors are stored by kind, so that the reader and the writers can each report
/// one.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Io(io::ErrorKind),
    /// A write failed at this time. Bytes that the peer sent before it closed may still be readable, above all a Close
    /// frame.
    Write(io::ErrorKind, Instant),
    Connection(ConnectionError),
}

impl Failure {
    pub(super) fn to_error(&self) -> Error {
        match self {
            Self::Io(kind) | Self::Write(kind, _) => Error::Io((*kind).into()),
            Self::Connection(error) => error.clone().into(),
        }
    }
}

impl Failure {
    /// Returns until when to continue reading although the connection has failed.
    pub(super) fn listens_until(&self) -> Option<Instant> {
        match self {
            Self::Write(_, at) => at.checked_add(LAST_WORDS),
            _ => None,
        }
    }
}

impl Inner {
    pub(super) fn new(transmitter: Transmitter, io: WriteSide) -> Self {
        Self {
            transmitter,
            io,
            is_blocked: false,
            needs_flush: false,
            held_since: None,
            is_registered: false,
            is_watched: false,
            is_compressor_watched: false,
            wakes_reader: false,
            wakes_waiting: false,
            failure: None,
            doubt: None,
            left_behind: None,
            reader: None,
            waiting: None,
        }
    }

    /// Returns whether some accepted output has not left yet.
    pub(super) fn has_output(&self) -> bool {
        self.transmitter.queued_output() > 0 || self.needs_flush
    }

    /// Returns whether output waits for the transport, which would wake the flusher, or for the flusher itself.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.failure.is_none() && (self.is_blocked || (self.is_registered && self.has_output()))
    }

    /// Writes the queued output, up to a limit, so that other tasks get the lock.
    pub(super) fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Written>> {
        let mut room = WRITTEN_AT_ONCE;
        while self.transmitter.queued_output() > 0 {
            if room == 0 {
                return Poll::Ready(Ok(Written::NotAll));
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.transmitter.poll_transmit(&mut slices);
            let polled = if self.transmitter.queued_output() <= room {
                self.io.poll_write(cx, &slices[..filled])
            } else {
                let mut cut = [IoSlice::new(&[]); SLICES];
                let count = cut_slices(&slices[..filled], room, &mut cut);
                self.io.poll_write(cx, &cut[..count])
            };
            let count = match polled {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            self.transmitter.handle_transmitted(count);
            self.needs_flush = true;
            room = room.saturating_sub(count);
        }
        if self.io.poll_flush(cx)?.is_pending() {
            return Poll::Pending;
        }
        self.needs_flush = false;
        if self.held_since.take().is_some() {
            self.transmitter.handle_taken(clock::now());
        }
        Poll::Ready(Ok(Written::All))
    }

    /// Records that the transport takes nothing at the moment, or passes nothing on.
    pub(super) fn note_blocked(&mut self, now: Instant) {
        self.is_blocked = true;
        if self.transmitter.queued_output() > 0 {
            self.transmitter.handle_blocked(now);
        } else {
            self.held_since.get_or_insert_with(|| Box::new(now));
        }
    }

    /// Records that a byte has come, so the peer is alive. While the transport is full, the progress is kept: a write
    /// stall closes the connection even if the peer sends.
    pub(super) fn note_life(&mut self) {
        if !self.is_blocked {
            self.doubt.iter_mut().for_each(|doubt| doubt.seen = None);
        }
    }

    /// Checks whether a peer that may be dead has acknowledged output since the last check. Such progress counts as
    /// life.
    ///
    /// Bytes behind our ping do not count: the kernel of a peer that hangs still acknowledges some. While our own
    /// transport is full, all progress counts.
    pub(super) fn look_for_life(&mut self, now: Instant) {
        let Some(progress) = self.io.tcp_progress() else { return };
        let before = self.doubt.as_ref().and_then(|doubt| doubt.seen);
        let before_ping = match before {
            Some(before) if self.transmitter.awaits_pong() => before.before_ping,
            _ => progress.acknowledged + progress.outstanding,
        };
        self.doubt.get_or_insert_default().seen = Some(Seen { acknowledged: progress.acknowledged, before_ping });
        let Some(before) = before.filter(|before| before.acknowledged < progress.acknowledged) else { return };
        if self.is_blocked || before.acknowledged < before.before_ping {
            self.transmitter.handle_taken(now);
            if let Some(since) = &mut self.held_since {
                **since = now;
            }
        }
    }

    /// Returns since when the transport takes nothing or passes nothing on.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        if !self.is_on_its_way() {
            return None;
        }
        [self.transmitter.stalled_since(), self.held_since.as_deref().copied()].into_iter().flatten().min()
    }

    /// Returns when the connection counts as stalled, while its transport takes nothing. The close deadline counts too:
    /// the closing handshake waits no longer for a transport than for a peer.
    pub(super) fn stall_deadline(&self) -> Option<Instant> {
        if !self.is_on_its_way() {
            return None;
        }
        let budget = self.transmitter.write_stall_budget();
        let stall = self.stalled_since().and_then(|since| since.checked_add(budget));
        [stall, self.transmitter.close_deadline()].into_iter().flatten().min()
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.transmitter.handle_lost();
        self.needs_flush = false;
        if let Failure::Io(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) = failure {
            self.io.note_broken();
        }
        self.failure.get_or_insert_with(|| Box::new(failure));
        self.wakes_waiting = true;
        self.wakes_reader = true;
    }
}

/// Whether a write sent everything, if the transport did not stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    All,
    NotAll,
}

/// Puts the first `room` bytes of `slices` into `cut`. Returns the number of slices.
#[cold]
fn cut_slices<'a>(slices: &'a [IoSlice<'_>], mut room: usize, cut: &mut [IoSlice<'a>]) -> usize {
    let mut count = 0;
    for (slice, cut) in slices.iter().zip(cut) {
        if room == 0 {
            break;
        }
        let len = slice.len().min(room);
        *cut = IoSlice::new(&slice[..len]);
        (room, count) = (room - len, count + 1);
    }
    count
}

/// The held lock. Tasks are woken only after it is released, because a waker may run any code.
pub(super) struct Locked<'a> {
    inner: MutexGuard<'a, Inner>,
    /// Filled last, and dropped after `inner`. Nearly always empty, and then only checked for that.
    woken: Woken,
}

/// Dropped by hand, because the compiler's drop code would be called for every message.
#[derive(Default)]
#[allow(clippy::box_collection, reason = "one word where nobody is woken")]
struct Woken(ManuallyDrop<Option<Box<Vec<Waker>>>>);

impl<'a> Locked<'a> {
    #[inline]
    pub(super) fn new(inner: &'a Mutex<Inner>) -> Self {
        Self { inner: inner.lock().unwrap_or_else(PoisonError::into_inner), woken: Woken::default() }
    }

    /// Closes the transport after the lock is released, because dropping a transport may run any code.
    pub(super) fn close(mut self) {
        let io = mem::replace(&mut self.io, WriteSide::Closed);
        let left_behind = self.left_behind.take();
        drop(self);
        drop((io, left_behind));
    }

    #[inline(never)]
    fn note_woken(&mut self) {
        let mut woken = Vec::new();
        if mem::take(&mut self.wakes_waiting) && self.waiting.is_some() {
            self.call_waiting(&mut woken);
        }
        if mem::take(&mut self.wakes_reader) {
            woken.extend(self.reader.take());
        }
        if !woken.is_empty() {
            *self.woken.0 = Some(Box::new(woken));
        }
    }
}

impl Deref for Locked<'_> {
    type Target = Inner;

    #[inline]
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for Locked<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.inner.wakes_waiting || self.inner.wakes_reader {
            self.note_woken();
        }
    }
}

impl Drop for Woken {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.wake();
        }
    }
}

impl Woken {
    #[cold]
    fn wake(&mut self) {
        self.0.take().into_iter().flat_map(|woken| *woken).for_each(Waker::wake);
    }
}

/// How long to continue reading after a failed write. A peer that hung up during our writes has sent its reason before,
/// and that is in our socket already or will be at once.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The most bytes to write while the lock is held. If a peer reads as fast as we write, or TLS lies below, the lock
/// would otherwise be held as long as a message is large.
const WRITTEN_AT_ONCE: usize = 2 * 1024 * 1024;

/// The most slices of one write.
const SLICES: usize = 32;
