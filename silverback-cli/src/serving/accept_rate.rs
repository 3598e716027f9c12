//! How many WebSockets may open in a second, over all threads. After a network or a server has failed, all clients come back
//! at once, and each costs a handshake, a login and perhaps a history.

use std::{
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A token bucket, which holds the tokens of one second. Each WebSocket takes one.
#[derive(Debug)]
pub(super) struct AcceptRate {
    /// In how many nanoseconds a token comes.
    interval: u64,
    start: Instant,
    /// The moment at which the bucket is full, in nanoseconds after the start.
    full_at: AtomicU64,
}

impl AcceptRate {
    pub(super) fn new(each_second: NonZero<u32>, now: Instant) -> Self {
        let interval = SECOND / u64::from(each_second.get());
        Self { interval, start: now, full_at: AtomicU64::new(0) }
    }

    /// Takes a token. Returns after what time a client should try again if there is none.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let now = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let one_less = |full_at: u64| {
            let full_at = full_at.max(now).saturating_add(self.interval);
            (full_at - now <= SECOND).then_some(full_at)
        };
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        taken.map(drop).map_err(|_| retry_after())
    }
}

/// A random time, because clients that were refused together must not come back together.
fn retry_after() -> Duration {
    let random = getrandom::u32().map_or(LONGEST_WAIT, |number| u64::from(number) % LONGEST_WAIT + 1);
    Duration::from_secs(random)
}

const SECOND: u64 = 1_000_000_000;
/// In seconds, because `Retry-After` has no fractions.
const LONGEST_WAIT: u64 = 10;

#[cfg(test)]
mod tests {
    //! How many get through, and when.
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// How many of this many get through at a moment.
    fn through(rate: &AcceptRate, now: Instant, count: u32) -> u32 {
        (0..count).filter(|_| rate.take(now).is_ok()).count() as u32
    }

    #[test]
    fn a_burst_of_one_second_gets_through_and_then_as_many_as_the_rate_says() {
        let begin = Instant::now();
        let after = |millis| begin + Duration::from_millis(millis);
        for each_second in [1, 7, 100, 3000, 1_000_000] {
            let rate = AcceptRate::new(NonZero::new(each_second).unwrap(), begin);
            let in_half_a_second = each_second / 2;
            assert_eq!(through(&rate, begin, 2_000_000), each_second);
            let more = through(&rate, after(500), 2_000_000);
            assert!(more.abs_diff(in_half_a_second) <= 1, "{more} of {each_second} a second");
            // What was not used is not saved for longer than a second.
            assert_eq!(through(&rate, after(1_000_000), 2_000_000), each_second);
        }
    }

    #[test]
    fn those_that_wait_come_back_at_different_times() {
        let rate = AcceptRate::new(NonZero::<u32>::MIN, Instant::now());
        let now = rate.start;
        rate.take(now).unwrap();
        let waits: Vec<_> = (0..100).map(|_| rate.take(now).unwrap_err().as_secs()).collect();
        assert!(waits.iter().all(|wait| (1..=LONGEST_WAIT).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }
}
