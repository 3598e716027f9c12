//! The current time. It comes from tokio's clock, so that deadlines and their timers agree even if a test has paused
//! the clock.

use std::time::{Duration, Instant};

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Returns the time after this duration. `Duration::MAX` means never and is more than an `Instant` can hold.
pub(crate) fn now_and(budget: Duration) -> Instant {
    let now = now();
    now.checked_add(budget).unwrap_or_else(|| now + NEVER)
}

const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
