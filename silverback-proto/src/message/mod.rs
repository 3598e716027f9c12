//! The messages that an application sends and receives. Text is UTF-8 by type.
//!
//! `text` and `utf8` hold text and its validation. `assembler` joins fragments, in the memory of `buffer`. `prepared`
//! encodes one message for many receivers, and `close` is the payload of a Close frame. This room may use `deflate` and
//! `wire`.

pub(crate) mod assembler;
pub mod buffer;
pub(crate) mod close;
pub(crate) mod prepared;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod utf8;

use std::{borrow::Cow, fmt};

use bytes::{Bytes, BytesMut};

use crate::{
    message::text::Text,
    wire::{error::ProtocolError, opcode::MessageKind},
};

/// A whole message, owned. Cloning shares the payload.
///
/// Strings become text messages, and bytes become binary messages:
///
/// ```
/// use silverback_proto::Message;
/// assert_eq!(Message::from("hello"), Message::text("hello"));
/// assert_eq!(Message::from(vec![1, 2]), Message::binary(vec![1, 2]));
/// ```
///
/// `Display` shows the text of a text message, and the length of a binary one.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text.
    Text(Text),
    /// Any bytes.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// Text or binary.
    pub fn kind(&self) -> MessageKind {
        self.as_ref().kind()
    }

    /// Whether this is a text message.
    pub fn is_text(&self) -> bool {
        self.kind() == MessageKind::Text
    }

    /// Whether this is a binary message.
    pub fn is_binary(&self) -> bool {
        self.kind() == MessageKind::Binary
    }

    /// The payload, whichever kind it is.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text of a text message; `None` for a binary one. [`to_text`](Self::to_text) reads the bytes of a binary
    /// message as text too.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Reads the payload as text, whichever kind it is.
    ///
    /// ```
    /// use silverback_proto::Message;
    /// assert_eq!(Message::binary("hello").to_text(), Ok("hello"));
    /// assert!(Message::binary(vec![0xFF]).to_text().is_err());
    /// ```
    ///
    /// # Errors
    /// [`ProtocolError::InvalidUtf8`] if a binary message does not hold UTF-8. Text messages always do.
    pub fn to_text(&self) -> Result<&str, ProtocolError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => utf8::check(bytes),
        }
    }

    /// Turns the payload into text without a copy, whichever kind it is.
    ///
    /// # Errors
    /// [`ProtocolError::InvalidUtf8`] if a binary message does not hold UTF-8. Text messages always do.
    pub fn into_text(self) -> Result<Text, ProtocolError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => bytes.try_into(),
        }
    }

    /// The payload, whichever kind it is, without a copy.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload, whichever kind it is, without a copy: the name that tungstenite and axum have for
    /// [`into_bytes`](Self::into_bytes).
    pub fn into_data(self) -> Bytes {
        self.into_bytes()
    }

    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Borrows the message.
    #[allow(clippy::should_implement_trait, reason = "`AsRef` returns a reference, and a `MessageRef` is a value")]
    pub fn as_ref(&self) -> MessageRef<'_> {
        match self {
            Self::Text(text) => MessageRef::Text(text),
            Self::Binary(bytes) => MessageRef::Binary(bytes),
        }
    }
}

/// A whole message, borrowed from the buffer that it arrived in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRef<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Any bytes.
    Binary(&'a [u8]),
}

impl<'a> MessageRef<'a> {
    /// Text or binary.
    pub fn kind(self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }

    /// Whether this is a text message.
    pub fn is_text(self) -> bool {
        self.kind() == MessageKind::Text
    }

    /// Whether this is a binary message.
    pub fn is_binary(self) -> bool {
        self.kind() == MessageKind::Binary
    }

    /// The payload, whichever kind it is.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text of a text message; `None` for a binary one.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Reads the payload as text, whichever kind it is.
    ///
    /// # Errors
    /// [`ProtocolError::InvalidUtf8`] if a binary message does not hold UTF-8. Text messages always do.
    pub fn to_text(self) -> Result<&'a str, ProtocolError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => utf8::check(bytes),
        }
    }

    /// The payload's length in bytes.
    pub fn len(self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Copies the message. The copy pins no buffer of the connection.
    pub fn to_message(self) -> Message {
        match self {
            Self::Text(text) => Message::Text(Text::from(text)),
            Self::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_ref(), f)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

impl fmt::Display for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Binary(bytes) => write!(f, "{} bytes of binary data", bytes.len()),
        }
    }
}

macro_rules! into_message {
    ($($variant:ident: $($source:ty),+;)+) => {$($(
        impl From<$source> for Message {
            fn from(payload: $source) -> Self {
                Self::$variant(payload.into())
            }
        }
    )+)+};
}

into_message! {
    Text: Text, &str, String, &String, Box<str>, Cow<'_, str>;
    Binary: Bytes, BytesMut, Vec<u8>, Box<[u8]>;
}

impl From<&[u8]> for Message {
    fn from(payload: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(payload))
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(payload: &[u8; N]) -> Self {
        Self::from(payload.as_slice())
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    fn from(payload: [u8; N]) -> Self {
        Self::from(payload.as_slice())
    }
}

impl From<Message> for Bytes {
    fn from(message: Message) -> Self {
        message.into_bytes()
    }
}

impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Self {
        message.into_bytes().into()
    }
}

impl From<MessageRef<'_>> for Message {
    fn from(message: MessageRef<'_>) -> Self {
        message.to_message()
    }
}

impl<'a> From<&'a str> for MessageRef<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for MessageRef<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Message> for MessageRef<'a> {
    fn from(message: &'a Message) -> Self {
        message.as_ref()
    }
}
