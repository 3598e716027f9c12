//! Fragments to messages (RFC 6455, 5.4): joins payloads, counts bytes and frames, checks text as it comes.
//! Memory grows with the bytes that arrived, never with the bytes that were declared.

#[cfg(test)]
mod tests;

use bytes::{Bytes, buf::Limit};

use crate::{
    FrameHeader, Limits, Message, MessageKind, MessageRef, Opcode, Text,
    buffer::{self, Buffer},
    error::{ConnectionError, LimitError, ProtocolError},
    utf8::Utf8Validator,
};

/// The message that is open, if one is.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    open: Option<OpenMessage>,
}

#[derive(Debug)]
struct OpenMessage {
    body: Body,
    /// Bytes at the front of a binary body that are unmasked. Always <= its length.
    settled: usize,
    /// Payload bytes declared by its frames so far.
    declared: u64,
    frames: u32,
}

/// The sums of a message, a further frame included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    declared: u64,
    frames: u32,
}

/// What has arrived of a message and was not yet handed out.
#[derive(Debug)]
pub(crate) enum Body {
    Text(String, Utf8Validator),
    Binary(Buffer),
}

impl Assembler {
    /// Whether frames of a message have come, but not its last.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The kind of the message that is open.
    pub(crate) fn kind(&self) -> Option<MessageKind> {
        self.open.as_ref().map(|open| open.body.kind())
    }

    /// Judges what a data frame that `rules` allowed adds to its message, by its header alone.
    pub(crate) fn admit(&self, header: &FrameHeader, limits: &Limits) -> Result<Admitted, LimitError> {
        let (declared, frames) = self.open.as_ref().map_or((0, 0), |open| (open.declared, open.frames));
        let declared = declared.saturating_add(header.payload_len);
        if declared > limits.message {
            return Err(LimitError::Message { size: declared, limit: limits.message });
        }
        if frames >= limits.fragments {
            return Err(LimitError::Fragments { limit: limits.fragments });
        }
        Ok(Admitted { declared, frames: frames + 1 })
    }

    /// Makes ready for the payload of a frame that was admitted.
    pub(crate) fn begin_frame(&mut self, opcode: Opcode, admitted: Admitted) {
        let Admitted { declared, frames } = admitted;
        match &mut self.open {
            Some(open) => (open.declared, open.frames) = (declared, frames),
            None => {
                let kind = MessageKind::from_opcode(opcode).unwrap_or(MessageKind::Binary);
                self.open = Some(OpenMessage { body: Body::new(kind), settled: 0, declared, frames });
            }
        }
    }

    /// Keeps a piece of unmasked payload; `remaining` bytes of its frame are still to come, this piece included.
    pub(crate) fn push(&mut self, piece: &[u8], remaining: u64) -> Result<(), ProtocolError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.body.push(piece, remaining)?;
        open.settled = open.body.as_ref().as_bytes().len();
        Ok(())
    }

    /// Judges a piece of payload that is handed out at once and not kept.
    pub(crate) fn pass(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        match self.body_mut() {
            Some(Body::Text(_, utf8)) => utf8.push(piece, |_| {}),
            _ => Ok(()),
        }
    }

    /// What was kept so far, taken out of the message that stays open.
    pub(crate) fn take_kept(&mut self) -> Option<Body> {
        let open = self.open.as_mut()?;
        open.settled = 0;
        match &mut open.body {
            // The validator stays: a character may be cut between what is taken and what comes next.
            Body::Text(text, utf8) if !text.is_empty() => Some(Body::Text(std::mem::take(text), utf8.clone())),
            Body::Binary(buffer) if !buffer.is_empty() => Some(Body::Binary(std::mem::take(buffer))),
            _ => None,
        }
    }

    /// Ends the message that is open.
    pub(crate) fn finish(&mut self) -> Result<Body, ConnectionError> {
        let body = self.open.take().map_or_else(|| Body::new(MessageKind::Binary), |open| open.body);
        match &body {
            Body::Text(_, utf8) if !utf8.is_complete() => Err(ProtocolError::InvalidUtf8.into()),
            _ => Ok(body),
        }
    }

    /// Room that payload may be read into directly, `remaining` bytes at most.
    pub(crate) fn spare(&mut self, remaining: u64) -> Option<Limit<&mut Vec<u8>>> {
        let Some(Body::Binary(buffer)) = self.body_mut() else { return None };
        reserve(buffer, 1, remaining);
        Some(buffer.spare(usize::try_from(remaining).unwrap_or(usize::MAX)))
    }

    /// The bytes that were read directly and are still masked; they count as unmasked from now on.
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

impl Body {
    fn new(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Text => Self::Text(String::new(), Utf8Validator::default()),
            MessageKind::Binary => Self::Binary(Buffer::default()),
        }
    }

    fn push(&mut self, piece: &[u8], remaining: u64) -> Result<(), ProtocolError> {
        match self {
            Self::Binary(buffer) => {
                reserve(buffer, piece.len(), remaining);
                buffer.extend_from_slice(piece);
                Ok(())
            }
            Self::Text(text, utf8) => {
                let arrived = text.len() + utf8.partial_len();
                let capacity = next_capacity(arrived, text.capacity(), piece.len(), remaining);
                text.reserve_exact(capacity.saturating_sub(text.len()));
                utf8.push(piece, |whole| text.push_str(whole))
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

/// Makes room for `piece` bytes of a frame with `remaining` bytes to come.
fn reserve(buffer: &mut Buffer, piece: usize, remaining: u64) {
    if buffer.len() + piece <= buffer.capacity() {
        return;
    }
    let whole = usize::try_from(remaining).unwrap_or(usize::MAX).saturating_add(buffer.len());
    if let Some(mut reused) = Buffer::pooled(whole) {
        reused.extend_from_slice(buffer.as_slice());
        *buffer = reused;
        return;
    }
    buffer.grow_to(next_capacity(buffer.len(), buffer.capacity(), piece, remaining));
}

/// Twice what has arrived, but never more than the frame needs: a declared length alone gets no memory.
fn next_capacity(len: usize, capacity: usize, piece: usize, remaining: u64) -> usize {
    let needed = len.saturating_add(piece);
    if needed <= capacity {
        return capacity;
    }
    let whole = usize::try_from(remaining).unwrap_or(usize::MAX).saturating_add(len);
    needed.saturating_mul(2).max(FIRST_CAPACITY).min(whole).max(needed)
}

/// Below this, growing costs more than it saves.
const FIRST_CAPACITY: usize = buffer::LARGE / 4;
