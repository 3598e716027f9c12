//! Messages that are JSON (RFC 8259): sent as text, read from either kind.
//!
//! [`Conn::read_json`] and [`Conn::write_json`] do the usual; [`to_message`] and [`from_message`] are for messages that
//! go another way, as to a [`PreparedMessage`](crate::PreparedMessage) for many.

mod error;

use serde::{Deserialize, Serialize};
use silverback_proto::{Message, MessageRef};

pub use self::error::JsonError;
use crate::{
    conn::{Conn, reader::Reader, writer::Writer},
    error::Error,
};

/// The JSON of a value, as a text message.
///
/// ```
/// let message = silverback::json::to_message(&[1, 2])?;
/// assert_eq!(message, "[1,2]".into());
/// # Ok::<(), silverback::Error>(())
/// ```
///
/// # Errors
/// [`Error::Json`]: the value has no JSON, as a map whose keys are no text.
pub fn to_message<T: Serialize + ?Sized>(value: &T) -> Result<Message, Error> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Message::from(text)),
        Err(source) => Err(JsonError { message: None, source }.into()),
    }
}

/// The value whose JSON a message is, text or binary. It may borrow from the message.
///
/// # Errors
/// [`Error::Json`]: the message is not the JSON of a `T`, or something follows it.
pub fn from_message<'a, T: Deserialize<'a>>(message: impl Into<MessageRef<'a>>) -> Result<T, Error> {
    let message = message.into();
    let parsed = match message {
        MessageRef::Text(text) => serde_json::from_str(text),
        // Peers that have only bytes at hand send them: JSON is UTF-8 by itself (RFC 8259, 8.1), and serde_json checks.
        MessageRef::Binary(bytes) => serde_json::from_slice(bytes),
    };
    parsed.map_err(|source| JsonError { message: Some(message.to_message()), source }.into())
}

impl Conn {
    /// The next message, as the value whose JSON it is; see [`Reader::read_json`].
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
    /// [`Error::Json`], which has the message and leaves the connection as it was; otherwise as
    /// [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_json<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>, Error> {
        self.reader.read_json().await
    }

    /// Accepts a text message that is the JSON of a value; see [`Writer::write_json`].
    ///
    /// # Errors
    /// [`Error::Json`] if the value has no JSON; otherwise as [`write_message`](Self::write_message).
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
    /// The next message, as the value whose JSON it is; `None` once the peer has closed. Text and binary are read alike.
    /// The value may borrow from the message; nothing else is copied. The limit on messages holds.
    ///
    /// # Errors
    /// [`Error::Json`] if the message is not the JSON of a `T` or something follows it: the error has the message, and
    /// the next call reads the next one. Otherwise as [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_json<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>, Error> {
        match self.read_borrowed().await? {
            Some(message) => from_message(message).map(Some),
            None => Ok(None),
        }
    }
}

impl Writer {
    /// Accepts a text message that is the JSON of a value. The value is looked at before this returns, and not needed
    /// while there is no room.
    ///
    /// # Errors
    /// [`Error::Json`] if the value has no JSON: nothing was sent. Otherwise as [`write_message`](Self::write_message).
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
