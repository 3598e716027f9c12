//! The talk with the server, over one connection or several, to its last byte. What typed commands do to it is in `obey`.

mod obey;

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    time::{Duration, Instant, SystemTime},
};

use silverback::{
    CloseCode, Conn, Initiator, Message,
    reconnect::{Outage, ReconnectError, ReconnectEvent, ReconnectingConn, ReconnectingWriter},
};
use tokio::time::sleep_until;

use super::{
    client::{Client, next_expected, next_input, record_some},
    ending::{End, asked_words, cause_words},
    file,
    input::event::Input,
    plan::Source,
    recording::{
        difference::{difference, excerpt},
        line::Direction,
        recorder::Recorder,
        replay::Expected,
    },
    view::pieces::Pieces,
    waiting::Silence,
};
use crate::{dialing::shown::shown_url, error::Error, lateness};

impl Client {
    /// Sends and shows messages until it has ended for good.
    pub(super) async fn talk(&mut self, conn: ReconnectingConn) -> End {
        let talk = Talk {
            client: self,
            writer: conn.writer(),
            since: Instant::now(),
            printing: None,
            comparing: None,
            sending: None,
            reading: None,
            deferred: VecDeque::new(),
            is_connected: false,
            has_flushed: false,
            is_mute: false,
            pinged: None,
            round_trip: None,
            end: None,
            give_up: None,
            extended: None,
        };
        talk.run(conn).await
    }
}

/// The state of the conversation.
struct Talk<'a> {
    client: &'a mut Client,
    writer: ReconnectingWriter,
    since: Instant,
    /// The message that is being written; the next one is read when all of it has gone to the output.
    printing: Option<Pieces>,
    /// The message that is being compared with the recording.
    comparing: Option<Message>,
    sending: Option<Sending>,
    /// The file that is to be sent next.
    reading: Option<file::Reading>,
    /// Input that was typed after the file command.
    deferred: VecDeque<Input>,
    is_connected: bool,
    /// Whether everything has left after the end of the input.
    has_flushed: bool,
    /// Whether messages that still arrive are ignored.
    is_mute: bool,
    /// The ping of `/ping` whose answer is awaited.
    pinged: Option<(Vec<u8>, Instant)>,
    /// The round trip of the last ping on this connection.
    round_trip: Option<Duration>,
    /// Why we have begun to close the connection.
    end: Option<End>,
    /// When the closing handshake is waited for no longer.
    give_up: Option<Instant>,
    /// A deadline that was noticed late, and until when it was put off.
    extended: Option<(Instant, Instant)>,
}

/// A write in progress: of a message, or of everything queued so far.
struct Sending {
    message: Option<Message>,
    work: Pin<Box<dyn Future<Output = Result<(), ReconnectError>> + Send>>,
}

impl Talk<'_> {
    async fn run(mut self, mut conn: ReconnectingConn) -> End {
        loop {
            self.start_sending();
            let deadline = self.deadline();
            let until = self.extended.filter(|extended| Some(extended.0) == deadline).map(|extended| extended.1);
            // At the prompt there is always something to type; a pipe waits for a connection.
            let takes_input = (self.is_connected || self.client.plan.is_interactive())
                && self.end.is_none()
                && self.sending.is_none()
                && !self.client.input_has_ended;
            let piece = self.printing.as_ref().and_then(Pieces::next_len);
            let takes_events = piece.is_none() && self.comparing.is_none() && !self.is_recording();
            let queue = self.client.output.queue();
            tokio::select! {
                code = self.client.signals.next() => match self.end {
                    // Ctrl-C at the prompt is both a key and a signal.
                    Some(End::Signal(_)) => {}
                    None => self.interrupt(code),
                    Some(_) => return End::Signal(code),
                },
                error = self.client.output.failed() => return self.lose(&mut conn, End::Output(error)).await,
                recorded = record_some(&mut self.client.recorder) => if let Err(error) = recorded {
                    return self.lose_recording(&mut conn, error).await;
                },
                expected = next_expected(&mut self.client.expectations), if self.comparing.is_some() => {
                    self.compare(expected);
                }
                Some(room) = queue.reserve(piece.unwrap_or_default()), if piece.is_some() => {
                    if let Some(piece) = self.printing.as_mut().and_then(Pieces::next) {
                        room.send(piece);
                    }
                }
                result = sent(&mut self.sending), if self.sending.is_some() => self.note_sent(result),
                event = conn.read_event(), if takes_events => match event {
                    Ok(Some(event)) => self.take(event, &conn),
                    Ok(None) => return self.closed(&conn).await,
                    Err(ReconnectError::GivenUp(outage)) => {
                        // Our Close frame reports the fault. Leaving with unread input would destroy it.
                        drain(&mut conn).await;
                        return self.given_up(outage).await;
                    }
                    // Reading returns no other results.
                    Err(_) => return self.finish().await,
                },
                read = file::finish(&mut self.reading), if self.reading.is_some() => self.take_file(read, &conn),
                input = next_input(&mut self.client.inputs), if takes_input => self.take_input(input, &conn),
                () = sleep_until(until.or(deadline).unwrap_or_else(Instant::now).into()), if deadline.is_some() => {
                    if let Some(deadline) = deadline.filter(|_| until.is_none())
                        && let Some(until) = lateness::extended(deadline) {
                            self.extended = Some((deadline, until));
                            continue;
                        }
                    if self.end.is_some() {
                        return self.finish().await;
                    }
                    match self.client.waiting.judge() {
                        Silence::Enough => self.close(End::Done),
                        Silence::TooLong(time) => self.close(End::Silence(time)),
                    }
                }
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.end {
            Some(_) => self.give_up,
            None if self.has_flushed && self.is_connected => self.client.waiting.deadline(),
            None => None,
        }
    }

    fn start_sending(&mut self) {
        if self.sending.is_some() || self.end.is_some() || !self.is_connected || self.is_recording() {
            return;
        }
        let writer = self.writer.clone();
        if let Some(message) = self.client.backlog.pop_front() {
            let copy = message.clone();
            let work = Box::pin(async move { writer.write_message(copy).await });
            self.sending = Some(Sending { message: Some(message), work });
        } else if self.client.input_has_ended && !self.has_flushed {
            self.sending = Some(Sending { message: None, work: Box::pin(async move { writer.flush().await }) });
        }
    }

    fn note_sent(&mut self, result: Result<(), ReconnectError>) {
        let Some(Sending { message, .. }) = self.sending.take() else { return };
        match (result, message) {
            (Ok(()), Some(message)) => {
                self.client.waiting.note_sent();
                self.record(Direction::Sent, &message);
            }
            (Ok(()), None) => {
                self.has_flushed = true;
                if self.client.waiting.note_input_ended(Instant::now()) {
                    self.is_mute = true;
                    self.close(End::Done);
                }
            }
            // The reader learns why; the message may still go to another connection.
            (Err(_), message) => {
                self.is_connected = false;
                if let Some(message) = message {
                    self.client.backlog.push_front(message);
                }
            }
        }
    }

    /// Whether a line of the recording is still to be written.
    fn is_recording(&self) -> bool {
        self.client.recorder.as_ref().is_some_and(Recorder::is_busy)
    }

    fn record(&mut self, direction: Direction, message: &Message) {
        if let Some(recorder) = &mut self.client.recorder {
            recorder.message(direction, message.clone());
        }
    }

    fn record_close(&mut self, direction: Direction, frame: Option<(CloseCode, &str)>) {
        if let Some(recorder) = &mut self.client.recorder {
            recorder.closed(direction, frame);
        }
    }

    fn take(&mut self, event: ReconnectEvent, conn: &ReconnectingConn) {
        match &event {
            ReconnectEvent::Message(message) => self.record(Direction::Received, message),
            ReconnectEvent::Close(frame) => {
                self.record_close(Direction::Received, frame.as_ref().map(|frame| (frame.code, &*frame.reason)));
            }
            _ => {}
        }
        let notes = &self.client.notes;
        match event {
            ReconnectEvent::Connected(_) => self.begin(conn.connection()),
            ReconnectEvent::Disconnected(outage) => self.note_outage(outage),
            ReconnectEvent::Message(message) if !self.is_mute => {
                let is_last = self.client.waiting.note_received(message.as_bytes(), Instant::now());
                if self.client.expectations.is_some() && self.end.is_none() {
                    self.comparing = Some(message.clone());
                }
                self.printing = Some(self.client.plan.view.message(message, SystemTime::now()));
                if is_last && self.end.is_none() {
                    self.is_mute = true;
                    self.close(End::Done);
                }
            }
            ReconnectEvent::Ping(payload) => notes.verbose(&format!("* ping {payload:?} answered")),
            ReconnectEvent::Pong(payload) => match self.pinged.take_if(|(sent, _)| sent == payload.as_slice()) {
                Some((_, at)) => {
                    let trip = at.elapsed();
                    self.round_trip = Some(trip);
                    notes.answer(&format!("pong after {trip:.1?}"));
                }
                None => notes.verbose(&format!("* pong {payload:?}")),
            },
            ReconnectEvent::Close(Some(close)) => notes.verbose(&format!("* close {close}")),
            ReconnectEvent::Close(None) => notes.verbose("* close without a code"),
            _ => {}
        }
    }

    fn begin(&mut self, conn: Option<&Conn>) {
        self.is_connected = true;
        self.since = Instant::now();
        if let Some(conn) = conn {
            self.client.notes.at_prompt(&self.client.welcome(conn));
            if let Some(recorder) = &mut self.client.recorder {
                recorder.opened(
                    &shown_url(&self.client.plan.destination.url),
                    conn.subprotocol().map(|name| name.as_str()),
                );
            }
        }
        for message in self.client.plan.greetings.clone() {
            self.client.waiting.note_sent();
            self.record(Direction::Sent, &message);
        }
        if let Err(error) = self.client.start_reading() {
            self.close(End::Input(error));
        }
    }

    /// Messages that were not sent go first on the next connection.
    fn note_outage(&mut self, outage: Outage) {
        self.is_connected = false;
        self.pinged = None;
        self.round_trip = None;
        if let Some(wait) = outage.retry_in {
            let unsent = match outage.undelivered.len() {
                0 => String::new(),
                1 => "; 1 message was not sent and goes with the next connection".to_owned(),
                count => format!("; {count} messages were not sent and go with the next connection"),
            };
            self.client
                .notes
                .normal(&format!("{}{unsent}; connecting again in {wait:.1?}", cause_words(&outage.cause)));
        }
        self.take_back(outage.undelivered);
    }

    fn take_back(&mut self, undelivered: Vec<Message>) {
        if let Some(Sending { message: Some(message), .. }) = self.sending.take() {
            self.client.backlog.push_front(message);
        }
        self.has_flushed &= undelivered.is_empty();
        self.client.waiting.note_unsent(undelivered.len());
        for message in undelivered.into_iter().rev() {
            self.client.backlog.push_front(message);
        }
    }

    /// Begins to close the connection because of this. What still comes is shown.
    fn close(&mut self, end: End) {
        self.end = Some(end);
        self.sending = None;
        self.reading = None;
        let farewell = self.client.farewell.take();
        let (code, reason) = farewell.unwrap_or((CloseCode::NORMAL, String::new()));
        // It may be closing already.
        let _ = self.start_close(code, &reason);
    }

    fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), ReconnectError> {
        self.writer.start_close(code, reason)?;
        if self.is_connected {
            self.record_close(Direction::Sent, Some((code, reason)));
        }
        Ok(())
    }

    fn interrupt(&mut self, code: u8) {
        self.end = Some(End::Signal(code));
        self.is_mute = true;
        // It may never be taken.
        self.printing = None;
        self.sending = None;
        self.reading = None;
        self.comparing = None;
        let _ = self.start_close(CloseCode::GOING_AWAY, "");
        // Without a connection there is no closing handshake to wait for.
        self.give_up = Some(Instant::now() + if self.is_connected { HURRY } else { Duration::ZERO });
    }

    /// Output is lost, so close the connection.
    async fn lose(mut self, conn: &mut ReconnectingConn, end: End) -> End {
        self.close(End::Done);
        drain(conn).await;
        end
    }

    /// The recording is lost, so close the connection. The last message is still shown.
    async fn lose_recording(mut self, conn: &mut ReconnectingConn, error: std::io::Error) -> End {
        if let Some(recorder) = self.client.recorder.take() {
            self.close(End::Recording { path: recorder.path().to_owned(), error });
        }
        drain(conn).await;
        self.finish().await
    }

    /// Compares the last message with the next one of the recording. `None`: there is no more.
    fn compare(&mut self, expected: Option<Result<Expected, Error>>) {
        let Some(message) = self.comparing.take() else { return };
        let path = match &self.client.plan.source {
            Source::Replay(replay) => replay.recording.path().display().to_string(),
            _ => String::new(),
        };
        let difference = match expected {
            Some(Ok(Expected { message: expected, .. })) if expected == message => return,
            Some(Ok(Expected { line, message: expected })) => {
                format!("a message differs from {path}:{line}: {}", difference(&expected, &message))
            }
            Some(Err(error)) => return self.close(End::Input(error)),
            None => format!("a message came after all that {path} has received: {}", excerpt(&message, 0)),
        };
        self.is_mute = true;
        self.close(End::Different(difference));
    }

    async fn closed(mut self, conn: &ReconnectingConn) -> End {
        self.end = match (self.end.take(), conn.close_info()) {
            (Some(End::Asked(_)), Some(info)) => Some(End::Asked(asked_words(&info))),
            (Some(end), _) => Some(end),
            (None, Some(info)) if info.initiator != Initiator::Local => Some(End::Peer(info)),
            (None, _) => Some(End::Done),
        };
        self.finish().await
    }

    async fn given_up(mut self, outage: Outage) -> End {
        match &self.end {
            Some(End::Asked(_)) => {
                self.end = Some(End::Asked(format!("the closing handshake failed: {}", cause_words(&outage.cause))));
            }
            // We are through: how well the peer says goodbye changes nothing.
            Some(_) => self.client.notes.verbose(&format!("* the closing handshake failed: {}", outage.cause)),
            None => {
                let url = self.client.plan.destination.url.clone();
                self.end = Some(End::GivenUp { cause: outage.cause, url });
            }
        }
        self.take_back(outage.undelivered);
        self.finish().await
    }

    /// Passes all received messages to the output first, unless we are in a hurry.
    async fn finish(mut self) -> End {
        if let Some(Sending { message: Some(message), .. }) = self.sending.take() {
            self.client.backlog.push_front(message);
        }
        let queue = self.client.output.queue();
        while let Some(len) = self.printing.as_ref().and_then(Pieces::next_len) {
            tokio::select! {
                room = queue.reserve(len) => {
                    let (Some(room), Some(piece)) = (room, self.printing.as_mut().and_then(Pieces::next)) else { break };
                    room.send(piece);
                }
                code = self.client.signals.next() => return End::Signal(code),
            }
        }
        self.end.unwrap_or(End::Done)
    }
}

/// Lets the other side say goodbye.
async fn drain(conn: &mut ReconnectingConn) {
    let _ = tokio::time::timeout(HURRY, async { while let Ok(Some(_)) = conn.read_event().await {} }).await;
}

async fn sent(sending: &mut Option<Sending>) -> Result<(), ReconnectError> {
    match sending {
        Some(sending) => sending.work.as_mut().await,
        None => std::future::pending().await,
    }
}

/// For a server that should say goodbye, but need not.
const HURRY: Duration = Duration::from_secs(1);
