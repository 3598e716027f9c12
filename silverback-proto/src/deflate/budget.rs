//! A limit on memory over many connections, counted without a lock. A connection touches the counter only when its
//! memory has changed by a few KiB.

#[cfg(feature = "deflate")]
mod account;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[cfg(feature = "deflate")]
pub(super) use self::account::Account;

/// A limit on the memory that compression takes over many connections: compressors, decompressors, and unfinished
/// compressed messages with their inflated bytes. Clones share one budget.
///
/// When memory gets scarce, compression stops before connections are closed:
/// - Messages are sent uncompressed if there is no memory for a compressor.
/// - From three quarters on, [`is_scarce`](Self::is_scarce): a server accepts new connections without compression.
/// - From seven eighths on, [`is_exhausted`](Self::is_exhausted): a server refuses new connections for a while.
/// - A connection is closed with 1013 ([`LimitError::MemoryBudget`](crate::LimitError::MemoryBudget)) if there is no
///   memory for its message or decompressor.
///
/// Without the feature `deflate` it counts nothing.
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
    /// Creates a budget of this many bytes. `usize::MAX` means no limit.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Shared { limit: bytes, used: AtomicUsize::new(0) }))
    }

    /// The limit in bytes.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// The bytes that the connections hold at the moment.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Whether new connections should not negotiate compression.
    pub fn is_scarce(&self) -> bool {
        self.used() >= self.0.limit / 4 * 3
    }

    /// Whether new connections should be refused.
    pub fn is_exhausted(&self) -> bool {
        self.used() >= self.0.limit / 8 * 7
    }
}
