//! The writing half of a connection.

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
};

use silverback_proto::{
    CloseCode, CloseFrame, CloseInfo, Message, MessageKind, MessageRef, PreparedMessage, SendError, Stats,
    connection::{LARGE_MESSAGE, LargeSource, OutputProgress, Transmitter},
};

use crate::{
    conn::message_writer::MessageWriter,
    error::Error,
    io::output::{ChangingRoomWait, Encoding, FlushFor, FlushWait, Polled, RoomFor, RoomWait, SharedHandle, yields},
};

/// Writes messages, from as many tasks as there are clones of it.
///
/// A message is accepted whole or not at all: waiting is only for room in the queue, which is bounded by bytes. Writers
/// that wait are served in the order in which they came, and a writer that comes later does not overtake them. So do not
/// keep a write that waits without polling it: those behind it wait too. What was accepted is sent even if every handle is
/// dropped.
#[derive(Clone, Debug)]
pub struct Writer {
    shared: SharedHandle,
    fragment_size: usize,
}

impl Writer {
    pub(crate) fn new(shared: SharedHandle, fragment_size: usize) -> Self {
        Self { shared, fragment_size }
    }

    /// Accepts a message for sending, as soon as there is room for it.
    ///
    /// A message of more than 64 KiB may have to be compressed, copied or masked first. The future does that in pieces of a
    /// few milliseconds and yields between them; other messages wait, pings, pongs, closes and the
    /// [`Reader`](crate::Reader) do not.
    ///
    /// # Errors
    /// The connection is closing ([`Error::is_closing`]) or has failed.
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has accepted nothing. A message above 64 KiB is made into frames over
    /// several polls, and a dropped future throws that work away: polling it only once, as `now_or_never` does, never
    /// sends such a message. Use [`try_write_message`](Self::try_write_message) to send without waiting.
    pub fn write_message(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        // Not an async function: that would keep room for the message in each of its forms.
        let message = message.into();
        let len = message.len();
        let mut message = Some(message);
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(move |cx| {
            if len > LARGE_MESSAGE {
                return self.poll_large(cx, &mut wait, len, true, || message.take().map(LargeSource::Owned));
            }
            self.poll_message(cx, wait.who(), len, &mut message)
        })
    }

    /// Accepts a message that is not compressed, whatever was agreed on: for secrets, which in one context with a
    /// stranger's text leak by their compressed size (RFC 7692, 8).
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_uncompressed(&self, message: impl Into<Message>) -> Result<(), Error> {
        let message = message.into();
        let len = message.len();
        if len > LARGE_MESSAGE {
            return self.write_large(len, false, LargeSource::Owned(message)).await;
        }
        let mut message = Some(message);
        self.send(len, |out| message.take().map_or(Ok(()), |message| out.send_uncompressed(message))).await
    }

    /// Accepts a message that is lent: it is copied. Nothing is allocated for one of up to 64 KiB.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_borrowed(&self, message: impl Into<MessageRef<'_>>) -> Result<(), Error> {
        let message = message.into();
        let len = message.as_bytes().len();
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(|cx| {
            if len > LARGE_MESSAGE {
                return self.poll_large(cx, &mut wait, len, true, || Some(LargeSource::Borrowed(message)));
            }
            self.shared.poll_send(cx, wait.who(), len, |out| out.send_ref(message))
        })
        .await
    }

    /// Accepts a message that was encoded before. The first write to a connection with compression makes the compressed form
    /// of it, before it waits for room.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        let len = message.message().len();
        if len > LARGE_MESSAGE {
            if let Some(mut preparation) = self.shared.preparation(message) {
                poll_fn(|cx| if preparation.work() { Poll::Ready(()) } else { yields(cx) }).await;
            }
            return self.write_large(len, true, LargeSource::Prepared(message)).await;
        }
        self.send(len, |out| out.send_prepared(message)).await
    }

    /// Accepts a message if there is room for it now and no other writer waits for room. Gives it back otherwise.
    ///
    /// A message of more than 64 KiB is compressed or masked in this call, without a yield: for megabytes in a task,
    /// [`write_message`](Self::write_message) is kinder to its neighbours.
    ///
    /// # Errors
    /// [`TryWriteError::Full`] gives the message back; otherwise as [`write_message`](Self::write_message).
    pub fn try_write_message(&self, message: impl Into<Message>) -> Result<(), TryWriteError> {
        let mut message = Some(message.into());
        let len = message.as_ref().map_or(0, Message::len);
        let sent = if len > LARGE_MESSAGE {
            let begun = self.shared.try_begin_large(len, || message.take().map(LargeSource::Owned));
            begun.map(|begun| begun?.map_or(Ok(()), Encoding::finish))
        } else {
            self.shared.try_send(len, |out| message.take().map_or(Ok(()), |message| out.send(message)))
        };
        match (sent, message) {
            (Some(Ok(())), _) | (None, None) => Ok(()),
            (Some(Err(error)), _) => Err(TryWriteError::Failed(error)),
            (None, Some(message)) => Err(TryWriteError::Full(message)),
        }
    }

    /// Starts a message that is written as a stream of bytes. Other messages wait until it is finished; pings, pongs
    /// and closes do not.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has started nothing.
    pub async fn next_writer(&self, kind: MessageKind) -> Result<MessageWriter, Error> {
        self.send(0, |out| out.open_message(kind)).await?;
        Ok(MessageWriter::new(self.shared.clone(), self.fragment_size))
    }

    /// [`next_writer`](Self::next_writer) for a message that is not compressed, whatever was agreed on:
    /// [`write_uncompressed`](Self::write_uncompressed) says what for.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`next_writer`](Self::next_writer).
    pub async fn next_writer_uncompressed(&self, kind: MessageKind) -> Result<MessageWriter, Error> {
        self.send(0, |out| out.open_uncompressed_message(kind)).await?;
        Ok(MessageWriter::new(self.shared.clone(), self.fragment_size))
    }

    /// Sends a ping of up to 125 bytes, before the messages that wait. The answer shows in [`stats`](Self::stats) only
    /// for the pings of the keepalive.
    ///
    /// # Errors
    /// The payload is too long, or the connection is closing or has failed.
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.shared.send(|out| out.ping(payload))
    }

    /// Sends a pong that nobody asked for (RFC 6455, 5.5.3). Pings are answered without it.
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(&self, payload: &[u8]) -> Result<(), Error> {
        self.shared.send(|out| out.pong(payload))
    }

    /// Waits until everything that was accepted has been given to the transport.
    ///
    /// # Errors
    /// The connection has failed, or messages were dropped because the peer broke the protocol while they waited
    /// ([`Error::is_closing`]).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn flush(&self) -> Result<(), Error> {
        let mut wait = FlushWait::new(&self.shared);
        poll_fn(|cx| self.shared.poll_flush(cx, wait.who())).await
    }

    /// Starts the closing handshake, after what was accepted before. The [`Reader`](crate::Reader) goes on until the
    /// peer has answered. A reason of more than 123 bytes is cut at the last character that fits.
    /// [`CloseCode::NO_STATUS`] sends what it stands for: a Close frame with neither code nor reason.
    ///
    /// # Errors
    /// The code must not be sent (RFC 6455, 7.4).
    pub fn start_close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        let close = match code.into() {
            CloseCode::NO_STATUS => None,
            code => Some(CloseFrame::new(code, reason.to_owned())?),
        };
        self.shared.start_close(close);
        Ok(())
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// How the connection ended, or is ending; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.shared.close_info()
    }

    /// The counters of the sending side; what was received is counted by the [`Reader`](crate::Reader).
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    pub(crate) fn output_progress(&self) -> OutputProgress {
        self.shared.output_progress()
    }

    /// Queues something of `len` bytes when its turn has come.
    async fn send(
        &self,
        len: usize,
        mut send: impl FnMut(&mut Transmitter) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(|cx| self.shared.poll_send(cx, wait.who(), len, &mut send)).await
    }

    /// Queues a large message when its turn has come and its frame is made.
    async fn write_large(&self, len: usize, may_compress: bool, source: LargeSource<'_>) -> Result<(), Error> {
        let mut source = Some(source);
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(|cx| self.poll_large(cx, &mut wait, len, may_compress, || source.take())).await
    }

    /// Takes the message from `source` when its turn has come.
    #[cold]
    #[inline(never)]
    fn poll_large<'m>(
        &self,
        cx: &mut Context<'_>,
        wait: &mut RoomWait<'m>,
        len: usize,
        may_compress: bool,
        source: impl FnOnce() -> Option<LargeSource<'m>>,
    ) -> Poll<Result<(), Error>> {
        if wait.encoding.is_none() {
            let begun = ready!(self.shared.poll_begin_large(cx, wait.who(), len, may_compress, source))?;
            *wait.encoding = begun.map(Box::new);
        }
        let Some(encoding) = &mut *wait.encoding else { return Poll::Ready(Ok(())) };
        let queued = ready!(encoding.poll(cx));
        *wait.encoding = None;
        Poll::Ready(queued)
    }

    /// Queues a large message of the sink when its turn has come. Its frame is made in one stretch.
    #[cold]
    #[inline(never)]
    fn poll_large_at_once<'m>(
        &self,
        cx: &mut Context<'_>,
        len: usize,
        source: impl FnOnce() -> Option<LargeSource<'m>>,
    ) -> Poll<Result<(), Error>> {
        let begun = ready!(self.shared.poll_begin_large(cx, RoomFor::Sink, len, true, source))?;
        Poll::Ready(begun.map_or(Ok(()), Encoding::finish))
    }

    #[inline]
    fn poll_message(
        &self,
        cx: &mut Context<'_>,
        who: RoomFor<'_>,
        len: usize,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        self.shared.poll_send(cx, who, len, |out| message.take().map_or(Ok(()), |message| out.send(message)))
    }

    /// Writes a message of up to 64 KiB in a future that outlives the connection.
    pub(crate) fn poll_write_message(
        &self,
        cx: &mut Context<'_>,
        wait: &mut ChangingRoomWait,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        let len = message.as_ref().map_or(0, Message::len);
        self.poll_message(cx, RoomFor::Future(wait.on(&self.shared)), len, message)
    }

    /// Begins a large message in a future that outlives the connection. `None` if it was queued at once.
    pub(crate) fn poll_begin_large(
        &self,
        cx: &mut Context<'_>,
        wait: &mut ChangingRoomWait,
        message: &Message,
    ) -> Poll<Result<Option<Encoding<'static>>, Error>> {
        let source = || Some(LargeSource::Owned(message.clone()));
        self.shared.poll_begin_large(cx, RoomFor::Future(wait.on(&self.shared)), message.len(), true, source)
    }

    /// Begins a large message if there is room now. `Some(Ok(None))` if it was queued at once.
    pub(crate) fn try_begin_large(&self, message: &Message) -> Option<Result<Option<Encoding<'static>>, Error>> {
        self.shared.try_begin_large(message.len(), || Some(LargeSource::Owned(message.clone())))
    }

    /// The large message that such a future is making into a frame for this connection.
    pub(crate) fn encoding<'a>(&self, wait: &'a mut ChangingRoomWait) -> &'a mut Option<Box<Encoding<'static>>> {
        wait.encoding_on(&self.shared)
    }

    /// Writes a message for the one that polls the connection.
    pub(crate) fn poll_write_borrowed(&self, cx: &mut Context<'_>, message: MessageRef<'_>) -> Poll<Result<(), Error>> {
        let len = message.as_bytes().len();
        if len > LARGE_MESSAGE {
            return self.poll_large_at_once(cx, len, || Some(LargeSource::Borrowed(message)));
        }
        self.shared.poll_send(cx, RoomFor::Sink, len, |out| out.send_ref(message))
    }

    /// Writes a message that the sink has taken.
    pub(crate) fn poll_write_unsent(&self, cx: &mut Context<'_>, unsent: &Message) -> Poll<Result<(), Error>> {
        let len = unsent.len();
        if len > LARGE_MESSAGE {
            return self.poll_large_at_once(cx, len, || Some(LargeSource::Owned(unsent.clone())));
        }
        self.shared.poll_send(cx, RoomFor::Sink, len, |out| out.send(unsent.clone()))
    }

    /// What is sent in one piece.
    pub(crate) fn fragment_size(&self) -> usize {
        self.fragment_size
    }

    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.poll_send(cx, RoomFor::Sink, 1, |_| Ok(()))
    }

    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.poll_flush(cx, FlushFor::Polled(Polled::Sink))
    }

    /// Accepts a message whatever waits: for `Sink`, whose room was asked for before. Gives it back while another one is
    /// open.
    pub(crate) fn send_now(&self, message: Message) -> Result<Option<Message>, Error> {
        self.shared.send_now(message)
    }
}

/// Why [`Writer::try_write_message`] did not accept a message.
#[derive(Debug)]
pub enum TryWriteError {
    /// The queue has no room for it, other writers wait for room, or a streamed message is open. Here it is back.
    Full(Message),
    /// The connection is closing or has failed.
    Failed(Error),
}

impl std::fmt::Display for TryWriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the output queue has no room"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TryWriteError {}
