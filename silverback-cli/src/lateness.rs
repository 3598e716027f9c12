//! Deadlines of a process that was stopped, for example by Ctrl-Z, a debugger or a sleeping laptop. When it continues,
//! data that arrived before the deadline may still be unread.

use std::time::{Duration, Instant};

/// Returns a later deadline if this one was noticed late, so that unread data can be processed first. Returns `None` if
/// the deadline counts now.
pub(crate) fn extended(deadline: Instant) -> Option<Instant> {
    let now = Instant::now();
    let late = now.saturating_duration_since(deadline);
    (late >= NOTICEABLE).then(|| now + late.min(LONGEST))
}

/// Timers are rarely later than this on an idle machine.
const NOTICEABLE: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);
