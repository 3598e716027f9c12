//! JSON messages (RFC 8259). They are sent as text, and read from text and binary messages.
//!
//! [`Conn::read_json`] and [`Conn::write_json`] are for the usual case. [`to_message`] and [`from_message`] are for
//! messages that are sent or received in another way, such as a [`PreparedMessage`](crate::PreparedMessage) for many
//! connections.

pub(crate) mod error;

use serde::{Deserialize, Serialize};
use silverback_proto::{Message, MessageRef};

pub use self::error::JsonError;
use crate::{
    conn::{Conn, reader::Reader, writer::Writer},
    error::Error,
};

/// Serializes a value to JSON, as a text message.
///
/// ```
/// let message = silverback::json::to_message(&[1, 2])?;
/// assert_eq!(message, "[1,2]".into());
/// # Ok::<(), silverback::Error>(())
/// ```
///
/// # Errors
/// Fails with [`Error::Json`] if JSON cannot represent the value, such as a map whose keys are not text.
pub fn to_message<T: Serialize + ?Sized>(value: &T) -> Result<Message, Error> {
    Ok(serialize(value)?)
}

/// Parses the JSON of a message, text or binary. The value may borrow from the message.
///
/// # Errors
/// Fails with [`Error::Json`] if the message is not the JSON of a `T`, or if something follows the value.
pub fn from_message<'a, T: Deserialize<'a>>(message: impl Into<MessageRef<'a>>) -> Result<T, Error> {
    Ok(parse(message.into())?)
}

pub(crate) fn serialize<T: Serialize + ?Sized>(value: &T) -> Result<Message, JsonError> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Message::from(text)),
        Err(source) => Err(JsonError { message: None, source }),
    }
}

pub(crate) fn parse<'a, T: Deserialize<'a>>(message: MessageRef<'a>) -> Result<T, JsonError> {
    let parsed = match message {
        MessageRef::Text(text) => serde_json::from_str(text),
        // Peers that hold bytes send them as binary messages. JSON is always UTF-8 (RFC 8259, 8.1), and serde_json
        // validates it.
        MessageRef::Binary(bytes) => serde_json::from_slice(bytes),
    };
    parsed.map_err(|source| JsonError { message: Some(message.to_message()), source })
}

impl Conn {
    /// Returns the next message, parsed as JSON; see [`Reader::read_json`].
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # async fn serve(mut conn: silverback::Conn) -> Result<(), silverback::Error> {
    /// while let Some(prices) = conn.read_json::<HashMap<String, f64>>().await? {
    ///     let total: f64 = prices.values().sum();
    ///     conn.write_json(&total).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if the message is not the JSON of a `T`. The error has the message, and the
    /// connection stays as it was. Otherwise as [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn read_json<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>, Error> {
        self.reader.read_json().await
    }

    /// Accepts a value, to be sent as JSON in a text message; see [`Writer::write_json`].
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if JSON cannot represent the value; otherwise as
    /// [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub fn write_json<'a, T: Serialize + ?Sized>(
        &'a mut self,
        value: &T,
    ) -> impl Future<Output = Result<(), Error>> + use<'a, T> {
        let message = to_message(value);
        async move { self.write_message(message?).await }
    }
}

impl Reader {
    /// Returns the next message, parsed as JSON, or `None` once the peer has closed. Text and binary messages are both
    /// read. The value may borrow from the message, so nothing else is copied. The message size limit applies.
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if the message is not the JSON of a `T`, or if something follows the value. The error
    /// has the message, and the next call reads the next message. Otherwise as [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn read_json<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>, Error> {
        match self.read_borrowed().await? {
            Some(message) => from_message(message.into_ref()).map(Some),
            None => Ok(None),
        }
    }
}

impl Writer {
    /// Accepts a value, to be sent as JSON in a text message. The value is serialized before this method returns, so
    /// the future does not borrow it while it waits for room.
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if JSON cannot represent the value; then nothing is sent. Otherwise as
    /// [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub fn write_json<'a, T: Serialize + ?Sized>(
        &'a self,
        value: &T,
    ) -> impl Future<Output = Result<(), Error>> + use<'a, T> {
        let message = to_message(value);
        async move { self.write_message(message?).await }
    }
}
