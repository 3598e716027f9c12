//! When to close each member of a drain.

use std::time::Duration;

/// Returns `count` times between 0 and `window`, in order, one in each of `count` equal parts of the window and at a
/// random place in it. `random` returns a number from 0 to 1.
///
/// So the members neither reconnect together nor in a rhythm, and no part of the window has more of them than another.
pub(crate) fn spread(count: usize, window: Duration, mut random: impl FnMut() -> f64) -> Vec<Duration> {
    let part = window.as_secs_f64() / count.max(1) as f64;
    let at =
        |number: usize, random: f64| Duration::try_from_secs_f64(part * (number as f64 + random)).unwrap_or(window);
    (0..count).map(|number| at(number, random().clamp(0.0, 1.0)).min(window)).collect()
}
