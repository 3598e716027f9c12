//! The rate limit of the commands of a client: a bucket that fills with the time.

use tokio::time::Instant;

/// How many commands a client may send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) burst: f64,
}

#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    left: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.burst, at: now }
    }

    /// Takes one command out. Returns `false` if there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let filled = now.saturating_duration_since(self.at).as_secs_f64() * self.rate.per_second;
        self.left = (self.left + filled).min(self.rate.burst);
        self.at = now;
        let has_one = self.left >= 1.0;
        if has_one {
            self.left -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Bucket, Rate};

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 10.0, burst: 3.0 }, begin);
        let mut taken = |millis| bucket.take(begin + Duration::from_millis(millis));
        assert_eq!([0, 0, 0, 0, 50].map(&mut taken), [true, true, true, false, false]);
        assert_eq!(
            [100, 100, 200, 10_000, 10_000, 10_000, 10_000].map(&mut taken),
            [true, false, true, true, true, true, false]
        );
    }
}
