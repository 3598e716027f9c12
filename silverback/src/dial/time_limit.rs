//! The time limits of a dial and of its steps.

use std::{future::Future, io, time::Duration};

use tokio::time::Instant;

use super::{DialError, DialStep, error::Place};
use crate::io::last_look::within;

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budgets {
    pub(super) resolve: Duration,
    pub(super) connect: Duration,
    pub(super) proxy: Duration,
    pub(super) tls: Duration,
    /// The limit for all steps together, if the application set one.
    pub(super) all: Option<Duration>,
}

impl Default for Budgets {
    fn default() -> Self {
        let step = Duration::from_secs(10);
        Self { resolve: step, connect: step, proxy: step, tls: step, all: None }
    }
}

impl Budgets {
    /// Returns the limit for all steps together. By default it is at least as long as each step's: an application that
    /// gives one step more time does not want the total to cut it.
    fn whole(&self, handshake: Duration) -> Duration {
        let steps = [self.resolve, self.connect, self.proxy, self.tls, handshake];
        self.all.unwrap_or_else(|| steps.into_iter().fold(Duration::from_secs(30), Duration::max))
    }
}

/// The time limits of one dial. All of its redirects share them.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit {
    budgets: Budgets,
    handshake: Duration,
    whole: Duration,
    deadline: Instant,
}

impl TimeLimit {
    pub(super) fn start(budgets: Budgets, handshake: Duration) -> Self {
        let whole = budgets.whole(handshake);
        Self { budgets, handshake, whole, deadline: later(Instant::now(), whole) }
    }

    /// Returns the deadline of a step that begins now, and the limit that the deadline comes from.
    pub(super) fn deadline(&self, step: DialStep) -> (Instant, Duration) {
        let budget = match step {
            DialStep::Resolve => self.budgets.resolve,
            DialStep::Connect => self.budgets.connect,
            DialStep::Proxy => self.budgets.proxy,
            DialStep::Tls => self.budgets.tls,
            DialStep::Handshake => self.handshake,
        };
        let step_ends = later(Instant::now(), budget);
        match step_ends <= self.deadline {
            true => (step_ends, budget),
            false => (self.deadline, self.whole),
        }
    }

    /// Runs a step within its own limit and that of the whole dial.
    pub(super) async fn within<T>(
        &self,
        step: DialStep,
        place: Place<'_>,
        work: impl Future<Output = io::Result<T>>,
    ) -> Result<T, DialError> {
        self.bounded(step, place, async { work.await.map_err(|source| place.failed(step, source)) }).await
    }

    /// Does the same for work that returns a `DialError`.
    pub(super) async fn bounded<T>(
        &self,
        step: DialStep,
        place: Place<'_>,
        work: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        until(self.deadline(step), step, place, work).await
    }

    /// Runs work within the limit of the whole dial.
    #[cfg(any(feature = "http2", feature = "http3"))]
    pub(super) async fn in_all<T>(
        &self,
        step: DialStep,
        place: Place<'_>,
        work: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        until((self.deadline, self.whole), step, place, work).await
    }
}

/// Runs work until a deadline, which comes from the limit beside it.
pub(super) async fn until<T>(
    (deadline, after): (Instant, Duration),
    step: DialStep,
    place: Place<'_>,
    work: impl Future<Output = Result<T, DialError>>,
) -> Result<T, DialError> {
    match within(deadline, work).await {
        Some(outcome) => outcome,
        None => Err(DialError::Timeout { step, target: place.target.to_owned(), peer: place.peer, after }),
    }
}

fn later(now: Instant, by: Duration) -> Instant {
    now + by.min(FAR_FUTURE)
}

/// Ten years. Longer times are cut to this, because an `Instant` could overflow.
const FAR_FUTURE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
