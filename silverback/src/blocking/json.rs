//! JSON messages over a blocking connection.

use serde::{Deserialize, Serialize};

use super::{Conn, Reader, Writer, wait::wait};
use crate::{adapters::json::to_message, error::Error};

impl Conn {
    /// Waits for the next message and returns it parsed as JSON; see [`Reader::read_json`].
    ///
    /// ```
    /// # fn serve(mut conn: silverback::blocking::Conn) -> Result<(), silverback::Error> {
    /// while let Some(numbers) = conn.read_json::<Vec<f64>>()? {
    ///     conn.write_json(&numbers.iter().sum::<f64>())?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if the message is not the JSON of a `T`; otherwise as
    /// [`read_message`](Self::read_message).
    pub fn read_json<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>, Error> {
        self.halves().1.read_json()
    }

    /// Accepts a value, to be sent as JSON in a text message, waiting for room if necessary.
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if JSON cannot represent the value; then nothing is sent. Otherwise as
    /// [`write_message`](Self::write_message).
    pub fn write_json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.write_message(to_message(value)?)
    }
}

impl Reader {
    /// Waits for the next message and returns it parsed as JSON, or `None` once the peer has closed. Text and binary
    /// messages are both read. The value may borrow from the message.
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if the message is not the JSON of a `T`. The error has the message, and the next call
    /// reads the next message. Otherwise as [`read_message`](Self::read_message).
    pub fn read_json<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>, Error> {
        let (runtime, timeout) = self.waiting();
        wait(runtime, timeout, self.part_mut().read_json())?
    }
}

impl Writer {
    /// Accepts a value, to be sent as JSON in a text message, waiting for room if necessary.
    ///
    /// # Errors
    /// Fails with [`Error::Json`] if JSON cannot represent the value; then nothing is sent. Otherwise as
    /// [`write_message`](Self::write_message).
    pub fn write_json<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Error> {
        self.write_message(to_message(value)?)
    }
}
