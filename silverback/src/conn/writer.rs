//! The writing half of a connection.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_sink::Sink;
use silverback_proto::{
    CloseCode, CloseInfo, Message, MessageKind, MessageRef, PreparedMessage, SendError, Stats,
    connection::{FlushFor, LARGE_MESSAGE, LargePreparation, LargeSource, OutputProgress, RoomFor, WaiterId},
};

use crate::{
    conn::message_writer::MessageWriter,
    error::Error,
    io::{
        output::{ChangingRoomWait, Encoding, FlushWait, Outgoing, RoomWait, SharedHandle, with_compression},
        yields::yields,
    },
};

/// Writes messages. Clone it to write from several tasks.
///
/// A message is accepted whole or not at all. A write waits only for room in the queue, which is limited in bytes.
/// Waiting writers are served in the order in which they came, and no later writer overtakes them. So never keep a
/// waiting write without polling it, because those behind it wait too. Accepted messages are sent even if every handle
/// is dropped.
///
/// A writer is also a [`Sink`]. `poll_close` sends everything that was accepted and a Close frame with 1000, and is
/// ready when both have left. It reads nothing. If another writer has a message open (a streamed or a large one),
/// `start_send` keeps its message in this sink until the sink is polled again. A sink compresses or masks a large
/// message in one call, without yielding.
#[derive(Debug)]
pub struct Writer {
    shared: SharedHandle,
    fragment_size: usize,
    /// Whether its messages may be compressed.
    may_compress: bool,
    /// Boxed, because few writers are used as sinks.
    sink: Option<Box<SinkState>>,
}

/// The state between polls of a writer that is used as a sink.
#[derive(Debug, Default)]
struct SinkState {
    /// Its place in the queue of writers that wait for room.
    room: Option<WaiterId>,
    /// Its place among the waiters for a flush.
    flush: Option<WaiterId>,
    /// The message that `start_send` took while another writer had a message open, and whether it may be compressed.
    unsent: Option<(Message, bool)>,
}

/// A clone starts with the options of the original and without its sink state.
impl Clone for Writer {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            fragment_size: self.fragment_size,
            may_compress: self.may_compress,
            sink: None,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(sink) = &self.sink {
            self.shared.stop_waiting(sink.room, sink.flush);
        }
    }
}

impl Writer {
    pub(crate) fn new(shared: SharedHandle, fragment_size: usize) -> Self {
        Self { shared, fragment_size, may_compress: true, sink: None }
    }

    /// Accepts a message for sending as soon as there is room for it.
    ///
    /// A message of more than 64 KiB may have to be compressed, copied or masked first. The future does that in pieces
    /// of a few milliseconds and yields between them. Other messages wait meanwhile. Pings, pongs, Close frames and the
    /// [`Reader`](crate::Reader) do not.
    ///
    /// # Errors
    /// Fails if the connection is closing ([`Error::is_closing`]) or has failed.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not accepted. Encoding a message of more than 64
    /// KiB can take several polls, and dropping the future discards that work. Code that polls only once, as
    /// `now_or_never` does, may therefore never send such a message. Use [`try_write_message`](Self::try_write_message)
    /// to send without waiting.
    pub fn write_message(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        // Not an async function: its future would reserve space for the message in each of its forms.
        let message = message.into();
        let len = message.len();
        let mut message = Some(message);
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(move |cx| {
            if !self.is_common(len) {
                return self.poll_large(cx, &mut wait, len, || message.take().map(LargeSource::Owned));
            }
            if len < COPIED {
                let send = |out: &mut Outgoing| match &message {
                    Some(message) => out.send_ref(message.as_ref()),
                    None => Ok(()),
                };
                return self.shared.poll_send(cx, wait.who(), len, send);
            }
            self.poll_message(cx, wait.who(), len, &mut message)
        })
    }

    /// Sets whether the messages of this writer may be compressed from now on, if compression was negotiated. This holds
    /// for every way to write, and each clone has its own setting. Default: true.
    ///
    /// Turn it off for secrets. If a secret is compressed in one context with text from a stranger, the compressed size
    /// reveals something about the secret (RFC 7692, 8).
    ///
    /// ```
    /// # async fn send(writer: silverback::Writer, token: &str) -> Result<(), silverback::Error> {
    /// let mut secrets = writer.clone();
    /// secrets.set_write_compression(false);
    /// secrets.write_message(token).await?;
    /// # Ok(()) }
    /// ```
    pub fn set_write_compression(&mut self, may_compress: bool) {
        self.may_compress = may_compress;
    }

    /// Returns whether the messages of this writer may be compressed, as set by
    /// [`set_write_compression`](Self::set_write_compression).
    pub fn write_compression(&self) -> bool {
        self.may_compress
    }

    /// Accepts a borrowed message by copying it. A message of up to 64 KiB needs no allocation.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub fn write_borrowed<'m>(&self, message: impl Into<MessageRef<'m>>) -> impl Future<Output = Result<(), Error>> {
        let message = message.into();
        let len = message.as_bytes().len();
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(move |cx| {
            if !self.is_common(len) {
                return self.poll_large(cx, &mut wait, len, || Some(LargeSource::Borrowed(message)));
            }
            self.shared.poll_send(cx, wait.who(), len, |out| out.send_ref(message))
        })
    }

    /// Accepts a prepared message.
    ///
    /// The first write to a connection with compression also compresses the message. If the message has more than 64
    /// KiB, this happens before the write waits for room.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        let len = message.message().len();
        if !self.is_common(len) {
            if let Some(mut preparation) = self.preparation(message) {
                poll_fn(|cx| if preparation.work() { Poll::Ready(()) } else { yields(cx) }).await;
            }
            return self.write_large(len, LargeSource::Prepared(message)).await;
        }
        self.send(len, |out| out.send_prepared(message)).await
    }

    /// Accepts a message if there is room for it now and no other writer waits for room. Returns it in the error
    /// otherwise.
    ///
    /// A message of more than 64 KiB is compressed or masked in this call, without yielding. In a task,
    /// [`write_message`](Self::write_message) delays other tasks less if a message has megabytes.
    ///
    /// # Errors
    /// Fails with [`TryWriteError::Full`], which returns the message; otherwise as
    /// [`write_message`](Self::write_message).
    pub fn try_write_message(&self, message: impl Into<Message>) -> Result<(), TryWriteError> {
        let mut message = Some(message.into());
        let len = message.as_ref().map_or(0, Message::len);
        let sent = if !self.is_common(len) {
            let begun = self.shared.try_begin_large(len, self.may_compress, || message.take().map(LargeSource::Owned));
            begun.map(|begun| Encoding::finish(begun?))
        } else {
            self.shared.try_send(len, |out| message.take().map_or(Ok(()), |message| out.send(message)))
        };
        match (sent, message) {
            (Some(Ok(())), _) | (None, None) => Ok(()),
            (Some(Err(error)), _) => Err(TryWriteError::Failed(error)),
            (None, Some(message)) => Err(TryWriteError::Full(message)),
        }
    }

    /// Accepts a prepared message if there is room for it now and no other writer waits for room.
    ///
    /// The first write of a message to a connection with compression compresses it in this call, without yielding.
    ///
    /// # Errors
    /// As [`try_write_message`](Self::try_write_message).
    pub fn try_write_prepared(&self, message: &PreparedMessage) -> Result<(), TryWriteError> {
        let len = message.message().len();
        let sent = if !self.is_common(len) {
            if let Some(mut preparation) = self.preparation(message) {
                while !preparation.work() {}
            }
            let begun = self.shared.try_begin_large(len, self.may_compress, || Some(LargeSource::Prepared(message)));
            begun.map(|begun| Encoding::finish(begun?))
        } else {
            self.shared.try_send(len, |out| out.send_prepared(message))
        };
        match sent {
            Some(sent) => sent.map_err(TryWriteError::Failed),
            None => Err(TryWriteError::Full(message.message().clone())),
        }
    }

    /// Returns how many accepted bytes the transport has not taken yet, frame headers included.
    ///
    /// Beyond [`Config::max_queued_output`](crate::Config::max_queued_output), writers wait.
    pub fn queued_bytes(&self) -> usize {
        self.shared.queued_output()
    }

    /// Waits until there is room for a message of `len` bytes and it is this writer's turn.
    ///
    /// The room is not reserved: another writer may take it before the next call.
    ///
    /// # Errors
    /// Fails if the connection is closing ([`Error::is_closing`]) or has failed.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing that was accepted. It gives up the place in the queue.
    pub async fn wait_for_room(&self, len: usize) -> Result<(), Error> {
        self.send(len, |out| out.check_open()).await
    }

    /// Holds output back while the guard exists, so that several messages leave in one write.
    ///
    /// Output still leaves once [`write_buffer_size`](crate::Settings::write_buffer_size) bytes have gathered, once the
    /// task yields, or when any writer flushes.
    ///
    /// ```
    /// # fn publish(writer: &silverback::Writer) -> Result<(), silverback::TryWriteError> {
    /// let held = writer.hold();
    /// writer.try_write_message("one")?;
    /// writer.try_write_message("two")?;
    /// drop(held); // Both leave now.
    /// # Ok(()) }
    /// ```
    pub fn hold(&self) -> HeldOutput<'_> {
        self.shared.hold();
        HeldOutput { shared: &self.shared, not_across_threads: PhantomData }
    }

    /// Starts a message that is written as a stream of bytes. Other messages wait until it is finished. Pings, pongs
    /// and Close frames do not.
    ///
    /// # Errors
    /// As [`write_message`](Self::write_message).
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was started.
    pub async fn next_writer(&self, kind: MessageKind) -> Result<MessageWriter, Error> {
        let may_compress = self.may_compress;
        self.send(0, |out| with_compression(out, may_compress, |out| out.open_message(kind))).await?;
        Ok(MessageWriter::new(self.shared.clone(), self.fragment_size))
    }

    /// Sends a ping of up to 125 bytes, ahead of the messages that wait. [`stats`](Self::stats) has the round trip of
    /// keepalive pings only.
    ///
    /// # Errors
    /// Fails if the payload is too long, or if the connection is closing or has failed.
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.shared.send(|out| out.ping(payload))
    }

    /// Sends an unsolicited pong (RFC 6455, 5.5.3). Pings are answered without this call.
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(&self, payload: &[u8]) -> Result<(), Error> {
        self.shared.send(|out| out.pong(payload))
    }

    /// Waits until the transport has taken everything that was accepted.
    ///
    /// # Errors
    /// Fails if the connection has failed, or if messages were dropped because the peer broke the protocol while they
    /// waited ([`Error::is_closing`]).
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing that was accepted. It gives up the place in the queue.
    pub async fn flush(&self) -> Result<(), Error> {
        let mut wait = FlushWait::new(&self.shared);
        poll_fn(|cx| self.shared.poll_flush(cx, wait.who())).await
    }

    /// Starts the closing handshake, after everything that was accepted before. The [`Reader`](crate::Reader) continues
    /// until the peer has replied. A reason of more than 123 bytes is cut at the last character that fits.
    /// [`CloseCode::NO_STATUS`] sends a Close frame with neither code nor reason, because that is the meaning of this
    /// code.
    ///
    /// # Errors
    /// Fails if the code must not be sent (RFC 6455, 7.4).
    pub fn start_close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.shared.start_close_with(code.into(), reason)
    }

    /// Returns whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// Returns how the connection closed or is closing, or `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.shared.close_info()
    }

    /// Returns the counters of the connection, for example for a list of all connections. Those of the receiving side
    /// are as of the last time that the reader waited or was dropped; [`Reader::stats`](crate::Reader::stats) has them
    /// up to date.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    pub(crate) fn shared(&self) -> &SharedHandle {
        &self.shared
    }

    /// Begins to track which output has left, for [`output_progress`](Self::output_progress).
    pub(crate) fn track_output(&self) {
        self.shared.track_output();
    }

    pub(crate) fn output_progress(&self) -> Option<OutputProgress> {
        self.shared.output_progress()
    }

    /// Calls `send` once it is this writer's turn and there is room for `len` bytes.
    async fn send(
        &self,
        len: usize,
        mut send: impl FnMut(&mut Outgoing) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(|cx| self.shared.poll_send(cx, wait.who(), len, &mut send)).await
    }

    /// Queues a large message once it is this writer's turn and the frame has been built.
    async fn write_large(&self, len: usize, source: LargeSource<'_>) -> Result<(), Error> {
        let mut source = Some(source);
        let mut wait = RoomWait::new(&self.shared);
        poll_fn(|cx| self.poll_large(cx, &mut wait, len, || source.take())).await
    }

    /// Takes the message from `source` once it is this writer's turn.
    #[cold]
    #[inline(never)]
    fn poll_large<'m>(
        &self,
        cx: &mut Context<'_>,
        wait: &mut RoomWait<'_, 'm>,
        len: usize,
        source: impl FnOnce() -> Option<LargeSource<'m>>,
    ) -> Poll<Result<(), Error>> {
        if wait.encoding.is_none() {
            let begun = ready!(self.shared.poll_begin_large(cx, wait.who(), len, self.may_compress, source))?;
            *wait.encoding = begun.map(Box::new);
        }
        let Some(encoding) = &mut *wait.encoding else { return Poll::Ready(Ok(())) };
        let queued = ready!(encoding.poll(cx));
        *wait.encoding = None;
        Poll::Ready(queued)
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

    /// Fast path: whether a message is small and needs no option of the transmitter.
    #[inline]
    pub(crate) fn is_common(&self, len: usize) -> bool {
        is_common(len, self.may_compress)
    }

    /// Returns the work that compresses a large prepared message.
    fn preparation(&self, message: &PreparedMessage) -> Option<LargePreparation> {
        let is_large = message.message().len() > LARGE_MESSAGE;
        if is_large && self.may_compress { self.shared.preparation(message) } else { None }
    }

    /// Writes a message of up to 64 KiB for a future that may outlive this connection, as those of `reconnect` do.
    pub(crate) fn poll_write_message(
        &self,
        cx: &mut Context<'_>,
        wait: &mut ChangingRoomWait,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        let len = message.as_ref().map_or(0, Message::len);
        self.poll_message(cx, RoomFor::Future(wait.on(&self.shared)), len, message)
    }

    /// Begins a large message for a future that may outlive this connection. `None` means that it was queued at once.
    pub(crate) fn poll_begin_large(
        &self,
        cx: &mut Context<'_>,
        wait: &mut ChangingRoomWait,
        message: &Message,
    ) -> Poll<Result<Option<Encoding<'static>>, Error>> {
        let source = || Some(LargeSource::Owned(message.clone()));
        self.shared.poll_begin_large(
            cx,
            RoomFor::Future(wait.on(&self.shared)),
            message.len(),
            self.may_compress,
            source,
        )
    }

    /// Begins a large message if there is room now. `Some(Ok(None))` means that it was queued at once.
    pub(crate) fn try_begin_large(&self, message: &Message) -> Option<Result<Option<Encoding<'static>>, Error>> {
        self.shared.try_begin_large(message.len(), self.may_compress, || Some(LargeSource::Owned(message.clone())))
    }

    /// Returns the large message that such a future is encoding for this connection.
    pub(crate) fn encoding<'a>(&self, wait: &'a mut ChangingRoomWait) -> &'a mut Option<Box<Encoding<'static>>> {
        wait.encoding_on(&self.shared)
    }

    /// Returns the largest payload of one fragment, in bytes.
    pub(crate) fn fragment_size(&self) -> usize {
        self.fragment_size
    }
}

/// For callers that poll: `Sink`, the tunnel, and the `Sink` of `Conn`.
impl Writer {
    /// Queues a borrowed message once it is this writer's turn.
    pub(crate) fn poll_write_borrowed(
        &mut self,
        cx: &mut Context<'_>,
        message: MessageRef<'_>,
    ) -> Poll<Result<(), Error>> {
        let (len, may_compress) = (message.as_bytes().len(), self.may_compress);
        self.poll_room(|shared, who| {
            if !is_common(len, may_compress) {
                return shared
                    .poll_begin_large(cx, who, len, may_compress, || Some(LargeSource::Borrowed(message)))
                    .map(|begun| Encoding::finish(begun?));
            }
            shared.poll_send(cx, who, len, |out| out.send_ref(message))
        })
    }

    /// Queues the message that `start_send` could not queue.
    pub(crate) fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let unsent = self.sink.as_mut().and_then(|sink| sink.unsent.take());
        let Some((message, may_compress)) = unsent else { return Poll::Ready(Ok(())) };
        let len = message.len();
        let mut message = Some(message);
        let sent = self.poll_room(|shared, who| {
            if !is_common(len, may_compress) {
                return shared
                    .poll_begin_large(cx, who, len, may_compress, || message.take().map(LargeSource::Owned))
                    .map(|begun| Encoding::finish(begun?));
            }
            shared.poll_send(cx, who, len, |out| message.take().map_or(Ok(()), |message| out.send(message)))
        });
        if sent.is_pending() {
            self.sink.get_or_insert_default().unsent = message.map(|message| (message, may_compress));
        }
        sent
    }

    /// Waits for room, with this sink's own place in the queue.
    fn poll_room(
        &mut self,
        poll: impl FnOnce(&SharedHandle, RoomFor<'_>) -> Poll<Result<(), Error>>,
    ) -> Poll<Result<(), Error>> {
        let mut place = self.sink.as_ref().and_then(|sink| sink.room);
        let polled = poll(&self.shared, RoomFor::Sink(&mut place));
        if place.is_some() || self.sink.is_some() {
            self.sink.get_or_insert_default().room = place;
        }
        polled
    }

    /// Waits for a flush, with this sink's own place among the waiters.
    pub(crate) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_unsent(cx))?;
        let mut place = self.sink.as_ref().and_then(|sink| sink.flush);
        let flushed = self.shared.poll_flush(cx, FlushFor::Future(&mut place));
        if flushed.is_ready() && place.is_some() {
            self.shared.stop_waiting(None, place.take());
        }
        if place.is_some() || self.sink.is_some() {
            self.sink.get_or_insert_default().flush = place;
        }
        flushed
    }
}

impl Sink<Message> for Writer {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_unsent(cx))?;
        self.poll_room(|shared, who| shared.poll_send(cx, who, 1, |out| out.check_open()))
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        if self.sink.as_ref().is_some_and(|sink| sink.unsent.is_some()) {
            return Err(SendError::MessageOpen.into());
        }
        let may_compress = self.may_compress;
        if let Some(unsent) = self.shared.send_now(message, may_compress)? {
            self.sink.get_or_insert_default().unsent = Some((unsent, may_compress));
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flushed(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_unsent(cx))?;
        self.start_close(CloseCode::NORMAL, "")?;
        self.poll_flushed(cx)
    }
}

#[inline]
fn is_common(len: usize, may_compress: bool) -> bool {
    len <= LARGE_MESSAGE && may_compress
}

/// The transmitter copies smaller messages anyway. So they need not be moved into it first, which takes longer than the
/// copy.
const COPIED: usize = 4 * 1024;

/// Holds output back while it exists; see [`Writer::hold`].
#[must_use = "output is held back while this exists"]
pub struct HeldOutput<'a> {
    shared: &'a SharedHandle,
    /// Makes the guard `!Send`, so that a spawned task cannot keep it across an `await`. It would do nothing there,
    /// because the flusher of the thread sends held output when the task yields.
    not_across_threads: PhantomData<*const ()>,
}

impl Drop for HeldOutput<'_> {
    fn drop(&mut self) {
        self.shared.release();
    }
}

impl fmt::Debug for HeldOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldOutput")
    }
}

/// Why [`Writer::try_write_message`] did not accept a message.
#[derive(Debug)]
pub enum TryWriteError {
    /// The queue has no room for the message, other writers wait for room, or a streamed message is open. The message
    /// is returned here.
    Full(Message),
    /// The connection is closing or has failed.
    Failed(Error),
}

impl fmt::Display for TryWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the output queue has no room"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TryWriteError {}
