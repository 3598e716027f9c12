//! The state behind the lock of a connection: the transmitter, the transport, and the tasks that wait.

use std::{
    io::{self, IoSlice},
    mem::{self, ManuallyDrop},
    ops::{Deref, DerefMut},
    sync::PoisonError,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use silverback_proto::{
    ConnectionError, Role, SendError,
    connection::{OutputState, Writers},
};
use tracing::{Level, Span};

use super::outgoing::Outgoing;
use crate::{
    error::Error,
    io::{
        meter::{end_of, role_label},
        sync::{Mutex, MutexGuard},
        transport::{ReadSide, WriteSide},
    },
};

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) transmitter: Outgoing,
    pub(super) io: WriteSide,
    pub(super) listed: Listed,
    /// Which tasks to wake when the lock is released.
    pub(super) wakes_reader: bool,
    pub(super) wakes_waiting: bool,
    /// Whether the end was reported.
    has_ended: bool,
    role: Role,
    /// Why nothing can be sent any more. The state of the output is then `Closed`.
    pub(super) failure: Option<Box<Failure>>,
    rare: Option<Box<Rare>>,
    pub(super) reader: Option<Waker>,
    pub(super) writers: Writers<Waker>,
}

/// What few connections have, in one box, so that the others stay small.
#[derive(Debug)]
struct Rare {
    /// Disabled unless a subscriber of `tracing` wants it.
    span: Span,
    /// The read side of the transport, if the reader was dropped before the connection closed. The close sequence needs
    /// it: with unread input the kernel would reset the connection, which destroys our Close frame.
    kept_read_side: Option<(ReadSide, Role)>,
}

/// The lists of the flusher that a connection is in, so that it enters each only once.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Its output is flushed soon.
    pub(super) due: bool,
    /// Its transport may take nothing.
    pub(super) blocked: bool,
    /// It may hold a compressor.
    pub(super) compressing: bool,
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

    /// Returns until when to continue reading although the connection has failed.
    pub(super) fn listens_until(&self) -> Option<Instant> {
        match self {
            Self::Write(_, at) => at.checked_add(LAST_WORDS),
            _ => None,
        }
    }
}

impl Inner {
    pub(super) fn new(transmitter: Outgoing, io: WriteSide, role: Role, span: Span) -> Self {
        let rare = (!span.is_disabled()).then(|| Box::new(Rare { span, kept_read_side: None }));
        Self {
            transmitter,
            io,
            listed: Listed::default(),
            wakes_reader: false,
            wakes_waiting: false,
            has_ended: false,
            role,
            failure: None,
            rare,
            reader: None,
            writers: Writers::default(),
        }
    }

    /// Returns the error for a message that was refused: why the connection failed, if it did.
    #[cold]
    pub(super) fn refusal(&self, error: SendError) -> Error {
        self.failure.as_deref().map_or_else(|| error.into(), Failure::to_error)
    }

    /// Returns whether output waits for the transport, which would wake the flusher, or for the flusher itself.
    pub(super) fn is_on_its_way(&self) -> bool {
        match self.transmitter.output_state() {
            OutputState::Blocked { .. } => true,
            OutputState::Held | OutputState::Queued => self.listed.due,
            OutputState::Idle | OutputState::Closing | OutputState::Closed => false,
        }
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
            room = room.saturating_sub(count);
        }
        if self.io.poll_flush(cx)?.is_pending() {
            return Poll::Pending;
        }
        self.transmitter.handle_flushed();
        Poll::Ready(Ok(Written::All))
    }

    /// Asks the system for the peer's acknowledgements, if the peer seems dead or stalled.
    pub(super) fn look_for_life(&mut self, now: Instant) {
        if !self.transmitter.doubts_life(now) {
            return;
        }
        if let Some(progress) = self.io.tcp_progress() {
            self.transmitter.handle_acknowledged(now, progress.acknowledged, progress.outstanding);
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.transmitter.handle_lost();
        if let Failure::Io(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) = failure {
            self.io.note_broken();
        }
        self.failure.get_or_insert_with(|| Box::new(failure));
        self.wakes_waiting = true;
        self.wakes_reader = true;
    }
}

impl Inner {
    pub(super) fn keep_read_side(&mut self, io: ReadSide, role: Role) {
        let rare = self.rare.get_or_insert_with(|| Box::new(Rare { span: Span::none(), kept_read_side: None }));
        rare.kept_read_side = Some((io, role));
    }

    pub(super) fn take_read_side(&mut self) -> Option<(ReadSide, Role)> {
        self.rare.as_mut()?.kept_read_side.take()
    }
}

impl Inner {
    /// Returns the span of the connection, which is disabled unless a subscriber wants it.
    pub(super) fn span(&self) -> Span {
        self.rare.as_ref().map_or_else(Span::none, |rare| rare.span.clone())
    }

    /// Reports a fault of the peer. The events of a connection are in its span, whichever task reports them.
    #[cold]
    pub(super) fn tell_fault(&self, error: &ConnectionError) {
        let role = role_label(self.role);
        self.span().in_scope(|| {
            tracing::debug!(name: "fault", target: "silverback::conn", role, %error, "the peer is at fault");
        });
    }

    /// Reports the end of the connection, once.
    fn end(&mut self) {
        if mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.transmitter.end();
        if tracing::enabled!(target: "silverback::conn", Level::DEBUG) {
            self.tell_end();
        }
    }

    #[cold]
    fn tell_end(&self) {
        let close = self.transmitter.close_info();
        let (code, side) = end_of(self.role, close.as_ref());
        let span = self.span();
        span.in_scope(|| {
            tracing::debug!(
                name: "closed",
                target: "silverback::conn",
                role = role_label(self.role),
                code = code.get(),
                side,
                clean = close.is_some_and(|close| close.is_clean),
                "a WebSocket has ended",
            );
        });
        // After the event, which has both already.
        span.record("code", code.get()).record("side", side);
    }
}

impl Drop for Inner {
    /// For a connection whose transport nobody has closed, because its runtime has ended.
    fn drop(&mut self) {
        self.end();
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
#[allow(clippy::box_collection, reason = "one word when no task is woken")]
struct Woken(ManuallyDrop<Option<Box<Vec<Waker>>>>);

impl<'a> Locked<'a> {
    #[inline]
    pub(super) fn new(inner: &'a Mutex<Inner>) -> Self {
        Self { inner: inner.lock().unwrap_or_else(PoisonError::into_inner), woken: Woken::default() }
    }

    /// Closes the transport after the lock is released, because dropping a transport may run any code.
    pub(super) fn close(mut self) {
        self.end();
        let io = mem::replace(&mut self.io, WriteSide::Closed);
        let rare = self.rare.take();
        drop(self);
        drop((io, rare));
    }

    #[inline(never)]
    fn note_woken(&mut self) {
        let mut woken = Vec::new();
        if mem::take(&mut self.wakes_waiting) {
            let Inner { writers, transmitter, .. } = &mut *self.inner;
            writers.call(transmitter, &mut woken);
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
