//! The writing half of a blocking connection.

use std::time::Duration;

use silverback_proto::{CloseCode, CloseInfo, Message, MessageKind, MessageRef, PreparedMessage, Stats};
use tokio::runtime::Handle;

use super::{MessageWriter, inside::Inside, wait::wait};
use crate::{conn::writer::TryWriteError, error::Error};

/// Writes messages, from as many threads as there are clones of it.
///
/// A message is accepted whole or not at all: waiting is only for room in the queue, which is bounded by bytes.
#[derive(Clone, Debug)]
pub struct Writer {
    writer: Inside<crate::conn::writer::Writer>,
    timeout: Option<Duration>,
}

impl Writer {
    pub(super) fn new(runtime: &'static Handle, writer: crate::conn::writer::Writer) -> Self {
        Self { writer: Inside::new(runtime, writer), timeout: None }
    }

    /// Accepts a message for sending, as soon as there is room for it.
    ///
    /// # Errors
    /// The connection is closing ([`Error::is_closing`]) or has failed.
    ///
    /// [`Error::Wait`]: there was no room in the time that was [set](Self::set_write_timeout), or the call was made in a
    /// task. The message was not accepted; to have it back, clone it before, which copies nothing, or lend it
    /// ([`write_borrowed`](Self::write_borrowed)).
    pub fn write_message(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.wait(self.writer.part().write_message(message))
    }

    /// Accepts a message that is lent: it is copied, and nothing is allocated for it.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_borrowed<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), Error> {
        self.wait(self.writer.part().write_borrowed(message))
    }

    /// Accepts a message that was encoded before.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.wait(self.writer.part().write_prepared(message))
    }

    /// Accepts a message that is not compressed, whatever was agreed on; see
    /// [`Writer::write_uncompressed`](crate::Writer::write_uncompressed).
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_uncompressed(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.wait(self.writer.part().write_uncompressed(message))
    }

    /// Accepts a message if there is room for it now, and gives it back if there is not. Never waits.
    ///
    /// # Errors
    /// See [`TryWriteError`].
    pub fn try_write_message(&self, message: impl Into<Message>) -> Result<(), TryWriteError> {
        self.writer.with(|writer| writer.try_write_message(message))
    }

    /// Starts a message that is written as a stream of bytes ([`std::io::Write`]). Other messages wait until it is
    /// finished; pings, pongs and closes do not.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn next_writer(&self, kind: MessageKind) -> Result<MessageWriter, Error> {
        let message = self.wait(self.writer.part().next_writer(kind))?;
        Ok(MessageWriter::new(self.writer.runtime(), message, self.timeout))
    }

    /// [`next_writer`](Self::next_writer) for a message that is not compressed, whatever was agreed on; see
    /// [`Writer::next_writer_uncompressed`](crate::Writer::next_writer_uncompressed).
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn next_writer_uncompressed(&self, kind: MessageKind) -> Result<MessageWriter, Error> {
        let message = self.wait(self.writer.part().next_writer_uncompressed(kind))?;
        Ok(MessageWriter::new(self.writer.runtime(), message, self.timeout))
    }

    /// Sends a ping of up to 125 bytes, before the messages that wait. Never waits.
    ///
    /// # Errors
    /// The payload is too long, or the connection is closing or has failed.
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.writer.with(|writer| writer.ping(payload))
    }

    /// Sends a pong that nobody asked for (RFC 6455, 5.5.3). Pings are answered without it. Never waits.
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(&self, payload: &[u8]) -> Result<(), Error> {
        self.writer.with(|writer| writer.pong(payload))
    }

    /// Waits until everything that was accepted has been given to the transport.
    ///
    /// # Errors
    /// The connection has failed. After [`Error::Wait`] all that was accepted is still on its way.
    pub fn flush(&self) -> Result<(), Error> {
        self.wait(self.writer.part().flush())
    }

    /// Starts the closing handshake, after what was accepted before, without waiting for the peer; see
    /// [`Writer::start_close`](crate::Writer::start_close). A [`Reader`](super::Reader) that waits in another thread goes
    /// on until the peer has answered, and its read gives `None` then.
    ///
    /// # Errors
    /// The code must not be sent (RFC 6455, 7.4).
    pub fn start_close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.writer.with(|writer| writer.start_close(code, reason))
    }

    /// How long a write or a flush by this handle waits at most. Default: `None`, without end; but a peer that takes
    /// nothing at all fails the connection
    /// ([`Config::write_stall_timeout`](crate::Config::write_stall_timeout)). Clones begin with the same limit.
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// What was set by [`set_write_timeout`](Self::set_write_timeout).
    pub fn write_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.writer.part().is_open()
    }

    /// How the connection ended, or is ending; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.writer.part().close_info()
    }

    /// The counters of the sending side; what was received is counted by the [`Reader`](super::Reader).
    pub fn stats(&self) -> Stats {
        self.writer.part().stats()
    }

    fn wait<T>(&self, writing: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        wait(self.writer.runtime(), self.timeout, writing)?
    }
}
