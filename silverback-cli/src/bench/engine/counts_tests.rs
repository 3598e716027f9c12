//! Counters and histograms.

use super::*;
use crate::bench::engine::fault::Cause;

fn run(due: u64, sent: u64, count: u32) -> Run {
    Run { due, sent, count }
}

#[test]
fn latency_counts_from_when_a_message_was_due() {
    let mut counts = Counts::new();
    counts.answered(run(1_000_000, 5_000_000, 1), 6_000_000, true);
    let near = |times: &Times, nanos: u64| times.quantile(1.0).is_some_and(|found| found.abs_diff(nanos) < nanos / 500);
    assert!(near(&counts.round_trips, 5_000_000));
    assert!(near(&counts.uncorrected, 1_000_000));
}

#[test]
fn in_a_closed_model_there_is_one_latency() {
    let mut counts = Counts::new();
    counts.answered(run(1, 1, 3), 100, false);
    assert_eq!(counts.round_trips.recorded().map(Histogram::len), Some(3));
    assert!(counts.uncorrected.recorded().is_none());
}

#[test]
fn percentiles_have_three_digits_from_microseconds_to_minutes() {
    for nanos in [1_000, 50_000, 3_000_000, 2_000_000_000, 600_000_000_000] {
        let mut times = Times::new();
        times.record(nanos, 1);
        let found = times.quantile(0.5).unwrap_or(0);
        assert!(found.abs_diff(nanos) <= (nanos / 500).max(16), "{nanos}: {found}");
    }
}

#[test]
fn what_takes_longer_than_an_hour_counts_as_that() {
    let mut times = Times::new();
    times.record(u64::MAX, 1);
    assert!(times.quantile(1.0).is_some_and(|found| found >= LONGEST));
}

#[test]
fn counts_add_up_and_can_be_begun_anew() {
    let mut counts = Counts::new();
    (counts.sent, counts.received, counts.wire_received, counts.last) = (3, 2, 100, 9);
    counts.connects.record(1000, 1);
    counts.faults.count(Cause::Lost, "gone");
    let mut sum = counts.clone();
    sum.add(&counts);
    assert_eq!((sum.sent, sum.received, sum.wire_received, sum.last), (6, 4, 200, 9));
    assert_eq!(sum.connects.recorded().map(Histogram::len), Some(2));
    assert_eq!(sum.faults.total(), 2);
    sum.clear();
    assert_eq!((sum.sent, sum.wire_received, sum.faults.total()), (0, 0, 0));
    assert!(sum.connects.recorded().is_none());
}
