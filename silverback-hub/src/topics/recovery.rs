//! Subscribe, buffer, replay, merge: a subscriber gets the publications that it has missed, without a hole and without
//! duplicates.

use crate::model::{position::Position, publication::Publication};

/// The publications that an engine has stored after a position.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// Whether `publications` are all that were published after the position.
    pub complete: bool,
    /// The stored publications after the position, oldest first.
    pub publications: Vec<Publication>,
    /// The newest position at the time of the replay. `None` in topics without history.
    pub position: Option<Position>,
}

impl Replay {
    /// A replay that holds everything after a position.
    pub fn complete(publications: Vec<Publication>, position: Option<Position>) -> Self {
        Self { complete: true, publications, position }
    }

    /// A replay with a hole.
    pub fn incomplete(publications: Vec<Publication>, position: Option<Position>) -> Self {
        Self { complete: false, publications, position }
    }
}

/// The result of a merge.
#[derive(Debug, PartialEq)]
pub(crate) struct Merged {
    /// Whether `publications` are all that were published after the position that was asked for. If not, there are
    /// none: a part would pass for the whole.
    pub(crate) is_complete: bool,
    /// Oldest first, each once.
    pub(crate) publications: Vec<Publication>,
    /// The position after the last of them.
    pub(crate) position: Option<Position>,
}

/// Joins a replay with the publications that arrived while it was fetched. `arrived` begins before the replay was read.
pub(crate) fn merge(replay: Replay, arrived: Vec<Publication>) -> Merged {
    let newest = |position: Option<Position>, arrived: &[Publication]| {
        arrived.iter().filter_map(|publication| publication.position.clone()).fold(
            position,
            |newest, next| match newest {
                Some(newest) if newest.epoch == next.epoch && newest.offset >= next.offset => Some(newest),
                _ => Some(next),
            },
        )
    };
    let Some(at) = replay.position.clone().filter(|_| replay.complete) else {
        return Merged { is_complete: false, publications: Vec::new(), position: newest(replay.position, &arrived) };
    };
    let is_of_another_epoch =
        |publication: &Publication| publication.position.as_ref().is_none_or(|position| position.epoch != at.epoch);
    if arrived.iter().any(is_of_another_epoch) {
        // The history was lost while it was read.
        return Merged { is_complete: false, publications: Vec::new(), position: newest(Some(at), &arrived) };
    }
    let mut offset = 0;
    let mut publications = replay.publications;
    publications.extend(arrived);
    publications.retain(|publication| {
        let next = publication.position.as_ref().map_or(0, |position| position.offset);
        let is_new = next > offset;
        offset = offset.max(next);
        is_new
    });
    let offset = offset.max(at.offset);
    Merged { is_complete: true, publications, position: Some(Position { offset, ..at }) }
}
