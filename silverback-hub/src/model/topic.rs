//! The options of a topic: history, presence, and the policy for members that read slowly.

use std::time::Duration;

/// The options of the topics that match a pattern.
///
/// ```
/// use std::time::Duration;
/// use silverback_hub::{Slow, Topic};
///
/// let chat = Topic::new().history(100, Duration::from_secs(300)).presence();
/// let prices = Topic::new().when_slow(Slow::Conflate);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    history: Option<HistoryLimits>,
    presence: bool,
    when_slow: Slow,
}

/// How much history a topic keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryLimits {
    /// The largest number of publications.
    pub size: usize,
    /// The largest age of a publication.
    pub age: Duration,
}

impl Topic {
    /// No history, no presence, and slow members are disconnected with 3008.
    pub fn new() -> Self {
        Self { history: None, presence: false, when_slow: Slow::default() }
    }

    /// Keeps up to `size` publications that are at most `age` old. A member that reconnects in time gets what it has
    /// missed. Default: no history. The bytes are limited by [`Limits`](crate::Limits) too.
    #[must_use]
    pub fn history(mut self, size: usize, age: Duration) -> Self {
        self.history = (size > 0 && !age.is_zero()).then_some(HistoryLimits { size, age });
        self
    }

    /// Keeps a list of who is subscribed, over all nodes. Default: no list.
    #[must_use]
    pub fn presence(mut self) -> Self {
        self.presence = true;
        self
    }

    /// Sets what happens to a member whose backlog is full. Default: `Slow::Disconnect(3008)`.
    #[must_use]
    pub fn when_slow(mut self, slow: Slow) -> Self {
        self.when_slow = slow;
        self
    }

    /// Returns how much history the topic keeps, or `None` if it keeps none.
    pub fn history_limits(&self) -> Option<HistoryLimits> {
        self.history
    }

    /// Returns whether the topic has presence.
    pub fn has_presence(&self) -> bool {
        self.presence
    }

    /// Returns what happens to slow members.
    pub fn slow(&self) -> Slow {
        self.when_slow
    }
}

impl Default for Topic {
    fn default() -> Self {
        Self::new()
    }
}

/// What happens when a member does not read fast enough and its backlog ([`Limits::backlog`](crate::Limits::backlog))
/// is full.
///
/// Every loss is a [`HubEvent::Lagged`](crate::HubEvent::Lagged) and is counted. Only `Disconnect` ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slow {
    /// Closes the connection with this code. A client reconnects and recovers from the history. For chats and other
    /// topics where nothing may be missing. The code must be one that may be sent (RFC 6455, 7.4).
    Disconnect(u16),
    /// Drops the new publication. For topics where the first publications matter most.
    DropNewest,
    /// Drops the oldest publications of the topic. For logs and positions.
    DropOldest,
    /// As soon as a backlog exists, keeps only the newest publication of each [key](crate::Publish::key). Drops the
    /// oldest of the topic if that is not enough. For prices and other states. The order of the topic stays, so a value
    /// that is replaced goes to the end.
    Conflate,
}

impl Default for Slow {
    fn default() -> Self {
        Self::Disconnect(3008)
    }
}
