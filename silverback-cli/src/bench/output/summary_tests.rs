//! The summary.

use super::*;
use crate::bench::tests::{plan, some_outcome};

#[test]
fn it_tells_rates_percentiles_errors_and_the_histogram() {
    let text = text(&plan(&["-c", "10"]), &some_outcome());
    for part in [
        "10 connections to ws://localhost/: 64 B binary, one in flight each",
        "1,001 sent, 1,000 received in 2.00 s",
        "500 messages/s",
        "10 opened in 0.00 s, 1 lost",
        "p99.99",
        "reset by the server (the <server> is gone)",
        "round trip, up to",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let row = text.lines().find(|line| line.starts_with("round trip  ")).unwrap_or_default();
    let times: Vec<_> = row.split_whitespace().skip(2).collect();
    assert_eq!(times[..2], ["500", "ms"], "{text}");
}

#[test]
fn an_open_model_tells_both_latencies_and_what_was_not_sent() {
    let mut outcome = some_outcome();
    (outcome.planned, outcome.unsent) = (Some(1100), Some(99));
    outcome.counts.uncorrected.record(1_000_000, 1000);
    outcome.counts.delays.record(1_000, 1000);
    let text = text(&plan(&["--rate", "550"]), &outcome);
    for part in
        ["1,100 messages, 99 of them not sent in time", "550 a second", "from plan", "from sending", "sent late by"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn ascii_is_asked_for_and_kept() {
    let text = text(&plan(&["--ascii"]), &some_outcome());
    assert!(text.is_ascii(), "{text}");
}
