//! The transmitter: the part of a connection that its reader and its writers share.
//! It takes commands and the receiver's events. It yields slices to send, deadlines, and how the connection closed.

use std::{
    io::IoSlice,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    closing::{CloseInfo, Closing, Initiator},
    config::Config,
    event::{ControlPayload, ReceivedEvent},
    large::{LargeMessage, LargePreparation, LargeSource},
    send::Framer,
    state::{State, Step},
    stats::{Counters, OutputProgress, Stats},
    timer::{Due, Timers},
};
use crate::{
    deflate::budget::MemoryBudget,
    handshake::negotiated::Negotiated,
    message::{Message, MessageRef, close::CloseFrame, prepared::PreparedMessage},
    wire::{
        error::{ConnectionError, SendError},
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
    /// Accepted bytes that were dropped because the peer was at fault or the connection was lost.
    never_left: u64,
    /// Whether output was dropped because the peer was at fault.
    has_dropped_output: bool,
    /// Whether the transport takes no output at the moment.
    is_blocked: bool,
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
            never_left: 0,
            has_dropped_output: false,
            is_blocked: false,
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
    /// the first. [`handle_timeout`](Self::handle_timeout) does this by itself, 10 to 20 s after the last message.
    pub fn release_compressor(&mut self) {
        self.framer.release_compressor();
    }
}

/// Input from the receiver, the transport and the clock.
impl Transmitter {
    /// Notes that bytes arrived from the transport.
    pub fn handle_received(&mut self, now: Instant, count: usize) {
        self.counters.bytes_received = self.counters.bytes_received.saturating_add(count as u64);
        if count > 0 {
            self.timers.note_received(now);
        }
        self.watch_compressor(now);
    }

    /// Handles an event of the receiver. Pings and closes are answered here.
    pub fn handle_event(&mut self, now: Instant, received: &ReceivedEvent) {
        match received {
            ReceivedEvent::Message(_) => self.counters.messages_received += 1,
            ReceivedEvent::Piece { is_last, .. } => self.counters.messages_received += u64::from(*is_last),
            ReceivedEvent::Ping(payload) => {
                self.counters.pings_received += 1;
                if self.check_open().is_ok() {
                    self.framer.pong(payload);
                }
            }
            ReceivedEvent::Pong(payload) => {
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
            if self.is_blocked {
                self.drop_unbegun();
            }
        }
    }

    /// Notes that the transport ended or failed. Queued output is dropped.
    pub fn handle_lost(&mut self) {
        self.state = self.state.after(Step::Lose);
        self.closing.note_lost();
        let progress = self.output_progress();
        self.never_left = progress.accepted - progress.left;
        self.framer.clear();
    }

    /// Acts on deadlines that passed: queues a ping that is due, and frees an idle compressor. Returns the timeout that
    /// ends the connection, if one does.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<ConnectionError> {
        if self.state == State::Closed {
            return None;
        }
        self.timers.settle_taken(now, &self.config);
        self.release_idle_compressor(now);
        match self.timers.due(now, &self.config, self.check_open().is_ok())? {
            Due::Ping(number) => {
                let payload = ControlPayload::new(&number.to_be_bytes()).unwrap_or_default();
                self.framer.control(Opcode::PING, &payload);
                None
            }
            Due::Timeout(timeout) => {
                self.handle_lost();
                Some(ConnectionError::Timeout(timeout))
            }
        }
    }

    /// Notes that the transport took `count` bytes of the slices of [`poll_transmit`](Self::poll_transmit). A count
    /// beyond the queued bytes means all of them.
    pub fn handle_transmitted(&mut self, count: usize) {
        let count = count.min(self.framer.queued());
        self.counters.bytes_sent += count as u64;
        self.framer.advance(count);
        if count > 0 && mem::take(&mut self.is_blocked) {
            self.timers.note_unblocked();
        }
        // The Close frame is always the last in the queue, so an empty queue means that it was sent.
        if self.framer.queued() == 0 && self.closing.is_queued() && self.state != State::Closed {
            self.state = self.state.after(Step::SendClose);
            self.closing.note_left();
        }
    }

    /// Notes that the peer took output that the transport held, which is a sign of life. Call this if the transport can
    /// tell. Output that is sent after [`handle_blocked`](Self::handle_blocked) is a sign of life without this call.
    pub fn handle_taken(&mut self, now: Instant) {
        self.timers.note_taken(now, &self.config);
    }

    /// Notes that the transport takes no output, so that the time for a write stall begins. If the peer was at fault,
    /// frames of which nothing was sent are dropped.
    pub fn handle_blocked(&mut self, now: Instant) {
        self.timers.settle_taken(now, &self.config);
        self.timers.note_blocked(now);
        self.is_blocked = true;
        if self.state == State::Failing {
            self.drop_unbegun();
        }
        self.framer.compact();
    }
}

/// Output for the owner.
impl Transmitter {
    /// Fills `slices` with the bytes to send next, for one vectored write, and returns how many slices it filled.
    pub fn poll_transmit<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.framer.slices(slices)
    }

    /// The next instant at which [`handle_timeout`](Self::handle_timeout) must be called; `None` if there is none.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state == State::Closed {
            return None;
        }
        self.timers.next(&self.config, self.check_open().is_ok(), self.framer.holds_compressor())
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
        queued == 0 || queued.saturating_add(len) <= self.config.queued_output_limit()
    }

    /// The progress of output, which tells which messages were sent.
    pub fn output_progress(&self) -> OutputProgress {
        let (overtaking, overtaken) = self.framer.overtaking();
        let left = self.counters.bytes_sent - overtaken;
        let waiting = self.framer.queued() as u64 - (overtaking - overtaken);
        OutputProgress { accepted: left + waiting + self.never_left, left }
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

    /// How the connection closed or is closing; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.closing.info()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.counters.with_queued(self.framer.queued())
    }

    /// The deadline of the closing handshake, if it has begun.
    pub fn close_deadline(&self) -> Option<Instant> {
        self.timers.close_due()
    }

    /// Whether [`handle_timeout`](Self::handle_timeout) would now ping the peer or time out, because there was no sign
    /// of life. A driver that can learn whether the peer took output should find out before it calls that.
    pub fn doubts_life(&self, now: Instant) -> bool {
        self.state != State::Closed && self.timers.doubts_life(now, &self.config, self.check_open().is_ok())
    }

    /// Whether [`handle_timeout`](Self::handle_timeout) would now end the connection. A driver that may have been
    /// suspended should read first, because bytes that arrived meanwhile may keep the connection alive.
    pub fn has_timed_out(&self, now: Instant) -> bool {
        self.state != State::Closed && self.timers.has_timed_out(now, &self.config, self.check_open().is_ok())
    }

    /// Whether a keepalive ping is in flight and nothing has arrived since.
    pub fn awaits_pong(&self) -> bool {
        self.timers.awaits_pong()
    }

    /// Since when the peer takes none of the queued output; `None` if there is no stall.
    pub fn stalled_since(&self) -> Option<Instant> {
        self.timers.stalled_since()
    }

    /// When the connection times out because of a write stall.
    pub fn stall_deadline(&self) -> Option<Instant> {
        self.timers.stall_due(&self.config)
    }

    /// How long the peer may accept no output.
    pub fn write_stall_budget(&self) -> Duration {
        self.config.write_stall_budget()
    }

    /// How long the closing handshake may take.
    pub fn close_budget(&self) -> Duration {
        self.config.close_budget()
    }

    fn release_idle_compressor(&mut self, now: Instant) {
        if self.timers.compressor_due(now).is_some_and(|sent| sent == self.counters.messages_sent) {
            self.framer.release_compressor();
        }
        self.watch_compressor(now);
    }

    fn watch_compressor(&mut self, now: Instant) {
        if self.framer.holds_compressor() {
            self.timers.watch_compressor(now, self.counters.messages_sent);
        }
    }

    /// Drops the output before the Close frame, except a frame of which a part was sent.
    fn drop_unbegun(&mut self) {
        let (waited, accepted) = (self.framer.queued(), self.output_progress().accepted);
        if self.framer.drop_unbegun() > 0 {
            // This dropped the Close frame too, which was the last one.
            self.framer.close_instead(self.closing.sent());
        }
        self.has_dropped_output |= self.framer.queued() < waited;
        self.never_left += accepted - self.output_progress().accepted;
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
        }
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.check_open()?;
        let payload = ControlPayload::new(payload).ok_or(SendError::LongControl { size: payload.len() })?;
        self.framer.control(opcode, &payload);
        Ok(())
    }

    #[inline]
    fn send_whole(&mut self, queue: impl FnOnce(&mut Framer) -> Result<(), SendError>) -> Result<(), SendError> {
        self.check_open()?;
        queue(&mut self.framer)?;
        self.counters.messages_sent += 1;
        Ok(())
    }

    /// Fails once a Close frame was queued or received, because no data may follow (5.5.1).
    #[inline]
    fn check_open(&self) -> Result<(), SendError> {
        if self.state == State::Open && !self.closing.is_queued() { Ok(()) } else { Err(SendError::Closing) }
    }
}
