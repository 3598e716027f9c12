//! A histogram of how long WebSockets were open.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// Not cumulative. The last one has no upper bound.
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// In milliseconds.
    sum: AtomicU64,
}

impl Durations {
    pub(super) fn observe(&self, lasted: Duration) {
        let index = BOUNDS.iter().position(|bound| lasted.as_secs_f64() <= *bound).unwrap_or(BOUNDS.len());
        self.counts[index].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the upper bounds in seconds with their cumulative counts, the count of all, and the sum in seconds.
    pub(crate) fn snapshot(&self) -> (Vec<(f64, u64)>, u64, f64) {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let mut all = 0;
        let mut cumulative = counts.iter().map(|count| {
            all += count;
            all
        });
        let bounds = BOUNDS.into_iter().zip(cumulative.by_ref()).collect();
        cumulative.for_each(drop);
        (bounds, all, self.sum.load(Ordering::Relaxed) as f64 / 1000.0)
    }
}

/// In seconds: from a client that leaves at once to one that stays for a day.
const BOUNDS: [f64; 8] = [1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0];
