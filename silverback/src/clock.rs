//! The present: of tokio's clock, so that deadlines and the timers that wait for them move together, also when a test
//! has paused it.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
