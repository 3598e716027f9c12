//! The blocking connection: a reader and a writer that have not been split.

use std::{net::SocketAddr, time::Duration};

use silverback_proto::{
    CloseCode, CloseInfo, Event, Incoming, Message, MessageKind, MessageRef, PreparedMessage, Stats, Subprotocol,
    deflate::DeflateParams,
};
use tokio::runtime::Handle;

use super::{MessageReader, MessageWriter, Messages, Reader, Writer};
use crate::{conn::writer::TryWriteError, error::Error};

/// A WebSocket connection whose calls wait in the calling thread. [`dial`](super::dial) and [`accept`](super::accept)
/// return one.
///
/// ```
/// # fn echo(mut conn: silverback::blocking::Conn) -> Result<(), silverback::Error> {
/// while let Some(message) = conn.read_message()? {
///     conn.write_message(message)?;
/// }
/// # Ok(()) }
/// ```
///
/// If it is dropped without a [`close`](Self::close), the peer sees a lost connection.
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

    /// Waits for the next message and returns it as an owned value, or `None` once the peer has closed. Then
    /// [`close_info`](Self::close_info) says how the connection closed.
    ///
    /// # Errors
    /// Fails if the peer breaks the protocol or exceeds a limit (our Close frame tells it why), if a timeout of the
    /// connection expires, or if the transport fails or ends without a closing handshake. After such an error the
    /// connection is over, and further calls return `None`.
    ///
    /// Fails with [`Error::Wait`] if nothing arrived within the [read timeout](Self::set_read_timeout), or if the call
    /// was made in a task. The connection stays usable, and the next call continues from there.
    pub fn read_message(&mut self) -> Result<Option<Message>, Error> {
        self.reader.read_message()
    }

    /// Waits for the next message and returns it borrowed until the next call, without a copy or an allocation. To
    /// reply to it in the same loop, see [`halves`](Self::halves).
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_borrowed(&mut self) -> Result<Option<Incoming<'_>>, Error> {
        self.reader.read_borrowed()
    }

    /// Waits for the next message, ping, pong or close; see [`Reader::read_event`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.reader.read_event()
    }

    /// Waits for the next message and returns it as a stream of bytes; see [`Reader::next_reader`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader()
    }

    /// Does the same as [`next_reader`](Self::next_reader), with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader_up_to(limit)
    }

    /// Returns an iterator over the messages until the connection ends; see [`Reader::messages`].
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

    /// Accepts a message for sending, waiting for room if necessary; see [`Writer::write_message`].
    ///
    /// # Errors
    /// Fails if the connection is closing ([`Error::is_closing`]) or has failed. After [`Error::Wait`] the message was
    /// not accepted.
    pub fn write_message(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.writer.write_message(message)
    }

    /// Accepts a borrowed message by copying it. A message of up to 64 KiB needs no allocation.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_borrowed<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), Error> {
        self.writer.write_borrowed(message)
    }

    /// Accepts a prepared message.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    pub fn write_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.writer.write_prepared(message)
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

    /// Sets whether messages may be compressed from now on; see
    /// [`Writer::set_write_compression`](crate::Writer::set_write_compression). Default: true.
    pub fn set_write_compression(&mut self, may_compress: bool) {
        self.writer.set_write_compression(may_compress);
    }

    /// Returns whether messages may be compressed, as set by [`set_write_compression`](Self::set_write_compression).
    pub fn write_compression(&self) -> bool {
        self.writer.write_compression()
    }

    /// Sends a ping of up to 125 bytes; see [`Writer::ping`].
    ///
    /// # Errors
    /// Fails if the payload is too long, or if the connection is closing or has failed.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.writer.ping(payload)
    }

    /// Waits until the transport has taken everything that was accepted.
    ///
    /// # Errors
    /// Fails if the connection has failed. After [`Error::Wait`], everything that was accepted will still be sent.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush()
    }

    /// Does the closing handshake (RFC 6455, 7.1.2): sends everything that was accepted and a Close frame, waits for
    /// the peer's Close frame, and ends the transport so that neither is lost. Messages that still arrive are
    /// discarded. This takes at most [`Config::close_timeout`](crate::Config::close_timeout). Read and write timeouts
    /// do not apply.
    ///
    /// It may also be called after the peer has closed, or after an error. It then sends no other Close frame.
    ///
    /// # Errors
    /// Fails with [`Error::UnsendableCode`], or in a task with [`Error::Wait`], before anything is sent. Any other
    /// error is the reason why the handshake was not completed.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        let writer = &self.writer;
        self.reader.close(|| writer.start_close(code, reason))
    }

    /// Splits the connection into two halves, for two threads: one may wait to read while the other waits to write.
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

    /// Returns both halves, borrowed, for a loop that replies to borrowed messages.
    pub fn halves(&mut self) -> (&Writer, &mut Reader) {
        (&self.writer, &mut self.reader)
    }

    /// Sets how long a read waits at most; see [`Reader::set_read_timeout`].
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

    /// Returns the timeout set by [`set_read_timeout`](Self::set_read_timeout).
    pub fn read_timeout(&self) -> Option<Duration> {
        self.reader.read_timeout()
    }

    /// Sets how long a write or a flush waits at most; see [`Writer::set_write_timeout`].
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.writer.set_write_timeout(timeout);
    }

    /// Returns the timeout set by [`set_write_timeout`](Self::set_write_timeout).
    pub fn write_timeout(&self) -> Option<Duration> {
        self.writer.write_timeout()
    }

    /// Sets a new message size limit, in bytes; see
    /// [`Reader::set_max_message_size`](crate::Reader::set_max_message_size).
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.reader.set_max_message_size(bytes);
    }

    /// Returns the address of the other end; see [`Reader::peer_addr`](crate::Reader::peer_addr).
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.reader.peer_addr()
    }

    /// Returns the address of our end; see [`Reader::local_addr`](crate::Reader::local_addr).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.reader.local_addr()
    }

    /// Returns how the connection closed or is closing, or `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.writer.close_info()
    }

    /// Returns the negotiated subprotocol.
    pub fn subprotocol(&self) -> Option<&Subprotocol> {
        self.subprotocol.as_ref()
    }

    /// Returns the negotiated compression parameters (RFC 7692, 7.1), or `None` without compression.
    pub fn compression(&self) -> Option<DeflateParams> {
        self.compression
    }

    /// Returns the counters of the connection.
    pub fn stats(&self) -> Stats {
        self.reader.stats()
    }
}
