//! The types that applications hold: [`Conn`], its two halves, and the reader and writer of one message. They are built
//! on `io` and do not know how a connection was opened.

pub(crate) mod connections;
pub(crate) mod message_writer;
pub(crate) mod opening;
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
    CloseCode, CloseInfo, Event, Incoming, Message, MessageKind, MessageRef, Negotiated, PreparedMessage, Role, Stats,
    Subprotocol,
    connection::{Receiver, Transmitter},
    deflate::DeflateParams,
};
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

use crate::{
    conn::{
        message_writer::MessageWriter,
        opening::Opening,
        reader::MessageReader,
        reader::Reader,
        writer::{TryWriteError, Writer},
    },
    error::Error,
    io::{
        clock,
        driver::{Driver, DriverParts},
        mask_source::{self, next_mask_key},
        meter::{role_label, version_label},
        observer::Control,
        output::{Outgoing, Shared, SharedHandle, current_flusher},
        settings::Settings,
        transport::{self, ByteStream, ReadSide, WriteSide},
    },
};

/// A WebSocket connection over any transport.
///
/// [`read_message`](Self::read_message) also answers pings, records pongs and replies to Close frames, so an
/// application that keeps reading need do nothing else. All methods that wait are cancel safe: you can use them in
/// `select!` and under a timeout.
///
/// ```
/// # async fn echo(mut conn: silverback::Conn) -> Result<(), silverback::Error> {
/// while let Some(message) = conn.read_message().await? {
///     conn.write_message(message).await?;
/// }
/// # Ok(()) }
/// ```
///
/// The replies to a burst of messages leave in one write, at the latest when the task waits for something else.
#[derive(Debug)]
pub struct Conn {
    pub(crate) reader: Reader,
    writer: Writer,
}

impl Conn {
    /// Creates a connection on a stream whose opening handshake was done elsewhere. `leftover` holds the bytes that were
    /// read after the handshake.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub fn from_handshake(
        stream: impl ByteStream,
        role: Role,
        negotiated: Negotiated,
        leftover: impl Into<Vec<u8>>,
        settings: &Settings,
    ) -> Self {
        let opening = Opening { role, version: None, target: None, negotiated };
        Self::on(transport::split(stream), opening, leftover.into(), settings)
    }

    /// Creates a connection on the two sides of a transport.
    pub(crate) fn on(
        (io, write_side): (ReadSide, WriteSide),
        opening: Opening,
        leftover: Vec<u8>,
        settings: &Settings,
    ) -> Self {
        let span = opening.span(&io);
        let Opening { role, version, target: _, negotiated } = opening;
        if role == Role::Client {
            mask_source::prepare();
        }
        let config = &settings.config;
        let mut receiver = Receiver::new(role, config, &negotiated);
        let mut transmitter = Transmitter::new(role, config.clone(), &negotiated, clock::now(), next_mask_key);
        if let Some(budget) = settings.memory_budget.as_ref().filter(|_| negotiated.compression.is_some()) {
            receiver = receiver.with_memory_budget(budget.clone());
            transmitter = transmitter.with_memory_budget(budget.clone());
        }
        let (meter, tally) = settings.metering.open(role, version);
        span.in_scope(|| {
            tracing::debug!(
                name: "opened",
                target: "silverback::conn",
                role = role_label(role),
                http = version_label(version),
                subprotocol = negotiated.subprotocol.as_ref().map(AsRef::<str>::as_ref),
                compression = negotiated.compression.is_some(),
                "a WebSocket is open",
            );
        });
        let outgoing = Outgoing::new(transmitter, meter);
        let (write_buffer_size, flusher) = (settings.write_buffer_size, current_flusher());
        let shared = SharedHandle::new(Shared::new(outgoing, write_side, role, write_buffer_size, flusher, span));
        let driver = Driver::new(DriverParts {
            shared: shared.clone(),
            receiver,
            io,
            role,
            leftover,
            read_buffer_size: settings.read_buffer_size,
            tally,
        });
        Self {
            reader: Reader::new(driver, config.max_message_size, negotiated),
            writer: Writer::new(shared, settings.write_buffer_size),
        }
    }

    /// Returns the next message as an owned value, or `None` once the peer has closed.
    ///
    /// After `None`, [`close_info`](Self::close_info) says how the connection closed. The close is not clean if the
    /// peer had gone before our Close frame was sent.
    ///
    /// # Errors
    /// Fails if the peer breaks the protocol or exceeds a limit (our Close frame tells it why), if a timeout expires,
    /// or if the transport fails or ends without a closing handshake. After an error the connection is over, and
    /// further calls return `None`; see [`Reader::read_message`].
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub fn read_message(&mut self) -> impl Future<Output = Result<Option<Message>, Error>> {
        self.reader.read_message()
    }

    /// Returns the next message, borrowed until the next call, without a copy or an allocation. To reply to it in the
    /// same loop, see [`halves`](Self::halves).
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub fn read_borrowed(&mut self) -> impl Future<Output = Result<Option<Incoming<'_>>, Error>> {
        self.reader.read_borrowed()
    }

    /// Returns the next message, ping, pong or close; see [`Reader::read_event`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.reader.read_event().await
    }

    /// Returns the next message as a stream of bytes; see [`Reader::next_reader`].
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader().await
    }

    /// Does the same as [`next_reader`](Self::next_reader), with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        self.reader.next_reader_up_to(limit).await
    }

    /// Accepts a message for sending as soon as there is room for it; see [`Writer::write_message`].
    ///
    /// # Errors
    /// Fails if the connection is closing ([`Error::is_closing`]) or has failed.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not accepted.
    pub fn write_message(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        self.writer.write_message(message)
    }

    /// Accepts a borrowed message by copying it; see [`Writer::write_borrowed`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub fn write_borrowed<'m>(
        &mut self,
        message: impl Into<MessageRef<'m>>,
    ) -> impl Future<Output = Result<(), Error>> {
        self.writer.write_borrowed(message)
    }

    /// Accepts a prepared message; see [`Writer::write_prepared`].
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

    /// Starts a message that is written as a stream of bytes; see [`Writer::next_writer`].
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was started.
    pub async fn next_writer(&mut self, kind: MessageKind) -> Result<MessageWriter, Error> {
        self.writer.next_writer(kind).await
    }

    /// Sets whether messages may be compressed from now on; see [`Writer::set_write_compression`]. Default: true.
    pub fn set_write_compression(&mut self, may_compress: bool) {
        self.writer.set_write_compression(may_compress);
    }

    /// Returns whether messages may be compressed, as set by [`set_write_compression`](Self::set_write_compression).
    /// [`compression`](Self::compression) says whether compression was negotiated at all.
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

    /// Waits until the transport has taken everything that was accepted; see [`Writer::flush`].
    ///
    /// # Errors
    /// As [`Writer::flush`].
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.writer.poll_unsent(cx)).await?;
        self.writer.flush().await
    }

    /// Does the closing handshake (RFC 6455, 7.1.2): sends everything that was accepted and a Close frame, waits for
    /// the peer's Close frame, and ends the transport so that neither is lost. Messages that still arrive are
    /// discarded. All of this takes at most [`Config::close_timeout`](crate::Config::close_timeout).
    ///
    /// It may also be called after the peer has closed, or after an error. It then sends no other Close frame.
    ///
    /// # Errors
    /// Fails with [`Error::UnsendableCode`] before anything is sent. Any other error is the reason why the handshake
    /// was not completed.
    ///
    /// # Cancel safety
    /// A future that is dropped may have started the handshake. Call this again to continue.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        poll_fn(|cx| self.writer.poll_unsent(cx)).await?;
        self.reader.close(code, reason).await
    }

    /// Splits the connection into two halves, for two tasks. This spawns nothing and makes nothing slower.
    ///
    /// Pings are answered, and a peer that has gone is noticed, only while the [`Reader`] is read. So keep reading, also
    /// if you expect no messages.
    pub fn split(self) -> (Writer, Reader) {
        (self.writer, self.reader)
    }

    /// Returns both halves, borrowed, for a loop that replies to borrowed messages.
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

    /// Runs a handler in a new task, inside the span `connection` of `tracing`. The handler's own events then show which
    /// connection they belong to, as the events of the library do. Without a subscriber that wants the span, this is
    /// `tokio::spawn`.
    ///
    /// ```
    /// # use silverback::{Conn, Error, Upgrader};
    /// # async fn serve(upgrader: Upgrader, listener: tokio::net::TcpListener) -> Result<(), Error> {
    /// # let (stream, _) = listener.accept().await?;
    /// upgrader.accept(stream).await?.spawn(echo);
    /// # Ok(()) }
    ///
    /// async fn echo(mut conn: Conn) -> Result<(), Error> {
    ///     while let Some(message) = conn.read_message().await? {
    ///         conn.write_message(message).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// If the application has its own span, it spawns the task itself. The span of the connection is a child of the one in
    /// which the connection was opened. The page `docs/reference/tracing.md` of the repository has the fields of the span.
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub fn spawn<F>(self, handler: impl FnOnce(Self) -> F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let span = self.span();
        let future = span.in_scope(|| handler(self));
        // `instrument` makes the task larger, also if the span is disabled.
        if span.is_disabled() { tokio::spawn(future) } else { tokio::spawn(future.instrument(span)) }
    }

    /// Returns how the connection closed or is closing, or `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.writer.close_info()
    }

    /// Returns the negotiated subprotocol.
    pub fn subprotocol(&self) -> Option<&Subprotocol> {
        self.reader.subprotocol()
    }

    /// Returns the negotiated compression parameters (RFC 7692, 7.1), or `None` without compression.
    pub fn compression(&self) -> Option<DeflateParams> {
        self.reader.compression()
    }

    /// Returns the address of the peer; see [`Reader::peer_addr`].
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.reader.peer_addr()
    }

    /// Returns our own address; see [`Reader::local_addr`].
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.reader.local_addr()
    }

    /// Sets a new message size limit, in bytes; see [`Reader::set_max_message_size`].
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.reader.set_max_message_size(bytes);
    }

    /// Calls `observer` with every control frame of the peer, whichever read method is used; see [`Reader::observe`].
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

    /// Returns the counters of the connection.
    pub fn stats(&self) -> Stats {
        self.reader.stats()
    }

    /// Returns the span of the connection, which is disabled unless a subscriber wants it.
    pub(crate) fn span(&self) -> Span {
        self.writer.shared().span()
    }

    /// Returns the writer, for callers that poll it.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(crate) fn writer_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

impl Reader {
    /// Joins the two halves of a connection.
    ///
    /// ```
    /// # fn join(conn: silverback::Conn) -> Result<silverback::Conn, silverback::ReuniteError> {
    /// let (writer, reader) = conn.split();
    /// reader.reunite(writer)
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails if the writer belongs to another connection. The error returns both halves.
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

/// Yields messages until the connection ends. An error is the last item.
impl Stream for Conn {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.reader).poll_next(cx)
    }
}

/// Behaves as the [`Sink`] of a [`Writer`].
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
