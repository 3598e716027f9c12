//! The start of a subscription, and its result.

use super::{position::Position, publication::Publication};

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next publication.
    Live,
    /// With up to this many of the newest publications that the history has, and then live. For someone who comes for
    /// the first time.
    Recent(usize),
    /// After this position: first what was missed, if the history has all of it.
    After(Position),
    /// The same, or not at all: if the history does not have all of it, the subscription fails with
    /// [`HubError::Incomplete`](crate::HubError::Incomplete).
    AllAfter(Position),
}

/// A subscription that is live.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Subscribed {
    /// The position that live publications continue from. `None` in topics without history.
    pub position: Option<Position>,
    /// Whether the member has everything since the position that it asked for.
    pub recovered: Recovery,
    /// What the member got from the history, oldest first. After a position it is all that was missed or nothing,
    /// because a part would pass for the whole.
    pub publications: Vec<Publication>,
}

/// Whether a subscription has recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It has everything since the position.
    Complete,
    /// Something is missing, so the client must load the state again.
    Incomplete,
    /// It did not begin after a position.
    NotAsked,
}
