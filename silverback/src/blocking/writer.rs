//! The writing half of a blocking connection.

use std::time::Duration;

use silverback_proto::{CloseCode, CloseInfo, Message, MessageKind, MessageRef, PreparedMessage, Stats};
use tokio::runtime::Handle;

use super::{MessageWriter, inside::Inside, wait::wait};
use crate::{conn::writer::TryWriteError, error::Error};

/// Writes messages. Clone it to write from several threads.
///
/// A message is accepted whole or not at all. A write waits only for room in the queue, which is limited in bytes.
#[derive(Clone, Debug)]
pub struct Writer {
    writer: Inside<crate::conn::writer::Writer>,
    timeout: Option<Duration>,
}

impl Writer {
    pub(super) fn new(runtime: &'static Handle, writer: crate::conn::writer::Writer) -> Self {
        Self { writer: Inside::new(runtime, writer), timeout: None }
    }

    /// Accepts a message for sending, waiting for room if necessary.
    ///
    /// # Errors
    /// Fails if the connection is closing ([`Error::is_closing`]) or has failed.
    ///
    /// Fails with [`Error::Wait`] if the queue stayed full for the [write timeout](Self::set_write_timeout), or if the
    /// call was made in a task. The message was then not accepted. To keep the message, clone it before, which copies
    /// no bytes, or pass it borrowed ([`write_borrowed`](Self::write_borrowed)).
    pub fn write_message(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.wait(self.writer.part().write_message(message))
    }

    /// Accepts a borrowed message by copying it. A message of up to 64 KiB needs no allocation.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_borrowed<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), Error> {
        self.wait(self.writer.part().write_borrowed(message))
    }

    /// Accepts a prepared message.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.wait(self.writer.part().write_prepared(message))
    }

    /// Accepts a message if there is room for it now, and gives it back if there is not. Never waits.
    ///
    /// # Errors
    /// See [`TryWriteError`].
    pub fn try_write_message(&self, message: impl Into<Message>) -> Result<(), TryWriteError> {
        self.writer.with(|writer| writer.try_write_message(message))
    }

    /// Starts a message that is written as a stream of bytes ([`std::io::Write`]). Other messages wait until it is
    /// finished. Pings, pongs and Close frames do not.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn next_writer(&self, kind: MessageKind) -> Result<MessageWriter, Error> {
        let message = self.wait(self.writer.part().next_writer(kind))?;
        Ok(MessageWriter::new(self.writer.runtime(), message, self.timeout))
    }

    /// Sets whether messages may be compressed from now on; see
    /// [`Writer::set_write_compression`](crate::Writer::set_write_compression). Default: true.
    pub fn set_write_compression(&mut self, may_compress: bool) {
        self.writer.part_mut().set_write_compression(may_compress);
    }

    /// Returns whether messages may be compressed, as set by [`set_write_compression`](Self::set_write_compression).
    pub fn write_compression(&self) -> bool {
        self.writer.part().write_compression()
    }

    /// Sends a ping of up to 125 bytes, ahead of the messages that wait. Never waits.
    ///
    /// # Errors
    /// Fails if the payload is too long, or if the connection is closing or has failed.
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.writer.with(|writer| writer.ping(payload))
    }

    /// Sends an unsolicited pong (RFC 6455, 5.5.3). Pings are answered without this call. Never waits.
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(&self, payload: &[u8]) -> Result<(), Error> {
        self.writer.with(|writer| writer.pong(payload))
    }

    /// Waits until the transport has taken everything that was accepted.
    ///
    /// # Errors
    /// Fails if the connection has failed. After [`Error::Wait`], everything that was accepted will still be sent.
    pub fn flush(&self) -> Result<(), Error> {
        self.wait(self.writer.part().flush())
    }

    /// Starts the closing handshake, after everything that was accepted before, without waiting for the peer; see
    /// [`Writer::start_close`](crate::Writer::start_close). A [`Reader`](super::Reader) that waits in another thread
    /// continues until the peer has replied. Its read then returns `None`.
    ///
    /// # Errors
    /// Fails if the code must not be sent (RFC 6455, 7.4).
    pub fn start_close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.writer.with(|writer| writer.start_close(code, reason))
    }

    /// Sets how long a write or a flush by this handle waits at most. Clones start with the same limit. Default:
    /// `None`, which waits without limit, but a peer that takes nothing at all fails the connection
    /// ([`Config::write_stall_timeout`](crate::Config::write_stall_timeout)).
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Returns the timeout set by [`set_write_timeout`](Self::set_write_timeout).
    pub fn write_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.writer.part().is_open()
    }

    /// Returns how the connection closed or is closing, or `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.writer.part().close_info()
    }

    /// Returns the counters of the sending side. [`Reader::stats`](super::Reader::stats) also has those of the
    /// receiving side.
    pub fn stats(&self) -> Stats {
        self.writer.part().stats()
    }

    fn wait<T>(&self, writing: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        wait(self.writer.runtime(), self.timeout, writing)?
    }
}
