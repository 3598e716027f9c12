//! The blocking connection: a reader and a writer that have not been parted.

use std::{net::SocketAddr, time::Duration};

use silverback_proto::{
    CloseCode, CloseInfo, Event, Message, MessageKind, MessageRef, PreparedMessage, Stats, Subprotocol,
    deflate::DeflateParams,
};
use tokio::runtime::Handle;

use super::{MessageReader, MessageWriter, Messages, Reader, Writer};
use crate::{conn::writer::TryWriteError, error::Error};

/// A WebSocket connection whose calls wait in the thread that makes them. [`dial`](super::dial) and
/// [`accept`](super::accept) give one.
///
/// ```
/// # fn echo(mut conn: silverback::blocking::Conn) -> Result<(), silverback::Error> {
/// while let Some(message) = conn.read_message()? {
///     conn.write_message(message)?;
/// }
/// # Ok(()) }
/// ```
///
/// Dropped without a [`close`](Self::close) it leaves its peer with a connection that was lost.
#[derive(Debug)]
pub struct Conn {
    reader: Reader,
    writer: Writer,
    subprotocol: Option<Subprotocol>,
    compression: Option<DeflateParams>,
}

impl Conn {
    pub(super) fn new(runtime: &'static Handle, conn: crate::conn::Conn) -> Self {
        let subprotocol = conn.subprotocol().cloned();
        let compression = conn.compression();
        let (writer, reader) = conn.split();
        Self { reader: Reader::new(runtime, reader), writer: Writer::new(runtime, writer), subprotocol, compression }
    }

    /// Waits for the next message, owned; `None` once the peer has closed, of which [`close_info`](Self::close_info)
    /// tells more.
    ///
    /// # Errors
    /// The peer broke the protocol or a limit (it has been told), a time budget ran out, or the transport ended without
    /// a closing handshake. After such an error the connection is over, and further calls return `None`.
    ///
    /// [`Error::Wait`]: nothing came in the time that was [set](Self::set_read_timeout), and the next call goes on where
    /// this one was; or the call was made in a task.
    pub fn read_message(&mut self) -> Result<Option<Message>, Error> {
        self.reader.read_message()
    }

    /// Waits for the next message, lent until the next call: no copy, no allocation. To answer it in the same loop, see
    /// [`halves`](Self::halves).
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_borrowed(&mut self) -> Result<Option<MessageRef<'_>>, Error> {
        self.reader.read_borrowed()
    }

    /// Waits for the next message, ping, pong or close; see [`Reader::read_event`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.reader.read_event()
    }

    /// Waits for the next message, as a stream of bytes; see [`Reader::next_reader`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader()
    }

    /// [`next_reader`](Self::next_reader) with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader_up_to(limit)
    }

    /// The messages until the connection ends, as an iterator; see [`Reader::messages`].
    ///
    /// ```
    /// # fn print(mut conn: silverback::blocking::Conn) -> Result<(), silverback::Error> {
    /// for message in conn.messages() {
    ///     println!("{:?}", message?);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn messages(&mut self) -> Messages<'_> {
        self.reader.messages()
    }

    /// Accepts a message for sending, as soon as there is room for it; see [`Writer::write_message`].
    ///
    /// # Errors
    /// The connection is closing ([`Error::is_closing`]) or has failed. After [`Error::Wait`] the message was not
    /// accepted.
    pub fn write_message(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.writer.write_message(message)
    }

    /// Accepts a message that is lent: it is copied, and nothing is allocated for it.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_borrowed<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), Error> {
        self.writer.write_borrowed(message)
    }

    /// Accepts a message that was encoded before.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.writer.write_prepared(message)
    }

    /// Accepts a message that is not compressed, whatever was agreed on; see [`Writer::write_uncompressed`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_uncompressed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.writer.write_uncompressed(message)
    }

    /// Accepts a message if there is room for it now, and gives it back if there is not. Never waits.
    ///
    /// # Errors
    /// See [`TryWriteError`].
    pub fn try_write_message(&mut self, message: impl Into<Message>) -> Result<(), TryWriteError> {
        self.writer.try_write_message(message)
    }

    /// Starts a message that is written as a stream of bytes; see [`Writer::next_writer`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn next_writer(&mut self, kind: MessageKind) -> Result<MessageWriter, Error> {
        self.writer.next_writer(kind)
    }

    /// [`next_writer`](Self::next_writer) for a message that is not compressed, whatever was agreed on; see
    /// [`Writer::next_writer_uncompressed`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn next_writer_uncompressed(&mut self, kind: MessageKind) -> Result<MessageWriter, Error> {
        self.writer.next_writer_uncompressed(kind)
    }

    /// Sends a ping of up to 125 bytes; see [`Writer::ping`].
    ///
    /// # Errors
    /// The payload is too long, or the connection is closing or has failed.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.writer.ping(payload)
    }

    /// Waits until everything that was accepted has been given to the transport.
    ///
    /// # Errors
    /// The connection has failed. After [`Error::Wait`] all that was accepted is still on its way.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush()
    }

    /// Does the closing handshake (RFC 6455, 7.1.2): sends what was accepted and a Close frame, waits for the peer's,
    /// and ends the transport so that neither is lost. Messages that still arrive are discarded. It waits for
    /// [`Config::close_timeout`](crate::Config::close_timeout) at most, whatever limits are set for reads and writes.
    ///
    /// Also right after the peer has closed, or after an error: then there is nothing to do.
    ///
    /// # Errors
    /// [`Error::UnsendableCode`] and [`Error::Wait`] (in a task) before anything is sent; otherwise why the handshake was
    /// not completed.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        let writer = &self.writer;
        self.reader.close(|| writer.start_close(code, reason))
    }

    /// Parts the connection in two halves, for two threads: one may wait to read while the other waits to write.
    ///
    /// ```
    /// # fn run(conn: silverback::blocking::Conn) -> Result<(), silverback::Error> {
    /// let (writer, mut reader) = conn.split();
    /// std::thread::spawn(move || {
    ///     for line in std::io::stdin().lines().map_while(Result::ok) {
    ///         writer.write_message(line)?;
    ///     }
    ///     writer.start_close(1000, "")
    /// });
    /// while let Some(message) = reader.read_message()? {
    ///     println!("{message:?}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn split(self) -> (Writer, Reader) {
        (self.writer, self.reader)
    }

    /// Both halves, lent: for a loop that answers messages which are lent to it.
    pub fn halves(&mut self) -> (&Writer, &mut Reader) {
        (&self.writer, &mut self.reader)
    }

    /// How long a read waits at most; see [`Reader::set_read_timeout`].
    ///
    /// ```
    /// # fn run(mut conn: silverback::blocking::Conn) -> Result<(), silverback::Error> {
    /// use silverback::{Error, blocking::WaitError};
    ///
    /// conn.set_read_timeout(Some(std::time::Duration::from_secs(1)));
    /// loop {
    ///     match conn.read_message() {
    ///         Ok(Some(message)) => println!("{message:?}"),
    ///         Ok(None) => break,
    ///         Err(Error::Wait(WaitError::TimedOut(_))) => println!("still waiting"),
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.reader.set_read_timeout(timeout);
    }

    /// What was set by [`set_read_timeout`](Self::set_read_timeout).
    pub fn read_timeout(&self) -> Option<Duration> {
        self.reader.read_timeout()
    }

    /// How long a write or a flush waits at most; see [`Writer::set_write_timeout`].
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.writer.set_write_timeout(timeout);
    }

    /// What was set by [`set_write_timeout`](Self::set_write_timeout).
    pub fn write_timeout(&self) -> Option<Duration> {
        self.writer.write_timeout()
    }

    /// Sets the limit on messages anew, in bytes; see
    /// [`Reader::set_max_message_size`](crate::Reader::set_max_message_size).
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.reader.set_max_message_size(bytes);
    }

    /// The address of the other end; see [`Reader::peer_addr`](crate::Reader::peer_addr).
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.reader.peer_addr()
    }

    /// The address of our end; see [`Reader::local_addr`](crate::Reader::local_addr).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.reader.local_addr()
    }

    /// How the connection ended, or is ending; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.writer.close_info()
    }

    /// The subprotocol that both sides agreed on.
    pub fn subprotocol(&self) -> Option<&Subprotocol> {
        self.subprotocol.as_ref()
    }

    /// What both sides agreed on about compression (RFC 7692, 7.1); `None` without it.
    pub fn compression(&self) -> Option<DeflateParams> {
        self.compression
    }

    /// The counters of the connection.
    pub fn stats(&self) -> Stats {
        self.reader.stats()
    }
}
