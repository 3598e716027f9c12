//! The reading half of a connection.

use std::{
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use silverback_proto::{
    CloseCode, CloseInfo, Event, Incoming, Message, MessageKind, Negotiated, PayloadLocation, ReceivedEvent, Stats,
    Subprotocol, deflate::DeflateParams,
};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{
    error::Error,
    io::{
        driver::{Driver, Wanted},
        observer::{Control, Observer},
    },
};

/// Reads messages. Each read method answers pings, records pongs and replies to Close frames, before it returns
/// anything that arrived after them.
///
/// All methods are cancel safe: dropping a future loses nothing, and the next call continues from there.
#[derive(Debug)]
pub struct Reader {
    /// Boxed, so that a connection is cheap to move and an idle task is small.
    driver: Box<Driver>,
    /// The message that is being read in pieces or skipped. After its last piece the allocation is kept for the next
    /// such message.
    streaming: Option<Box<Streaming>>,
    max_message_size: u64,
    /// `None` if nothing was negotiated.
    negotiated: Option<Box<Negotiated>>,
}

/// A message that is read in pieces.
#[derive(Debug)]
struct Streaming {
    limit: u64,
    /// The current piece. The location is valid only while `unread` is not 0.
    piece: PayloadLocation,
    /// Number of bytes at the end of the piece that were not read yet.
    unread: usize,
    is_last: bool,
}

impl Reader {
    pub(crate) fn new(driver: Driver, max_message_size: u64, negotiated: Negotiated) -> Self {
        let negotiated = (negotiated != Negotiated::default()).then(|| Box::new(negotiated));
        Self { driver: Box::new(driver), streaming: None, max_message_size, negotiated }
    }

    /// Returns the next message as an owned value, or `None` once the peer has closed.
    ///
    /// After `None`, [`close_info`](Self::close_info) says how the connection closed. The close is not clean if the
    /// peer had gone before our Close frame was sent.
    ///
    /// A message costs at most one allocation, and keeps no more memory alive than its own.
    ///
    /// # Errors
    /// Fails if the peer breaks the protocol or exceeds a limit (our Close frame tells it why), if a timeout expires,
    /// or if the transport fails or ends without a closing handshake.
    ///
    /// After an error the connection is over, and further calls return `None`. After a fault of the peer, the next call
    /// first waits until the peer has closed too or the close timeout has expired. If you drop the connection instead,
    /// a background task waits.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub fn read_message(&mut self) -> impl Future<Output = Result<Option<Message>, Error>> {
        // Not an async function: its future would move the message once more.
        poll_fn(|cx| self.poll_read_message(cx))
    }

    /// Returns the next message, borrowed until the next call, without a copy or an allocation.
    ///
    /// A message that was joined from more than one read can also be taken without a copy. This suits applications that
    /// forward messages:
    ///
    /// ```
    /// # async fn forward(mut from: silverback::Reader, to: silverback::Writer) -> Result<(), silverback::Error> {
    /// while let Some(message) = from.read_borrowed().await? {
    ///     if message.is_assembled() {
    ///         to.write_message(message).await?;
    ///     } else {
    ///         to.write_borrowed(message).await?;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub fn read_borrowed(&mut self) -> impl Future<Output = Result<Option<Incoming<'_>>, Error>> {
        let mut reading = Reading(Some(self));
        poll_fn(move |cx| reading.poll(cx))
    }

    /// Returns the next message, ping, pong or close, or `None` once the connection has ended. Pings and closes have
    /// already been answered when this returns them. Seeing them costs nothing else.
    ///
    /// After an [`Event::Close`] the next call waits for the end of the transport, as
    /// [`read_message`](Self::read_message) does by itself.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        match poll_fn(|cx| self.poll_received(cx)).await? {
            Some(received) => self.event(received).map(Some),
            None => Ok(None),
        }
    }

    /// Polls for the next event, as [`read_event`](Self::read_event) does. This is for futures written by hand.
    pub fn poll_read_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Event<'_>>, Error>> {
        match ready!(self.poll_received(cx))? {
            Some(received) => Poll::Ready(self.event(received).map(Some)),
            None => Poll::Ready(Ok(None)),
        }
    }

    /// Returns the next message as a stream of bytes, or `None` once the peer has closed. The whole message need not
    /// fit into memory.
    ///
    /// The message size limit applies; use [`next_reader_up_to`](Self::next_reader_up_to) for larger messages. The next
    /// call skips the part of the message that was not read.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.next_reader_up_to(self.max_message_size).await
    }

    /// Does the same as [`next_reader`](Self::next_reader), with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        let kind = poll_fn(|cx| self.poll_start_streaming(cx, limit)).await?;
        Ok(kind.map(|kind| MessageReader::new(self, kind)))
    }

    /// Returns how the connection closed or is closing, or `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.driver.shared().close_info()
    }

    /// Does the closing handshake (RFC 6455, 7.1.2), as [`Conn::close`](crate::Conn::close) does: sends everything that
    /// was accepted and a Close frame, discards messages until the peer's Close frame arrives, and ends the transport.
    /// This takes at most [`Config::close_timeout`](crate::Config::close_timeout).
    ///
    /// # Errors
    /// Fails with [`Error::UnsendableCode`] before anything is sent. Any other error is the reason why the handshake
    /// was not completed.
    ///
    /// # Cancel safety
    /// The first poll starts the handshake. If the future is dropped after that, call this or
    /// [`read_message`](Self::read_message) again to continue.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.driver.shared().start_close_with(code.into(), reason)?;
        poll_fn(|cx| {
            while ready!(self.poll_read_message(cx))?.is_some() {}
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Returns the negotiated subprotocol.
    pub fn subprotocol(&self) -> Option<&Subprotocol> {
        self.negotiated.as_ref()?.subprotocol.as_ref()
    }

    /// Returns the negotiated compression parameters (RFC 7692, 7.1), or `None` without compression.
    pub fn compression(&self) -> Option<DeflateParams> {
        self.negotiated.as_ref()?.compression
    }

    /// Returns the address of the other end of the TCP connection, which may be a proxy. This also works over HTTP/2, and
    /// under TLS on a `TcpStream`, by rustls or the system's library where its feature is on. With hyper over HTTP/2 the
    /// TCP connection is not known. Over HTTP/3 this is the peer's present address, because a client of QUIC may move to
    /// another one. Returns `None` on any other transport, and once the connection has ended. The call may ask the system,
    /// so keep the result if you need it often.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.driver.io().peer_addr()
    }

    /// Returns the address of our end of the TCP connection, or `None` in the same cases as
    /// [`peer_addr`](Self::peer_addr). Over HTTP/3 a client knows it only if its dialer was given one.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.driver.io().local_addr()
    }

    /// Sets a new message size limit, in bytes, from the next frame on. For example, a server can keep it small until a
    /// client has authenticated. Default: [`Config::max_message_size`](crate::Config::max_message_size). The limit on
    /// single frames ([`Config::max_frame_size`](crate::Config::max_frame_size)) does not change.
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.max_message_size = bytes;
        self.driver.set_max_message_size(bytes);
    }

    /// Calls `observer` with every control frame of the peer. The observer replaces the one before. Default: none.
    ///
    /// Every read method calls it, before it returns anything that arrived after the frame. The reply is queued by
    /// then, and the observer cannot change it. The observer must not block, because the connection waits for it.
    pub fn observe(&mut self, observer: impl FnMut(Control<'_>) + Send + 'static) {
        self.driver.observe(Observer::new(observer));
    }

    /// Returns the counters of the connection.
    pub fn stats(&self) -> Stats {
        self.driver.stats()
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Returns the message size limit, as it was configured or last set.
    pub(crate) fn max_message_size(&self) -> u64 {
        self.max_message_size
    }

    #[inline]
    pub(crate) fn poll_read_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        let location = match self.message_in_hand() {
            Some(location) => location,
            None => match ready!(self.poll_wait_for_message(cx)) {
                Ok(Some(location)) => location,
                Ok(None) => return Poll::Ready(Ok(None)),
                Err(error) => return Poll::Ready(Err(*error)),
            },
        };
        match self.driver.message(location) {
            Ok(message) => {
                let message = message.into_message();
                self.driver.release();
                Poll::Ready(Ok(Some(message)))
            }
            Err(error) => Poll::Ready(Err(*error)),
        }
    }

    /// Waits for the next message. The error is boxed for the same reason as that of [`Driver::message`].
    fn poll_wait_for_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<PayloadLocation>, Box<Error>>> {
        self.poll_location(cx).map_err(Box::new)
    }

    /// Reads more of the message that is being streamed. An empty slice means that the message has ended.
    pub(crate) fn poll_read_piece(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<Result<&[u8], Error>> {
        loop {
            let Some(streaming) = &self.streaming else { return Poll::Ready(Ok(&[])) };
            if streaming.unread > 0 {
                break;
            }
            if streaming.is_last {
                self.driver.release();
                return Poll::Ready(Ok(&[]));
            }
            ready!(self.poll_next_piece(cx, streaming.limit))?;
        }
        let Some(streaming) = &mut self.streaming else { return Poll::Ready(Ok(&[])) };
        let piece = self.driver.piece(streaming.piece.clone());
        let rest = &piece[piece.len().saturating_sub(streaming.unread)..];
        let read = &rest[..rest.len().min(room)];
        streaming.unread -= read.len();
        Poll::Ready(Ok(read))
    }

    pub(crate) fn poll_received(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ReceivedEvent>, Error>> {
        ready!(self.poll_skip(cx))?;
        self.driver.poll_next(cx, Wanted::Events)
    }

    pub(crate) fn event(&mut self, received: ReceivedEvent) -> Result<Event<'_>, Error> {
        Ok(match received {
            ReceivedEvent::Message(location) | ReceivedEvent::Piece { location, .. } => {
                Event::Message(self.driver.message(location).map_err(|error| *error)?)
            }
            ReceivedEvent::Ping(payload) => Event::Ping(payload),
            ReceivedEvent::Pong(payload) => Event::Pong(payload),
            ReceivedEvent::Close(close) => Event::Close(close),
        })
    }

    /// Returns a message that has already arrived whole, so that no poll is needed.
    #[inline(always)]
    fn message_in_hand(&mut self) -> Option<PayloadLocation> {
        match &self.streaming {
            Some(streaming) if !streaming.is_last => None,
            _ => self.driver.message_in_hand(),
        }
    }

    fn poll_location(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<PayloadLocation>, Error>> {
        ready!(self.poll_skip(cx))?;
        loop {
            match ready!(self.driver.poll_next(cx, Wanted::Messages))? {
                Some(ReceivedEvent::Message(location)) => return Poll::Ready(Ok(Some(location))),
                Some(_) => {}
                None => return Poll::Ready(Ok(None)),
            }
        }
    }

    pub(crate) fn poll_start_streaming(
        &mut self,
        cx: &mut Context<'_>,
        limit: u64,
    ) -> Poll<Result<Option<MessageKind>, Error>> {
        ready!(self.poll_skip(cx))?;
        let Some(received) = ready!(self.driver.poll_next(cx, Wanted::Pieces { limit }))? else {
            return Poll::Ready(Ok(None));
        };
        Poll::Ready(Ok(self.start_piece(received, limit)))
    }

    fn poll_next_piece(&mut self, cx: &mut Context<'_>, limit: u64) -> Poll<Result<(), Error>> {
        match ready!(self.driver.poll_next(cx, Wanted::Pieces { limit }))? {
            Some(received) => {
                self.start_piece(received, limit);
                Poll::Ready(Ok(()))
            }
            None => {
                // The peer closed in the middle of a message. The part that was read must not pass for the whole.
                self.streaming = None;
                Poll::Ready(Err(Error::Lost))
            }
        }
    }

    fn start_piece(&mut self, received: ReceivedEvent, limit: u64) -> Option<MessageKind> {
        let ReceivedEvent::Piece { kind, location, is_last } = received else { return None };
        let unread = self.driver.piece(location.clone()).len();
        let streaming = Streaming { limit, piece: location, unread, is_last };
        match &mut self.streaming {
            Some(kept) => **kept = streaming,
            None => self.streaming = Some(Box::new(streaming)),
        }
        Some(kind)
    }

    /// Skips the rest of a message whose reader was dropped.
    fn poll_skip(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(streaming) = &mut self.streaming {
            if streaming.is_last {
                streaming.unread = 0;
                break;
            }
            let limit = streaming.limit;
            match ready!(self.driver.poll_next(cx, Wanted::Pieces { limit }))? {
                Some(received) => _ = self.start_piece(received, limit),
                None => self.streaming = None,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A read of a borrowed message. It gives the reader away with the message, which borrows from it.
struct Reading<'a>(Option<&'a mut Reader>);

impl<'a> Reading<'a> {
    #[inline]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Incoming<'a>>, Error>> {
        let Some(reader) = self.0.take() else { return Poll::Ready(Ok(None)) };
        let location = match reader.message_in_hand() {
            Some(location) => location,
            None => match reader.poll_wait_for_message(cx) {
                Poll::Ready(Ok(Some(location))) => location,
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(None)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(*error)),
                Poll::Pending => {
                    self.0 = Some(reader);
                    return Poll::Pending;
                }
            },
        };
        match reader.driver.message(location) {
            Ok(message) => Poll::Ready(Ok(Some(message))),
            Err(error) => Poll::Ready(Err(*error)),
        }
    }
}

/// Yields messages until the connection ends. An error is the last item.
impl Stream for Reader {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_read_message(cx).map(Result::transpose)
    }
}

/// Reads one message as it arrives. The next read of the connection skips the part that was not read.
///
/// Text is validated while it is read, and bytes that are not UTF-8 are an error. A read may still end inside a
/// character.
pub struct MessageReader<'a> {
    reader: &'a mut Reader,
    kind: MessageKind,
}

impl<'a> MessageReader<'a> {
    pub(crate) fn new(reader: &'a mut Reader, kind: MessageKind) -> Self {
        Self { reader, kind }
    }

    /// Returns whether the message is text or binary.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }
}

impl AsyncRead for MessageReader<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if into.remaining() > 0 {
            into.put_slice(ready!(self.reader.poll_read_piece(cx, into.remaining()))?);
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for MessageReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageReader").field("kind", &self.kind).finish_non_exhaustive()
    }
}
