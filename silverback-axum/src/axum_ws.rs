//! Conversions from and to the types of `axum::extract::ws`, without copies where both sides hold their bytes.

use axum::extract::ws;
use bytes::Bytes;

use crate::{
    message::{CloseFrame, Message},
    text::Utf8Bytes,
};

impl From<ws::Utf8Bytes> for Utf8Bytes {
    fn from(text: ws::Utf8Bytes) -> Self {
        // axum's type guarantees UTF-8, so this never fails. Its public methods have no way to skip the check.
        Self::try_from(Bytes::from(text)).unwrap_or_default()
    }
}

impl From<Utf8Bytes> for ws::Utf8Bytes {
    fn from(text: Utf8Bytes) -> Self {
        Self::try_from(Bytes::from(text)).unwrap_or_else(|_| Self::from_static(""))
    }
}

impl From<ws::CloseFrame> for CloseFrame {
    fn from(close: ws::CloseFrame) -> Self {
        Self { code: close.code, reason: close.reason.into() }
    }
}

impl From<CloseFrame> for ws::CloseFrame {
    fn from(close: CloseFrame) -> Self {
        Self { code: close.code, reason: close.reason.into() }
    }
}

impl From<ws::Message> for Message {
    fn from(message: ws::Message) -> Self {
        match message {
            ws::Message::Text(text) => Self::Text(text.into()),
            ws::Message::Binary(bytes) => Self::Binary(bytes),
            ws::Message::Ping(bytes) => Self::Ping(bytes),
            ws::Message::Pong(bytes) => Self::Pong(bytes),
            ws::Message::Close(close) => Self::Close(close.map(Into::into)),
        }
    }
}

impl From<Message> for ws::Message {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.into()),
            Message::Binary(bytes) => Self::Binary(bytes),
            Message::Ping(bytes) => Self::Ping(bytes),
            Message::Pong(bytes) => Self::Pong(bytes),
            Message::Close(close) => Self::Close(close.map(Into::into)),
        }
    }
}
