//! Many members that ask at once for what came after their positions, answered from few replays.
//!
//! One replay from the oldest position has what all of them need. If the history no longer reaches back to it, it still
//! reaches back to some of the others. A bisection finds the first of them, because a history that is complete from one
//! position is complete from every later one.

use super::recovery::Replay;
use crate::model::position::Position;

/// The positions of one epoch that are asked for, and what is known about them.
#[derive(Debug)]
pub(crate) struct Questions {
    /// Sorted, each once.
    offsets: Vec<u64>,
    /// From the first of them.
    replay: Replay,
    /// From here on a replay is complete. `None`: not known of any offset.
    complete_from: Option<u64>,
    /// Up to here it is not.
    incomplete_to: Option<u64>,
}

impl Questions {
    /// Begins with a replay from the first offset.
    pub(crate) fn new(mut offsets: Vec<u64>, replay: Replay) -> Self {
        offsets.sort_unstable();
        offsets.dedup();
        let mut questions = Self { offsets, replay, complete_from: None, incomplete_to: None };
        if let Some(first) = questions.offsets.first() {
            questions.learn(*first, questions.replay.complete);
        }
        // What is still stored shows that nothing after it is missing. The newest position has nothing after it.
        let newest = questions.replay.position.as_ref().map(|position| position.offset);
        let stored = questions.replay.publications.first().and_then(|first| first.position.as_ref());
        if let Some(offset) = stored.map(|position| position.offset).or(newest) {
            questions.learn(offset, true);
        }
        questions
    }

    /// Returns the position to ask the engine for next, or `None` if all answers are known.
    pub(crate) fn next(&self) -> Option<u64> {
        let is_open = |offset: &&u64| {
            self.incomplete_to.is_none_or(|to| **offset > to) && self.complete_from.is_none_or(|from| **offset < from)
        };
        let open: Vec<_> = self.offsets.iter().filter(is_open).collect();
        open.get(open.len() / 2).map(|offset| **offset)
    }

    /// Notes what the engine has answered.
    pub(crate) fn learn(&mut self, offset: u64, is_complete: bool) {
        if is_complete {
            self.complete_from = Some(self.complete_from.map_or(offset, |from| from.min(offset)));
        } else {
            self.incomplete_to = Some(self.incomplete_to.map_or(offset, |to| to.max(offset)));
        }
    }

    /// Returns the replay for a position.
    pub(crate) fn answer(&self, after: &Position) -> Replay {
        let position = self.replay.position.clone();
        let newest = position.as_ref().map_or(0, |position| position.offset);
        let complete = after.offset <= newest && self.complete_from.is_some_and(|from| after.offset >= from);
        let is_after =
            |position: &Option<Position>| position.as_ref().is_some_and(|position| position.offset > after.offset);
        let publications = self.replay.publications.iter().filter(|one| is_after(&one.position)).cloned().collect();
        Replay { complete, publications, position }
    }
}
