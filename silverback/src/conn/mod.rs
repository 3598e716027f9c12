//! The types that applications hold: [`Conn`] and its halves, the reader and the writer of one message, and the observer
//! of control frames. They are built on `io`, and know nothing of how a connection came about.

pub(crate) mod message_writer;
pub(crate) mod reader;
pub(crate) mod writer;

use std::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use silverback_proto::{
    CloseCode, CloseInfo, Event, Message, MessageKind, MessageRef, Negotiated, PreparedMessage, Role, Stats,
    Subprotocol,
    connection::{Receiver, Transmitter},
    deflate::DeflateParams,
};

use crate::{
    conn::{
        message_writer::MessageWriter,
        reader::MessageReader,
        reader::Reader,
        writer::{TryWriteError, Writer},
    },
    error::Error,
    io::{
        clock,
        driver::{Driver, DriverParts},
        mask_source::{self, next_mask_key},
        observer::Control,
        output::{Shared, SharedHandle, current_flusher},
        settings::Settings,
        transport::{self, ByteStream},
    },
};

/// A WebSocket connection over any transport.
///
/// Pings, pongs and closes are served inside [`read_message`](Self::read_message), so an application that reads needs
/// nothing else. All methods that wait are cancel safe: they may stand in `select!` and under a timeout.
///
/// ```
/// # async fn echo(mut conn: silverback::Conn) -> Result<(), silverback::Error> {
/// while let Some(message) = conn.read_message().await? {
///     conn.write_message(message).await?;
/// }
/// # Ok(()) }
/// ```
///
/// Answers to messages that arrived together leave together, in one write, and at the latest when the task waits for
/// anything else.
#[derive(Debug)]
pub struct Conn {
    pub(crate) reader: Reader,
    writer: Writer,
}

impl Conn {
    /// A connection on a stream whose opening handshake was done elsewhere. `early` is what was read beyond it.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its time driver enabled.
    pub fn from_handshake(
        stream: impl ByteStream,
        role: Role,
        negotiated: Negotiated,
        early: impl Into<Vec<u8>>,
        settings: &Settings,
    ) -> Self {
        if role == Role::Client {
            mask_source::prepare();
        }
        let config = settings.connection();
        let (io, write_side) = transport::split(stream);
        let mut receiver = Receiver::new(role, config, &negotiated);
        let mut transmitter = Transmitter::new(role, config.clone(), &negotiated, clock::now(), next_mask_key);
        if let Some(budget) = settings.memory().filter(|_| negotiated.compression.is_some()) {
            receiver = receiver.with_memory_budget(budget.clone());
            transmitter = transmitter.with_memory_budget(budget.clone());
        }
        let shared =
            SharedHandle::new(Shared::new(transmitter, write_side, settings.write_buffer(), current_flusher()));
        let driver = Driver::new(DriverParts {
            shared: shared.clone(),
            receiver,
            io,
            role,
            early: early.into(),
            read_buffer_size: settings.read_buffer(),
        });
        Self {
            reader: Reader::new(driver, config.limits().message, negotiated),
            writer: Writer::new(shared, settings.write_buffer()),
        }
    }

    /// The next message, owned; `None` once the peer has closed, of which [`close_info`](Self::close_info) tells more: also
    /// whether it was clean, which it is not if our answer found nobody.
    ///
    /// # Errors
    /// The peer broke the protocol or a limit (it has been told), a time budget ran out, or the transport ended without
    /// a closing handshake. After an error the connection is over, and further calls return `None`.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_message(&mut self) -> Result<Option<Message>, Error> {
        self.reader.read_message().await
    }

    /// The next message, lent until the next call: no copy, no allocation. To answer it in the same loop, see
    /// [`halves`](Self::halves).
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_borrowed(&mut self) -> Result<Option<MessageRef<'_>>, Error> {
        self.reader.read_borrowed().await
    }

    /// The next message, ping, pong or close; see [`Reader::read_event`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.reader.read_event().await
    }

    /// The next message as a stream of bytes; see [`Reader::next_reader`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader().await
    }

    /// [`next_reader`](Self::next_reader) with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader_up_to(limit).await
    }

    /// Accepts a message for sending, as soon as there is room for it.
    ///
    /// # Errors
    /// The connection is closing ([`Error::is_closing`]) or has failed.
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has accepted nothing.
    pub fn write_message(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        self.writer.write_message(message)
    }

    /// Accepts a message that is lent; see [`Writer::write_borrowed`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_borrowed(&mut self, message: impl Into<MessageRef<'_>>) -> Result<(), Error> {
        self.writer.write_borrowed(message).await
    }

    /// Accepts a message that was encoded before.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.writer.write_prepared(message).await
    }

    /// Accepts a message if there is room for it now, and gives it back if there is not.
    ///
    /// # Errors
    /// See [`TryWriteError`].
    pub fn try_write_message(&mut self, message: impl Into<Message>) -> Result<(), TryWriteError> {
        self.writer.try_write_message(message)
    }

    /// Accepts a message that is not compressed, whatever was agreed on; see [`Writer::write_uncompressed`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_uncompressed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.writer.write_uncompressed(message).await
    }

    /// Starts a message that is written as a stream of bytes; see [`Writer::next_writer`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has started nothing.
    pub async fn next_writer(&mut self, kind: MessageKind) -> Result<MessageWriter, Error> {
        self.writer.next_writer(kind).await
    }

    /// [`next_writer`](Self::next_writer) for a message that is not compressed, whatever was agreed on; see
    /// [`Writer::next_writer_uncompressed`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`next_writer`](Self::next_writer).
    pub async fn next_writer_uncompressed(&mut self, kind: MessageKind) -> Result<MessageWriter, Error> {
        self.writer.next_writer_uncompressed(kind).await
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
    /// The connection has failed.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().await
    }

    /// Does the closing handshake (RFC 6455, 7.1.2): sends what was accepted and a Close frame, waits for the peer's,
    /// and ends the transport so that neither is lost. Messages that still arrive are discarded; all of it takes
    /// [`Config::close_timeout`](crate::Config::close_timeout) at most.
    ///
    /// Also right after the peer has closed, or after an error: then there is nothing to do.
    ///
    /// # Errors
    /// [`Error::UnsendableCode`] before anything is sent; otherwise why the handshake was not completed.
    ///
    /// # Cancel safety
    /// The handshake has begun; call this or [`read_message`](Self::read_message) again to go on.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        poll_fn(|cx| self.writer.poll_unsent(cx)).await?;
        self.reader.close(code, reason).await
    }

    /// Parts the connection in two halves, for two tasks. Nothing is spawned, and nothing becomes slower.
    pub fn split(self) -> (Writer, Reader) {
        (self.writer, self.reader)
    }

    /// Both halves, lent: for a loop that answers messages which are lent to it.
    ///
    /// ```
    /// # async fn echo(mut conn: silverback::Conn) -> Result<(), silverback::Error> {
    /// let (writer, reader) = conn.halves();
    /// while let Some(message) = reader.read_borrowed().await? {
    ///     writer.write_borrowed(message).await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn halves(&mut self) -> (&Writer, &mut Reader) {
        (&self.writer, &mut self.reader)
    }

    /// How the connection ended, or is ending; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.writer.close_info()
    }

    /// The subprotocol that both sides agreed on.
    pub fn subprotocol(&self) -> Option<&Subprotocol> {
        self.reader.subprotocol()
    }

    /// What both sides agreed on about compression (RFC 7692, 7.1); `None` without it.
    pub fn compression(&self) -> Option<DeflateParams> {
        self.reader.compression()
    }

    /// The peer's address; see [`Reader::peer_addr`].
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.reader.peer_addr()
    }

    /// Our address; see [`Reader::local_addr`].
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.reader.local_addr()
    }

    /// Sets the limit on messages anew; see [`Reader::set_max_message_size`].
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.reader.set_max_message_size(bytes);
    }

    /// Has every control frame of the peer's shown to `observer`, in whichever way messages are read; see
    /// [`Reader::observe`].
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    /// use silverback::Control;
    ///
    /// # fn count_pings(conn: &mut silverback::Conn) -> Arc<AtomicU64> {
    /// let pings = Arc::new(AtomicU64::new(0));
    /// let counter = pings.clone();
    /// conn.observe(move |control| {
    ///     if let Control::Ping(_) = control {
    ///         counter.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// # pings }
    /// ```
    pub fn observe(&mut self, observer: impl FnMut(Control<'_>) + Send + 'static) {
        self.reader.observe(observer);
    }

    /// The counters of the connection.
    pub fn stats(&self) -> Stats {
        self.reader.stats()
    }

    /// For those who poll.
    pub(crate) fn writer_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

impl Reader {
    /// Joins the halves of a connection again.
    ///
    /// ```
    /// # fn join(conn: silverback::Conn) -> Result<silverback::Conn, silverback::ReuniteError> {
    /// let (writer, reader) = conn.split();
    /// reader.reunite(writer)
    /// # }
    /// ```
    ///
    /// # Errors
    /// The writer belongs to another connection. The error gives both back.
    pub fn reunite(self, writer: Writer) -> Result<Conn, ReuniteError> {
        let is_one = self.driver().shared().is(writer.shared());
        if is_one { Ok(Conn { reader: self, writer }) } else { Err(ReuniteError { writer, reader: self }) }
    }
}

/// A [`Writer`] and a [`Reader`] that belong to different connections.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReuniteError {
    /// The writer that was given.
    pub writer: Writer,
    /// The reader that was given.
    pub reader: Reader,
}

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the writer and the reader belong to different connections")
    }
}

impl std::error::Error for ReuniteError {}

/// Messages until the connection ends; an error is the last item.
impl Stream for Conn {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.reader.poll_read_message(cx).map(Result::transpose)
    }
}

/// As the [`Sink`] of a [`Writer`].
impl Sink<Message> for Conn {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.writer).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Pin::new(&mut self.writer).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.writer).poll_close(cx)
    }
}

#[cfg(test)]
#[path = "conn_tests.rs"]
mod tests;
