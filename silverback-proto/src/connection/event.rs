//! What a connection tells its owner about the peer's bytes.

use std::ops::Range;

use crate::{
    message::{Message, MessageRef, assembler::Body, close::CloseFrame, utf8},
    wire::{error::ConnectionError, opcode::MessageKind, rules::MAX_CONTROL_LEN},
};

/// What one call of [`Receiver::handle_input`](crate::connection::Receiver::handle_input) came to.
#[derive(Debug)]
pub struct Handled {
    /// How many bytes at the front of the input are done with.
    pub consumed: usize,
    /// What they amounted to; `None` when all of the input was taken and more is needed.
    pub received: Option<ReceivedEvent>,
}

/// Something whole that the peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceivedEvent {
    /// A message, to be fetched with [`Receiver::message`](crate::connection::Receiver::message).
    Message(PayloadLocation),
    /// A piece of a message, when messages are streamed ([`ReadMode::Pieces`]).
    Piece {
        /// Text or binary.
        kind: MessageKind,
        /// Where it is, to be fetched with [`Receiver::piece`](crate::connection::Receiver::piece).
        location: PayloadLocation,
        /// Whether the message ends with it.
        is_last: bool,
    },
    /// A ping: the connection answers it.
    Ping(ControlPayload),
    /// A pong, asked for or not.
    Pong(ControlPayload),
    /// A Close frame; an empty one has neither code nor reason. Nothing after it is looked at.
    Close(Option<CloseFrame>),
}

/// Where the payload of a message, or a piece of one, stands until the next input is handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadLocation {
    /// In the input that was handled, at this range of it.
    Input {
        /// Text or binary.
        kind: MessageKind,
        /// Where in the input.
        range: Range<usize>,
    },
    /// In the connection, which had to join it from more than one input or frame.
    Assembled,
}

/// Whether messages are handed out whole or as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// Whole, within the limits of the configuration.
    Whole,
    /// In pieces, as soon as they arrive: nothing is kept.
    Pieces {
        /// Most bytes of the message, in place of the limits on message, frame and fragments.
        limit: u64,
    },
}

/// A message that has arrived, lent until the next input is handled.
#[derive(Debug)]
pub struct Incoming<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Lent(MessageRef<'a>),
    Assembled(&'a mut Option<Body>),
}

impl<'a> Incoming<'a> {
    /// Bytes that stand whole in the input.
    #[inline]
    pub(crate) fn binary(payload: &'a [u8]) -> Self {
        Self(Source::Lent(MessageRef::Binary(payload)))
    }

    /// Text that stands whole in the input: judged here, once, by whoever looks at it first.
    pub(crate) fn text(payload: &'a [u8]) -> Result<Self, ConnectionError> {
        Ok(Self(Source::Lent(MessageRef::Text(utf8::check(payload)?))))
    }

    pub(crate) fn assembled(body: &'a mut Option<Body>) -> Self {
        Self(Source::Assembled(body))
    }

    /// The message, owned. What was lent is copied, what was assembled is handed over.
    #[inline]
    pub fn into_message(self) -> Message {
        match self.0 {
            Source::Lent(message) => message.to_message(),
            Source::Assembled(body) => body.take().map_or_else(|| Message::binary(""), Body::into_message),
        }
    }

    /// The message, lent.
    #[allow(clippy::should_implement_trait, reason = "a `MessageRef` is not a reference to a type of its own")]
    pub fn as_ref(&self) -> MessageRef<'_> {
        match &self.0 {
            Source::Lent(message) => *message,
            Source::Assembled(Some(body)) => body.as_ref(),
            Source::Assembled(None) => MessageRef::Binary(b""),
        }
    }

    /// Whether it had to be joined from more than one read or frame: [`into_message`](Self::into_message) copies nothing
    /// then.
    pub fn is_assembled(&self) -> bool {
        matches!(self.0, Source::Assembled(_))
    }

    /// The message, lent for as long as this was.
    #[inline]
    pub fn into_ref(self) -> MessageRef<'a> {
        match self.0 {
            Source::Lent(message) => message,
            Source::Assembled(Some(body)) => body.as_ref(),
            Source::Assembled(None) => MessageRef::Binary(b""),
        }
    }
}

/// The payload of a ping or pong: at most 125 bytes (RFC 6455, 5.5).
///
/// Behind a pointer, because what carries it carries every message too, and moves often.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlPayload(Box<ControlBytes>);

#[derive(Clone, PartialEq, Eq)]
struct ControlBytes {
    len: u8,
    bytes: [u8; MAX_CONTROL_LEN],
}

impl ControlPayload {
    /// `None` if there are more than 125 bytes.
    pub fn new(payload: &[u8]) -> Option<Self> {
        let mut this = Self::default();
        this.push(payload);
        (payload.len() <= MAX_CONTROL_LEN).then_some(this)
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0.bytes[..usize::from(self.0.len)]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0.bytes[..usize::from(self.0.len)]
    }

    /// Appends what fits; `rules` has refused longer payloads by their header.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let start = usize::from(self.0.len);
        let len = piece.len().min(MAX_CONTROL_LEN - start);
        self.0.bytes[start..start + len].copy_from_slice(&piece[..len]);
        self.0.len += len as u8;
    }
}

impl Default for ControlPayload {
    fn default() -> Self {
        Self(Box::new(ControlBytes { len: 0, bytes: [0; MAX_CONTROL_LEN] }))
    }
}

impl std::fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.as_slice().escape_ascii())
    }
}
