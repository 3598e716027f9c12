//! Compares the log of a member with the journal. The hub promises order per topic, and a history that is complete, or a
//! word that it is not.

use std::sync::Arc;

use crate::{
    journal::Accepted,
    seen::{Recovery, Seen},
};

/// The figures of a member that got everything the hub promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Publications.
    pub(crate) received: usize,
    /// How often the member recovered everything that it had missed.
    pub(crate) recovered: usize,
    /// How often it was told that something is missing.
    pub(crate) told: usize,
    /// Publications that arrived again after the member was told so, because their broker had lost them.
    pub(crate) repeated: usize,
}

impl Summary {
    pub(crate) fn add(&mut self, other: Self) {
        self.received += other.received;
        self.recovered += other.recovered;
        self.told += other.told;
        self.repeated += other.repeated;
    }

    /// Returns what is new. Both are of the same members, which only see more.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            received: self.received - before.received,
            recovered: self.recovered - before.recovered,
            told: self.told - before.told,
            repeated: self.repeated - before.repeated,
        }
    }
}

/// Checks one topic of a member. `must_be_current` is for a member that is still there: it must have seen the last
/// publication.
pub(crate) fn check(journal: &[Accepted], seen: &[Seen], must_be_current: bool) -> Result<Summary, String> {
    let mut reader = Reader { journal, epoch: None, is_live: false, next: None, highest: None, is_told: false };
    let mut summary = Summary::default();
    for step in seen {
        match step {
            Seen::Subscribed { epoch, offset, recovery } => {
                reader.subscribe(epoch, *offset, *recovery)?;
                summary.recovered += usize::from(*recovery == Recovery::Complete);
                summary.told += usize::from(*recovery == Recovery::Incomplete);
            }
            Seen::Received { number, offset } => {
                summary.repeated += usize::from(reader.receive(*number, *offset)?);
                summary.received += 1;
            }
            Seen::Interrupted => reader.is_live = false,
        }
    }
    if must_be_current {
        reader.must_be_current()?;
    }
    Ok(summary)
}

/// Checks that the positions of a topic rise in each epoch, and that no epoch comes back.
pub(crate) fn check_positions(journal: &[Accepted]) -> Result<(), String> {
    for (number, pair) in journal.windows(2).enumerate() {
        let [one, next] = pair else { continue };
        if one.epoch == next.epoch && next.offset <= one.offset {
            let number = number + 1;
            return Err(format!("publication {number} has offset {} after {} of one epoch", next.offset, one.offset));
        }
        if one.epoch != next.epoch && journal[..number].iter().any(|before| before.epoch == next.epoch) {
            return Err(format!("epoch {} came back", next.epoch));
        }
    }
    Ok(())
}

/// A member as it reads.
struct Reader<'a> {
    journal: &'a [Accepted],
    epoch: Option<Arc<str>>,
    is_live: bool,
    /// The number of the publication that must come next. `None` before the first subscription.
    next: Option<usize>,
    /// The highest number that has arrived.
    highest: Option<usize>,
    /// Whether the member was told that something is missing, so that an older publication may come again.
    is_told: bool,
}

impl Reader<'_> {
    fn subscribe(&mut self, epoch: &Arc<str>, offset: u64, recovery: Recovery) -> Result<(), String> {
        if self.is_live {
            return Err("subscribed twice".to_owned());
        }
        match (recovery, &self.epoch) {
            (Recovery::Complete, Some(before)) if before == epoch => {}
            (Recovery::Complete, Some(before)) => {
                return Err(format!("recovered from epoch {before} to {epoch}, where everything before is lost"));
            }
            (Recovery::Complete, None) => return Err("recovered without a position".to_owned()),
            (Recovery::NotAsked, Some(_)) => return Err("forgot its position".to_owned()),
            (Recovery::Incomplete, _) | (Recovery::NotAsked, None) => {
                self.is_told = recovery == Recovery::Incomplete;
                let is_next = |one: &Accepted| one.epoch == *epoch && one.offset > offset;
                self.next = Some(self.journal.iter().position(is_next).unwrap_or(self.journal.len()));
            }
        }
        self.epoch = Some(epoch.clone());
        self.is_live = true;
        Ok(())
    }

    /// Returns whether the publication has arrived before.
    fn receive(&mut self, number: usize, offset: u64) -> Result<bool, String> {
        let (true, Some(next), Some(epoch)) = (self.is_live, self.next, &self.epoch) else {
            return Err(format!("got publication {number} without a subscription"));
        };
        let Some(entry) = self.journal.get(number) else {
            return Err(format!("got publication {number}, which no node has accepted"));
        };
        if entry.epoch == *epoch {
            if entry.offset != offset {
                return Err(format!("got publication {number} at {offset}, which is at {}", entry.offset));
            }
        } else if !self.is_from_before(number, epoch) {
            return Err(format!("got publication {number} of another epoch in epoch {epoch}"));
        }
        if number > next {
            return Err(format!("publications {next} to {} are missing, and the server did not say so", number - 1));
        }
        let is_repeated = self.highest.is_some_and(|highest| number <= highest);
        if number < next || (is_repeated && !self.is_told) {
            return Err(format!("got publication {number} again, or late: {next} was to come"));
        }
        self.next = Some(number + 1);
        self.highest = self.highest.max(Some(number));
        Ok(is_repeated)
    }

    /// Whether a broker sent the publication and then lost it with its answer, so that the publisher sent it again to
    /// the broker that had come back empty.
    fn is_from_before(&self, number: usize, epoch: &Arc<str>) -> bool {
        let is_of = |one: &Accepted| one.epoch == *epoch;
        number > 0 && is_of(&self.journal[number - 1]) && !self.journal[number..].iter().any(is_of)
    }

    fn must_be_current(&self) -> Result<(), String> {
        match self.next {
            _ if !self.is_live => Err("is not subscribed at the end".to_owned()),
            Some(next) if next < self.journal.len() => Err(format!(
                "publications {next} to {} never came, and the server did not say so",
                self.journal.len() - 1
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "checker_tests.rs"]
mod tests;
