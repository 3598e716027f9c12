//! Checks for input once more before a deadline ends anything. If a process was stopped (by a debugger, a container's
//! freezer or a sleeping laptop), its timers have expired when it continues, but its I/O driver has not seen the input
//! that arrived.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    task::yield_now,
    time::{Sleep, sleep_until, timeout, timeout_at},
};

use crate::io::{clock, yields::yields};

/// The check of the transport after a deadline has passed. The caller tries to read or write before each poll.
#[derive(Debug)]
pub(crate) struct LastLook {
    deadline: Instant,
    /// When the check ends in any case.
    latest: Instant,
    yields: u8,
    timer: Option<Pin<Box<Sleep>>>,
}

impl LastLook {
    /// Begins the check after the deadline has passed.
    pub(crate) fn at(deadline: Instant) -> Self {
        let now = clock::now();
        let extra = extra_time(deadline, now);
        let timer = (!extra.is_zero()).then(|| Box::pin(sleep_until((now + extra).into())));
        Self { deadline, latest: now + LONGEST, yields: YIELDS, timer }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Ready once everything that arrived before the deadline has been seen.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.yields > 0 {
            self.yields -= 1;
            return yields(cx);
        }
        if let Some(timer) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(())
    }

    /// Continues for a little longer, because input is known to wait. Returns whether there is time for it.
    pub(crate) fn go_on(&mut self) -> bool {
        let until = clock::now() + NOTICEABLE;
        self.timer = Some(Box::pin(sleep_until(until.into())));
        until < self.latest
    }
}

/// The same check, for a task that watches many deadlines with one timer.
#[derive(Debug, Default)]
pub(crate) struct LastLookAt(Option<Look>);

#[derive(Clone, Copy, Debug)]
struct Look {
    deadline: Instant,
    until: Instant,
}

impl LastLookAt {
    /// Returns when to look again after `deadline` has passed, or `None` once everything that arrived before it has been
    /// seen. The I/O driver must run between two calls.
    pub(crate) fn until(&mut self, deadline: Instant, now: Instant) -> Option<Instant> {
        match self.0.filter(|look| look.deadline == deadline) {
            Some(look) if look.until <= now => None,
            Some(look) => Some(look.until),
            None => {
                let until = now + extra_time(deadline, now);
                self.0 = Some(Look { deadline, until });
                Some(until)
            }
        }
    }
}

/// Returns the output of `work`. Returns `None` if the deadline passes, and the input that arrived before it does not
/// finish the work.
pub(crate) async fn within<F: Future>(deadline: tokio::time::Instant, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    if let Ok(done) = timeout_at(deadline, work.as_mut()).await {
        return Some(done);
    }
    let extra = extra_time(deadline.into_std(), clock::now());
    for _ in 0..YIELDS {
        yield_now().await;
    }
    timeout(extra, work).await.ok()
}

/// Returns the extra time for a peer if the timer was late. One turn of the I/O driver may not be enough, because it
/// reports a limited number of sockets.
pub(crate) fn extra_time(deadline: Instant, now: Instant) -> Duration {
    let late = now.saturating_duration_since(deadline);
    if late < NOTICEABLE { Duration::ZERO } else { late.min(LONGEST) }
}

/// The I/O driver runs when a task yields. The second turn is for the flusher, which the first one has woken.
const YIELDS: u8 = 2;
/// Timers are rarely later than this on a machine that is not overloaded.
const NOTICEABLE: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);
