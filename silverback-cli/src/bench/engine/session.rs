//! One connection of the load, from its opening to its close: what all tasks have in common.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use silverback::{CloseCode, Conn, Event, MessageRef, Reader, Writer};

use super::{
    control::{Place, Stage, Start, WorkerState},
    fault::Cause,
    notifier::Notifier,
};

/// The behaviour of a connection: how it sends and handles messages.
pub(super) trait Part {
    /// The load begins.
    fn begin(&mut self, start: &Start);

    /// A message has come; more may be in hand.
    fn handle_message(&mut self, cx: &mut Context<'_>, message: MessageRef<'_>) -> Result<(), Ended>;

    /// No more messages are ready. Hands in the counts.
    fn settle(&mut self);

    /// Sends the messages that are due, as far as there is room.
    fn send_due(&mut self, cx: &mut Context<'_>);

    /// Whether nothing more is to be sent or waited for.
    fn is_done(&self) -> bool;

    /// The number of messages that wait for their answers.
    fn in_flight(&self) -> u64;
}

/// The reason why a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The connection has done its share of the load.
    Done,
    /// The load is over, too late for a closing handshake.
    Dropped,
    Failed(Cause, String),
}

impl Ended {
    pub(super) fn failed(cause: Cause, words: impl fmt::Display) -> Self {
        Self::Failed(cause, words.to_string())
    }
}

/// The state that every part of a session needs.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) state: Arc<WorkerState>,
    pub(super) notifier: Arc<Notifier>,
    pub(super) place: Place,
    pub(super) writer: Writer,
}

/// A connection at work.
#[derive(Debug)]
pub(super) struct Session<P> {
    reader: Reader,
    writer: Writer,
    state: Arc<WorkerState>,
    notifier: Arc<Notifier>,
    is_listening: bool,
    has_begun: bool,
    part: P,
}

/// Runs a connection to its end, and counts how it ended. It has its place once this has been called.
pub(super) fn run<P: Part>(conn: Conn, state: Arc<WorkerState>, make: fn(Desk) -> P) -> impl Future<Output = ()> {
    let (place, notifier) = state.enlist();
    let (writer, reader) = conn.split();
    let part = make(Desk { state: state.clone(), notifier: notifier.clone(), place, writer: writer.clone() });
    let mut session = Session { reader, writer, state, notifier, is_listening: false, has_begun: false, part };
    async move {
        let ended = poll_fn(|cx| session.poll(cx)).await;
        session.hand_in(&ended);
        if ended == Ended::Done {
            session.close().await;
        }
    }
}

impl<P: Part> Session<P> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if !self.is_listening {
            self.is_listening = true;
            self.notifier.listen(cx.waker());
        }
        self.begin_when_it_is_time();
        let received = self.poll_receive(cx);
        if self.has_begun && received.is_pending() && !self.state.control.has_reached(Stage::Stopping) {
            self.part.send_due(cx);
        }
        self.part.settle();
        ready_or(received, || self.judge())
    }

    fn begin_when_it_is_time(&mut self) {
        if self.has_begun || !self.state.control.has_reached(Stage::Running) {
            return;
        }
        if let Some(start) = self.state.control.start.get() {
            self.has_begun = true;
            self.part.begin(start);
        }
    }

    /// Takes all that is in hand. Ready when the connection has failed.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            let ended = match ready!(self.reader.poll_read_event(cx)) {
                Ok(Some(Event::Message(message))) => match self.part.handle_message(cx, message.into_ref()) {
                    Ok(()) => continue,
                    Err(ended) => ended,
                },
                Ok(Some(Event::Close(close))) => {
                    let code = close.as_ref().map_or(CloseCode::NO_STATUS, |close| close.code);
                    let reason = close.as_ref().map(|close| close.reason.to_string());
                    Ended::failed(Cause::of_close(code), reason.unwrap_or_default())
                }
                Ok(Some(_)) => continue,
                Ok(None) => Ended::failed(Cause::Lost, "ended"),
                Err(error) => Ended::failed(Cause::of(&error), error),
            };
            return Poll::Ready(ended);
        }
    }

    /// Whether it is time to leave.
    fn judge(&self) -> Poll<Ended> {
        let control = &self.state.control;
        if control.has_reached(Stage::Over) {
            return Poll::Ready(Ended::Dropped);
        }
        if control.has_reached(Stage::Leaving) || (self.has_begun && self.part.is_done()) {
            return Poll::Ready(Ended::Done);
        }
        if self.notifier.is_overdue() {
            let words = format!("no answer within {:?}", control.load.timeout);
            return Poll::Ready(Ended::failed(Cause::Timeout, words));
        }
        Poll::Pending
    }

    fn hand_in(&self, ended: &Ended) {
        self.notifier.note_oldest(None);
        let stats = self.reader.stats();
        let mut counts = self.state.counts();
        counts.unanswered += self.part.in_flight();
        counts.wire_sent += stats.bytes_sent;
        counts.wire_received += stats.bytes_received;
        counts.wire_messages += stats.messages_received;
        if let Ended::Failed(cause, words) = ended {
            counts.lost += 1;
            counts.faults.count(*cause, words);
        }
    }

    /// Closes the connection. The load ignores how the server answers.
    async fn close(&mut self) {
        if self.writer.start_close(CloseCode::NORMAL, "").is_ok() {
            while let Ok(Some(_)) = self.reader.read_borrowed().await {}
        }
    }
}

fn ready_or<T>(first: Poll<T>, second: impl FnOnce() -> Poll<T>) -> Poll<T> {
    match first {
        Poll::Ready(done) => Poll::Ready(done),
        Poll::Pending => second(),
    }
}
