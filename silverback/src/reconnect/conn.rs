//! The reconnecting connection as the application sees it. Its inner workings are in `engine`.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use silverback_proto::{CloseCode, CloseInfo, Event, Message, UnsendableCode};
use tokio::sync::watch;

use super::{
    Reconnect, ReconnectError, ReconnectEvent, ReconnectState, ReconnectingWriter,
    engine::{Engine, Step},
    kept::ConnSink,
    link::{Link, Written},
};
use crate::{
    conn::{Conn, writer::Writer},
    error::Error,
    io::output::ChangingRoomWait,
};

/// A client's connection that reconnects when it is lost. [`Reconnect`] creates it.
///
/// It connects only while one of its methods is awaited. A program that also waits for something else uses `select!`,
/// as with any connection. All methods that wait are cancel safe: the next call continues an attempt that was
/// interrupted.
///
/// It is a `Stream` of messages and a `Sink` too.
pub struct ReconnectingConn {
    engine: Engine,
    link: Arc<Link>,
    may_compress: bool,
    /// The latest event that `write_message` met and only reads can report.
    news: Option<ReconnectEvent>,
    /// Messages that arrived before the end of a connection that a writer found broken.
    ahead: VecDeque<Message>,
    /// Bytes in `ahead`.
    ahead_size: usize,
    pub(super) sink: ConnSink,
}

impl ReconnectingConn {
    pub(super) fn new(plan: Reconnect) -> Self {
        let link = Arc::new(Link::new(ReconnectState::Connecting { attempt: 1 }));
        let engine = Engine::new(plan, link.clone());
        Self {
            engine,
            link,
            may_compress: true,
            news: None,
            ahead: VecDeque::new(),
            ahead_size: 0,
            sink: ConnSink::default(),
        }
    }

    /// Returns the next message, from the current connection or a later one, or `None` once the connection is closed,
    /// by us or by a server that does not want us back.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::Undelivered`] if a connection broke before everything that it had accepted had
    /// left. The next call continues. Fails with [`ReconnectError::GivenUp`] if there will be no other attempt; further
    /// calls return `None`.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn read_message(&mut self) -> Result<Option<Message>, ReconnectError> {
        poll_fn(|cx| self.poll_read_message(cx)).await
    }

    /// Returns the next message, control frame or change of the connection, or `None` once the connection is closed.
    ///
    /// While another method is awaited, messages that arrive and the last connect or disconnect are kept for this
    /// method. Pings, pongs and Close frames of that time are not.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::GivenUp`] if there will be no other attempt; further calls return `None`.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn read_event(&mut self) -> Result<Option<ReconnectEvent>, ReconnectError> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Accepts a message for sending as soon as there is a connection with room in its queue.
    ///
    /// # Errors
    /// On every error the message was not accepted. [`ReconnectError::Undelivered`] means that the connection broke
    /// before everything that it had accepted had left. This message is the last in its list, so write exactly this
    /// list again. The next call continues. [`ReconnectError::GivenUp`] means that there will be no other attempt, and
    /// has the same list. Further calls fail with [`ReconnectError::Closed`].
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not accepted.
    pub async fn write_message(&mut self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        let mut message = Some(message.into());
        let mut wait = ChangingRoomWait::default();
        poll_fn(|cx| self.poll_write(cx, &mut wait, &mut message)).await
    }

    /// Accepts a message if there is a connection with room for it now.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::NotNow`], which returns the message, or with [`ReconnectError::Closed`].
    pub fn try_write_message(&mut self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        self.writer().try_write_message(message)
    }

    /// Sets whether messages may be compressed from now on; see
    /// [`Writer::set_write_compression`](crate::Writer::set_write_compression). It holds for later connections too.
    /// Default: true.
    pub fn set_write_compression(&mut self, may_compress: bool) {
        self.may_compress = may_compress;
    }

    /// Returns whether messages may be compressed, as set by [`set_write_compression`](Self::set_write_compression).
    pub fn write_compression(&self) -> bool {
        self.may_compress
    }

    /// Closes the connection with a closing handshake. While disconnected, ends the current wait or attempt.
    /// Messages that still arrive are discarded.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::UnsendableCode`] before anything is done, with [`ReconnectError::GivenUp`] if the
    /// handshake was not completed, and with [`ReconnectError::Undelivered`] if it was completed but messages had not
    /// left.
    ///
    /// # Cancel safety
    /// The first poll starts to close. If the future is dropped after that, call this or
    /// [`read_message`](Self::read_message) again to continue.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), ReconnectError> {
        self.link.close(code.into(), reason)?;
        while self.read_message().await?.is_some() {}
        Ok(())
    }

    /// Returns a writer for other tasks. While disconnected, its writes make progress only while a method of
    /// this connection is awaited.
    pub fn writer(&self) -> ReconnectingWriter {
        ReconnectingWriter::new(self.link.clone(), self.may_compress)
    }

    /// Returns the current connection, for its negotiated parameters and its counters, or `None` while there is none.
    pub fn connection(&self) -> Option<&Conn> {
        self.engine.connection()
    }

    /// Returns how the last connection closed, of those that ended with a closing handshake.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.engine.close_info()
    }

    /// Returns the current state.
    pub fn state(&self) -> ReconnectState {
        self.link.state()
    }

    /// Returns a receiver of states, so that other tasks can wait for changes. A task that looks rarely may miss
    /// states.
    ///
    /// ```
    /// # use silverback::{Dialer, Reconnect};
    /// # let conn = Reconnect::new(Dialer::new(), "ws://example.com").start();
    /// let mut states = conn.states();
    /// # let task = async move {
    /// while states.changed().await.is_ok() {
    ///     println!("{:?}", *states.borrow_and_update());
    /// }
    /// # };
    /// ```
    pub fn states(&self) -> watch::Receiver<ReconnectState> {
        self.link.states()
    }

    pub(super) fn poll_read_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, ReconnectError>> {
        loop {
            match ready!(self.poll_event(cx))? {
                Some(ReconnectEvent::Message(message)) => return Poll::Ready(Ok(Some(message))),
                Some(ReconnectEvent::Disconnected(outage)) if !outage.undelivered.is_empty() => {
                    return Poll::Ready(Err(ReconnectError::Undelivered(outage)));
                }
                Some(_) => {}
                None => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Writes if there is a connection with room now. Returns the message in the error otherwise.
    pub(super) fn try_send(&self, message: Message) -> Result<(), (Message, Written)> {
        self.link.try_write(message, self.may_compress)
    }

    pub(super) fn current_writer(&self) -> Option<Writer> {
        self.link.writer(self.may_compress)
    }

    pub(super) fn start_close(&self, code: CloseCode, reason: &str) -> Result<(), UnsendableCode> {
        self.link.close(code, reason)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ReconnectEvent>, ReconnectError>> {
        if let Some(message) = self.ahead.pop_front() {
            self.ahead_size -= message.len();
            return Poll::Ready(Ok(Some(ReconnectEvent::Message(message))));
        }
        if let Some(news) = self.news.take() {
            return Poll::Ready(Ok(Some(news)));
        }
        Poll::Ready(match ready!(self.engine.poll_step(cx)) {
            Step::Event(event) => Ok(Some(event)),
            Step::GivenUp(outage) => Err(ReconnectError::GivenUp(outage)),
            Step::Ended => Ok(None),
        })
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        wait: &mut ChangingRoomWait,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), ReconnectError>> {
        loop {
            match ready!(self.link.poll_write(cx, wait, message, self.may_compress)) {
                Written::Accepted => return Poll::Ready(Ok(())),
                Written::Closed => return Poll::Ready(Err(ReconnectError::Closed)),
                Written::NotConnected => {}
            }
            match ready!(self.engine.poll_step(cx)) {
                Step::Event(ReconnectEvent::Message(arrived)) => self.keep(arrived),
                Step::Event(ReconnectEvent::Disconnected(mut outage)) if !outage.undelivered.is_empty() => {
                    outage.undelivered.extend(message.take());
                    return Poll::Ready(Err(ReconnectError::Undelivered(outage)));
                }
                Step::Event(event @ (ReconnectEvent::Connected(_) | ReconnectEvent::Disconnected(_))) => {
                    self.news = Some(event);
                }
                Step::Event(_) => {}
                Step::GivenUp(mut outage) => {
                    outage.undelivered.extend(message.take());
                    return Poll::Ready(Err(ReconnectError::GivenUp(outage)));
                }
                Step::Ended => return Poll::Ready(Err(ReconnectError::Closed)),
            }
        }
    }

    /// Keeps a message that arrives on a connection that accepts no more messages, until its end. A server that never
    /// stops sending would delay that end, so the connection is cut off beyond a limit.
    fn keep(&mut self, message: Message) {
        self.ahead_size += message.len();
        self.ahead.push_back(message);
        if self.ahead_size > READ_AHEAD || self.ahead.len() > MESSAGES_AHEAD {
            self.engine.cut_off(Error::Lost);
        }
    }
}

impl Drop for ReconnectingConn {
    /// Ends the waits of all writers. Accepted messages are still sent, as by any connection that is dropped.
    fn drop(&mut self) {
        self.link.end(ReconnectState::Closed);
    }
}

impl fmt::Debug for ReconnectingConn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingConn").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl From<Event<'_>> for ReconnectEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message(message) => Self::Message(message.into_message()),
            Event::Ping(payload) => Self::Ping(payload),
            Event::Pong(payload) => Self::Pong(payload),
            Event::Close(close) => Self::Close(close),
        }
    }
}

/// The most bytes to keep of a connection that a writer found broken.
const READ_AHEAD: usize = 1024 * 1024;
const MESSAGES_AHEAD: usize = 1024;
