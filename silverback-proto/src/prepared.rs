//! Messages that are encoded once and sent to many.

use bytes::Bytes;

use crate::{FrameHeader, Message, MessageKind};

/// A message whose frame is built once, for a broadcast. Cloning shares it.
///
/// Servers send the frame as it stands; clients mask each copy anew (RFC 6455, 5.3).
///
/// ```
/// use silverback_proto::PreparedMessage;
/// let news = PreparedMessage::new("one for all");
/// assert_eq!(news.message().as_text(), Some("one for all"));
/// ```
#[derive(Clone, Debug)]
pub struct PreparedMessage {
    message: Message,
    frame: Bytes,
}

impl PreparedMessage {
    /// Builds the frame.
    pub fn new(message: impl Into<Message>) -> Self {
        let message = message.into();
        let header = FrameHeader::new(message.kind().opcode(), message.len() as u64).encode();
        let frame = Bytes::from([&header[..], message.as_bytes()].concat());
        let payload = frame.slice(header.len()..);
        let message = match message {
            Message::Binary(_) => Message::Binary(payload),
            text @ Message::Text(_) => text,
        };
        Self { message, frame }
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Text or binary.
    pub fn kind(&self) -> MessageKind {
        self.message.kind()
    }

    /// The frame that a server sends.
    pub(crate) fn server_frame(&self) -> &Bytes {
        &self.frame
    }
}
