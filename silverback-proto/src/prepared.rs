//! Messages that are encoded once and sent to many.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use zlib_rs::DeflateConfig;

use crate::{FrameHeader, Message, MessageKind, deflate::Deflater};

/// A message whose frame is built once, for a broadcast. Cloning shares it.
///
/// Servers send the frame as it stands; clients mask each copy anew (RFC 6455, 5.3). Where compression was agreed on,
/// one compressed form is kept for each set of parameters: it stands by itself, so that every receiver can read it,
/// whatever it has in its window.
///
/// ```
/// use silverback_proto::PreparedMessage;
/// let news = PreparedMessage::new("one for all");
/// assert_eq!(news.message().as_text(), Some("one for all"));
/// ```
#[derive(Clone)]
pub struct PreparedMessage(Arc<Prepared>);

struct Prepared {
    message: Message,
    plain: Encoded,
    /// By the key of the compressor; `None` where it would only grow.
    compressed: Mutex<Vec<(DeflateConfig, Option<Encoded>)>>,
}

/// A message as one frame.
#[derive(Clone)]
pub(crate) struct Encoded {
    header: FrameHeader,
    frame: Bytes,
}

impl PreparedMessage {
    /// Builds the frame.
    pub fn new(message: impl Into<Message>) -> Self {
        let message = message.into();
        let plain = Encoded::new(FrameHeader::new(message.kind().opcode(), message.len() as u64), message.as_bytes());
        let message = match message {
            Message::Binary(payload) => Message::Binary(plain.frame.slice(plain.frame.len() - payload.len()..)),
            text @ Message::Text(_) => text,
        };
        Self(Arc::new(Prepared { message, plain, compressed: Mutex::default() }))
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// Text or binary.
    pub fn kind(&self) -> MessageKind {
        self.0.message.kind()
    }

    pub(crate) fn plain(&self) -> &Encoded {
        &self.0.plain
    }

    /// The form for receivers of what `deflater` makes, if it is smaller. Made once.
    pub(crate) fn compressed(&self, deflater: &Deflater) -> Option<Encoded> {
        let mut known = self.0.compressed.lock().unwrap_or_else(PoisonError::into_inner);
        let key = deflater.key();
        if let Some((_, encoded)) = known.iter().find(|(other, _)| *other == key) {
            return encoded.clone();
        }
        let message = self.message();
        let mut payload = Vec::new();
        deflater.for_single_messages().finish(message.as_bytes(), &mut payload);
        let header = FrameHeader::new(message.kind().opcode(), payload.len() as u64).with_rsv1(true);
        let encoded = (payload.len() < message.len()).then(|| Encoded::new(header, &payload));
        known.push((key, encoded.clone()));
        encoded
    }
}

impl fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PreparedMessage").field(self.message()).finish()
    }
}

impl Encoded {
    fn new(header: FrameHeader, payload: &[u8]) -> Self {
        Self { header, frame: Bytes::from([&header.encode()[..], payload].concat()) }
    }

    /// The header that a server sends; a client adds its mask.
    pub(crate) fn header(&self) -> FrameHeader {
        self.header
    }

    /// The payload, unmasked.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.frame[self.header.encoded_len()..]
    }

    /// The frame that a server sends.
    pub(crate) fn frame(&self) -> &Bytes {
        &self.frame
    }
}
