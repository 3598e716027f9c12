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
    CloseCode, CloseInfo, Event, Incoming, Message, MessageKind, MessageRef, Negotiated, PayloadLocation,
    ReceivedEvent, Stats, Subprotocol, deflate::DeflateParams,
};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{
    error::Error,
    io::{
        driver::{Driver, Wanted},
        observer::{Control, Observer},
    },
};

/// Reads messages. Pings are answered, pongs taken note of and closes replied to inside, before anything that came
/// after them is handed out.
///
/// All methods are cancel safe: a future that is dropped takes nothing with it, and the next call goes on where it was.
#[derive(Debug)]
pub struct Reader {
    /// Boxed, so that a connection moves cheaply and an idle task is small.
    driver: Box<Driver>,
    /// The message that is being read in pieces, or whose rest is to be skipped. Kept for the next one when it is over.
    streaming: Option<Box<Streaming>>,
    max_message_size: u64,
    /// `None` if nothing was agreed on.
    negotiated: Option<Box<Negotiated>>,
}

/// A message that is read in pieces.
#[derive(Debug)]
struct Streaming {
    limit: u64,
    /// The piece at hand. It stands where it says only while `unread` is not 0.
    piece: PayloadLocation,
    /// Bytes at its end that were not read yet.
    unread: usize,
    is_last: bool,
}

impl Reader {
    pub(crate) fn new(driver: Driver, max_message_size: u64, negotiated: Negotiated) -> Self {
        let negotiated = (negotiated != Negotiated::default()).then(|| Box::new(negotiated));
        Self { driver: Box::new(driver), streaming: None, max_message_size, negotiated }
    }

    /// The next message, owned; `None` once the peer has closed, of which [`close_info`](Self::close_info) tells more: also
    /// whether it was clean, which it is not if our answer found nobody.
    ///
    /// A message costs one allocation. It never pins more memory than its own.
    ///
    /// # Errors
    /// The peer broke the protocol or a limit (it has been told), a time budget ran out, or the transport ended without
    /// a closing handshake. After an error the connection is over, and further calls return `None`: after a fault of the
    /// peer's once it has closed too, or the time for closing is up. Dropping the connection leaves that to the runtime.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_message(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.poll_read_message(cx)).await
    }

    /// The next message, lent until the next call: no copy, no allocation.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_borrowed(&mut self) -> Result<Option<MessageRef<'_>>, Error> {
        Ok(self.read_incoming().await?.map(Incoming::into_ref))
    }

    /// The next message, lent, and yours without a copy if it had to be joined from more than one read: for those who pass
    /// messages on, large ones too.
    ///
    /// ```
    /// # async fn forward(mut from: silverback::Reader, to: silverback::Writer) -> Result<(), silverback::Error> {
    /// while let Some(message) = from.read_incoming().await? {
    ///     if message.is_assembled() {
    ///         to.write_message(message.into_message()).await?;
    ///     } else {
    ///         to.write_borrowed(message.into_ref()).await?;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_incoming(&mut self) -> Result<Option<Incoming<'_>>, Error> {
        if let Some(location) = self.message_in_hand() {
            return self.driver.message(location).map(Some);
        }
        match poll_fn(|cx| self.poll_location(cx)).await? {
            Some(location) => self.driver.message(location).map(Some),
            None => Ok(None),
        }
    }

    /// The next message, ping, pong or close; `None` once the connection has ended. Pings and closes have been answered
    /// when they are seen here: this is for those who want to know, and costs them nothing else.
    ///
    /// After an [`Event::Close`] the next call waits for the end of the transport, as
    /// [`read_message`](Self::read_message) does by itself.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        match poll_fn(|cx| self.poll_received(cx)).await? {
            Some(received) => self.event(received).map(Some),
            None => Ok(None),
        }
    }

    /// [`read_event`](Self::read_event) for those who write futures by hand.
    pub fn poll_read_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Event<'_>>, Error>> {
        match ready!(self.poll_received(cx))? {
            Some(received) => Poll::Ready(self.event(received).map(Some)),
            None => Poll::Ready(Ok(None)),
        }
    }

    /// The next message as a stream of bytes, so that it needs no memory of its size; `None` once the peer has closed.
    ///
    /// The limit on messages holds; see [`next_reader_up_to`](Self::next_reader_up_to) for larger ones. What is not
    /// read of the message is skipped by the next call.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.next_reader_up_to(self.max_message_size).await
    }

    /// [`next_reader`](Self::next_reader) with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        let kind = poll_fn(|cx| self.poll_start_streaming(cx, limit)).await?;
        Ok(kind.map(|kind| MessageReader::new(self, kind)))
    }

    /// How the connection ended, or is ending; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.driver.shared().close_info()
    }

    /// Does the closing handshake (RFC 6455, 7.1.2), as [`Conn::close`](crate::Conn::close): sends what was accepted and a
    /// Close frame, discards messages until the peer's Close frame has come, and ends the transport. It takes
    /// [`Config::close_timeout`](crate::Config::close_timeout) at most.
    ///
    /// # Errors
    /// [`Error::UnsendableCode`] before anything is sent; otherwise why the handshake was not completed.
    ///
    /// # Cancel safety
    /// The handshake has begun; call this or [`read_message`](Self::read_message) again to go on.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.driver.shared().start_close_with(code.into(), reason)?;
        poll_fn(|cx| {
            while ready!(self.poll_read_message(cx))?.is_some() {}
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// The subprotocol that both sides agreed on.
    pub fn subprotocol(&self) -> Option<&Subprotocol> {
        self.negotiated.as_ref()?.subprotocol.as_ref()
    }

    /// What both sides agreed on about compression (RFC 7692, 7.1); `None` without it.
    pub fn compression(&self) -> Option<DeflateParams> {
        self.negotiated.as_ref()?.compression
    }

    /// The address of the other end of the TCP connection, which may be a proxy's; also under TLS, by rustls or the
    /// system's library where its feature is on, on a `TcpStream`. `None` on any other transport, and once the connection
    /// has ended. The system may be asked: keep the answer if you need it often.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        Some(self.driver().io().addresses()?.peer)
    }

    /// The address of our end of the TCP connection; `None` as for [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.driver().io().addresses()?.local)
    }

    /// Sets the limit on messages anew, in bytes, from the next frame on: small before a client has said who it is, for
    /// instance, and larger after that. Default: [`Config::max_message_size`](crate::Config::max_message_size). What
    /// was said of frames alone ([`Config::max_frame_size`](crate::Config::max_frame_size)) stays.
    pub fn set_max_message_size(&mut self, bytes: u64) {
        *self.max_message_size() = bytes;
        self.driver_mut().set_max_message_size(bytes);
    }

    /// Has every control frame of the peer's shown to `observer`, in place of the one before. Default: none.
    ///
    /// It is called inside the reads, whichever they are, before anything that came after the frame is handed out. The
    /// answer is queued by then, and nothing that the observer does changes it. It must not block: the connection waits
    /// for it.
    pub fn observe(&mut self, observer: impl FnMut(Control<'_>) + Send + 'static) {
        self.driver_mut().observe(Observer::new(observer));
    }

    /// The counters of the connection.
    pub fn stats(&self) -> Stats {
        self.driver.stats()
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn driver_mut(&mut self) -> &mut Driver {
        &mut self.driver
    }

    /// The limit on messages, as it was configured or last set.
    pub(crate) fn max_message_size(&mut self) -> &mut u64 {
        &mut self.max_message_size
    }

    pub(crate) fn poll_read_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        let location = match self.message_in_hand() {
            Some(location) => location,
            None => match ready!(self.poll_location(cx))? {
                Some(location) => location,
                None => return Poll::Ready(Ok(None)),
            },
        };
        let message = self.driver.message(location)?.into_message();
        self.driver.release();
        Poll::Ready(Ok(Some(message)))
    }

    /// Reads on in the message that is being streamed; no byte is its end.
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
                Event::Message(self.driver.message(location)?)
            }
            ReceivedEvent::Ping(payload) => Event::Ping(payload),
            ReceivedEvent::Pong(payload) => Event::Pong(payload),
            ReceivedEvent::Close(close) => Event::Close(close),
        })
    }

    /// A message that can be had without being polled for.
    #[inline]
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
                // The peer closed in the middle of a message: what was read of it is not all of it.
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

    /// Skips what is left of a message whose reader was dropped.
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

/// Messages until the connection ends; an error is the last item.
impl Stream for Reader {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_read_message(cx).map(Result::transpose)
    }
}

/// Reads one message as it arrives. What is not read is skipped by the next read of the connection.
///
/// Text is checked while it passes: bytes that are not UTF-8 are an error, though a read may end inside a character.
pub struct MessageReader<'a> {
    reader: &'a mut Reader,
    kind: MessageKind,
}

impl<'a> MessageReader<'a> {
    pub(crate) fn new(reader: &'a mut Reader, kind: MessageKind) -> Self {
        Self { reader, kind }
    }

    /// Text or binary.
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
