//! The cycle of a reconnecting connection: an attempt, a connection, a wait.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use silverback_proto::{CloseCode, CloseInfo, Initiator};
use tokio::time::{Sleep, sleep};

use super::{
    Disconnect, Outage, Reconnect, ReconnectAttempt, ReconnectEvent, ReconnectState, attempt::attempt,
    backoff::Backoff, kept::Boxed, link::Link,
};
use crate::{conn::Conn, error::Error, io::clock};

pub(super) struct Engine {
    plan: Reconnect,
    link: Arc<Link>,
    backoff: Backoff,
    /// Number of connections so far.
    connections: u64,
    /// How the last connection closed, of those that ended with a closing handshake.
    close_info: Option<CloseInfo>,
    phase: Phase,
}

enum Phase {
    Idle,
    Connecting(Boxed<Result<Conn, Disconnect>>),
    Connected(Box<Connected>),
    Waiting(Pin<Box<Sleep>>),
    /// Holds the last connection while it has something to drain.
    Ended(Option<Box<Connected>>),
}

struct Connected {
    conn: Conn,
    since: Instant,
    /// The error that ends the connection, if it is known before the end.
    fault: Option<Error>,
}

/// A step to report.
pub(super) enum Step {
    Event(ReconnectEvent),
    GivenUp(Outage),
    Ended,
}

impl Engine {
    pub(super) fn new(plan: Reconnect, link: Arc<Link>) -> Self {
        Self { plan, link, backoff: Backoff::default(), connections: 0, close_info: None, phase: Phase::Idle }
    }

    pub(super) fn connection(&self) -> Option<&Conn> {
        match &self.phase {
            Phase::Connected(connected) => Some(&connected.conn),
            _ => None,
        }
    }

    pub(super) fn close_info(&self) -> Option<CloseInfo> {
        self.close_info.clone()
    }

    /// Starts to close the connection, and makes `error` the cause of its end.
    pub(super) fn cut_off(&mut self, error: Error) {
        if let Phase::Connected(connected) = &mut self.phase {
            let (writer, _) = connected.conn.halves();
            // Further input will be discarded, so the server need not send more.
            let _ = writer.start_close(CloseCode::GOING_AWAY, "");
            connected.fault.get_or_insert(error);
        }
    }

    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            if !matches!(self.phase, Phase::Connected(_) | Phase::Ended(_)) && self.link.poll_closing(cx) {
                return Poll::Ready(self.end(ReconnectState::Closed));
            }
            match &mut self.phase {
                Phase::Idle => self.begin_attempt(),
                Phase::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    self.begin_attempt();
                }
                Phase::Connecting(attempting) => {
                    return Poll::Ready(match ready!(attempting.poll(cx)) {
                        Ok(conn) => self.begin_connection(conn),
                        Err(cause) => self.note_outage(cause),
                    });
                }
                Phase::Connected(connected) => match ready!(connected.poll_event(cx)) {
                    Ok(event) => return Poll::Ready(Step::Event(event)),
                    Err(cause) => {
                        let held = clock::now().saturating_duration_since(connected.since);
                        self.backoff.note_held(&self.plan.pace, held);
                        return Poll::Ready(self.note_outage(cause));
                    }
                },
                Phase::Ended(Some(last)) => {
                    ready!(last.poll_drained(cx));
                    self.phase = Phase::Ended(None);
                }
                Phase::Ended(None) => return Poll::Ready(Step::Ended),
            }
        }
    }

    fn begin_attempt(&mut self) {
        let this = self.this_attempt();
        self.link.set_state(ReconnectState::Connecting { attempt: this.number });
        self.phase = Phase::Connecting(Boxed::new(attempt(self.plan.clone(), this)));
    }

    fn begin_connection(&mut self, mut conn: Conn) -> Step {
        let this = self.this_attempt();
        self.connections += 1;
        self.link.connect(conn.halves().0.clone());
        self.phase = Phase::Connected(Box::new(Connected { conn, since: clock::now(), fault: None }));
        Step::Event(ReconnectEvent::Connected(this))
    }

    fn this_attempt(&self) -> ReconnectAttempt {
        ReconnectAttempt { number: self.backoff.failures().saturating_add(1), connections: self.connections }
    }

    /// Handles a failed attempt or the end of a connection.
    fn note_outage(&mut self, cause: Disconnect) -> Step {
        let undelivered = self.link.disconnect();
        if let Disconnect::Closed(info) = &cause {
            self.close_info = Some(info.clone());
        }
        let is_wanted = !self.link.is_closing();
        let comes_again = is_wanted && !is_ours(&cause) && (self.plan.retry_on)(&cause);
        let retry_in = match comes_again {
            true => self.backoff.note_failure(&self.plan.pace, clock::now(), cause.retry_after()),
            false => None,
        };
        let is_closed = !comes_again && matches!(cause, Disconnect::Closed(_));
        let cause = Arc::new(cause);
        let outage = Outage { cause: cause.clone(), undelivered, failures: self.backoff.failures(), retry_in };
        match retry_in {
            Some(wait) => {
                let (until, attempt) = (clock::now_and(wait), self.this_attempt().number);
                self.phase = Phase::Waiting(Box::pin(sleep(wait)));
                self.link.set_state(ReconnectState::Waiting { until, attempt, cause });
                Step::Event(ReconnectEvent::Disconnected(outage))
            }
            None if is_closed => {
                let end = self.end(ReconnectState::Closed);
                if outage.undelivered.is_empty() { end } else { Step::Event(ReconnectEvent::Disconnected(outage)) }
            }
            None => {
                self.end(ReconnectState::GivenUp { cause });
                Step::GivenUp(outage)
            }
        }
    }

    fn end(&mut self, state: ReconnectState) -> Step {
        self.phase = match mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Connected(last) => Phase::Ended(Some(last)),
            _ => Phase::Ended(None),
        };
        self.link.end(state);
        Step::Ended
    }
}

impl Connected {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<ReconnectEvent, Disconnect>> {
        loop {
            let (_, reader) = self.conn.halves();
            match ready!(reader.poll_received(cx)) {
                Ok(Some(_)) if self.fault.is_some() => {}
                Ok(Some(received)) => match reader.event(received).map(ReconnectEvent::from) {
                    Ok(event) => return Poll::Ready(Ok(event)),
                    // Wait for the orderly end of the connection. Until then accepted messages may still leave.
                    Err(error) => self.fault = Some(error),
                },
                Ok(None) => return Poll::Ready(Err(self.end())),
                Err(error) => return Poll::Ready(Err(Disconnect::Failed(self.fault.take().unwrap_or(error)))),
            }
        }
    }

    /// Discards the input that remains. If we left with unread input, the kernel would reset the connection and destroy
    /// the Close frame that tells the server of its fault.
    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (_, reader) = self.conn.halves();
        while let Ok(Some(_)) = ready!(reader.poll_received(cx)) {}
        Poll::Ready(())
    }

    fn end(&mut self) -> Disconnect {
        match (self.fault.take(), self.conn.close_info()) {
            (Some(error), _) => Disconnect::Failed(error),
            (None, Some(info)) => Disconnect::Closed(info),
            (None, None) => Disconnect::Failed(Error::Lost),
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("plan", &self.plan).field("backoff", &self.backoff).finish_non_exhaustive()
    }
}

/// Returns whether the application closed this connection directly, not through the reconnecting connection.
fn is_ours(cause: &Disconnect) -> bool {
    matches!(cause, Disconnect::Closed(info) if info.initiator == Initiator::Local)
}
