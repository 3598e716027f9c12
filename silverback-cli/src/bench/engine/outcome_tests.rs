//! What is shown while a load runs.

use super::*;
use crate::bench::{engine::control::Crew, tests::plan};

#[test]
fn a_warm_up_has_a_rate_too() {
    let control = Control::new(plan(&[]).load);
    let crew = Crew::new(control.clone(), 0);
    let mut ledger = Ledger::new(&control);
    ledger.start(control.clock.now());
    crew.counts().received = 1000;
    crew.counts().round_trips.record(1_000_000, 1000);
    ledger.take(&crew);
    let progress = ledger.progress(&control, true);
    assert!(!progress.is_measuring && progress.rate > 0.0 && progress.p99.is_some(), "{progress:?}");
    // Nor does the measured time begin with nothing.
    ledger.start_measuring(&control);
    assert!(ledger.progress(&control, true).rate > 0.0);
}
