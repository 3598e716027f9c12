//! Fragments to messages (RFC 6455, 5.4): joins payloads, counts bytes and frames, and validates text as it arrives.
//! Memory grows with the bytes that arrived, never with the bytes that were declared.

#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes};

use super::{
    Message, MessageRef,
    buffer::{self, Buffer},
    text::Text,
    utf8::Utf8Validator,
};
use crate::{
    deflate::{Held, Inflater, budget::MemoryBudget},
    wire::{
        error::{ConnectionError, LimitError, ProtocolError},
        header::FrameHeader,
        limits::Limits,
        opcode::{MessageKind, Opcode},
    },
};

/// Joins the frames of the open message, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    open: Option<OpenMessage>,
    /// If compression was negotiated.
    inflater: Option<Box<Inflater>>,
}

#[derive(Debug)]
struct OpenMessage {
    body: Body,
    /// Bytes that are kept, unmasked, and not returned as a piece yet. They are the front of a binary body, or the end
    /// of a text including the unfinished character in its validator.
    settled: usize,
    /// Payload bytes that its frames have declared so far.
    declared: u64,
    frames: u32,
    /// Set if the message is compressed and not finished.
    compressed: Option<Inflated>,
    /// Whether the message ends with the frame that is arriving.
    in_last_frame: bool,
}

/// The inflated size of a compressed message so far.
#[derive(Clone, Copy, Debug)]
struct Inflated {
    size: u64,
    /// Always >= size.
    limit: u64,
}

/// The sums of a message after one more frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    declared: u64,
    frames: u32,
    is_last_frame: bool,
    /// The limit on the inflated size, if this frame begins a compressed message.
    inflates_to: Option<u64>,
}

/// The received part of a message that was not returned yet.
#[derive(Debug)]
pub(crate) enum Body {
    Text(String, Utf8Validator),
    Binary(Buffer),
}

impl Assembler {
    /// Creates an assembler, with an inflater if compression was negotiated.
    pub(crate) fn new(inflater: Option<Inflater>) -> Self {
        Self { open: None, inflater: inflater.map(Box::new) }
    }

    /// Whether compression was negotiated.
    pub(crate) fn can_inflate(&self) -> bool {
        self.inflater.is_some()
    }

    /// Begins a turn, in which about this many bytes may be inflated.
    pub(crate) fn begin_turn(&mut self, inflated: u64) {
        if let Some(inflater) = &mut self.inflater {
            inflater.begin_turn(inflated);
        }
    }

    /// How many bytes may still be inflated in this turn.
    pub(crate) fn left_of_turn(&self) -> u64 {
        self.inflater.as_ref().map_or(u64::MAX, |inflater| inflater.left_of_turn())
    }

    /// Whether the open message is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.compressed.is_some())
    }

    /// Whether a message has begun and its last frame has not arrived.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The kind of the open message.
    pub(crate) fn kind(&self) -> Option<MessageKind> {
        self.open.as_ref().map(|open| open.body.kind())
    }

    /// Checks a data frame that `rules` allowed against the limits on its message, by its header alone.
    #[inline]
    pub(crate) fn admit(&self, header: &FrameHeader, limits: &Limits) -> Result<Admitted, LimitError> {
        let (declared, frames) = self.open.as_ref().map_or((0, 0), |open| (open.declared, open.frames));
        let declared = declared.saturating_add(header.payload_len());
        let is_compressed = header.rsv1() || self.is_compressed();
        let frames = frames.saturating_add(1);
        check_sums(declared, frames, is_compressed, limits)?;
        let inflates_to = header.rsv1().then_some(limits.message);
        Ok(Admitted { declared, frames, is_last_frame: header.is_final(), inflates_to })
    }

    /// Checks the open message against new limits, which apply from now on.
    pub(crate) fn admit_again(&mut self, limits: &Limits) -> Result<(), LimitError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        check_sums(open.declared, open.frames, open.compressed.is_some(), limits)?;
        open.compressed.as_mut().map_or(Ok(()), |inflated| {
            inflated.limit = limits.message;
            inflated.check()
        })
    }

    /// Prepares for the payload of an admitted frame.
    pub(crate) fn begin_frame(&mut self, opcode: Opcode, admitted: Admitted) {
        let kind = MessageKind::from_opcode(opcode).unwrap_or(MessageKind::Binary);
        let compressed = admitted.inflates_to.map(|limit| Inflated { size: 0, limit });
        let open = self.open.get_or_insert_with(|| OpenMessage::new(kind, compressed));
        (open.declared, open.frames, open.in_last_frame) = (admitted.declared, admitted.frames, admitted.is_last_frame);
    }

    /// Keeps a piece of unmasked payload. `remaining` bytes of its frame are missing, this piece included.
    pub(crate) fn push(&mut self, piece: &[u8], remaining: u64) -> Result<(), ConnectionError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        match (&mut self.inflater, open.compressed) {
            (Some(inflater), Some(_)) => {
                inflater.push(piece, |inflated| open.keep_inflated(inflated))?;
                self.count_held()
            }
            _ => {
                let ahead = open.ahead(remaining);
                open.settled += piece.len();
                open.body.push(piece, ahead)
            }
        }
    }

    /// Keeps a piece of an incomplete compressed message, mostly without inflating it.
    pub(crate) fn push_compressed(&mut self, piece: &[u8]) {
        if let (Some(inflater), Some(_)) = (&mut self.inflater, &self.open) {
            inflater.wait_with(piece);
        }
    }

    /// Whether a part of the open message is kept compressed.
    pub(crate) fn has_compressed(&self) -> bool {
        self.inflater.as_ref().is_some_and(|inflater| inflater.is_waiting())
    }

    /// Inflates about `most` bytes of the part that is kept compressed, as far as `held` allows. Returns whether there
    /// is nothing more to do for now.
    pub(crate) fn inflate_kept(&mut self, held: Held, most: u64) -> Result<bool, ConnectionError> {
        match (&mut self.inflater, &mut self.open) {
            (Some(inflater), Some(open)) => {
                let is_done = inflater.inflate_waiting(held, most, |inflated| open.keep_inflated(inflated))?;
                self.count_held()?;
                Ok(is_done)
            }
            _ => Ok(true),
        }
    }

    /// Counts the memory of compression in a budget from now on.
    pub(crate) fn count_in(&mut self, budget: MemoryBudget) {
        if let Some(inflater) = &mut self.inflater {
            inflater.count_in(budget);
        }
    }

    fn count_held(&mut self) -> Result<(), ConnectionError> {
        let Some(inflater) = &mut self.inflater else { return Ok(()) };
        let compressed = self.open.as_ref().filter(|open| open.compressed.is_some());
        Ok(inflater.count_held(compressed.map_or(0, |open| open.body.capacity()))?)
    }

    /// Inflates the rest of a compressed message at its end. Nothing more is pushed to it.
    pub(crate) fn finish_inflating(&mut self) -> Result<(), ConnectionError> {
        match (&mut self.inflater, &mut self.open) {
            (Some(inflater), Some(open)) if open.compressed.is_some() => {
                inflater.finish(|inflated| open.keep_inflated(inflated))?;
                open.compressed = None;
                self.count_held()
            }
            _ => Ok(()),
        }
    }

    /// Validates a piece of payload that is returned at once and not kept.
    pub(crate) fn pass(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        match self.body_mut() {
            Some(Body::Text(_, utf8)) => utf8.push(piece, |_| {}),
            _ => Ok(()),
        }
    }

    /// Takes the bytes kept so far out of the message, which stays open.
    pub(crate) fn take_kept(&mut self) -> Option<Body> {
        let open = self.open.as_mut()?;
        if open.settled == 0 {
            return None;
        }
        let settled = std::mem::take(&mut open.settled);
        match &mut open.body {
            Body::Binary(buffer) => Some(Body::Binary(std::mem::take(buffer))),
            // The text may end inside a character. The first bytes of that character are returned too, as bytes, and
            // the validator keeps its state.
            Body::Text(text, utf8) => {
                let mut bytes = std::mem::take(text).into_bytes();
                bytes.extend_from_slice(utf8.partial());
                let mut kept = Buffer::with_capacity(settled);
                kept.extend_from_slice(&bytes[bytes.len() - settled..]);
                Some(Body::Binary(kept))
            }
        }
    }

    /// Ends the open message.
    pub(crate) fn finish(&mut self) -> Result<Body, ConnectionError> {
        self.finish_inflating()?;
        let body = self.open.take().map_or_else(|| Body::new(MessageKind::Binary), |open| open.body);
        match &body {
            Body::Text(_, utf8) if !utf8.is_complete() => Err(ProtocolError::InvalidUtf8.into()),
            _ => Ok(body),
        }
    }

    /// Returns room into which at most `remaining` bytes of payload may be read directly.
    pub(crate) fn spare(&mut self, remaining: u64) -> Option<impl BufMut> {
        let open = self.open.as_mut().filter(|open| open.compressed.is_none())?;
        let ahead = open.ahead(remaining);
        let Body::Binary(buffer) = &mut open.body else { return None };
        // If the allocation fails, the payload goes through `push`, which reports that.
        reserve(buffer, 1, ahead).ok()?;
        Some(buffer.spare(usize::try_from(remaining).unwrap_or(usize::MAX)))
    }

    /// Returns the bytes that were read directly and are still masked. They count as unmasked from now on.
    pub(crate) fn settle(&mut self) -> &mut [u8] {
        match &mut self.open {
            Some(OpenMessage { body: Body::Binary(buffer), settled, .. }) => {
                let start = std::mem::replace(settled, buffer.len());
                &mut buffer.as_mut_slice()[start..]
            }
            _ => &mut [],
        }
    }

    fn body_mut(&mut self) -> Option<&mut Body> {
        self.open.as_mut().map(|open| &mut open.body)
    }
}

impl OpenMessage {
    fn new(kind: MessageKind, compressed: Option<Inflated>) -> Self {
        Self { body: Body::new(kind), settled: 0, declared: 0, frames: 0, compressed, in_last_frame: false }
    }

    /// Keeps the inflated bytes of a piece, within the limit on messages. Text is validated up to that limit, so that
    /// the first of two faults does not depend on how the input was cut.
    fn keep_inflated(&mut self, inflated: &[u8]) -> Result<(), ConnectionError> {
        let (mut kept, mut checked) = (inflated, Ok(()));
        if let Some(compressed) = &mut self.compressed {
            let room = compressed.limit.saturating_sub(compressed.size);
            kept = &inflated[..inflated.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
            compressed.size += inflated.len() as u64;
            checked = compressed.check();
        }
        self.settled += kept.len();
        // No header tells the inflated size, so the size ahead is unknown.
        self.body.push(kept, Ahead { bytes: kept.len(), is_all: false })?;
        Ok(checked?)
    }

    fn ahead(&self, remaining: u64) -> Ahead {
        Ahead { bytes: usize::try_from(remaining).unwrap_or(usize::MAX), is_all: self.in_last_frame }
    }
}

impl Inflated {
    fn check(&self) -> Result<(), LimitError> {
        let Self { size, limit } = *self;
        // The error does not name the size so far, which depends on how the input was cut.
        if size > limit { Err(LimitError::Message { size: limit.saturating_add(1), limit }) } else { Ok(()) }
    }
}

impl Body {
    fn new(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Text => Self::Text(String::new(), Utf8Validator::default()),
            MessageKind::Binary => Self::Binary(Buffer::default()),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Text(text, _) => text.capacity(),
            Self::Binary(buffer) => buffer.capacity(),
        }
    }

    fn push(&mut self, piece: &[u8], ahead: Ahead) -> Result<(), ConnectionError> {
        match self {
            Self::Binary(buffer) => {
                reserve(buffer, piece.len(), ahead)?;
                buffer.extend_from_slice(piece);
                Ok(())
            }
            Self::Text(text, utf8) => {
                let arrived = text.len() + utf8.partial().len();
                let capacity = next_capacity(arrived, text.capacity(), piece.len(), ahead);
                if text.try_reserve_exact(capacity.saturating_sub(text.len())).is_err() {
                    let needed = arrived.saturating_add(piece.len());
                    let reserved = text.try_reserve_exact(needed.saturating_sub(text.len()));
                    reserved.map_err(|_| LimitError::OutOfMemory { size: needed as u64 })?;
                }
                Ok(utf8.push(piece, |whole| text.push_str(whole))?)
            }
        }
    }

    pub(crate) fn kind(&self) -> MessageKind {
        match self {
            Self::Text(..) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }

    pub(crate) fn as_ref(&self) -> MessageRef<'_> {
        match self {
            Self::Text(text, _) => MessageRef::Text(text),
            Self::Binary(buffer) => MessageRef::Binary(buffer.as_slice()),
        }
    }

    pub(crate) fn into_message(self) -> Message {
        match self {
            Self::Text(text, _) => Message::Text(Text::from(text)),
            Self::Binary(buffer) if buffer.is_empty() => Message::Binary(Bytes::new()),
            Self::Binary(buffer) => Message::Binary(buffer.into_bytes()),
        }
    }
}

/// The missing payload, as far as headers have declared it.
#[derive(Clone, Copy)]
struct Ahead {
    /// Missing bytes of the frame that is arriving.
    bytes: usize,
    /// Whether the message ends with this frame.
    is_all: bool,
}

/// Makes room for `piece` more bytes.
fn reserve(buffer: &mut Buffer, piece: usize, ahead: Ahead) -> Result<(), LimitError> {
    let needed = buffer.len().saturating_add(piece);
    if needed <= buffer.capacity() {
        return Ok(());
    }
    let whole = buffer.len().saturating_add(ahead.bytes);
    if whole / POOLED_AHEAD <= needed.max(FIRST_CAPACITY) {
        if let Some(mut reused) = Buffer::pooled(whole) {
            reused.extend_from_slice(buffer.as_slice());
            *buffer = reused;
            return Ok(());
        }
    }
    buffer.grow_to(next_capacity(buffer.len(), buffer.capacity(), piece, ahead));
    // There may be memory for the bytes that have arrived, even if there is none for twice as many.
    buffer.grow_to(needed);
    if buffer.capacity() < needed { Err(LimitError::OutOfMemory { size: needed as u64 }) } else { Ok(()) }
}

/// Returns twice the size of the received bytes, because a declared length alone must not get memory. In the last frame
/// the message gets no more than it needs. In earlier frames it may get more, because a buffer that ends with the frame
/// would be copied for each fragment.
fn next_capacity(len: usize, capacity: usize, piece: usize, ahead: Ahead) -> usize {
    let needed = len.saturating_add(piece);
    if needed <= capacity {
        return capacity;
    }
    let whole = len.saturating_add(ahead.bytes).max(needed);
    let grown = needed.saturating_mul(2).max(whole.min(FIRST_CAPACITY)).min(buffer::MAX_CAPACITY);
    if ahead.is_all { grown.min(whole) } else { grown }
}

fn check_sums(declared: u64, frames: u32, is_compressed: bool, limits: &Limits) -> Result<(), LimitError> {
    if declared > if is_compressed { with_overhead(limits.message) } else { limits.message } {
        return Err(LimitError::Message { size: declared, limit: limits.message });
    }
    if frames > limits.fragments { Err(LimitError::Fragments { limit: limits.fragments }) } else { Ok(()) }
}

/// The size that a message within the limit may have on the wire, because random data grows when it is compressed.
pub(crate) fn with_overhead(limit: u64) -> u64 {
    limit.saturating_add(limit / 8).saturating_add(64)
}

/// The smallest capacity. Growing a smaller buffer costs more than it saves.
const FIRST_CAPACITY: usize = buffer::LARGE / 4;

/// How many times larger than the received bytes a pooled buffer may be. It costs no new memory, but others may need
/// it.
const POOLED_AHEAD: usize = 16;
