//! The state of a node.

use std::time::Duration;

use super::{name::TopicName, position::Position};

/// The state of one node and of its engine, beside its [`Counters`](crate::Counters); see
/// [`Hub::status`](crate::Hub::status).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Whether the engine is connected.
    pub engine_is_up: bool,
    /// How long that has been so.
    pub engine_since: Duration,
    /// How often the engine has lost its broker. It reconnects by itself.
    pub engine_losses: u64,
    /// The last call of the engine that failed.
    pub engine_error: Option<EngineFailure>,
    /// Nodes that were heard of in the last 30 s, with this one.
    pub nodes: usize,
    /// Publications of this node with an id that the engine had accepted before.
    pub repeated: u64,
    /// Publications of this node that were refused: the name, the size or the authorization hook.
    pub refused: u64,
    /// Publications of this node that the engine did not accept. It may have accepted those that timed out.
    pub failed: u64,
    /// Subscriptions that got everything since their position.
    pub recovered: u64,
    /// Subscriptions whose position was too old, so that something is missing.
    pub unrecovered: u64,
    /// The time from the arrival of a publication at this node until a shard has handed it to the connections of its
    /// members. One value for each burst and shard, that of the oldest publication.
    pub fan_out: FanOut,
}

/// A call of the engine that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineFailure {
    /// The kind of the error: `down`, `timed_out`, `limit` or `other`.
    pub kind: &'static str,
    /// How long ago it was.
    pub ago: Duration,
}

/// A histogram of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FanOut {
    /// Not cumulative. The last one has no upper bound.
    pub(crate) counts: [u64; BOUNDS.len() + 1],
    pub(crate) sum: Duration,
}

impl FanOut {
    /// Returns the upper bounds in seconds with the number of durations up to each.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let counts = self.counts;
        BOUNDS.into_iter().enumerate().map(move |(index, bound)| (bound, counts[..=index].iter().sum()))
    }

    /// Returns the number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the sum of all durations.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

/// In seconds: from a hub with a few members to one whose threads have too much to do.
pub(crate) const BOUNDS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];

/// Topics with members on one node; see [`Hub::local_topics`](crate::Hub::local_topics).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalTopics {
    /// The topics, those with the most subscribers first.
    pub topics: Vec<LocalTopic>,
    /// How many match, including those that are not in the list.
    pub total: usize,
}

/// A topic with members on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalTopic {
    /// The name.
    pub name: TopicName,
    /// Subscriptions on this node.
    pub subscribers: usize,
    /// The position of the last publication that was passed on. `None` in topics without history.
    pub position: Option<Position>,
}
