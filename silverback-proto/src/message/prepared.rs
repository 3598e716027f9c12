//! Messages that are encoded once and sent to many.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::Message;
use crate::{
    deflate::{Deflater, Key},
    wire::{header::FrameHeader, opcode::MessageKind},
};

/// A message whose frame is built once, for a broadcast. Cloning shares it.
///
/// Servers send the frame unchanged. Clients mask each copy with a new key (RFC 6455, 5.3). For connections with
/// compression, one compressed form is kept for each set of parameters. It refers to no earlier message, so every
/// receiver can read it.
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
    /// The compressed forms by the compressor's key. `None` if compression would make the message larger.
    compressed: Mutex<Vec<(Key, Option<Encoded>)>>,
}

/// A message as one frame.
#[derive(Clone, Debug)]
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

    /// Returns the compressed form for the parameters of `deflater`, if it is smaller. It is made once.
    pub(crate) fn compressed(&self, deflater: &Deflater) -> Option<Encoded> {
        let mut known = self.lock();
        let key = deflater.key();
        if let Some((_, encoded)) = known.iter().find(|(other, _)| *other == key) {
            return encoded.clone();
        }
        let message = self.message();
        let mut payload = Vec::new();
        let shrinks = deflater.shrink_single(message.as_bytes(), &mut payload);
        let encoded = shrinks.then(|| self.encode_compressed(&payload));
        known.push((key, encoded.clone()));
        encoded
    }

    /// Whether the compressed form for this key is known. A large message is compressed outside the lock before it is
    /// sent.
    pub(crate) fn has_compressed(&self, key: Key) -> bool {
        self.lock().iter().any(|(other, _)| *other == key)
    }

    /// Keeps a compressed form, or the fact that the message does not shrink. Two connections may do this at the same
    /// time.
    pub(crate) fn keep_compressed(&self, key: Key, payload: Option<&Vec<u8>>) {
        let encoded = payload.map(|payload| self.encode_compressed(payload));
        let mut known = self.lock();
        if !known.iter().any(|(other, _)| *other == key) {
            known.push((key, encoded));
        }
    }

    fn encode_compressed(&self, payload: &[u8]) -> Encoded {
        let header = FrameHeader::new(self.kind().opcode(), payload.len() as u64).with_rsv1(true);
        Encoded::new(header, payload)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Key, Option<Encoded>)>> {
        self.0.compressed.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The header that a server sends. A client adds its mask key.
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
