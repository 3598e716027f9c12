//! Reads messages into a buffer of the caller, which can be reused.

use bytes::BytesMut;
use silverback_proto::MessageKind;

use crate::{
    conn::{Conn, reader::Reader},
    error::Error,
};

impl Conn {
    /// Appends the next message to `buffer`; see [`Reader::read_message_into`].
    ///
    /// ```
    /// # fn handle(_: &[u8]) {}
    /// # async fn read(mut conn: silverback::Conn) -> Result<(), silverback::Error> {
    /// let mut buffer = Vec::new();
    /// while let Some(kind) = conn.read_message_into(&mut buffer).await? {
    ///     println!("{} bytes of {kind}", buffer.len());
    ///     handle(&buffer);
    ///     buffer.clear();
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message and appends nothing.
    pub async fn read_message_into(&mut self, buffer: &mut impl MessageBuffer) -> Result<Option<MessageKind>, Error> {
        self.reader.read_message_into(buffer).await
    }
}

impl Reader {
    /// Appends the next message to `buffer`, a `Vec<u8>` or a `BytesMut`, and returns its kind, or `None` once the peer
    /// has closed. A message is appended whole or not at all. Text is valid UTF-8.
    ///
    /// If the buffer has enough capacity, this costs one copy and no allocation. The message size limit applies.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message and appends nothing.
    pub async fn read_message_into(&mut self, buffer: &mut impl MessageBuffer) -> Result<Option<MessageKind>, Error> {
        let Some(message) = self.read_borrowed().await? else { return Ok(None) };
        buffer.append(message.as_bytes());
        Ok(Some(message.kind()))
    }
}

/// A buffer that grows to the size of a message: `Vec<u8>` or `BytesMut`.
pub trait MessageBuffer: Growing {}

impl MessageBuffer for Vec<u8> {}
impl MessageBuffer for BytesMut {}

/// Seals [`MessageBuffer`]. Other crates cannot name this trait, so we can add methods to it later.
pub trait Growing {
    fn append(&mut self, bytes: &[u8]);
}

impl Growing for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Growing for BytesMut {
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
