//! The connection that comes back, as the application sees it. What goes on inside is in `engine`.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use silverback_proto::{CloseCode, CloseInfo, Event, Message};
use tokio::sync::watch;

use super::{
    Reconnect, ReconnectError, ReconnectEvent, ReconnectState, ReconnectingWriter,
    engine::{Engine, Step},
    link::{Link, Written},
};
use crate::{conn::Conn, error::Error, io::output::ChangingRoomWait};

/// A client's connection that comes back when it is lost; see [`Reconnect`], which makes it.
///
/// It connects while one of its methods is waited for, and only then: a program that waits for something else meanwhile
/// uses `select!`, as with any connection. All methods that wait are cancel safe: an attempt that is interrupted goes on
/// with the next call.
pub struct ReconnectingConn {
    engine: Engine,
    link: Arc<Link>,
    /// What `write_message` came upon and only reads can tell: the newest.
    news: Option<ReconnectEvent>,
    /// What came before the end of a connection that a writer has found broken.
    ahead: VecDeque<Message>,
    /// Bytes in `ahead`.
    ahead_size: usize,
}

impl ReconnectingConn {
    pub(super) fn new(plan: Reconnect) -> Self {
        let link = Arc::new(Link::new(ReconnectState::Connecting { attempt: 1 }));
        let engine = Engine::new(plan, link.clone());
        Self { engine, link, news: None, ahead: VecDeque::new(), ahead_size: 0 }
    }

    /// The next message, from this connection or one that comes after it; `None` once it was closed, by us or by a
    /// server that does not want us back.
    ///
    /// # Errors
    /// [`ReconnectError::Undelivered`] when a connection broke before all that it had accepted had left: the next call
    /// goes on. [`ReconnectError::GivenUp`] is the end, and further calls return `None`.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_message(&mut self) -> Result<Option<Message>, ReconnectError> {
        loop {
            match self.read_event().await? {
                Some(ReconnectEvent::Message(message)) => return Ok(Some(message)),
                Some(ReconnectEvent::Disconnected(outage)) if !outage.undelivered.is_empty() => {
                    return Err(ReconnectError::Undelivered(outage));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next message or control frame, or what has become of the connection; `None` once it was closed.
    ///
    /// What happens while another method is waited for is told afterwards, but of connections coming and going only the
    /// last.
    ///
    /// # Errors
    /// [`ReconnectError::GivenUp`] is the end, and further calls return `None`.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_event(&mut self) -> Result<Option<ReconnectEvent>, ReconnectError> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Accepts a message for sending, as soon as there is a connection and room in its queue.
    ///
    /// # Errors
    /// In each case the message was not accepted. [`ReconnectError::Undelivered`] when the connection broke before all
    /// that it had accepted had left; this message is the last in the list, so that the list is what to write again, and
    /// it goes on. [`ReconnectError::GivenUp`] is the end, with the same list; after it there is
    /// [`ReconnectError::Closed`].
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has accepted nothing.
    pub async fn write_message(&mut self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        let mut message = Some(message.into());
        let mut wait = ChangingRoomWait::default();
        poll_fn(|cx| self.poll_write(cx, &mut wait, &mut message)).await
    }

    /// Accepts a message if there is a connection with room for it now.
    ///
    /// # Errors
    /// [`ReconnectError::NotNow`] gives the message back; [`ReconnectError::Closed`].
    pub fn try_write_message(&mut self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        self.writer().try_write_message(message)
    }

    /// Closes: does the closing handshake if there is a connection, and ends a wait or an attempt if there is none.
    /// Messages that still arrive are discarded.
    ///
    /// # Errors
    /// [`ReconnectError::UnsendableCode`] before anything is done. [`ReconnectError::GivenUp`] if the handshake was not
    /// completed, [`ReconnectError::Undelivered`] if it was, but messages had not left.
    ///
    /// # Cancel safety
    /// It has begun; call this or [`read_message`](Self::read_message) again to go on.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), ReconnectError> {
        self.link.close(code.into(), reason)?;
        while self.read_message().await?.is_some() {}
        Ok(())
    }

    /// For other tasks that write. They wait while nobody waits here.
    pub fn writer(&self) -> ReconnectingWriter {
        ReconnectingWriter::new(self.link.clone())
    }

    /// The connection of the moment: what was agreed on, and counters.
    pub fn connection(&self) -> Option<&Conn> {
        self.engine.connection()
    }

    /// How the last connection ended, of those that ended with a closing handshake.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.engine.close_info()
    }

    /// Where it stands.
    pub fn state(&self) -> ReconnectState {
        self.link.state()
    }

    /// Where it stands, to be waited for elsewhere. Who looks rarely may miss states between.
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

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        wait: &mut ChangingRoomWait,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), ReconnectError>> {
        loop {
            match ready!(self.link.poll_write(cx, wait, message)) {
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

    /// What came before the end of a connection that takes no messages any more. There is no end to it with a server
    /// that only talks: then it is over.
    fn keep(&mut self, message: Message) {
        self.ahead_size += message.len();
        self.ahead.push_back(message);
        if self.ahead_size > READ_AHEAD || self.ahead.len() > MESSAGES_AHEAD {
            self.engine.cut_off(Error::Lost);
        }
    }
}

impl Drop for ReconnectingConn {
    /// Writers need not wait any more. What was accepted is still sent, as by any connection.
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

/// What is read ahead of a connection that a writer has found broken.
const READ_AHEAD: usize = 1024 * 1024;
const MESSAGES_AHEAD: usize = 1024;
