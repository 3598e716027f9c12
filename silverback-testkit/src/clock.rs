//! A clock that moves only when the test says so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Yields [`Instant`]s for code that takes `now` as an argument. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use silverback_testkit::clock::FakeClock;
///
/// let clock = FakeClock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(20));
/// assert_eq!(clock.now() - start, Duration::from_secs(20));
/// ```
#[derive(Clone, Debug)]
pub struct FakeClock {
    start: Instant,
    passed: Arc<Mutex<Duration>>,
}

impl FakeClock {
    /// Creates a clock that is stopped at some instant.
    #[must_use]
    pub fn new() -> Self {
        Self {
            // This is the only way to get an `Instant`. No test depends on its value.
            start: Instant::now(),
            passed: Arc::default(),
        }
    }

    /// The present instant: the same until the clock is advanced.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    /// Moves the time forward, for every clone, and returns the new instant.
    pub fn advance(&self, by: Duration) -> Instant {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        *passed += by;
        self.start + *passed
    }

    /// Moves the time forward to `instant`, like a driver that slept until then.
    ///
    /// # Panics
    /// If `instant` is in the past, because then the test has missed an earlier timer.
    #[track_caller]
    pub fn advance_to(&self, instant: Instant) {
        let Some(by) = instant.checked_duration_since(self.now()) else {
            panic!("the clock cannot go back by {:?}", self.now() - instant);
        };
        self.advance(by);
    }

    /// Returns how far the clock was advanced since its creation.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
