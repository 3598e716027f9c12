//! The part of a connection whose messages come back to it.

use std::task::{Context, Poll};

use silverback::{MessageRef, PreparedMessage};

use super::{
    control::{Stage, Start},
    fault::Cause,
    load::{Pace, Task, Until},
    schedule::Schedule,
    session::{Desk, Ended, Part},
    stamps::Stamps,
    write::PendingWrite,
};

/// Sends, and times the answers.
#[derive(Debug)]
pub(super) struct Echo {
    desk: Desk,
    pace: Option<Pace>,
    /// Once the load has begun in an open model.
    schedule: Option<Schedule>,
    stamps: Stamps,
    in_flight: u64,
    /// Of a closed model: messages to be sent as soon as there is room.
    owed: u64,
    /// Messages that may still be sent.
    quota: u64,
    /// Sending is no longer possible. The reader learns the reason once the connection has ended.
    is_broken: bool,
    write: PendingWrite,
    sent: u64,
    /// Places in the ring of messages.
    next_out: usize,
    next_in: usize,
    burst: Burst,
}

/// The events since the last report of counts.
#[derive(Debug, Default)]
struct Burst {
    /// One clock read serves many messages; `None` when it is time for the next.
    now: Option<u64>,
    answered: u32,
    unasked: u64,
    bytes_received: u64,
    sent: u64,
    bytes_sent: u64,
    /// By how much those were late.
    delays: Vec<u64>,
}

impl Echo {
    pub(super) fn new(desk: Desk) -> Self {
        let load = &desk.state.control.load;
        let pace = match load.task {
            Task::Echo(pace) => Some(pace),
            Task::Hold { messages: 1.. } => Some(Pace::Closed { pipeline: 1 }),
            _ => None,
        };
        // Connections do not move in step through the ring.
        let first = (desk.place.index * load.threads + desk.place.worker) % load.script.len();
        Self {
            pace,
            desk,
            schedule: None,
            stamps: Stamps::default(),
            in_flight: 0,
            owed: 0,
            quota: 0,
            is_broken: false,
            write: PendingWrite::default(),
            sent: 0,
            next_out: first,
            next_in: first,
            burst: Burst::default(),
        }
    }

    fn now(&mut self) -> u64 {
        let clock = &self.desk.state.control.clock;
        *self.burst.now.get_or_insert_with(|| clock.now())
    }

    /// Sends one message that was due at `due`. Returns false if the connection has no room for it now.
    fn send(&mut self, cx: &mut Context<'_>, due: u64, now: u64) -> bool {
        let message = self.desk.state.control.load.script.message(self.next_out);
        let (writer, len) = (&self.desk.writer, message.message().len());
        let lasting = || {
            let (writer, message) = (writer.clone(), message.clone());
            async move { writer.write_prepared(&message).await }
        };
        match self.write.poll(cx, len, writer.write_prepared(message), lasting) {
            Poll::Pending => return false,
            Poll::Ready(Err(_)) => {
                (self.owed, self.quota, self.is_broken) = (0, 0, true);
                return false;
            }
            Poll::Ready(Ok(())) => {}
        }
        self.stamps.push(due, now);
        self.in_flight += 1;
        self.sent += 1;
        self.quota -= 1;
        self.next_out = next(self.next_out, self.desk.state.control.load.script.len());
        self.burst.sent += 1;
        self.burst.bytes_sent += len as u64;
        true
    }

    fn send_owed(&mut self, cx: &mut Context<'_>) {
        while self.owed > 0 {
            let now = self.now();
            if !self.send(cx, now, now) {
                return;
            }
            self.owed -= 1;
        }
    }

    fn send_scheduled(&mut self, cx: &mut Context<'_>, schedule: Schedule) {
        // Read anew: what woke us was an instant that may lie after the last one that was read.
        let now = self.desk.state.control.clock.now();
        self.burst.now = Some(now);
        while self.quota > 0 {
            let due = schedule.due(self.sent);
            if due > now || !self.send(cx, due, now) {
                return;
            }
            self.burst.delays.push(now - due);
        }
    }

    fn check(&self, expected: &PreparedMessage, message: MessageRef<'_>) -> Result<(), Ended> {
        let expected = expected.message().as_ref();
        if expected.kind() != message.kind() {
            return Err(Ended::failed(
                Cause::Mismatch,
                format!("{:?} came back as {:?}", expected.kind(), message.kind()),
            ));
        }
        let (sent, came) = (expected.as_bytes(), message.as_bytes());
        if sent == came {
            return Ok(());
        }
        let place = sent.iter().zip(came).take_while(|(sent, came)| sent == came).count();
        let words = format!("{} bytes came back as {}, and differ from byte {place} on", sent.len(), came.len());
        Err(Ended::failed(Cause::Mismatch, words))
    }
}

impl Part for Echo {
    fn begin(&mut self, start: &Start) {
        let place = self.desk.place;
        let Some(pace) = self.pace else { return };
        let load = &self.desk.state.control.load;
        self.quota = match (load.task, load.until) {
            (Task::Hold { messages: count }, _) | (_, Until::Done(count)) => start.share(count, place),
            (_, Until::Elapsed(_)) => u64::MAX,
        };
        match pace {
            Pace::Closed { pipeline } => self.owed = self.quota.min(pipeline.into()),
            Pace::Open { rate } => self.schedule = Some(start.schedule(rate, place)),
        }
    }

    fn handle_message(&mut self, cx: &mut Context<'_>, message: MessageRef<'_>) -> Result<(), Ended> {
        self.now();
        self.burst.bytes_received += message.as_bytes().len() as u64;
        if self.in_flight == 0 {
            self.burst.unasked += 1;
            return Ok(());
        }
        self.burst.answered += 1;
        self.in_flight -= 1;
        let script = &self.desk.state.control.load.script;
        if self.desk.state.control.load.verifies {
            self.check(script.message(self.next_in), message)?;
            self.next_in = next(self.next_in, script.len());
        }
        let is_closed = self.schedule.is_none();
        if is_closed && self.owed < self.quota && !self.desk.state.control.has_reached(Stage::Stopping) {
            self.owed += 1;
            // At once, while more is in hand: the library holds the answers to a burst back and sends them together.
            self.send_owed(cx);
        }
        if self.burst.answered >= MESSAGES_PER_CLOCK_READ || self.burst.bytes_received >= BYTES_PER_CLOCK_READ {
            self.settle();
        }
        Ok(())
    }

    fn settle(&mut self) {
        let Self { burst, desk, stamps, .. } = self;
        let Some(now) = burst.now.take() else { return };
        let mut counts = desk.state.counts();
        let is_planned = self.schedule.is_some();
        stamps.take(burst.answered, |run| counts.answered(run, now, is_planned));
        burst.delays.drain(..).for_each(|delay| counts.delays.record(delay, 1));
        counts.sent += burst.sent;
        counts.bytes_sent += burst.bytes_sent;
        counts.received += u64::from(burst.answered);
        counts.unasked += burst.unasked;
        counts.bytes_received += burst.bytes_received;
        if burst.answered > 0 {
            counts.last = now;
        }
        drop(counts);
        desk.notifier.note_oldest(stamps.oldest());
        *burst = Burst { delays: std::mem::take(&mut burst.delays), ..Burst::default() };
    }

    fn send_due(&mut self, cx: &mut Context<'_>) {
        match self.schedule {
            Some(schedule) => self.send_scheduled(cx, schedule),
            None => self.send_owed(cx),
        }
    }

    fn is_done(&self) -> bool {
        // Held connections leave together with all others.
        let is_held = matches!(self.desk.state.control.load.task, Task::Hold { .. });
        let sends_no_more = self.pace.is_some() && self.quota == 0 && !is_held;
        !self.is_broken
            && self.in_flight == 0
            && (sends_no_more || self.desk.state.control.has_reached(Stage::Stopping))
    }

    fn in_flight(&self) -> u64 {
        self.in_flight
    }
}

fn next(place: usize, count: usize) -> usize {
    if place + 1 == count { 0 } else { place + 1 }
}

/// A clock read costs as much as handling a small message or two.
const MESSAGES_PER_CLOCK_READ: u32 = 64;
const BYTES_PER_CLOCK_READ: u64 = 128 * 1024;
