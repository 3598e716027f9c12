//! The sending side: messages to frames to slices (RFC 6455, 5 and 6.1).
//! It knows nothing of the connection's state. `transmit` checks the state and then calls it.

use std::io::IoSlice;

use super::{
    compressor::{Compressor, with_compressed},
    event::ControlPayload,
    large::{LargeId, LargeMessage, LargePreparation, LargeSource},
    outbox::Outbox,
    stats::{ControlsSent, OutputProgress},
    tracker::Tracker,
};
use crate::{
    deflate::{Deflater, budget::MemoryBudget},
    message::{Message, MessageRef, close::CloseFrame, prepared::PreparedMessage, utf8::Utf8Validator},
    wire::{
        error::SendError,
        header::{FrameHeader, HeaderBytes},
        mask::MaskKey,
        opcode::{MessageKind, Opcode},
        role::Role,
    },
};

/// Builds frames and queues them.
#[derive(Debug)]
pub(super) struct Framer {
    role: Role,
    mask_source: fn() -> MaskKey,
    outbox: Outbox,
    /// The message that is streamed.
    open: Option<OpenMessage>,
    /// The newest pong, held back while much output is queued.
    pong: Option<ControlPayload>,
    /// How many bytes must be sent until the last queued pong is sent, if much output was queued then.
    until_pong: usize,
    /// If compression was negotiated.
    compressor: Option<Box<Compressor>>,
    /// Whether the application allows that the next message is compressed.
    may_compress: bool,
    /// Tracks which output has left, if the owner asked for it.
    tracker: Option<Box<Tracker>>,
    controls: ControlsSent,
}

#[derive(Debug)]
struct OpenMessage {
    kind: MessageKind,
    has_begun: bool,
    is_compressed: bool,
    /// Set if this is not a stream but one large message, whose frame is built outside the lock.
    large: Option<LargeId>,
    utf8: Utf8Validator,
}

impl OpenMessage {
    fn new(kind: MessageKind, is_compressed: bool, large: Option<LargeId>) -> Self {
        Self { kind, has_begun: false, is_compressed, large, utf8: Utf8Validator::default() }
    }
}

impl Framer {
    pub(super) fn new(role: Role, mask_source: fn() -> MaskKey, deflater: Option<(Deflater, usize)>) -> Self {
        let compressor = deflater.map(|(deflater, threshold)| Box::new(Compressor::new(deflater, threshold)));
        Self {
            role,
            mask_source,
            outbox: Outbox::default(),
            open: None,
            pong: None,
            until_pong: 0,
            compressor,
            may_compress: true,
            tracker: None,
            controls: ControlsSent::default(),
        }
    }

    pub(super) fn controls_sent(&self) -> ControlsSent {
        self.controls
    }

    pub(super) fn count_in(&mut self, budget: MemoryBudget) {
        if let Some(compressor) = &mut self.compressor {
            compressor.deflater().count_in(budget);
        }
    }

    #[inline]
    pub(super) fn set_compression(&mut self, may_compress: bool) {
        self.may_compress = may_compress;
    }

    pub(super) fn may_compress(&self) -> bool {
        self.may_compress
    }

    pub(super) fn queued(&self) -> usize {
        self.outbox.queued()
    }

    /// Begins to track which output has left. Nothing must have been queued before.
    pub(super) fn track(&mut self) {
        self.tracker.get_or_insert_default();
    }

    pub(super) fn progress(&self) -> Option<OutputProgress> {
        Some(self.tracker.as_ref()?.progress(self.queued()))
    }

    /// Queues a message. A server queues large payloads by reference.
    pub(super) fn message(&mut self, message: Message) -> Result<(), SendError> {
        self.check_no_open_message()?;
        if self.compressor.is_some() && self.compressed(message.kind(), message.as_bytes()) {
            return Ok(());
        }
        let header = FrameHeader::new(message.kind().opcode(), message.len() as u64);
        if message.len() < SHARED || self.role == Role::Client {
            self.frame(header, message.as_bytes());
        } else {
            self.outbox.push_shared(&header.encode(), message.into_bytes());
        }
        Ok(())
    }

    /// Queues a copy of a borrowed message.
    #[inline(always)]
    pub(super) fn message_ref(&mut self, message: MessageRef<'_>) -> Result<(), SendError> {
        self.payload(message.kind(), message.as_bytes())
    }

    /// Queues a copy of a message. The parts of a message travel in registers, a `MessageRef` would not.
    #[inline(never)]
    fn payload(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        self.check_no_open_message()?;
        if self.compressor.is_none() || !self.compressed(kind, payload) {
            self.frame(FrameHeader::new(kind.opcode(), payload.len() as u64), payload);
        }
        Ok(())
    }

    /// Queues a prepared frame, which a client masks with a new key (5.3).
    pub(super) fn prepared(&mut self, message: &PreparedMessage) -> Result<(), SendError> {
        self.check_no_open_message()?;
        let compressed = self.compressor().and_then(|compressor| compressor.prepared(message));
        let encoded = compressed.as_ref().unwrap_or(message.plain());
        if self.role == Role::Client {
            self.frame(encoded.header(), encoded.payload());
        } else if encoded.frame().len() < SHARED {
            self.outbox.push_built(encoded.frame());
        } else {
            self.outbox.push_shared(b"", encoded.frame().clone());
        }
        Ok(())
    }

    /// Begins a message that is sent in fragments (5.4).
    pub(super) fn open_message(&mut self, kind: MessageKind) -> Result<(), SendError> {
        self.check_no_open_message()?;
        let is_compressed = self.affords_compression();
        self.open = Some(OpenMessage::new(kind, is_compressed, None));
        Ok(())
    }

    /// Whether a large message needs work: compressing, copying or masking.
    pub(super) fn encodes(&self, source: &LargeSource<'_>) -> bool {
        match source {
            LargeSource::Prepared(_) => self.role == Role::Client,
            LargeSource::Owned(message) => self.role == Role::Client || self.compresses(message.as_ref()),
            LargeSource::Borrowed(_) => true,
        }
    }

    /// Begins a large message whose frame is built outside the lock. No other message is accepted until it is finished.
    pub(super) fn begin_large<'a>(&mut self, source: LargeSource<'a>) -> Result<LargeMessage<'a>, SendError> {
        self.check_no_open_message()?;
        let kind = source.as_ref().kind();
        let large = if let LargeSource::Prepared(message) = source {
            let compressed = self.compressor().and_then(|compressor| compressor.prepared(message));
            LargeMessage::prepared(compressed.unwrap_or_else(|| message.plain().clone()), self.next_mask())
        } else {
            let compresses = self.compresses(source.as_ref()) && self.affords_compression();
            let compressor = if compresses { self.compressor.take() } else { None };
            LargeMessage::new(source, self.next_mask(), compressor)
        };
        self.open = Some(OpenMessage::new(kind, false, Some(large.id())));
        Ok(large)
    }

    /// Returns the work that compresses a large prepared message, if its compressed form is missing.
    pub(super) fn preparation(&self, message: &PreparedMessage) -> Option<LargePreparation> {
        let compressor = self.compressor.as_ref().filter(|_| self.may_compress)?;
        compressor.preparation(message).map(|deflater| LargePreparation::new(deflater, message))
    }

    /// Takes back the compressor of a large message, and queues its frame if `is_wanted`.
    pub(super) fn end_large(&mut self, mut large: LargeMessage<'_>, is_wanted: bool) -> Result<(), SendError> {
        // A Close frame may have ended the message. A message of another connection must not leave its compressor here.
        if self.open.take_if(|open| open.large == Some(large.id())).is_none() {
            return Err(SendError::NoMessageOpen);
        }
        if !is_wanted || !large.is_done() {
            large.reset();
        }
        let (compressor, frame) = large.into_parts();
        if compressor.is_some() {
            self.compressor = compressor;
        }
        let Some((header, payload)) = frame else { return Err(SendError::NoMessageOpen) };
        self.outbox.push_shared(&header.encode(), payload);
        Ok(())
    }

    /// Returns the compressor, if the next message may be compressed.
    fn compressor(&mut self) -> Option<&mut Compressor> {
        self.compressor.as_deref_mut().filter(|_| self.may_compress)
    }

    fn affords_compression(&mut self) -> bool {
        self.compressor().is_some_and(|compressor| compressor.affords_message())
    }

    fn compresses(&self, message: MessageRef<'_>) -> bool {
        let len = message.as_bytes().len();
        self.may_compress && self.compressor.as_ref().is_some_and(|compressor| compressor.is_for(len))
    }

    pub(super) fn has_open_message(&self) -> bool {
        self.open.is_some()
    }

    /// Queues the next fragment of the streamed message.
    pub(super) fn fragment(&mut self, payload: &[u8], is_final: bool) -> Result<(), SendError> {
        let open = self.open.as_mut().filter(|open| open.large.is_none()).ok_or(SendError::NoMessageOpen)?;
        if open.kind == MessageKind::Text {
            let mut utf8 = open.utf8.clone();
            let fits = utf8.push(payload, |_| {}).is_ok() && (!is_final || utf8.is_complete());
            if !fits {
                return Err(SendError::InvalidUtf8);
            }
            open.utf8 = utf8;
        }
        let is_first = !std::mem::replace(&mut open.has_begun, true);
        let opcode = if is_first { open.kind.opcode() } else { Opcode::CONTINUATION };
        let is_compressed = open.is_compressed;
        if is_final {
            self.open = None;
        }
        let header = |payload: &[u8]| FrameHeader::new(opcode, payload.len() as u64).with_final(is_final);
        if !is_compressed {
            self.frame(header(payload), payload);
            return Ok(());
        }
        with_compressed(|out| {
            if let Some(compressor) = &mut self.compressor {
                compressor.fragment(payload, is_final, out);
            }
            // RFC 7692, 6: only the first frame has RSV1 set.
            self.frame(header(out).with_rsv1(is_first), out);
        });
        Ok(())
    }

    /// Queues a ping or pong ahead of data. Returns how many bytes must be sent until it is sent.
    pub(super) fn control(&mut self, opcode: Opcode, payload: &ControlPayload) -> usize {
        let (header, payload) = self.control_frame(opcode, payload.clone());
        let until = self.outbox.push_urgent([&header, payload.as_slice()]);
        let sent = if opcode == Opcode::PING { &mut self.controls.pings } else { &mut self.controls.pongs };
        *sent = sent.saturating_add(1);
        self.note_overtaking(until, header.len() + payload.as_slice().len());
        until
    }

    fn note_overtaking(&mut self, until: usize, len: usize) {
        if let Some(tracker) = &mut self.tracker {
            tracker.note_overtaking(until, len);
        }
    }

    fn control_frame(&self, opcode: Opcode, mut payload: ControlPayload) -> (HeaderBytes, ControlPayload) {
        let mask = self.next_mask();
        if let Some(key) = mask {
            key.apply(0, payload.as_mut_slice());
        }
        (FrameHeader::new(opcode, payload.as_slice().len() as u64).with_mask(mask).encode(), payload)
    }

    /// Queues the answer to a ping. While much output is queued, only the newest pong is kept (5.5.3). It is queued
    /// when the pong before it was sent. So neither a flood of pings nor a stream of messages can keep pongs from being
    /// sent.
    pub(super) fn pong(&mut self, payload: &ControlPayload) {
        if self.pong.is_none() && self.outbox.queued() < PONG_WAITS_FROM {
            self.control(Opcode::PONG, payload);
        } else {
            self.pong = Some(payload.clone());
        }
    }

    /// Queues a Close frame behind everything else.
    pub(super) fn close(&mut self, close: Option<&CloseFrame>) {
        self.release_pong();
        let mut payload = Vec::new();
        if let Some(close) = close {
            close.encode(&mut payload);
        }
        self.open = None;
        self.frame(FrameHeader::new(Opcode::CLOSE, payload.len() as u64), &payload);
    }

    /// Drops every frame of which no byte was sent. Returns the number of dropped bytes.
    pub(super) fn drop_unbegun(&mut self) -> usize {
        (self.pong, self.until_pong, self.open) = (None, 0, None);
        let queued = self.queued();
        let dropped = self.outbox.drop_unbegun();
        self.note_dropped(queued);
        dropped
    }

    /// Notes that output was dropped, when `queued` bytes were queued.
    fn note_dropped(&mut self, queued: usize) {
        let kept = self.queued();
        if let Some(tracker) = &mut self.tracker {
            tracker.note_dropped(queued, kept);
        }
    }

    /// Queues a Close frame again after the first one was dropped.
    pub(super) fn close_instead(&mut self, close: Option<&CloseFrame>) {
        let mut payload = Vec::new();
        if let Some(close) = close {
            close.encode(&mut payload);
        }
        // `CloseFrame` limits the reason, so that it always fits into a control frame.
        let payload = ControlPayload::new(&payload).unwrap_or_default();
        let (header, payload) = self.control_frame(Opcode::CLOSE, payload);
        self.outbox.push_last([&header, payload.as_slice()]);
        // It takes the place of earlier output.
        self.note_overtaking(self.queued(), header.len() + payload.as_slice().len());
    }

    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.outbox.slices(slices)
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.outbox.advance(count);
        if let Some(tracker) = &mut self.tracker {
            tracker.note_sent(count);
        }
        self.until_pong = self.until_pong.saturating_sub(count);
        if self.until_pong == 0 {
            self.release_pong();
        }
    }

    /// Whether compression holds memory that an idle connection does not need.
    #[inline]
    pub(super) fn holds_compressor(&self) -> bool {
        self.compressor.as_ref().is_some_and(|compressor| compressor.holds_memory())
    }

    /// Frees that memory. The next message is compressed as if it were the first.
    pub(super) fn release_compressor(&mut self) {
        // Inside a streamed message, the receiver's window needs the earlier data.
        if let (Some(compressor), None) = (&mut self.compressor, &self.open) {
            compressor.release();
        }
    }

    pub(super) fn compact(&mut self) {
        self.outbox.compact();
    }

    pub(super) fn clear(&mut self) {
        let queued = self.queued();
        self.outbox.clear();
        self.note_dropped(queued);
        self.pong = None;
        self.until_pong = 0;
        self.open = None;
    }

    fn release_pong(&mut self) {
        if let Some(payload) = self.pong.take() {
            self.until_pong = self.control(Opcode::PONG, &payload);
        }
    }

    /// Queues a message compressed, if compression was negotiated and makes it smaller.
    #[inline(never)]
    fn compressed(&mut self, kind: MessageKind, payload: &[u8]) -> bool {
        if !self.may_compress {
            return false;
        }
        with_compressed(|out| {
            let shrinks = self.compressor.as_mut().is_some_and(|compressor| compressor.message(payload, out));
            if shrinks {
                self.frame(FrameHeader::new(kind.opcode(), out.len() as u64).with_rsv1(true), out);
            }
            shrinks
        })
    }

    /// Queues a copy of one frame, which a client masks. The caller's bytes stay unchanged.
    #[inline(always)]
    fn frame(&mut self, header: FrameHeader, payload: &[u8]) {
        match self.role {
            Role::Server => _ = self.outbox.push_frame(&header.encode(), payload),
            Role::Client => self.masked_frame(header, payload),
        }
    }

    #[inline(never)]
    fn masked_frame(&mut self, header: FrameHeader, payload: &[u8]) {
        let key = (self.mask_source)();
        key.apply(0, self.outbox.push_frame(&header.with_mask(Some(key)).encode(), payload));
    }

    /// Returns a mask key for one frame, if this is a client (5.3).
    fn next_mask(&self) -> Option<MaskKey> {
        match self.role {
            Role::Client => Some((self.mask_source)()),
            Role::Server => None,
        }
    }

    #[inline]
    fn check_no_open_message(&self) -> Result<(), SendError> {
        match self.open {
            Some(_) => Err(SendError::MessageOpen),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
impl Framer {
    pub(super) fn held(&self) -> usize {
        self.outbox.held()
    }
}

/// From this size up, a payload is queued by reference. A copy of a smaller one costs less than another slice.
const SHARED: usize = 4 * 1024;

/// With this much output queued, only the newest pong is kept.
const PONG_WAITS_FROM: usize = 64 * 1024;
