//! Memory that many connections share, counted without a lock: a connection touches the counter only when what it holds has
//! changed by some KiB.

#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::wire::error::LimitError;

/// A limit on what many connections hold together for compression: compressors, decompressors, and compressed messages
/// that are not whole yet with what they inflate to. Clones are the same budget.
///
/// As it is used up, compression ends before connections do:
/// - Messages that we send go out plain if there is no room for a compressor.
/// - From three quarters on, [`is_scarce`](Self::is_scarce): a server accepts new connections without compression.
/// - From seven eighths on, [`is_exhausted`](Self::is_exhausted): a server refuses new connections for a while.
/// - A connection whose own message or decompressor finds no room is closed with 1013 ([`LimitError::MemoryBudget`]).
///
/// ```
/// use silverback_proto::MemoryBudget;
/// let budget = MemoryBudget::new(64 * 1024 * 1024);
/// assert_eq!(budget.used(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    /// Always <= limit.
    used: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of so many bytes. `usize::MAX` is no limit.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Shared { limit: bytes, used: AtomicUsize::new(0) }))
    }

    /// The limit in bytes.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// What the connections hold at the moment, in bytes.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Whether new connections should do without compression.
    pub fn is_scarce(&self) -> bool {
        self.used() >= self.0.limit / 4 * 3
    }

    /// Whether new connections should be refused.
    pub fn is_exhausted(&self) -> bool {
        self.used() >= self.0.limit / 8 * 7
    }

    fn add(&self, bytes: usize) -> bool {
        let sum = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.0.limit);
        // It guards no other memory, so no order matters.
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
    }

    fn subtract(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one side of a connection holds of a budget. Dropped, it holds nothing.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Without one nothing is counted.
    budget: Option<MemoryBudget>,
    held: usize,
}

impl Account {
    pub(crate) fn new(budget: MemoryBudget) -> Self {
        Self { budget: Some(budget), held: 0 }
    }

    /// Holds so many bytes from now on, more or less than before. Fails if they are not there; then nothing has changed.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), LimitError> {
        let Some(budget) = &self.budget else { return Ok(()) };
        if bytes > self.held {
            if !budget.add(bytes - self.held) {
                return Err(LimitError::MemoryBudget { limit: budget.limit() });
            }
        } else if bytes < self.held {
            budget.subtract(self.held - bytes);
        }
        self.held = bytes;
        Ok(())
    }

    pub(crate) fn release(&mut self) {
        if let Some(budget) = self.budget.as_ref().filter(|_| self.held > 0) {
            budget.subtract(std::mem::take(&mut self.held));
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.release();
    }
}
