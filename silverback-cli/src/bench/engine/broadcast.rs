//! A connection of a broadcast: each message of a sender goes to every receiver. The first 16 hexadecimal digits of a
//! message name its sender and its number.

use std::task::{Context, Poll};

use silverback::{MessageKind, MessageRef};

use super::{
    control::{Stage, Start},
    load::{Pace, Task, Until},
    publications::Heard,
    schedule::Schedule,
    session::{Desk, Ended, Part},
    write::PendingWrite,
};

/// Receives, and sends if it is one of the senders.
#[derive(Debug)]
pub(super) struct Member {
    desk: Desk,
    voice: Option<Voice>,
    /// The sender and number of each message received since the counts were last handed in.
    heard: Vec<(usize, u64)>,
    now: Option<u64>,
    unasked: u64,
    bytes_received: u64,
}

/// Of a sender.
#[derive(Debug)]
struct Voice {
    pace: Pace,
    sender: usize,
    schedule: Option<Schedule>,
    quota: u64,
    /// The message to send next, until there is room for it.
    payload: Vec<u8>,
    write: PendingWrite,
}

impl Member {
    pub(super) fn new(desk: Desk) -> Self {
        Self { desk, voice: None, heard: Vec::new(), now: None, unasked: 0, bytes_received: 0 }
    }

    /// Sends one message that was due at `due`. Returns false if the connection has no room for it now.
    fn publish(&mut self, cx: &mut Context<'_>, due: u64, now: u64) -> bool {
        let Self { desk, voice: Some(voice), .. } = self else { return false };
        let script = &desk.state.control.load.script;
        // The lock is held until the message has left, so that no receiver looks it up before it is registered.
        let mut publications = desk.state.control.publications();
        let number = publications.next(voice.sender);
        let filling = script.message(number as usize % script.len()).message().as_bytes();
        voice.payload.clear();
        voice.payload.extend_from_slice(label(voice.sender, number).as_bytes());
        voice.payload.extend_from_slice(filling);
        let message = match (script.kind(), std::str::from_utf8(&voice.payload)) {
            (MessageKind::Text, Ok(text)) => MessageRef::Text(text),
            _ => MessageRef::Binary(&voice.payload),
        };
        let writer = &desk.writer;
        let lasting = || {
            let (writer, message) = (writer.clone(), message.to_message());
            async move { writer.write_message(message).await }
        };
        match voice.write.poll(cx, voice.payload.len(), writer.write_borrowed(message), lasting) {
            Poll::Pending => return false,
            Poll::Ready(Err(_)) => {
                voice.quota = 0;
                return false;
            }
            Poll::Ready(Ok(())) => publications.publish(voice.sender, due, now),
        }
        drop(publications);
        voice.quota -= 1;
        let mut counts = desk.state.counts();
        counts.sent += 1;
        counts.bytes_sent += voice.payload.len() as u64;
        if voice.schedule.is_some() {
            counts.delays.record(now.saturating_sub(due), 1);
        }
        true
    }

    /// When the next message is due, if one may be sent now.
    fn due(&self, now: u64) -> Option<u64> {
        let voice = self.voice.as_ref().filter(|voice| voice.quota > 0)?;
        let publications = self.desk.state.control.publications();
        match (voice.pace, voice.schedule) {
            (Pace::Closed { pipeline }, _) => (publications.open_of(voice.sender) < pipeline as usize).then_some(now),
            (_, Some(schedule)) => Some(schedule.due(publications.next(voice.sender))).filter(|due| *due <= now),
            _ => None,
        }
    }
}

impl Part for Member {
    fn begin(&mut self, start: &Start) {
        let control = &self.desk.state.control;
        let Task::Broadcast { senders, pace, .. } = control.load.task else { return };
        let place = self.desk.place;
        let Some(rank) = start.sender_rank(place, senders) else { return };
        let quota = match control.load.until {
            Until::Elapsed(_) => u64::MAX,
            Until::Done(count) => {
                let senders = senders.min(start.total()) as u64;
                count / senders + u64::from((rank as u64) < count % senders)
            }
        };
        let schedule = match pace {
            Pace::Open { rate } => Some(start.sender_schedule(rate, rank, senders)),
            Pace::Closed { .. } => None,
        };
        let sender = control.publications().add_sender(self.desk.notifier.clone());
        self.voice = Some(Voice { pace, sender, schedule, quota, payload: Vec::new(), write: PendingWrite::default() });
    }

    fn handle_message(&mut self, _: &mut Context<'_>, message: MessageRef<'_>) -> Result<(), Ended> {
        let clock = &self.desk.state.control.clock;
        self.now.get_or_insert_with(|| clock.now());
        self.bytes_received += message.as_bytes().len() as u64;
        match parse_label(message.as_bytes()) {
            Some(label) => self.heard.push(label),
            None => self.unasked += 1,
        }
        if self.heard.len() >= MESSAGES_PER_CLOCK_READ {
            self.settle();
        }
        Ok(())
    }

    fn settle(&mut self) {
        let Some(now) = self.now.take() else { return };
        let control = &self.desk.state.control;
        let mut publications = control.publications();
        let heard: Vec<_> =
            self.heard.drain(..).map(|(sender, number)| publications.hear(sender, number, now)).collect();
        drop(publications);
        let is_planned = control.load.task.rate().is_some();
        let mut counts = self.desk.state.counts();
        for heard in heard {
            let run = match heard {
                Heard::Unknown => {
                    counts.unasked += 1;
                    continue;
                }
                Heard::One(run) => run,
                Heard::Everybody { run, fan_out } => {
                    counts.fan_outs.record(fan_out, 1);
                    run
                }
            };
            counts.answered(run, now, is_planned);
            counts.received += 1;
        }
        counts.unasked += std::mem::take(&mut self.unasked);
        counts.bytes_received += std::mem::take(&mut self.bytes_received);
        counts.last = now;
    }

    fn send_due(&mut self, cx: &mut Context<'_>) {
        if self.voice.is_none() {
            return;
        }
        let now = self.desk.state.control.clock.now();
        while let Some(due) = self.due(now) {
            if !self.publish(cx, due, now) {
                return;
            }
        }
    }

    /// Everybody stays until the last message has reached the last receiver; the engine says when that is.
    fn is_done(&self) -> bool {
        self.desk.state.control.has_reached(Stage::Leaving)
    }

    fn in_flight(&self) -> u64 {
        0
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.desk.state.control.publications().remove_receiver();
    }
}

fn label(sender: usize, number: u64) -> String {
    format!("{sender:04x}{number:012x}")
}

fn parse_label(message: &[u8]) -> Option<(usize, u64)> {
    let label = std::str::from_utf8(message.get(..LABEL)?).ok()?;
    let (sender, number) = label.split_at_checked(4)?;
    Some((usize::from_str_radix(sender, 16).ok()?, u64::from_str_radix(number, 16).ok()?))
}

/// Bytes that each message of a broadcast begins with.
pub(crate) const LABEL: usize = 16;

/// More senders than a label can tell apart make no sense.
pub(crate) const MAX_SENDERS: usize = 0xFFFF;

const MESSAGES_PER_CLOCK_READ: usize = 64;

#[cfg(test)]
#[path = "broadcast_tests.rs"]
mod tests;
