//! How long to wait before the next attempt: a random time up to a bound that grows with each failure. So clients that
//! lost their server together do not reconnect together (RFC 6455, 7.2.3). This module does not read the clock.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// The options for waits and retries.
#[derive(Clone)]
pub(super) struct Pace {
    pub(super) initial: Duration,
    pub(super) max: Duration,
    pub(super) factor: f64,
    pub(super) stable_after: Duration,
    pub(super) max_retry_after: Duration,
    pub(super) max_retries: u32,
    pub(super) give_up_after: Option<Duration>,
    /// Returns which part of the bound to wait, from 0 to 1.
    pub(super) jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

/// The failures since the last stable connection.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    since: Option<Instant>,
}

impl Backoff {
    /// Returns the number of failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes that a connection has lasted for `held`. A short one does not reset the failures, because a server may
    /// accept and then drop every client.
    pub(super) fn note_held(&mut self, pace: &Pace, held: Duration) {
        if held >= pace.stable_after {
            *self = Self::default();
        }
    }

    /// Counts a failure. Returns how long to wait before the next attempt, or `None` if there will be none. `asked` is
    /// the wait that the server asked for.
    pub(super) fn note_failure(&mut self, pace: &Pace, now: Instant, asked: Option<Duration>) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let wait = pace.wait(self.failures, asked);
        self.failures = self.failures.saturating_add(1);
        let over = now.saturating_duration_since(since).saturating_add(wait);
        let in_time = pace.give_up_after.is_none_or(|limit| over <= limit);
        (self.failures <= pace.max_retries && in_time).then_some(wait)
    }
}

impl Pace {
    fn wait(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let bound = self.bound(failures);
        let jitter = (self.jitter)();
        let jitter = if jitter.is_nan() { 1.0 } else { jitter.clamp(0.0, 1.0) };
        let random = Duration::try_from_secs_f64(bound.as_secs_f64() * jitter).unwrap_or(bound);
        let random = random.max(self.initial.min(self.max) / 10).max(SHORTEST);
        // The random part is added, because a server asks all of its clients for the same wait.
        random.saturating_add(asked.unwrap_or_default().min(self.max_retry_after))
    }
}

impl Pace {
    /// Returns the bound of the wait after this many failures: from `initial` up to `max`, for any options.
    fn bound(&self, failures: u32) -> Duration {
        if self.initial.is_zero() {
            // A bound of 0 cannot grow, and 0 times an infinite growth is not a number.
            return Duration::ZERO;
        }
        let growth = self.factor.max(1.0).powi(i32::try_from(failures).unwrap_or(i32::MAX));
        let grown = self.initial.as_secs_f64() * growth;
        // If the product is infinite or too large for a `Duration`, it is beyond every maximum.
        Duration::try_from_secs_f64(grown).map_or(self.max, |bound| bound.min(self.max))
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(30),
            factor: 2.0,
            stable_after: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(3600),
            max_retries: u32::MAX,
            give_up_after: None,
            jitter: Arc::new(random),
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace")
            .field("initial", &self.initial)
            .field("max", &self.max)
            .field("factor", &self.factor)
            .field("stable_after", &self.stable_after)
            .field("max_retry_after", &self.max_retry_after)
            .field("max_retries", &self.max_retries)
            .field("give_up_after", &self.give_up_after)
            .finish_non_exhaustive()
    }
}

/// Returns a random number from 0 to 1. If the system has no random numbers, returns 1, and clients wait longest.
fn random() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

/// The shortest wait, so that no options cause a busy loop.
const SHORTEST: Duration = Duration::from_millis(1);

#[cfg(test)]
#[path = "backoff_tests.rs"]
mod tests;
