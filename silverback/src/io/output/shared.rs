//! The part of a connection that its reader and writers share: the sending side, behind a lock that is never held for
//! long.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Instant,
};

use silverback_proto::{
    CloseInfo, ConnectionError, ReceivedEvent, Role, SendError, Stats, Timeout,
    connection::{FlushFor, Hold, OutputProgress, Polled, RoomFor, WaiterId},
};
use tracing::Span;

use super::{
    flusher::Flusher,
    inner::{Failure, Inner, Locked, Written},
    outgoing::Outgoing,
};
use crate::{
    error::Error,
    io::{
        clock,
        meter::Tally,
        sync::{AtomicBool, AtomicU16, AtomicUsize, Mutex},
        transport::WriteSide,
    },
};

/// The number of bytes that a reader has received since it last waited, and when the last byte came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) count: usize,
    pub(crate) at: Instant,
}

/// How long a reader may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) deadline: Option<Instant>,
    /// Whether the same task waited the last time and the connection has not woken it since.
    pub(crate) is_known: bool,
}

/// The shared part of a connection.
#[derive(Debug)]
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    /// The reader has input in hand. Output may be held back until it has handled that.
    input_in_hand: AtomicBool,
    /// The number of guards that hold output back; see `Writer::hold`.
    holds: AtomicU16,
    /// Output was queued without an attempt to send it: it was held back, or it answers a control frame.
    holds_output: AtomicBool,
    /// The number of readers and writers.
    pub(super) handles: AtomicUsize,
    /// Held-back output is sent once it has this many bytes.
    write_buffer_size: u32,
    pub(super) flusher: Arc<Flusher<Self>>,
}

impl Shared {
    pub(crate) fn new(
        transmitter: Outgoing,
        io: WriteSide,
        role: Role,
        write_buffer_size: usize,
        flusher: Arc<Flusher<Self>>,
        span: Span,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner::new(transmitter, io, role, span)),
            input_in_hand: AtomicBool::new(false),
            holds: AtomicU16::new(0),
            holds_output: AtomicBool::new(false),
            handles: AtomicUsize::new(0),
            write_buffer_size: u32::try_from(write_buffer_size).unwrap_or(u32::MAX),
            flusher,
        })
    }

    /// Returns the span of the connection, which is disabled unless a subscriber of `tracing` wants it.
    pub(crate) fn span(&self) -> Span {
        self.lock().span()
    }

    /// Queues a message of `len` bytes as soon as its turn has come. It is then sent or held back, as the batching
    /// requires. Nothing is queued if this is pending.
    pub(crate) fn poll_send(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        who: RoomFor<'_>,
        len: usize,
        send: impl FnOnce(&mut Outgoing) -> Result<(), SendError>,
    ) -> Poll<Result<(), Error>> {
        let mut inner = self.lock();
        if !self.has_turn(&mut inner, cx, who, len) {
            return Poll::Pending;
        }
        Poll::Ready(self.send_locked(&mut inner, send))
    }

    /// Returns whether a message of `len` bytes may be queued now. If not, its writer waits.
    #[inline]
    pub(super) fn has_turn(
        self: &Arc<Self>,
        inner: &mut Inner,
        cx: &mut Context<'_>,
        who: RoomFor<'_>,
        len: usize,
    ) -> bool {
        inner.writers.has_room_for(&inner.transmitter, len) || self.takes_turn(inner, who, len, cx.waker())
    }

    #[cold]
    fn takes_turn(self: &Arc<Self>, inner: &mut Inner, who: RoomFor<'_>, len: usize, waker: &Waker) -> bool {
        self.flush(inner);
        let goes = inner.writers.takes_turn(&inner.transmitter, who, len, waker.clone());
        // The next writer's turn comes once this message is queued, because it is woken only after the lock is released.
        inner.wakes_waiting |= goes;
        goes
    }

    /// Returns whether a message of `len` bytes may be queued at once, without waiting.
    pub(super) fn has_turn_at_once(self: &Arc<Self>, inner: &mut Inner, len: usize) -> bool {
        if inner.writers.has_room_for(&inner.transmitter, len) {
            return true;
        }
        self.flush(inner);
        inner.writers.admits_newcomer(&inner.transmitter, len)
    }

    /// Queues a message of `len` bytes if there is room at once and no writer waits. Returns `None` if not.
    pub(crate) fn try_send(
        self: &Arc<Self>,
        len: usize,
        send: impl FnOnce(&mut Outgoing) -> Result<(), SendError>,
    ) -> Option<Result<(), Error>> {
        let mut inner = self.lock();
        self.has_turn_at_once(&mut inner, len).then(|| self.send_locked(&mut inner, send))
    }

    /// Queues output even if writers wait: the next fragment of the open message, a ping or a Close frame.
    pub(crate) fn send(
        self: &Arc<Self>,
        send: impl FnOnce(&mut Outgoing) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        self.send_locked(&mut self.lock(), send)
    }

    /// Queues the next fragment of a streamed message as soon as the queue has room.
    pub(crate) fn poll_send_fragment(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        payload: &[u8],
        is_final: bool,
    ) -> Poll<Result<(), Error>> {
        let mut inner = self.lock();
        if !inner.transmitter.has_room_for(payload.len()) {
            self.flush(&mut inner);
            if !inner.transmitter.has_room_for(payload.len()) {
                inner.writers.wait_with_fragment(payload.len(), cx.waker().clone());
                return Poll::Pending;
            }
        }
        // Other messages wait for the last fragment.
        inner.wakes_waiting |= is_final;
        Poll::Ready(self.send_locked(&mut inner, |transmitter| transmitter.send_fragment(payload, is_final)))
    }

    /// Removes a writer from the queues for room and for a flush.
    pub(crate) fn stop_waiting(&self, room: Option<WaiterId>, flush: Option<WaiterId>) {
        let mut inner = self.lock();
        inner.writers.stop_waiting(room, flush);
        // This task may have been woken before it was cancelled. Then the next one must be woken instead.
        inner.wakes_waiting = true;
    }

    /// Waits until everything queued has left. Fails if the connection has failed, or if output was dropped because the
    /// peer was at fault.
    pub(crate) fn poll_flush(self: &Arc<Self>, cx: &mut Context<'_>, who: FlushFor<'_>) -> Poll<Result<(), Error>> {
        let mut inner = self.lock();
        self.flush(&mut inner);
        if let Some(failure) = &inner.failure {
            return Poll::Ready(Err(failure.to_error()));
        }
        if !inner.transmitter.has_output() {
            let has_left = !inner.transmitter.has_dropped_output();
            return Poll::Ready(if has_left { Ok(()) } else { Err(SendError::Closing.into()) });
        }
        inner.writers.wait_for_flush(who, cx.waker().clone());
        Poll::Pending
    }

    /// Shuts down the write side once everything has left.
    pub(crate) fn poll_shutdown(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_flush(cx, FlushFor::Polled(Polled::CloseSequence)).is_pending() {
            return Poll::Pending;
        }
        let mut inner = self.lock();
        inner.transmitter.handle_shutdown();
        inner.io.poll_shutdown(cx).map(|_| ())
    }

    /// Closes the descriptor at the end of the connection, even if the application still has its handles.
    pub(crate) fn close_transport(&self) {
        let mut inner = self.lock();
        inner.transmitter.handle_lost();
        inner.wakes_waiting = true;
        inner.close();
    }

    /// Handles a complete message or control frame that the reader received.
    pub(crate) fn handle_event(&self, now: Instant, received: &ReceivedEvent) {
        let mut inner = self.lock();
        inner.transmitter.handle_event(now, received);
        self.holds_output.store(true, Ordering::Release);
        inner.wakes_waiting |= matches!(received, ReceivedEvent::Close(_));
    }

    /// Handles a fault of the peer: queues our Close frame and sends it.
    pub(crate) fn handle_fault(self: &Arc<Self>, error: &ConnectionError) {
        let mut inner = self.lock();
        inner.tell_fault(error);
        inner.transmitter.handle_fault(clock::now(), error);
        self.flush(&mut inner);
        inner.wakes_waiting = true;
    }

    /// Fails the connection after the transport has ended or a deadline has passed. Writers get this error.
    pub(crate) fn handle_lost(&self, error: &Error) {
        let failure = match error {
            Error::Io(error) => Failure::Io(error.kind()),
            Error::Timeout(timeout) => Failure::Connection(ConnectionError::Timeout(*timeout)),
            _ => Failure::Connection(ConnectionError::Lost),
        };
        self.lock().fail(failure);
    }

    /// Sends the queued output, as far as the transport takes it now. If nothing was held back, this takes no lock. The
    /// flusher sends anything that another thread holds back at this moment.
    #[inline]
    pub(crate) fn flush_now(self: &Arc<Self>) {
        if self.holds_output.load(Ordering::Acquire) {
            self.flush(&mut self.lock());
        }
    }

    /// Runs when the last handle is dropped: the transport is closed once the output has left.
    pub(super) fn flush_and_leave(self: &Arc<Self>) {
        let mut inner = self.lock();
        self.flush(&mut inner);
        self.close_if_unused(inner);
    }

    /// Prepares a reader to wait, and counts the bytes that it has received since it last waited. Returns the next
    /// deadline, or the error for which it must not wait.
    pub(crate) fn prepare_to_wait(
        &self,
        cx: &mut Context<'_>,
        received: Received,
        messages: u64,
        tally: Tally,
    ) -> Result<Wait, Error> {
        let mut inner = self.lock();
        let last_words = match &inner.failure {
            None => None,
            Some(failure) => Some(failure.listens_until().ok_or_else(|| failure.to_error())?),
        };
        if received.count > 0 {
            inner.transmitter.handle_received(received.at, received.count);
            inner.transmitter.note_messages_received(messages);
        }
        inner.transmitter.report(tally);
        let is_known = inner.reader.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !is_known {
            inner.reader = Some(cx.waker().clone());
        }
        Ok(Wait { deadline: last_words.or_else(|| inner.transmitter.poll_input_timeout()), is_known })
    }

    /// Counts what was received in the last turn of a reader that ends.
    pub(crate) fn note_received(&self, received: Received, messages: u64, tally: Tally) {
        let mut inner = self.lock();
        if received.count > 0 {
            inner.transmitter.handle_received(received.at, received.count);
        }
        inner.transmitter.note_messages_received(messages);
        inner.transmitter.report(tally);
    }

    /// Returns whether a deadline that ends the connection has passed.
    pub(crate) fn has_timed_out(&self, now: Instant) -> bool {
        let inner = self.lock();
        inner.failure.is_some() || inner.transmitter.has_input_timed_out(now)
    }

    /// Handles a deadline of the reader that has passed.
    pub(crate) fn handle_timeout(self: &Arc<Self>, now: Instant) -> Result<(), Error> {
        let mut inner = self.lock();
        if let Some(failure) = &inner.failure {
            return Err(failure.to_error());
        }
        inner.look_for_life(now);
        if let Some(error) = inner.transmitter.handle_input_timeout(now) {
            inner.fail(Failure::Connection(error.clone()));
            return Err(error.into());
        }
        self.flush(&mut inner);
        Ok(())
    }

    /// Returns the error for the end of the input: that of a failed write if there was one. After a write has met a
    /// reset, the reader sees only an ordinary end.
    pub(crate) fn end_of_input(&self) -> Error {
        self.lock().failure.as_deref().map_or(Error::Lost, Failure::to_error)
    }

    /// Sets whether the reader has input in hand, so that output may be held back.
    pub(crate) fn set_input_in_hand(&self, in_hand: bool) {
        self.input_in_hand.store(in_hand, Ordering::Release);
    }

    pub(crate) fn close_info(&self) -> Option<CloseInfo> {
        self.lock().transmitter.close_info()
    }

    /// Returns whether both Close frames have been exchanged.
    pub(crate) fn close_is_done(&self) -> bool {
        self.close_info().is_some_and(|info| info.is_clean)
    }

    /// Returns when the closing handshake times out, or would if it began now.
    pub(crate) fn close_deadline(&self) -> Instant {
        let inner = self.lock();
        let begun = inner.transmitter.close_deadline();
        begun.unwrap_or_else(|| clock::now_and(inner.transmitter.close_timeout()))
    }

    /// Returns the error for a closing handshake that timed out.
    pub(crate) fn close_timeout(&self) -> Timeout {
        Timeout::Close(self.lock().transmitter.close_timeout())
    }

    /// Returns the number of accepted bytes that the transport has not taken.
    pub(crate) fn queued_output(&self) -> usize {
        self.lock().transmitter.queued_output()
    }

    /// Holds output back until `release` has been called as often as this.
    pub(crate) fn hold(&self) {
        self.holds.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends one `hold`. If it was the last one, sends the output that was held back.
    pub(crate) fn release(self: &Arc<Self>) {
        if self.holds.fetch_sub(1, Ordering::AcqRel) == 1 && !self.input_in_hand.load(Ordering::Acquire) {
            self.flush_now();
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.lock().transmitter.stats()
    }

    /// Begins to track which output has left, before anything is queued.
    pub(crate) fn track_output(&self) {
        self.lock().transmitter.track_output();
    }

    pub(crate) fn output_progress(&self) -> Option<OutputProgress> {
        self.lock().transmitter.output_progress()
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.lock().transmitter.is_closing()
    }

    pub(super) fn send_locked(
        self: &Arc<Self>,
        inner: &mut Inner,
        send: impl FnOnce(&mut Outgoing) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        send(&mut inner.transmitter).map_err(|error| inner.refusal(error))?;
        let more_follows = self.input_in_hand.load(Ordering::Acquire) || self.holds.load(Ordering::Acquire) > 0;
        match inner.transmitter.hold_back(more_follows, self.write_buffer_size as usize) {
            Hold::No => self.flush(inner),
            Hold::Begins => {
                self.holds_output.store(true, Ordering::Release);
                if !self.is_flushed_soon(inner) {
                    self.flush(inner);
                }
            }
            Hold::GoesOn => {}
        }
        Ok(())
    }

    /// Makes sure that the flusher sends the output soon. Returns `false` if the flusher's runtime has ended.
    #[cold]
    fn is_flushed_soon(self: &Arc<Self>, inner: &mut Inner) -> bool {
        inner.listed.due = inner.listed.due || self.flusher.flush_soon(self.clone());
        inner.listed.due
    }

    /// Writes until the queue is empty or the transport takes no more. After a lot of output the flusher continues.
    pub(super) fn flush(self: &Arc<Self>, inner: &mut Inner) {
        self.flush_if(inner, false);
    }

    /// Does the same for the flusher, which the transport wakes when it has room again.
    pub(super) fn flush_after_wait(self: &Arc<Self>, inner: &mut Inner) {
        self.flush_if(inner, true);
    }

    fn flush_if(self: &Arc<Self>, inner: &mut Inner, has_room: bool) {
        self.holds_output.store(false, Ordering::Release);
        if !inner.transmitter.may_write(has_room) {
            return;
        }
        self.watch_compressor(inner);
        // The task that holds the lock writes, but only the flusher is woken. So no output is lost if the task goes
        // away.
        let waker = Waker::from(self.clone());
        let written = inner.poll_write_all(&mut Context::from_waker(&waker));
        inner.transmitter.report(Tally::default());
        match written {
            Poll::Ready(Ok(Written::All)) => inner.wakes_waiting = true,
            Poll::Ready(Ok(Written::NotAll)) => {
                inner.wakes_waiting = true;
                if !self.is_flushed_soon(inner) {
                    inner.fail(Failure::Io(io::ErrorKind::Other));
                }
            }
            Poll::Ready(Err(error)) => inner.fail(Failure::Write(error.kind(), clock::now())),
            Poll::Pending => {
                inner.transmitter.handle_blocked(clock::now());
                inner.wakes_waiting = true;
                inner.listed.blocked = inner.listed.blocked || self.flusher.watch_blocked(self.clone());
                if !inner.listed.blocked {
                    // The flusher's runtime has ended. No task would continue or wake the writers that wait for room.
                    inner.fail(Failure::Io(io::ErrorKind::Other));
                }
            }
        }
    }

    /// Makes sure that the flusher releases the compressor once it is idle.
    pub(super) fn watch_compressor(self: &Arc<Self>, inner: &mut Inner) {
        if !inner.listed.compressing && inner.transmitter.holds_compressor() {
            inner.listed.compressing = true;
            self.flusher.watch_compressor(self);
        }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        Locked::new(&self.inner)
    }

    /// Closes the transport if neither the application nor output on its way needs it any more.
    pub(super) fn close_if_unused(&self, inner: Locked<'_>) {
        let is_on_its_way = inner.is_on_its_way() && !self.flusher.is_over();
        if self.handles.load(Ordering::Acquire) == 0 && !is_on_its_way {
            inner.close();
        }
    }
}
