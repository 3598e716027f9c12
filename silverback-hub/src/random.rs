//! The only source of random numbers: ids of nodes, names of epochs, and the jitter of a drain.

/// Returns a random number. If the system has none, it is a counter of this process, which still differs from call to
/// call.
pub(crate) fn number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static FALLBACK: AtomicU64 = AtomicU64::new(1);
    getrandom::u64().unwrap_or_else(|_| FALLBACK.fetch_add(1, Ordering::Relaxed))
}

/// Returns a random number from 0 to 1.
pub(crate) fn fraction() -> f64 {
    number() as f64 / u64::MAX as f64
}
