//! Messages in axum's form: data and control frames in one type.

use axum::Error;
use bytes::Bytes;

use crate::text::Utf8Bytes;

/// A message that a [`WebSocket`](crate::WebSocket) receives or sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping of at most 125 bytes. A received ping has already been answered.
    Ping(Bytes),
    /// A pong of at most 125 bytes, solicited or not.
    Pong(Bytes),
    /// A Close frame; an empty one has neither code nor reason. A received Close has already been answered and is the
    /// last message. After sending a Close you can send nothing more, but you receive messages until the peer's Close.
    Close(Option<CloseFrame>),
}

/// A close code; [`close_code`](crate::close_code) has names for them.
pub type CloseCode = u16;

/// The content of a Close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The code.
    pub code: CloseCode,
    /// The reason. It is cut to 123 bytes when it is sent.
    pub reason: Utf8Bytes,
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// Returns the payload, or the reason of a Close frame.
    pub fn into_data(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes,
            Self::Close(close) => close.map_or_else(Bytes::new, |close| close.reason.into()),
        }
    }

    /// Returns the payload as text, or the reason of a Close frame.
    ///
    /// # Errors
    /// Fails if it is not valid UTF-8.
    pub fn into_text(self) -> Result<Utf8Bytes, Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes.try_into().map_err(Error::new),
            Self::Close(close) => Ok(close.map(|close| close.reason).unwrap_or_default()),
        }
    }

    /// Borrows the payload as text, or the reason of a Close frame.
    ///
    /// # Errors
    /// Fails if it is not valid UTF-8.
    pub fn to_text(&self) -> Result<&str, Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => {
                std::str::from_utf8(bytes).map_err(Error::new)
            }
            Self::Close(close) => Ok(close.as_ref().map_or("", |close| &close.reason)),
        }
    }
}

impl From<silverback::Message> for Message {
    fn from(message: silverback::Message) -> Self {
        match message {
            silverback::Message::Text(text) => Self::Text(text.into()),
            silverback::Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<silverback::CloseFrame> for CloseFrame {
    fn from(close: silverback::CloseFrame) -> Self {
        Self { code: close.code.get(), reason: close.reason.as_ref().into() }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Self {
        message.into_data().into()
    }
}
