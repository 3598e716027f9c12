//! Where a publication stands in its topic.

use std::{fmt, sync::Arc};

/// One life of a topic's history. When an engine has lost data, it begins a new epoch, so that an old position cannot
/// pass for a new one. Cloning shares it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// Names an epoch. Engines choose the name at random or take it from their broker.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the name is empty, as in [`Position::start`].
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The place of a publication in its topic. Within one epoch offsets only rise, and they need not be contiguous.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The life of the history that the offset belongs to.
    pub epoch: Epoch,
    /// The offset in this life. The first publication has at least 1.
    pub offset: u64,
}

impl Position {
    /// The largest offset, 2^53 - 1. JavaScript reads larger numbers inexactly. An engine begins a new epoch before.
    pub const MAX_OFFSET: u64 = (1 << 53) - 1;

    /// Joins an epoch and an offset.
    pub fn new(epoch: Epoch, offset: u64) -> Self {
        Self { epoch, offset }
    }

    /// The position before the first publication of whatever epoch the topic is in.
    pub fn start() -> Self {
        Self { epoch: Epoch::new(""), offset: 0 }
    }

    /// Returns whether this is [`Position::start`].
    pub fn is_start(&self) -> bool {
        self.offset == 0 && self.epoch.is_empty()
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
