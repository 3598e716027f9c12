//! The log of a member in one topic.

use std::sync::Arc;

/// One step in the life of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// The server has accepted the subscription at this position. Recovered publications follow.
    Subscribed { epoch: Arc<str>, offset: u64, recovery: Recovery },
    /// A publication, recovered or live.
    Received { number: usize, offset: u64 },
    /// The connection or the subscription has ended.
    Interrupted,
}

/// The word of the server about publications that the member has missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// The member has not asked.
    NotAsked,
    /// All of them follow.
    Complete,
    /// The server has told the member to load its state again.
    Incomplete,
}
