//! The transmitter: the part of a connection that its reader and its writers share.
//! It takes commands and the receiver's events. It yields slices to send, deadlines, and how the connection closed.

use std::{
    io::IoSlice,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    closing::{CloseInfo, Closing, Initiator},
    config::Config,
    event::{ControlPayload, ReceivedEvent},
    large::{LargeMessage, LargePreparation, LargeSource},
    life::Acknowledged,
    output::{Hold, OutputState},
    send::Framer,
    state::{State, Step},
    stats::{Counters, OutputProgress, Stats},
    timer::{Due, Timers, after},
};
use crate::{
    deflate::budget::MemoryBudget,
    handshake::negotiated::Negotiated,
    message::{Message, MessageRef, close::CloseFrame, prepared::PreparedMessage},
    wire::{
        error::{ConnectionError, SendError, Timeout},
        mask::MaskKey,
        opcode::{MessageKind, Opcode},
        role::Role,
    },
};

/// The shared half of a connection: the output, the state and the deadlines.
#[derive(Debug)]
pub struct Transmitter {
    config: Arc<Config>,
    state: State,
    framer: Framer,
    timers: Timers,
    closing: Closing,
    counters: Counters,
    output: OutputState,
    acknowledged: Acknowledged,
    /// Whether output was dropped because the peer was at fault.
    has_dropped_output: bool,
}

/// Commands of the application.
impl Transmitter {
    /// Creates a connection that is open since `now`, with the negotiated parameters. A client calls `mask_source` for
    /// an unpredictable key for each frame.
    pub fn new(
        role: Role,
        config: Arc<Config>,
        negotiated: &Negotiated,
        now: Instant,
        mask_source: fn() -> MaskKey,
    ) -> Self {
        let deflater = config.deflater(role, negotiated);
        Self {
            config,
            state: State::Open,
            framer: Framer::new(role, mask_source, deflater),
            timers: Timers::new(now),
            closing: Closing::default(),
            counters: Counters::default(),
            output: OutputState::Idle,
            acknowledged: Acknowledged::default(),
            has_dropped_output: false,
        }
    }

    /// Counts the memory of compression in a budget that connections share. Default: none.
    pub fn with_memory_budget(mut self, budget: MemoryBudget) -> Self {
        self.framer.count_in(budget);
        self
    }

    /// Sets whether messages that are sent or begun after this may be compressed, if compression was negotiated.
    /// Default: true.
    ///
    /// Turn it off for secrets: if a secret and a stranger's text share a compression context, the compressed size leaks
    /// the secret (RFC 7692, 8).
    #[inline]
    pub fn set_write_compression(&mut self, may_compress: bool) {
        self.framer.set_compression(may_compress);
    }

    /// Returns whether messages that are sent now may be compressed.
    pub fn write_compression(&self) -> bool {
        self.framer.may_compress()
    }

    /// Queues a whole message.
    ///
    /// # Errors
    /// Fails if the connection is closing, or a streamed message is open.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        self.send_whole(|framer| framer.message(message))
    }

    /// Queues a copy of a borrowed message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_ref(&mut self, message: MessageRef<'_>) -> Result<(), SendError> {
        self.send_whole(|framer| framer.message_ref(message))
    }

    /// Queues a prepared message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), SendError> {
        self.send_whole(|framer| framer.prepared(message))
    }

    /// Begins a message that is sent in fragments. No other message can be sent until its last fragment.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn open_message(&mut self, kind: MessageKind) -> Result<(), SendError> {
        self.check_open()?;
        self.framer.open_message(kind)
    }

    /// Queues the next fragment of the streamed message.
    ///
    /// # Errors
    /// Fails if the connection is closing, no message is open, or its text is not UTF-8.
    pub fn send_fragment(&mut self, payload: &[u8], is_final: bool) -> Result<(), SendError> {
        self.check_open()?;
        self.framer.fragment(payload, is_final)?;
        self.counters.messages_sent += u64::from(is_final);
        self.output.queue();
        Ok(())
    }

    /// Queues a ping of up to 125 bytes ahead of queued data.
    ///
    /// # Errors
    /// Fails if the connection is closing, or the payload is too long.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.control(Opcode::PING, payload)
    }

    /// Queues an unsolicited pong (5.5.3).
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.control(Opcode::PONG, payload)
    }

    /// Starts the closing handshake: queues a Close frame behind all output. `None` sends an empty Close frame, and so
    /// does a code that must not be sent (7.4), because an empty frame is what 1005 stands for.
    ///
    /// Returns whether this call queued it. After the first call, and after the peer's Close frame, this does nothing.
    pub fn start_close(&mut self, now: Instant, close: Option<CloseFrame>) -> bool {
        let begins = self.check_open().is_ok();
        if begins {
            let close = close.and_then(|close| CloseFrame::new(close.code, close.reason).ok());
            self.queue_close(now, close, Initiator::Local);
        }
        begins
    }
}

/// Large messages. Compressing or copying one takes long, so its owner does that outside the lock of the transmitter.
impl Transmitter {
    /// Whether a large message needs work: compressing, copying or masking. If not, send it as any other.
    pub fn encodes(&self, source: &LargeSource<'_>) -> bool {
        self.framer.encodes(source)
    }

    /// Begins a large message, whose frame [`LargeMessage::work`] builds. The message takes the compressor along. Until
    /// [`finish_large`](Self::finish_large) or [`abandon_large`](Self::abandon_large) gives it back, no other message
    /// is accepted, so that frames are sent in the order of the compression window. Control frames are accepted, and a
    /// Close frame ends the message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn begin_large<'a>(&mut self, source: LargeSource<'a>) -> Result<LargeMessage<'a>, SendError> {
        self.check_open()?;
        self.framer.begin_large(source)
    }

    /// Returns the work that compresses a large prepared message for [`send_prepared`](Self::send_prepared), if its
    /// compressed form is missing. The message keeps the result of the [work](LargePreparation::work).
    pub fn preparation(&self, message: &PreparedMessage) -> Option<LargePreparation> {
        self.framer.preparation(message)
    }

    /// Queues the frame of a large message.
    ///
    /// # Errors
    /// Fails, and sends nothing, if the connection is closing, the work is not done, or another connection began the
    /// message.
    pub fn finish_large(&mut self, large: LargeMessage<'_>) -> Result<(), SendError> {
        let is_open = self.check_open();
        let queued = self.framer.end_large(large, is_open.is_ok());
        is_open.and(queued)?;
        self.counters.messages_sent += 1;
        self.output.queue();
        Ok(())
    }

    /// Takes back a large message that will not be sent.
    pub fn abandon_large(&mut self, large: LargeMessage<'_>) {
        // The message is not wanted, so the error that it was not queued says nothing new.
        let _ = self.framer.end_large(large, false);
    }
}

/// Memory.
impl Transmitter {
    /// Frees the compressor's memory, unless a message is being streamed. The next message is compressed as if it were
    /// the first. [`handle_output_timeout`](Self::handle_output_timeout) does this by itself, 10 to 20 s after the last
    /// message.
    pub fn release_compressor(&mut self) {
        self.framer.release_compressor();
    }

    /// Does that if no message was sent since the last call, at least 10 s ago.
    /// [`handle_output_timeout`](Self::handle_output_timeout) calls this; a driver with many connections may call it
    /// from one timer instead.
    pub fn release_idle_compressor(&mut self, now: Instant) {
        if self.framer.holds_compressor() && self.timers.compressor_is_idle(now, self.counters.messages_sent) {
            self.framer.release_compressor();
        }
    }
}

/// Input from the receiver, the transport and the clock.
impl Transmitter {
    /// Notes that bytes arrived from the transport.
    pub fn handle_received(&mut self, now: Instant, count: usize) {
        self.counters.bytes_received = self.counters.bytes_received.saturating_add(count as u64);
        if count > 0 {
            self.timers.note_received(now);
            // While the transport is full, the reports go on: a write stall closes the connection even if the peer sends.
            if self.output.blocked_since().is_none() {
                self.acknowledged.forget();
            }
        }
    }

    /// Notes how many data messages the receiver has delivered in all. For drivers that do not pass messages to
    /// [`handle_event`](Self::handle_event).
    pub fn note_messages_received(&mut self, total: u64) {
        self.counters.messages_received = total;
    }

    /// Handles an event of the receiver. Pings and closes are answered here.
    pub fn handle_event(&mut self, now: Instant, received: &ReceivedEvent) {
        match received {
            ReceivedEvent::Message(_) => self.counters.messages_received += 1,
            ReceivedEvent::Piece { is_last, .. } => self.counters.messages_received += u64::from(*is_last),
            ReceivedEvent::Ping(payload) => {
                self.counters.pings_received = self.counters.pings_received.saturating_add(1);
                if self.check_open().is_ok() {
                    self.framer.pong(payload);
                    self.output.queue();
                }
            }
            ReceivedEvent::Pong(payload) => {
                self.counters.pongs_received = self.counters.pongs_received.saturating_add(1);
                if let Some(round_trip) = self.timers.note_pong(now, payload.as_slice()) {
                    self.counters.note_round_trip(round_trip);
                }
            }
            ReceivedEvent::Close(close) => self.handle_close(now, close.clone()),
        }
    }

    /// Handles a fault that the receiver reported: queues a Close frame and accepts nothing else (7.1.7). Output that
    /// was accepted before is sent if the transport takes it at once. When it does not
    /// ([`handle_blocked`](Self::handle_blocked)), every frame of which nothing was sent is dropped, so that the Close
    /// frame waits for at most one frame.
    pub fn handle_fault(&mut self, now: Instant, error: &ConnectionError) {
        let Some(code) = error.close_code() else { return self.handle_lost() };
        if self.state == State::Closed {
            return;
        }
        self.state = self.state.after(Step::Fail);
        self.closing.note_failed();
        if self.state == State::Failing {
            let close = CloseFrame::new(code, error.to_string()).ok();
            self.queue_close(now, close, Initiator::Local);
            if self.output.blocked_since().is_some() {
                self.drop_unbegun();
            }
        }
    }

    /// Notes that the transport ended or failed. Queued output is dropped.
    pub fn handle_lost(&mut self) {
        self.state = self.state.after(Step::Lose);
        self.closing.note_lost();
        self.framer.clear();
        self.output.lose();
    }

    /// Acts on all deadlines that passed: [`handle_input_timeout`](Self::handle_input_timeout) and
    /// [`handle_output_timeout`](Self::handle_output_timeout).
    pub fn handle_timeout(&mut self, now: Instant) -> Option<ConnectionError> {
        if self.state == State::Closed {
            return None;
        }
        self.handle_output_timeout(now).or_else(|| self.handle_input_timeout(now))
    }

    /// Acts on the deadlines that passed for the task that reads: queues a ping that is due. Returns the timeout that
    /// ends the connection, if one does.
    pub fn handle_input_timeout(&mut self, now: Instant) -> Option<ConnectionError> {
        if self.state == State::Closed {
            return None;
        }
        self.timers.settle_taken(now, &self.config);
        match self.timers.due(now, &self.config, self.check_open().is_ok())? {
            Due::Ping(number) => {
                let payload = ControlPayload::new(&number.to_be_bytes()).unwrap_or_default();
                self.framer.control(Opcode::PING, &payload);
                self.output.queue();
                None
            }
            Due::Timeout(timeout) => Some(self.time_out(timeout)),
        }
    }

    /// Acts on the deadlines that passed for the task that writes: frees an idle compressor. Returns the timeout that
    /// ends the connection, if output has waited too long for the transport.
    pub fn handle_output_timeout(&mut self, now: Instant) -> Option<ConnectionError> {
        self.timers.settle_taken(now, &self.config);
        self.release_idle_compressor(now);
        let stall_due = self.stall_due().filter(|due| *due <= now);
        let close_due = self.blocked_close_due().filter(|due| *due <= now);
        match (close_due, stall_due) {
            (Some(_), _) => Some(self.time_out(Timeout::Close(self.config.close_timeout))),
            (_, Some(_)) => Some(self.time_out(Timeout::WriteStall(self.config.write_stall_timeout))),
            (None, None) => None,
        }
    }

    /// Notes that the transport took `count` bytes of the slices of [`poll_transmit`](Self::poll_transmit). A count
    /// beyond the queued bytes means all of them.
    pub fn handle_transmitted(&mut self, count: usize) {
        let count = count.min(self.framer.queued());
        self.counters.bytes_sent += count as u64;
        self.framer.advance(count);
        let is_empty = self.framer.queued() == 0;
        if count > 0 {
            self.note_taken(is_empty);
        }
        // The Close frame is always the last in the queue, so an empty queue means that it was sent.
        if is_empty && self.closing.is_queued() && self.state != State::Closed {
            self.state = self.state.after(Step::SendClose);
            self.closing.note_left();
        }
    }

    /// Notes that a layer above the socket, such as TLS, has passed on everything that it took. Call this after it was
    /// [blocked](Self::handle_blocked) with an empty queue.
    pub fn handle_flushed(&mut self) {
        if self.framer.queued() == 0 {
            self.note_taken(true);
        }
    }

    /// Notes that the transport takes no output, or that a layer above the socket passes none on, so that the time for
    /// a write stall begins. If the peer was at fault, frames of which nothing was sent are dropped.
    pub fn handle_blocked(&mut self, now: Instant) {
        self.timers.settle_taken(now, &self.config);
        self.output.block(now);
        if self.state == State::Failing {
            self.drop_unbegun();
        }
        self.framer.compact();
    }

    /// Notes how many bytes of output the peer has acknowledged since the connection began, and how many are on their
    /// way to it, if the transport can tell. Progress is a sign of life. Call this when [`doubts_life`] returns true.
    ///
    /// [`doubts_life`]: Self::doubts_life
    pub fn handle_acknowledged(&mut self, now: Instant, acknowledged: u64, outstanding: u64) {
        let is_blocked = self.output.blocked_since().is_some();
        if self.acknowledged.note(acknowledged, outstanding, self.timers.awaits_pong(), is_blocked) {
            self.timers.note_taken(now, &self.config);
            self.output.progress(now);
        }
    }

    /// Notes that the write side is being shut down, after everything up to our Close frame has left.
    pub fn handle_shutdown(&mut self) {
        if self.closing.is_queued() {
            self.output.shut_down();
        }
    }
}

/// Output for the owner.
impl Transmitter {
    /// Fills `slices` with the bytes to send next, for one vectored write, and returns how many slices it filled.
    pub fn poll_transmit<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.framer.slices(slices)
    }

    /// Decides whether output that was queued just now is held back: if `more_follows` soon and fewer than `limit` bytes
    /// are queued.
    #[inline]
    pub fn hold_back(&mut self, more_follows: bool, limit: usize) -> Hold {
        if more_follows && self.framer.queued() < limit { self.output.hold() } else { Hold::No }
    }

    /// Whether to write now, as far as the transport takes it. `has_room` says that the transport has announced room
    /// since it was [blocked](Self::handle_blocked).
    #[inline]
    pub fn may_write(&self, has_room: bool) -> bool {
        match self.output {
            OutputState::Held | OutputState::Queued => true,
            OutputState::Blocked { .. } => has_room,
            OutputState::Idle | OutputState::Closing | OutputState::Closed => false,
        }
    }

    /// The next instant at which [`handle_timeout`](Self::handle_timeout) must be called; `None` if there is none. A
    /// driver that reads and writes in different tasks asks for the two parts.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state == State::Closed {
            return None;
        }
        [self.poll_input_timeout(), self.poll_output_timeout()].into_iter().flatten().min()
    }

    /// The next instant at which [`handle_input_timeout`](Self::handle_input_timeout) must be called.
    pub fn poll_input_timeout(&self) -> Option<Instant> {
        if self.state == State::Closed {
            return None;
        }
        self.timers.next(&self.config, self.check_open().is_ok())
    }

    /// The next instant at which [`handle_output_timeout`](Self::handle_output_timeout) must be called.
    pub fn poll_output_timeout(&self) -> Option<Instant> {
        let compressor_due = self.framer.holds_compressor().then(|| self.timers.compressor_due());
        [self.blocked_until(), compressor_due].into_iter().flatten().min()
    }

    /// When the connection times out because its transport takes nothing; `None` while the transport is not blocked. The
    /// closing handshake waits no longer for a transport than for a peer.
    pub fn blocked_until(&self) -> Option<Instant> {
        [self.stall_due(), self.blocked_close_due()].into_iter().flatten().min()
    }
}

#[cfg(test)]
impl Transmitter {
    /// The memory that output occupies, without payloads by reference.
    pub(super) fn held(&self) -> usize {
        self.framer.held()
    }
}

/// Queries.
impl Transmitter {
    /// The state of the connection.
    pub fn state(&self) -> State {
        self.state
    }

    /// The number of queued bytes.
    pub fn queued_output(&self) -> usize {
        self.framer.queued()
    }

    /// Whether a message of `len` bytes is accepted now: the queue is empty, or the message fits under its limit.
    #[inline]
    pub fn has_room_for(&self, len: usize) -> bool {
        let queued = self.framer.queued();
        queued == 0 || queued.saturating_add(len) <= self.config.max_queued_output
    }

    /// The state of the output.
    #[inline]
    pub fn output_state(&self) -> OutputState {
        self.output
    }

    /// Whether some accepted output has not left yet.
    pub fn has_output(&self) -> bool {
        matches!(self.output, OutputState::Held | OutputState::Queued | OutputState::Blocked { .. })
    }

    /// Begins to track which output has left, for [`output_progress`](Self::output_progress). Call this before anything
    /// is queued.
    pub fn track_output(&mut self) {
        self.framer.track();
    }

    /// The progress of output, which tells which messages were sent. `None` unless it is
    /// [tracked](Self::track_output).
    pub fn output_progress(&self) -> Option<OutputProgress> {
        self.framer.progress()
    }

    /// Whether accepted output was dropped because the peer was at fault: see [`handle_fault`](Self::handle_fault).
    pub fn has_dropped_output(&self) -> bool {
        self.has_dropped_output
    }

    /// Whether a message is being streamed or a large one is being built, so that no other can be sent.
    pub fn has_open_message(&self) -> bool {
        self.framer.has_open_message()
    }

    /// Whether compression holds memory that [`release_compressor`](Self::release_compressor) would free.
    #[inline]
    pub fn holds_compressor(&self) -> bool {
        self.framer.holds_compressor()
    }

    /// Returns whether data is accepted.
    ///
    /// # Errors
    /// Fails once a Close frame was queued or received, because no data may follow (5.5.1), and when the connection has
    /// ended.
    #[inline]
    pub fn check_open(&self) -> Result<(), SendError> {
        if self.state == State::Open && !self.closing.is_queued() { Ok(()) } else { Err(SendError::Closing) }
    }

    /// Whether the connection is closing or has ended, so that no message is accepted.
    #[inline]
    pub fn is_closing(&self) -> bool {
        self.closing.has_begun()
    }

    /// How the connection closed or is closing; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.closing.info()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.counters.with_queued(self.framer.queued(), self.framer.controls_sent())
    }

    /// The deadline of the closing handshake, if it has begun.
    pub fn close_deadline(&self) -> Option<Instant> {
        self.timers.close_due()
    }

    /// Whether the peer has shown no sign of life for so long that a ping or a timeout is due, or output has waited for
    /// a quarter of the write stall timeout. A driver that can ask its system for the peer's acknowledgements should do
    /// so before it handles a timeout: see [`handle_acknowledged`](Self::handle_acknowledged).
    pub fn doubts_life(&self, now: Instant) -> bool {
        let doubts_output = self.output.blocked_since().is_some_and(|since| self.doubts_from(since) <= now);
        let is_open = self.check_open().is_ok();
        self.state != State::Closed && self.timers.doubts_life(now, &self.config, is_open) || doubts_output
    }

    /// When to ask for the peer's acknowledgements again, while the transport is blocked. The write stall timeout
    /// counts from the last progress. Several questions within that time notice a stall soon after it expires.
    pub fn next_doubt(&self, now: Instant) -> Option<Instant> {
        self.output.blocked_since().map(|_| self.doubts_from(now))
    }

    /// Whether [`handle_input_timeout`](Self::handle_input_timeout) would now end the connection. A driver that may
    /// have been suspended should read first, because bytes that arrived meanwhile may keep the connection alive.
    pub fn has_input_timed_out(&self, now: Instant) -> bool {
        self.state != State::Closed && self.timers.has_timed_out(now, &self.config, self.check_open().is_ok())
    }

    /// Whether a keepalive ping is in flight and nothing has arrived since.
    pub fn awaits_pong(&self) -> bool {
        self.timers.awaits_pong()
    }

    /// How long the peer may accept no output.
    pub fn write_stall_timeout(&self) -> Duration {
        self.config.write_stall_timeout
    }

    /// How long the closing handshake may take.
    pub fn close_timeout(&self) -> Duration {
        self.config.close_timeout
    }

    fn stall_due(&self) -> Option<Instant> {
        self.output.blocked_since().map(|since| after(since, self.config.write_stall_timeout))
    }

    fn blocked_close_due(&self) -> Option<Instant> {
        self.output.blocked_since().and_then(|_| self.timers.close_due())
    }

    fn doubts_from(&self, begun: Instant) -> Instant {
        after(begun, self.config.write_stall_timeout / 4)
    }

    fn time_out(&mut self, timeout: Timeout) -> ConnectionError {
        self.handle_lost();
        ConnectionError::Timeout(timeout)
    }

    /// Notes that the transport took output. If it took nothing before, that is a sign of life.
    fn note_taken(&mut self, is_empty: bool) {
        if self.output.blocked_since().is_some() {
            self.timers.note_taken_lately();
        }
        if is_empty {
            self.output.take_all();
        } else {
            self.output.take_some();
        }
    }

    /// Drops the output before the Close frame, except a frame of which a part was sent.
    fn drop_unbegun(&mut self) {
        let waited = self.framer.queued();
        if self.framer.drop_unbegun() > 0 {
            // This dropped the Close frame too, which was the last one.
            self.framer.close_instead(self.closing.sent());
        }
        self.has_dropped_output |= self.framer.queued() < waited;
    }

    fn handle_close(&mut self, now: Instant, close: Option<CloseFrame>) {
        self.state = self.state.after(Step::ReceiveClose);
        // 5.5.1: the reply usually repeats the peer's code. An empty Close has none, so ours is empty too.
        let reply = close.as_ref().and_then(|close| CloseFrame::new(close.code, "").ok());
        self.closing.note_received(close);
        if self.state == State::CloseReceived {
            self.queue_close(now, reply, Initiator::Peer);
        }
    }

    fn queue_close(&mut self, now: Instant, close: Option<CloseFrame>, initiator: Initiator) {
        if self.closing.queue(close.clone(), initiator) {
            self.timers.start_close(now, &self.config);
            self.framer.close(close.as_ref());
            self.output.queue();
        }
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.check_open()?;
        let payload = ControlPayload::new(payload).ok_or(SendError::LongControl { size: payload.len() })?;
        self.framer.control(opcode, &payload);
        self.output.queue();
        Ok(())
    }

    #[inline]
    fn send_whole(&mut self, queue: impl FnOnce(&mut Framer) -> Result<(), SendError>) -> Result<(), SendError> {
        self.check_open()?;
        queue(&mut self.framer)?;
        self.counters.messages_sent += 1;
        self.output.queue();
        Ok(())
    }
}
