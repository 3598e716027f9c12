//! The types that applications hold: [`Conn`] and its halves, the reader and the writer of one message, and the observer
//! of control frames. They are built on `io`, and know nothing of how a connection came about.

pub(crate) mod message_reader;
pub(crate) mod message_writer;
pub(crate) mod observer;
pub(crate) mod reader;
pub(crate) mod writer;

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use silverback_proto::{
    CloseCode, CloseInfo, Event, Message, MessageKind, MessageRef, Negotiated, PreparedMessage, Role, SendError, Stats,
    Subprotocol,
    connection::{Receiver, Transmitter},
    deflate::DeflateParams,
};

use crate::{
    conn::{
        message_reader::MessageReader,
        message_writer::MessageWriter,
        reader::Reader,
        writer::{TryWriteError, Writer},
    },
    error::Error,
    io::{
        clock,
        driver::{Driver, DriverParts},
        mask_source::{self, next_mask_key},
        output::{Shared, SharedHandle, flusher::Flusher},
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
    negotiated: Option<Box<Negotiated>>,
    /// What `Sink::start_send` took while another task had a message open.
    unsent: Option<Box<Message>>,
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
            SharedHandle::new(Shared::new(transmitter, write_side, settings.write_buffer(), Flusher::current()));
        let driver = Driver::new(DriverParts {
            shared: shared.clone(),
            receiver,
            io,
            role,
            early: early.into(),
            read_buffer_size: settings.read_buffer(),
        });
        Self {
            reader: Reader::new(driver, config.limits().message),
            writer: Writer::new(shared, settings.write_buffer()),
            negotiated: (negotiated != Negotiated::default()).then(|| Box::new(negotiated)),
            unsent: None,
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
        if self.unsent.is_some() {
            poll_fn(|cx| self.poll_unsent(cx)).await?;
        }
        self.writer.start_close(code, reason)?;
        poll_fn(|cx| self.poll_closed(cx)).await
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
        self.negotiated.as_ref()?.subprotocol.as_ref()
    }

    /// What both sides agreed on about compression (RFC 7692, 7.1); `None` without it.
    pub fn compression(&self) -> Option<DeflateParams> {
        self.negotiated.as_ref()?.compression
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

    /// The counters of the connection.
    pub fn stats(&self) -> Stats {
        self.reader.stats()
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(unsent) = &self.unsent {
            let sent = ready!(self.writer.poll_write_unsent(cx, unsent));
            self.unsent = None;
            sent?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while ready!(self.reader.poll_read_message(cx))?.is_some() {}
        Poll::Ready(Ok(()))
    }
}

/// Messages until the connection ends; an error is the last item.
impl Stream for Conn {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.reader.poll_read_message(cx).map(Result::transpose)
    }
}

/// `poll_close` sends what was accepted and a Close frame with 1000, and is ready when both have left. It reads nothing:
/// the peer's Close frame is received by whoever reads, also on the other half of a `StreamExt::split`. If the connection is
/// dropped, the closing handshake is completed in the background. [`close`](Conn::close) waits for it.
///
/// A message that `start_send` takes while a clone of the writer has a message open (one that is streamed, or a large one)
/// stays in the sink until it is polled again: `poll_ready`, `poll_flush`, `poll_close` and [`close`](Conn::close) send it.
/// A sink compresses or masks a large message in one call, without a yield.
impl Sink<Message> for Conn {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_unsent(cx))?;
        self.writer.poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        if self.unsent.is_some() {
            return Err(SendError::MessageOpen.into());
        }
        self.unsent = self.writer.send_now(message)?.map(Box::new);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_unsent(cx))?;
        self.writer.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_unsent(cx))?;
        self.writer.start_close(CloseCode::NORMAL, "")?;
        self.writer.poll_flush(cx)
    }
}

#[cfg(test)]
#[path = "conn_tests.rs"]
mod tests;
