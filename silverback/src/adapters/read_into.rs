//! Messages read into a buffer of the caller's, which is used again and again.

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
    /// Nothing is lost, and nothing is appended.
    pub async fn read_message_into(&mut self, buffer: &mut impl MessageBuffer) -> Result<Option<MessageKind>, Error> {
        self.reader.read_message_into(buffer).await
    }
}

impl Reader {
    /// Appends the next message to `buffer`, a `Vec<u8>` or a `BytesMut`, behind what it holds, and says of which kind it
    /// is; `None` once the peer has closed. A message is appended whole or not at all. Text is UTF-8.
    ///
    /// A buffer that has the room is not allocated anew: it costs one copy. The limit on messages holds.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost, and nothing is appended.
    pub async fn read_message_into(&mut self, buffer: &mut impl MessageBuffer) -> Result<Option<MessageKind>, Error> {
        let Some(message) = self.read_borrowed().await? else { return Ok(None) };
        buffer.append(message.as_bytes());
        Ok(Some(message.kind()))
    }
}

/// A buffer that grows as a message needs it: `Vec<u8>` or `BytesMut`.
pub trait MessageBuffer: Growing {}

impl MessageBuffer for Vec<u8> {}
impl MessageBuffer for BytesMut {}

/// Outside of the crate nobody can name it, so that more can be asked of buffers later.
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
