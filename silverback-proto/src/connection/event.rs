//! The events that a connection reports about the peer's bytes.

use std::ops::Range;

use crate::{
    message::{Message, MessageRef, assembler::Body, close::CloseFrame, utf8},
    wire::{error::ConnectionError, opcode::MessageKind, rules::MAX_CONTROL_LEN},
};

/// The outcome of one call of [`Receiver::handle_input`](crate::connection::Receiver::handle_input).
#[derive(Debug)]
#[non_exhaustive]
pub struct Handled {
    /// How many bytes at the front of the input were used.
    pub consumed: usize,
    /// The event that these bytes complete; `None` if all of the input was used and more is needed.
    pub received: Option<ReceivedEvent>,
}

/// A complete message, piece or control frame from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceivedEvent {
    /// A message. [`Receiver::message`](crate::connection::Receiver::message) returns it.
    Message(PayloadLocation),
    /// A piece of a message, when messages are streamed ([`ReadMode::Pieces`]).
    Piece {
        /// Text or binary.
        kind: MessageKind,
        /// Where it is. [`Receiver::piece`](crate::connection::Receiver::piece) returns it.
        location: PayloadLocation,
        /// Whether it is the last piece of the message.
        is_last: bool,
    },
    /// A ping, which the connection answers.
    Ping(ControlPayload),
    /// A pong, whether it answers a ping or not.
    Pong(ControlPayload),
    /// A Close frame; `None` if it is empty. Bytes after it are ignored.
    Close(Option<CloseFrame>),
}

/// Where the payload of a message, or of a piece, is until the next input is handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadLocation {
    /// In the input that was handled, at this range.
    Input {
        /// Text or binary.
        kind: MessageKind,
        /// The range in the input.
        range: Range<usize>,
    },
    /// In the connection, which joined it from several inputs or frames.
    Assembled,
}

/// Whether the receiver returns whole messages or pieces of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// Whole messages, within the limits of the configuration.
    Whole,
    /// Pieces, as soon as they arrive. The connection keeps none of them.
    Pieces {
        /// Largest message in bytes. It replaces the limits on message, frame and fragments.
        limit: u64,
    },
}

/// A received message, borrowed until the next input is handled.
///
/// [`into_ref`](Self::into_ref) is the message to match on, and [`into_message`](Self::into_message) makes it yours. That
/// copies it only if it is still in the buffer that it arrived in.
#[derive(Debug)]
pub struct Incoming<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Borrowed(MessageRef<'a>),
    Assembled(&'a mut Option<Body>),
}

impl<'a> Incoming<'a> {
    /// A binary message that is complete in the input.
    #[inline]
    pub(crate) fn binary(payload: &'a [u8]) -> Self {
        Self(Source::Borrowed(MessageRef::Binary(payload)))
    }

    /// A text message that is complete in the input. Its UTF-8 is validated here and nowhere else.
    pub(crate) fn text(payload: &'a [u8]) -> Result<Self, ConnectionError> {
        Ok(Self(Source::Borrowed(MessageRef::Text(utf8::check(payload)?))))
    }

    pub(crate) fn assembled(body: &'a mut Option<Body>) -> Self {
        Self(Source::Assembled(body))
    }

    /// Text or binary.
    pub fn kind(&self) -> MessageKind {
        self.as_ref().kind()
    }

    /// The payload, whichever kind it is.
    pub fn as_bytes(&self) -> &[u8] {
        self.as_ref().as_bytes()
    }

    /// The text of a text message; `None` for a binary one.
    pub fn as_text(&self) -> Option<&str> {
        self.as_ref().as_text()
    }

    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the message, owned. A borrowed message is copied, an assembled one is moved.
    #[inline]
    pub fn into_message(self) -> Message {
        match self.0 {
            Source::Borrowed(message) => message.to_message(),
            Source::Assembled(body) => body.take().map_or_else(|| Message::binary(""), Body::into_message),
        }
    }

    /// Borrows the message.
    #[allow(clippy::should_implement_trait, reason = "`AsRef` returns a reference, and a `MessageRef` is a value")]
    pub fn as_ref(&self) -> MessageRef<'_> {
        match &self.0 {
            Source::Borrowed(message) => *message,
            Source::Assembled(Some(body)) => body.as_ref(),
            Source::Assembled(None) => MessageRef::Binary(b""),
        }
    }

    /// Whether the message was joined from several reads or frames. Then [`into_message`](Self::into_message) copies
    /// nothing.
    pub fn is_assembled(&self) -> bool {
        matches!(self.0, Source::Assembled(_))
    }

    /// Returns the message, borrowed for the lifetime of this value.
    #[inline]
    pub fn into_ref(self) -> MessageRef<'a> {
        match self.0 {
            Source::Borrowed(message) => message,
            Source::Assembled(Some(body)) => body.as_ref(),
            Source::Assembled(None) => MessageRef::Binary(b""),
        }
    }
}

impl<'a> From<Incoming<'a>> for MessageRef<'a> {
    #[inline]
    fn from(message: Incoming<'a>) -> Self {
        message.into_ref()
    }
}

impl<'a> From<&'a Incoming<'_>> for MessageRef<'a> {
    fn from(message: &'a Incoming<'_>) -> Self {
        message.as_ref()
    }
}

impl From<Incoming<'_>> for Message {
    fn from(message: Incoming<'_>) -> Self {
        message.into_message()
    }
}

/// The payload of a ping or pong: at most 125 bytes (RFC 6455, 5.5).
///
/// The bytes are boxed because every message moves through the same enum, and a small enum moves faster.
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

    /// Appends as much as fits. `rules` has already rejected longer payloads by their header.
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
