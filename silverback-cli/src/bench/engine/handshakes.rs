//! Opens and drops connections repeatedly, to measure how fast a server accepts them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::{
    control::{Stage, WorkerState},
    dialing::LoadDialer,
};

/// The number of handshakes that are still to be started.
#[derive(Debug)]
pub(super) struct Left(AtomicU64);

impl Left {
    pub(super) fn new(count: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(count)))
    }

    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// One handshake after the other, until the load stops.
pub(super) async fn run(state: Arc<WorkerState>, dialer: Arc<LoadDialer>, number: usize, left: Arc<Left>) {
    let clock = state.control.clock;
    while !state.control.has_reached(Stage::Stopping) && left.take() {
        let began = clock.now();
        let opened = dialer.open_and_reset(number).await;
        let now = clock.now();
        match opened {
            Ok(()) => count(&state, now, now - began),
            Err(failed) => {
                state.counts().faults.count(failed.cause, failed);
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

fn count(state: &WorkerState, now: u64, took: u64) {
    let mut counts = state.counts();
    counts.opened += 1;
    counts.last = now;
    counts.connects.record(took, 1);
}

/// A server that refuses at once must not keep this machine busy with asking again.
const AFTER_FAILURE: Duration = Duration::from_millis(10);
