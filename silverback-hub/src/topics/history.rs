//! The newest publications of one topic, with offsets that only rise.

use std::{collections::VecDeque, time::Instant};

use crate::model::{
    position::{Epoch, Position},
    publication::Publication,
    topic::HistoryLimits,
};

/// The history of a topic. Stored publications have contiguous offsets up to `top`.
#[derive(Debug)]
pub(crate) struct History {
    epoch: Epoch,
    top: u64,
    entries: VecDeque<(Instant, Publication)>,
    bytes: usize,
}

impl History {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self { epoch, top: 0, entries: VecDeque::new(), bytes: 0 }
    }

    /// Stores a publication, and returns it with its position. `room` is how many bytes it may take. If there is too
    /// little, older ones go first. If that is not enough, the publication gets a position and is not stored, and a
    /// replay from before it is then incomplete.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        limits: HistoryLimits,
        room: usize,
        publication: Publication,
    ) -> Publication {
        self.top += 1;
        let publication = publication.at(Some(self.position()));
        self.expire(now, limits);
        let room = room + self.bytes;
        while !self.entries.is_empty() && (self.entries.len() >= limits.size || self.bytes + publication.cost() > room)
        {
            self.drop_first();
        }
        if self.bytes + publication.cost() <= room {
            self.bytes += publication.cost();
            self.entries.push_back((now, publication.clone()));
        }
        publication
    }

    /// Drops publications that are too old.
    pub(crate) fn expire(&mut self, now: Instant, limits: HistoryLimits) {
        while self.entries.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= limits.age) {
            self.drop_first();
        }
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
        }
    }

    /// Drops all publications. The offsets go on, so a replay from before this is incomplete.
    pub(crate) fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
    }

    /// Returns the position of the newest publication.
    pub(crate) fn position(&self) -> Position {
        Position::new(self.epoch.clone(), self.top)
    }

    /// Returns the stored publications after a position, and whether they are all that there were.
    pub(crate) fn since(&self, after: &Position) -> (bool, Vec<Publication>) {
        let is_of_this_epoch = after.epoch == self.epoch || after.is_start();
        let first = self.top + 1 - self.entries.len() as u64;
        // A client may send any offset.
        let next = after.offset.saturating_add(1);
        let is_complete = is_of_this_epoch && after.offset <= self.top && next >= first;
        let skipped = if is_of_this_epoch { next.saturating_sub(first) } else { 0 };
        let stored = self.entries.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        (is_complete, stored.map(|(_, publication)| publication.clone()).collect())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns whether the next offset would be too large.
    pub(crate) fn is_full(&self) -> bool {
        self.top >= Position::MAX_OFFSET
    }

    fn drop_first(&mut self) {
        if let Some((_, publication)) = self.entries.pop_front() {
            self.bytes -= publication.cost();
        }
    }

    #[cfg(test)]
    pub(crate) fn set_top(&mut self, top: u64) {
        self.top = top;
    }
}
