//! The limit of everything that members and publishers can grow.

/// The limits of one node. Each has a finite default.
///
/// ```
/// use silverback_hub::Limits;
///
/// let limits = Limits::default().payload(16 * 1024).topics_per_member(8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) members: usize,
    pub(crate) members_per_user: usize,
    pub(crate) topics: usize,
    pub(crate) topics_per_member: usize,
    pub(crate) payload: usize,
    pub(crate) identity: usize,
    pub(crate) backlog: usize,
    pub(crate) backlogs: usize,
    pub(crate) window: usize,
    pub(crate) in_flight: usize,
    pub(crate) recovery: usize,
    pub(crate) events: usize,
}

impl Limits {
    /// Members of this node. Default: 100,000. More are closed with 1013.
    #[must_use]
    pub fn members(mut self, count: usize) -> Self {
        self.members = count;
        self
    }

    /// Members of one user on this node. Default: 1,024. More are closed with 3504. Members without a user id are not
    /// counted.
    #[must_use]
    pub fn members_per_user(mut self, count: usize) -> Self {
        self.members_per_user = count;
        self
    }

    /// Topics with members on this node. Default: 100,000.
    #[must_use]
    pub fn topics(mut self, count: usize) -> Self {
        self.topics = count;
        self
    }

    /// Subscriptions of one member. Default: 128.
    #[must_use]
    pub fn topics_per_member(mut self, count: usize) -> Self {
        self.topics_per_member = count;
        self
    }

    /// Bytes of one payload. Default: 64 KiB.
    #[must_use]
    pub fn payload(mut self, bytes: usize) -> Self {
        self.payload = bytes;
        self
    }

    /// Bytes of one [`Identity`](crate::Identity). Default: 1 KiB.
    #[must_use]
    pub fn identity(mut self, bytes: usize) -> Self {
        self.identity = bytes;
        self
    }

    /// Bytes that wait for one member beyond those that its connection has accepted. Default: 256 KiB. Members share
    /// the payloads. If it is full, [`Slow`](crate::Slow) says what happens. One publication always fits.
    #[must_use]
    pub fn backlog(mut self, bytes: usize) -> Self {
        self.backlog = bytes;
        self
    }

    /// Bytes that wait for all members together. Default: 256 MiB. Beyond it, every backlog counts as full.
    #[must_use]
    pub fn backlogs(mut self, bytes: usize) -> Self {
        self.backlogs = bytes;
        self
    }

    /// Bytes that the hub hands to a connection ahead of its peer. Default: 16 KiB. Messages that a connection has
    /// accepted can no longer be dropped or conflated, so a small window keeps slow members current.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window = bytes.max(1);
        self
    }

    /// Bytes between the engine and the members of this node. Default: 8 MiB. Beyond it, publishers and the engine
    /// wait.
    #[must_use]
    pub fn in_flight(mut self, bytes: usize) -> Self {
        self.in_flight = bytes;
        self
    }

    /// Bytes that arrive for one topic or one member while it recovers. Default: 1 MiB. Beyond it, the recovery is
    /// reported as incomplete.
    #[must_use]
    pub fn recovery(mut self, bytes: usize) -> Self {
        self.recovery = bytes;
        self
    }

    /// Events that wait for one listener of [`Hub::events`](crate::Hub::events). Default: 1,024. A listener that is
    /// slower is told how many it has missed.
    #[must_use]
    pub fn events(mut self, count: usize) -> Self {
        self.events = count.max(1);
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 100_000,
            members_per_user: 1024,
            topics: 100_000,
            topics_per_member: 128,
            payload: 64 * 1024,
            identity: 1024,
            backlog: 256 * 1024,
            backlogs: 256 * 1024 * 1024,
            window: 16 * 1024,
            in_flight: 8 * 1024 * 1024,
            recovery: 1024 * 1024,
            events: 1024,
        }
    }
}

/// A limit that was reached. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitError {
    /// The payload is larger than [`Limits::payload`].
    Payload {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The member has as many subscriptions as [`Limits::topics_per_member`] allows.
    TopicsPerMember(usize),
    /// The node, or the memory engine, has as many topics as its limit allows.
    Topics(usize),
    /// The memory engine knows as many present members as its limit allows.
    Leases(usize),
}

impl std::fmt::Display for LimitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payload { size, limit } => write!(f, "the payload has {size} bytes and may have {limit}"),
            Self::TopicsPerMember(limit) => write!(f, "the member has {limit} subscriptions and may not have more"),
            Self::Topics(limit) => write!(f, "there are {limit} topics and may not be more"),
            Self::Leases(limit) => write!(f, "presence has {limit} members and may not have more"),
        }
    }
}

impl std::error::Error for LimitError {}
