//! The end of the program: its last line and exit code.
#![allow(clippy::unwrap_used)]

use clap::{FromArgMatches, Parser};

use super::*;
use crate::bench::engine::outcome::{InTime, Sample};

#[derive(Parser)]
struct Words {
    #[command(flatten)]
    args: Args,
}

pub(super) fn plan(words: &[&str]) -> Plan {
    let words = ["bench", "ws://localhost/"].iter().chain(words);
    let matches = <Words as clap::CommandFactory>::command().try_get_matches_from(words).unwrap();
    Plan::resolve(Words::from_arg_matches(&matches).unwrap().args).unwrap()
}

/// A thousand round trips of 1 to 1000 ms, in two seconds.
pub(super) fn some_outcome() -> Outcome {
    let mut outcome = Outcome::nothing(Cause::Reset, "the <server> is gone");
    let counts = &mut outcome.counts;
    for millis in 1..=1000 {
        counts.round_trips.record(millis * 1_000_000, 1);
        counts.connects.record(millis * 1_000, 1);
    }
    (counts.sent, counts.received, counts.bytes_sent) = (1001, 1000, 64_064);
    outcome.in_time = InTime { sent: 1001, received: 1000, ..InTime::default() };
    (outcome.opened, outcome.lost) = (10, 1);
    outcome.measured = Duration::from_secs(2);
    let sample = |at: u64| Sample {
        at: at as f64,
        seconds: 1.0,
        sent: 500,
        received: 500,
        p50: Some(at * 1_000_000),
        p99: Some(at * 9_000_000),
        max: Some(at * 10_000_000),
        faults: at - 1,
    };
    outcome.series = vec![sample(1), sample(2)];
    outcome
}

fn code(plan: &Plan, outcome: &Outcome) -> u8 {
    verdict(plan, outcome).map_or_else(|error| error.code(), |()| 0)
}

#[test]
fn when_nothing_worked_the_code_tells_why() {
    for (cause, expected) in [
        (Cause::NoDescriptors, 1),
        (Cause::Usage, 2),
        (Cause::Resolve, 3),
        (Cause::ConnectRefused, 3),
        (Cause::Tls, 4),
        (Cause::Refused(403), 5),
        (Cause::Closed(1008), 6),
        (Cause::Reset, 6),
        (Cause::Protocol, 7),
        (Cause::Mismatch, 7),
        (Cause::HandshakeTimeout, 8),
    ] {
        assert_eq!(code(&plan(&[]), &Outcome::nothing(cause, "why")), expected, "{cause}");
    }
}

#[test]
fn when_something_worked_errors_are_for_a_condition_to_judge() {
    let mut outcome = Outcome::nothing(Cause::Reset, "gone");
    (outcome.opened, outcome.lost, outcome.counts.received) = (10, 1, 5);
    assert_eq!(code(&plan(&[]), &outcome), 0);
    assert_eq!(code(&plan(&["--fail-if", "errors>0"]), &outcome), 9);
    assert_eq!(code(&plan(&["--fail-if", "errors>1"]), &outcome), 0);
}

#[test]
fn when_nobody_is_left_it_makes_no_difference_that_something_worked() {
    let mut outcome = Outcome::nothing(Cause::Reset, "gone");
    (outcome.opened, outcome.lost, outcome.counts.received) = (10, 10, 5);
    assert_eq!(code(&plan(&["--fail-if", "errors>0"]), &outcome), 6);
}

#[test]
fn a_load_of_which_nothing_arrives_is_8() {
    let mut outcome = some_outcome();
    outcome.counts.incomplete = 3;
    assert_eq!(code(&plan(&[]), &outcome), 8);
    outcome.counts.fan_outs.record(1, 1);
    assert_eq!(code(&plan(&[]), &outcome), 0);
    assert_eq!(code(&plan(&["--fail-if", "incomplete>2"]), &outcome), 9);
    let mut outcome = some_outcome();
    outcome.counts.unanswered = 3;
    assert_eq!(code(&plan(&[]), &outcome), 0);
    outcome.counts.received = 0;
    assert_eq!(code(&plan(&[]), &outcome), 8);
}
