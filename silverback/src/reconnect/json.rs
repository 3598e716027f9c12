//! JSON messages over a reconnecting connection.

use serde::{Serialize, de::DeserializeOwned};

use super::{ReconnectError, ReconnectingConn, ReconnectingWriter};
use crate::adapters::json::{parse, serialize};

impl ReconnectingConn {
    /// Returns the next message, parsed as JSON, from the current connection or a later one, or `None` once the
    /// connection is closed. Text and binary messages are both read.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use silverback::{Dialer, Reconnect};
    ///
    /// let mut conn = Reconnect::new(Dialer::new(), "ws://localhost:8000/prices").start();
    /// conn.write_json(&["ABC", "XYZ"]).await?;
    /// while let Some(price) = conn.read_json::<f64>().await? {
    ///     println!("{price}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails with [`ReconnectError::Json`] if the message is not the JSON of a `T`. The error has the message, and the
    /// next call reads the next message. Otherwise as [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn read_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ReconnectError> {
        match self.read_message().await? {
            Some(message) => Ok(Some(parse(message.as_ref())?)),
            None => Ok(None),
        }
    }

    /// Accepts a value, to be sent as JSON in a text message. The value is serialized before this method returns.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::Json`] if JSON cannot represent the value; otherwise as
    /// [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub fn write_json<'a, T: Serialize + ?Sized>(
        &'a mut self,
        value: &T,
    ) -> impl Future<Output = Result<(), ReconnectError>> + use<'a, T> {
        let message = serialize(value);
        async move { self.write_message(message?).await }
    }
}

impl ReconnectingWriter {
    /// Accepts a value, to be sent as JSON in a text message. The value is serialized before this method returns.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::Json`] if JSON cannot represent the value; otherwise as
    /// [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub fn write_json<'a, T: Serialize + ?Sized>(
        &'a self,
        value: &T,
    ) -> impl Future<Output = Result<(), ReconnectError>> + use<'a, T> {
        let message = serialize(value);
        async move { self.write_message(message?).await }
    }
}
