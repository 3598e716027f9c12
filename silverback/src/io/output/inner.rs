//! What stands behind the lock, and the lock itself.

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
    /// The transport took less than it was given: its waker tells the flusher, and nobody else writes.
    pub(super) is_blocked: bool,
    /// A layer below may hold what it took.
    needs_flush: bool,
    /// Since when it has held all that there is, and passes nothing on.
    held_since: Option<Box<Instant>>,
    /// The flusher was asked to flush soon, and has not yet.
    pub(super) is_registered: bool,
    /// The flusher looks whether the connection is stalled.
    pub(super) is_watched: bool,
    /// The flusher looks whether the compressor is idle.
    pub(super) is_compressor_watched: bool,
    /// Whom to wake when the lock is given back.
    pub(super) wakes_reader: bool,
    pub(super) wakes_waiting: bool,
    pub(super) failure: Option<Box<Failure>>,
    /// What is known of a peer whose life is in doubt. Boxed, like all that an idle connection rarely has.
    pub(super) doubt: Option<Box<Doubt>>,
    /// What a reader has left that went before the connection was closed.
    pub(super) left_behind: Option<Box<LeftBehind>>,
    pub(super) reader: Option<Waker>,
    pub(super) waiting: Option<Box<Waiting>>,
}

/// The reader's side of a transport, without its reader.
#[derive(Debug)]
pub(super) struct LeftBehind {
    pub(super) io: ReadSide,
    pub(super) role: Role,
}

/// What is known of a peer whose life is in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Nothing has come from it since, or our transport is full.
    seen: Option<Seen>,
    /// The flusher looks once more before it fails the connection: for this deadline, and until this time.
    pub(super) stall_look: Option<(Instant, Instant)>,
}

/// How far a peer had taken our output, when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Seen {
    acknowledged: u64,
    /// How much it must have acknowledged before it comes to our keepalive ping.
    before_ping: u64,
}

/// Why nothing can be sent any more. Errors of the system are kept by kind: each side reports its own.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Io(io::ErrorKind),
    /// A write failed, at this time. What the peer said before it hung up, a Close frame above all, may still be read.
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
    /// Until when the peer is listened to all the same.
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

    /// Whether something was accepted that the transport has not passed on.
    pub(super) fn has_output(&self) -> bool {
        self.transmitter.queued_output() > 0 || self.needs_flush
    }

    /// Whether output waits for the transport, which would tell the flusher, or for the flusher itself.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.failure.is_none() && (self.is_blocked || (self.is_registered && self.has_output()))
    }

    /// Writes what is queued, but no more than is good for others who want the lock.
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

    /// The transport takes nothing at the moment, or passes nothing on.
    pub(super) fn note_blocked(&mut self, now: Instant) {
        self.is_blocked = true;
        if self.transmitter.queued_output() > 0 {
            self.transmitter.handle_blocked(now);
        } else {
            self.held_since.get_or_insert_with(|| Box::new(now));
        }
    }

    /// A byte came, so that nothing of the past is in doubt.
    pub(super) fn note_life(&mut self) {
        if !self.is_blocked {
            self.doubt.iter_mut().for_each(|doubt| doubt.seen = None);
        }
    }

    /// If the life of the peer is in doubt, looks whether it has taken output since that was looked at.
    ///
    /// What stands behind our ping in the kernel does not count: a peer that reads nothing any more has a kernel that still
    /// takes something. While our own queue is full, all of it counts.
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

    /// Since when the transport takes nothing, or passes nothing on.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        if !self.is_on_its_way() {
            return None;
        }
        [self.transmitter.stalled_since(), self.held_since.as_deref().copied()].into_iter().flatten().min()
    }

    /// When the connection counts as stalled, while its transport takes nothing. The closing handshake does not wait longer
    /// for a transport than for a peer.
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

/// How far a write came that the transport did not stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    All,
    NotAll,
}

/// The first `room` bytes of `slices`. Returns how many slices they are.
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

/// The lock, held. Whom its holder wants to be woken is woken after it was given back: a waker may run anything.
pub(super) struct Locked<'a> {
    inner: MutexGuard<'a, Inner>,
    /// Filled last, and dropped after `inner`. Nearly always empty: then all that is done about it is to see that.
    woken: Woken,
}

/// Not dropped by the compiler, whose code for that is called for every message.
#[derive(Default)]
#[allow(clippy::box_collection, reason = "one word where nobody is woken")]
struct Woken(ManuallyDrop<Option<Box<Vec<Waker>>>>);

impl<'a> Locked<'a> {
    #[inline]
    pub(super) fn new(inner: &'a Mutex<Inner>) -> Self {
        Self { inner: inner.lock().unwrap_or_else(PoisonError::into_inner), woken: Woken::default() }
    }

    /// Closes the transport, whose end may run anything too, after the lock was given back.
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

/// A peer that hangs up under our writes has said why before: that is in our socket already, or will be at once.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is written while the lock is held once: a fast peer, and encryption below, would take it for as long as a message is
/// large.
const WRITTEN_AT_ONCE: usize = 2 * 1024 * 1024;

/// Slices that one write takes at most.
const SLICES: usize = 32;
