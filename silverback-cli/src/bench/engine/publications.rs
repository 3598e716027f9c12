//! The messages of a broadcast that are in flight: the number of receivers that have each, and the times of the first
//! and the last.

use std::{collections::VecDeque, sync::Arc};

use super::{notifier::Notifier, stamps::Run};

/// The messages that all senders have in flight.
#[derive(Debug, Default)]
pub(super) struct Publications {
    senders: Vec<Row>,
    /// The receivers of a message that is published now.
    receivers: u64,
}

#[derive(Debug)]
struct Row {
    notifier: Arc<Notifier>,
    /// The number of the first in `open`.
    first: u64,
    open: VecDeque<Publication>,
}

#[derive(Debug)]
struct Publication {
    due: u64,
    sent: u64,
    /// The number of its receivers. `heard` counts those that have received it.
    receivers: u64,
    heard: u64,
    first: u64,
    last: u64,
}

/// The result of looking up a received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// None of ours, or one that was given up.
    Unknown,
    /// One that others wait for too.
    One(Run),
    /// The last receiver has it now, `fan_out` after the first.
    Everybody { run: Run, fan_out: u64 },
}

impl Publications {
    pub(super) fn set_receivers(&mut self, count: usize) {
        self.receivers = count as u64;
    }

    /// A receiver has left. Messages published from now on do not wait for it.
    pub(super) fn remove_receiver(&mut self) {
        self.receivers = self.receivers.saturating_sub(1);
    }

    /// Takes a sender in, and gives its number.
    pub(super) fn add_sender(&mut self, notifier: Arc<Notifier>) -> usize {
        self.senders.push(Row { notifier, first: 0, open: VecDeque::new() });
        self.senders.len() - 1
    }

    /// The number of this sender's next message.
    pub(super) fn next(&self, sender: usize) -> u64 {
        let row = &self.senders[sender];
        row.first + row.open.len() as u64
    }

    /// Takes note of it. To be called before it leaves, or under the same lock.
    pub(super) fn publish(&mut self, sender: usize, due: u64, sent: u64) {
        let receivers = self.receivers;
        let publication = Publication { due, sent, receivers, heard: 0, first: 0, last: 0 };
        self.senders[sender].open.push_back(publication);
    }

    /// Registers that a receiver got message `number` of `sender`.
    pub(super) fn hear(&mut self, sender: usize, number: u64, now: u64) -> Heard {
        let Some(row) = self.senders.get_mut(sender) else { return Heard::Unknown };
        let place = number.checked_sub(row.first).and_then(|place| usize::try_from(place).ok());
        let Some(publication) = place.and_then(|place| row.open.get_mut(place)) else { return Heard::Unknown };
        if publication.heard == 0 {
            publication.first = now;
        }
        publication.heard += 1;
        publication.last = publication.last.max(now);
        let run = Run { due: publication.due, sent: publication.sent, count: 1 };
        if publication.heard != publication.receivers {
            return Heard::One(run);
        }
        let fan_out = publication.last - publication.first;
        row.forget_front();
        row.notifier.notify();
        Heard::Everybody { run, fan_out }
    }

    /// Drops messages sent before `then`. Returns their number.
    pub(super) fn expire(&mut self, then: u64) -> u64 {
        self.senders.iter_mut().map(|row| row.expire(then)).sum()
    }

    /// The number of messages of this sender that are in flight.
    pub(super) fn open_of(&self, sender: usize) -> usize {
        self.senders[sender].open.len()
    }

    /// The number of messages in flight.
    pub(super) fn open(&self) -> usize {
        self.senders.iter().map(|row| row.open.len()).sum()
    }
}

impl Row {
    /// Forgets those at the front that everybody has. One that was overtaken waits for those before it.
    fn forget_front(&mut self) {
        while self.open.front().is_some_and(|publication| publication.heard >= publication.receivers) {
            self.open.pop_front();
            self.first += 1;
        }
    }

    fn expire(&mut self, then: u64) -> u64 {
        let mut expired = 0;
        while self.open.front().is_some_and(|publication| publication.sent < then) {
            self.open.pop_front();
            self.first += 1;
            expired += 1;
            self.forget_front();
        }
        if expired > 0 {
            self.notifier.notify();
        }
        expired
    }
}

#[cfg(test)]
#[path = "publications_tests.rs"]
mod tests;
