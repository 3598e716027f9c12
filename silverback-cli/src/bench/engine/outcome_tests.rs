//! The progress of a running load.

use super::*;
use crate::bench::{engine::control::WorkerState, tests::plan};

#[test]
fn a_warm_up_has_a_rate_too() {
    let control = Control::new(plan(&[]).load);
    let state = WorkerState::new(control.clone(), 0);
    let mut ledger = Ledger::new(&control);
    ledger.start(control.clock.now());
    state.counts().received = 1000;
    state.counts().round_trips.record(1_000_000, 1000);
    ledger.take(&state);
    let progress = ledger.progress(&control, true);
    assert!(!progress.is_measuring && progress.rate > 0.0 && progress.p99.is_some(), "{progress:?}");
    // Nor does the measured time begin with nothing.
    ledger.start_measuring(&control);
    assert!(ledger.progress(&control, true).rate > 0.0);
}
