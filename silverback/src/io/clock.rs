//! The present: of tokio's clock, so that deadlines and the timers that wait for them move together, also when a test
//! has paused it.

use std::time::{Duration, Instant};

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// That much later than now. `Duration::MAX` is a way to say never, and more than an `Instant` can hold.
pub(crate) fn now_and(budget: Duration) -> Instant {
    let now = now();
    now.checked_add(budget).unwrap_or_else(|| now + NEVER)
}

const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
