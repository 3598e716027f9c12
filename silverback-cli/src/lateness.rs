//! Deadlines of a process that was stopped, as by Ctrl-Z, a debugger or a laptop that sleeps: what came before them may not
//! have been read yet when it goes on.

use std::time::{Duration, Instant};

/// Until when to read on after this deadline, if it was noticed late; `None` if it may be judged now.
pub(crate) fn extended(deadline: Instant) -> Option<Instant> {
    let now = Instant::now();
    let late = now.saturating_duration_since(deadline);
    (late >= NOTICEABLE).then(|| now + late.min(LONGEST))
}

/// Timers are rarely later than this on a machine that has time.
const NOTICEABLE: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);
