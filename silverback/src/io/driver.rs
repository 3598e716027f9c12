//! The engine of the reading side: it turns input into received events, and keeps the connection's deadlines.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use silverback_proto::{
    ConnectionError, Incoming, PayloadLocation, ReadMode, ReceivedEvent, Role, Stats, connection::Receiver,
};
use tokio::{
    task::coop,
    time::{Sleep, sleep_until},
};

use crate::{
    error::Error,
    io::observer::Observer,
    io::{
        clock,
        last_look::LastLook,
        meter::ReaderTally,
        output::{Received, SharedHandle, Wait, closer::Closer},
        read_buffer::{Input, ReadBuffer},
        transport::ReadSide,
        yields::yields,
    },
};

/// Drives the receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Driver {
    shared: SharedHandle,
    receiver: Receiver,
    input: Input,
    io: ReadSide,
    role: Role,
    /// The most bytes of one read.
    read_buffer_size: u32,
    /// The last value that `shared` was given.
    input_in_hand: bool,
    /// The timer for the next deadline. It may end earlier and is then reset, so that a message need not touch it.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the timer wakes the task that waits. Then it need not be polled again.
    timer_is_told: bool,
    /// Bytes read since this task last waited.
    read_this_turn: Received,
    /// Counted here and not in `shared`, so that a message in hand takes no lock.
    messages_received: u64,
    /// Messages that were not reported yet, if metrics are on.
    tally: ReaderTally,
    observer: Observer,
    /// The check for input before a deadline ends the connection.
    last_look: Option<Box<LastLook>>,
    closer: Option<Box<Closer>>,
}

/// The parts of a driver.
#[derive(Debug)]
pub(crate) struct DriverParts {
    pub(crate) shared: SharedHandle,
    pub(crate) receiver: Receiver,
    pub(crate) io: ReadSide,
    pub(crate) role: Role,
    /// Bytes of the stream that came with the handshake.
    pub(crate) leftover: Vec<u8>,
    pub(crate) read_buffer_size: usize,
    pub(crate) tally: ReaderTally,
}

/// The events that a reader asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Messages,
    /// Messages, and the control frames between them.
    Events,
    /// Messages in pieces. `limit` is the most bytes of such a message.
    Pieces {
        limit: u64,
    },
}

impl Wanted {
    fn read_mode(self) -> ReadMode {
        match self {
            Self::Messages | Self::Events => ReadMode::Whole,
            Self::Pieces { limit } => ReadMode::Pieces { limit },
        }
    }
}

impl Driver {
    pub(crate) fn new(parts: DriverParts) -> Self {
        let mut receiver = parts.receiver;
        receiver.begin_turn(INFLATED_PER_TURN);
        Self {
            shared: parts.shared,
            receiver,
            input: Input::new(parts.leftover),
            io: parts.io,
            role: parts.role,
            read_buffer_size: u32::try_from(parts.read_buffer_size).unwrap_or(u32::MAX),
            input_in_hand: false,
            timer: None,
            timer_is_told: false,
            read_this_turn: Received { count: 0, at: clock::now() },
            messages_received: 0,
            tally: parts.tally,
            observer: Observer::default(),
            last_look: None,
            closer: None,
        }
    }

    pub(crate) fn shared(&self) -> &SharedHandle {
        &self.shared
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.shared.stats();
        stats.messages_received = self.messages_received;
        stats.bytes_received += self.read_this_turn.count as u64;
        stats
    }

    /// Returns the read side of the transport, while it is open.
    pub(crate) fn io(&self) -> &ReadSide {
        &self.io
    }

    pub(crate) fn observe(&mut self, observer: Observer) {
        self.observer = observer;
    }

    pub(crate) fn set_max_message_size(&mut self, bytes: u64) {
        self.receiver.set_max_message_size(bytes);
    }

    /// Returns the next message or piece, or `None` once the connection has ended cleanly. Nothing is lost between
    /// polls.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        wanted: Wanted,
    ) -> Poll<Result<Option<ReceivedEvent>, Error>> {
        loop {
            if let Some(closer) = &mut self.closer {
                self.input.release();
                return closer.poll(cx).map_ok(|()| None);
            }
            if self.receiver.is_turn_over() {
                self.shared.flush_now();
                ready!(self.poll_yield(cx));
                continue;
            }
            if let Some(received) = self.next_in_hand(wanted) {
                return Poll::Ready(Ok(Some(received)));
            }
            if self.closer.is_some() || self.receiver.is_turn_over() {
                continue;
            }
            self.shared.flush_now();
            if self.read_this_turn.count >= READ_PER_TURN {
                ready!(self.poll_yield(cx));
                continue;
            }
            match self.poll_fill(cx, wanted.read_mode()) {
                Poll::Ready(Ok(Some(received))) => return Poll::Ready(Ok(Some(received))),
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(error)) => self.lose(error),
                Poll::Pending => ready!(self.poll_deadline(cx)),
            }
        }
    }

    /// Returns the next message if it is complete in the bytes that were read. This is the fast path of
    /// [`poll_next`](Self::poll_next).
    #[inline(always)]
    pub(crate) fn message_in_hand(&mut self) -> Option<PayloadLocation> {
        if !self.input_in_hand {
            return None;
        }
        let (kind, range) = self.receiver.take_message(self.input.handle())?;
        self.input.consume(range.end);
        self.messages_received += 1;
        self.note_input_in_hand(!self.input.is_empty());
        Some(PayloadLocation::Input { kind, range })
    }

    /// Borrows the message that [`poll_next`](Self::poll_next) has found. Text that is not valid UTF-8 fails the
    /// connection: the peer is sent a Close frame, and the error is returned here, once.
    ///
    /// The error is boxed. A result with an unboxed error is moved in parts of odd sizes, which the processor must wait
    /// for when it reads them as one.
    #[inline(always)]
    pub(crate) fn message(&mut self, location: PayloadLocation) -> Result<Incoming<'_>, Box<Error>> {
        let Self { receiver, input, shared, io, role, closer, tally, .. } = self;
        match receiver.message(input.handled(), location) {
            Ok(message) => {
                tally.message(message.kind(), message.len());
                Ok(message)
            }
            Err(error) => {
                let io = std::mem::replace(io, ReadSide::Closed);
                *closer = Some(close_after_fault(shared, io, *role, &error));
                Err(boxed(error))
            }
        }
    }

    /// Borrows the piece of a message that [`poll_next`](Self::poll_next) has found.
    pub(crate) fn piece(&self, location: PayloadLocation) -> &[u8] {
        // The location is in the current input, because the driver handles no other input before the piece is released.
        self.receiver.piece(self.input.handled(), location).unwrap_or_default()
    }

    /// Releases the input if it is handled. The application no longer borrows from it.
    pub(crate) fn release(&mut self) {
        self.input.release_if_empty();
    }

    /// Handles bytes in hand until there is an event for the application.
    fn next_in_hand(&mut self, wanted: Wanted) -> Option<ReceivedEvent> {
        let mut answered = false;
        if self.input.is_empty() && self.receiver.is_idle() {
            // This is how most reads begin.
            self.input.release();
            self.note_input_in_hand(false);
            return None;
        }
        loop {
            let handled = match self.receiver.handle_input(self.input.handle(), wanted.read_mode()) {
                Ok(handled) => handled,
                Err(error) => {
                    self.fail(error);
                    return None;
                }
            };
            self.input.consume(handled.consumed);
            let Some(received) = handled.received else {
                self.input.release_if_empty();
                self.note_input_in_hand(false);
                return None;
            };
            if let ReceivedEvent::Message(_) | ReceivedEvent::Piece { .. } = received {
                self.count_message(&received);
                self.note_input_in_hand(!self.input.is_empty());
                if answered {
                    // The answer to a control frame is sent before the application gets anything that arrived after
                    // that frame.
                    self.shared.flush_now();
                }
                return Some(received);
            }
            self.shared.handle_event(clock::now(), &received);
            self.observer.tell(&received);
            answered = true;
            let ends = matches!(received, ReceivedEvent::Close(_));
            if ends {
                self.closer = Some(Box::new(self.close()));
            }
            if wanted == Wanted::Events {
                self.note_input_in_hand(!self.input.is_empty());
                self.shared.flush_now();
                return Some(received);
            }
            if ends {
                return None;
            }
        }
    }

    /// Reads once, into the thread's buffer or directly into a large message.
    fn poll_fill(&mut self, cx: &mut Context<'_>, mode: ReadMode) -> Poll<Result<Option<ReceivedEvent>, Error>> {
        if mode == ReadMode::Whole {
            let target = self.receiver.payload_target();
            if let Some(read) = target.map(|mut target| self.io.poll_read_buf(cx, &mut target)) {
                let count = ready!(read)?;
                self.note_received(count)?;
                return Poll::Ready(Ok(self.handle_payload()));
            }
        }
        let size = self.read_buffer_size as usize;
        let mut buffer = ReadBuffer::take(size);
        let count = ready!(self.io.poll_read(cx, &mut buffer.as_mut_slice()[..size]))?;
        self.note_received(count)?;
        self.input.fill(buffer, count);
        Poll::Ready(Ok(None))
    }

    fn handle_payload(&mut self) -> Option<ReceivedEvent> {
        match self.receiver.handle_payload() {
            Ok(received) => received.inspect(|received| self.count_message(received)),
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    fn count_message(&mut self, received: &ReceivedEvent) {
        let is_end = !matches!(received, ReceivedEvent::Piece { is_last: false, .. });
        self.messages_received += u64::from(is_end);
        if let ReceivedEvent::Piece { kind, location, is_last } = received {
            let Self { receiver, input, tally, .. } = self;
            let len = || receiver.piece(input.handled(), location.clone()).map_or(0, <[u8]>::len);
            tally.piece(*kind, len, *is_last);
        }
    }

    fn note_received(&mut self, count: usize) -> Result<(), Error> {
        if count == 0 {
            return Err(self.shared.end_of_input());
        }
        self.read_this_turn = Received { count: self.read_this_turn.count + count, at: clock::now() };
        Ok(())
    }

    #[inline]
    fn note_input_in_hand(&mut self, in_hand: bool) {
        if self.input_in_hand != in_hand {
            self.input_in_hand = in_hand;
            self.shared.set_input_in_hand(in_hand);
        }
    }

    /// Lets other tasks run after a full turn. Deadlines are checked first, so that no amount of traffic can delay
    /// them.
    fn poll_yield(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.prepare_to_wait(cx) {
            Ok(Some(deadline)) if deadline <= clock::now() => {
                if self.poll_last_look(cx, deadline).is_pending() {
                    return yields(cx);
                }
                self.handle_timeout();
            }
            Ok(_) => return yields(cx),
            Err(error) => self.lose(error),
        }
        Poll::Ready(())
    }

    /// Waits for the next deadline, because nothing can be read. Ready when something has changed.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.prepare_to_wait(cx) {
            Ok(Some(deadline)) => {
                ready!(self.poll_timer(cx, deadline));
                ready!(self.poll_last_look(cx, deadline));
                self.handle_timeout();
            }
            Ok(None) => return Poll::Pending,
            Err(error) => self.lose(error),
        }
        Poll::Ready(())
    }

    fn prepare_to_wait(&mut self, cx: &mut Context<'_>) -> Result<Option<Instant>, Error> {
        let Wait { deadline, is_known } =
            self.shared.prepare_to_wait(cx, self.read_this_turn, self.messages_received, self.tally.take())?;
        self.read_this_turn.count = 0;
        self.receiver.begin_turn(INFLATED_PER_TURN);
        self.timer_is_told &= is_known;
        Ok(deadline)
    }

    /// Ready if a deadline that has passed may be handled. If it would end the connection, everything that arrived
    /// before it has then been read. The caller continues to read while this is pending.
    fn poll_last_look(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.shared.has_timed_out(clock::now()) {
            self.last_look.take_if(|look| look.deadline() != deadline);
            let look = self.last_look.get_or_insert_with(|| Box::new(LastLook::at(deadline)));
            ready!(look.poll(cx));
            if self.io.has_unread() && look.go_on() {
                return look.poll(cx);
            }
        }
        self.last_look = None;
        Poll::Ready(())
    }

    fn handle_timeout(&mut self) {
        if let Err(error) = self.shared.handle_timeout(clock::now()) {
            self.lose(error);
        }
    }

    /// Ready when `deadline` has passed.
    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let deadline = deadline.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
            self.timer_is_told = false;
        }
        loop {
            if self.timer_is_told && !timer.is_elapsed() {
                return Poll::Pending;
            }
            // If the task's budget is used up, the timer does not store the waker, and the task is woken at once.
            let is_heard = coop::has_budget_remaining();
            if timer.as_mut().poll(cx).is_pending() {
                self.timer_is_told = is_heard;
                return Poll::Pending;
            }
            self.timer_is_told = false;
            if timer.deadline() >= deadline {
                self.timer = None;
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }

    /// Fails the connection for a fault of the peer. The peer is told before the application is.
    fn fail(&mut self, error: ConnectionError) {
        self.shared.handle_fault(&error);
        self.closer = Some(Box::new(self.close().after_fault(Some(error.into()))));
    }

    /// Stops reading and begins the close sequence.
    fn close(&mut self) -> Closer {
        let io = self.close_input();
        Closer::new(self.shared.clone(), io, self.shared.close_deadline(), self.role)
    }

    /// Ends the connection because the transport is lost or a deadline has passed.
    fn lose(&mut self, error: Error) {
        self.close_input();
        self.closer = Some(Box::new(Closer::lost(self.shared.clone(), error)));
    }

    fn close_input(&mut self) -> ReadSide {
        self.note_input_in_hand(false);
        self.input.release();
        self.timer = None;
        std::mem::replace(&mut self.io, ReadSide::Closed)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.note_input_in_hand(false);
        // The last turn ends here. Writers may ask for the counters later.
        self.shared.note_received(self.read_this_turn, self.messages_received, self.tally.take());
        match self.closer.take() {
            Some(closer) => closer.finish_in_background(),
            None => self.shared.keep_read_side(std::mem::replace(&mut self.io, ReadSide::Closed), self.role),
        }
    }
}

#[cold]
#[inline(never)]
fn boxed(error: ConnectionError) -> Box<Error> {
    Box::new(error.into())
}

/// Tells the peer of a fault. The caller reports the error to the application.
#[cold]
fn close_after_fault(shared: &SharedHandle, io: ReadSide, role: Role, error: &ConnectionError) -> Box<Closer> {
    shared.handle_fault(error);
    Box::new(Closer::new(shared.clone(), io, shared.close_deadline(), role).after_fault(None))
}

/// Once it has read this much, the task of a peer that never stops sending yields to other tasks.
const READ_PER_TURN: usize = 256 * 1024;

/// The same limit for inflated bytes: one or two milliseconds of work, which 1 KiB of input can cause.
const INFLATED_PER_TURN: u64 = 1024 * 1024;
