//! How long to wait before the next attempt: a random time up to a bound that grows, so that clients which lost their
//! server together do not come back together (RFC 6455, 7.2.3).

use std::time::Duration;

/// The attempts in a row that have failed.
#[derive(Debug)]
pub(crate) struct Backoff {
    most_attempts: u32,
    failed: u32,
}

impl Backoff {
    /// `most_attempts` in a row; 0 is none at all.
    pub(crate) fn new(most_attempts: u32) -> Self {
        Self { most_attempts, failed: 0 }
    }

    /// The wait before the next attempt; `None` when there is none any more. `at_least` is what the server asked for,
    /// `random` any number.
    pub(crate) fn next(&mut self, at_least: Option<Duration>, random: u32) -> Option<Duration> {
        if self.failed >= self.most_attempts {
            return None;
        }
        let bound = FIRST.saturating_mul(1 << self.failed.min(16)).min(LONGEST);
        self.failed += 1;
        let wait = bound.mul_f64(f64::from(random) / f64::from(u32::MAX)).max(SHORTEST);
        Some(at_least.map_or(wait, |asked| wait.max(asked.min(MOST_PATIENT))))
    }

    /// A connection has stood for so long.
    pub(crate) fn note_connected(&mut self, lasted: Duration) {
        if lasted >= STABLE {
            self.failed = 0;
        }
    }
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// Never a busy loop.
const SHORTEST: Duration = Duration::from_millis(100);
/// A server may ask for more patience, but not for ever.
const MOST_PATIENT: Duration = Duration::from_secs(3600);
/// A server that drops everybody at once after the handshake is not well.
const STABLE: Duration = Duration::from_secs(30);

#[cfg(test)]
#[path = "backoff_tests.rs"]
mod tests;
