//! Conditions, and outcomes that match them.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::bench::tests::some_outcome as outcome;

#[track_caller]
fn check(condition: &str, is_met: bool) {
    let parsed: Condition = condition.parse().unwrap();
    assert_eq!(parsed.is_met(&outcome()), is_met, "{condition}: {}", parsed.found(&outcome()));
}

#[test]
fn times_are_compared_with_their_units() {
    check("p99>900ms", true);
    check("p99>995ms", false);
    check("p99 < 1s", true);
    check("p50>=500ms", true);
    check("p50<=0.4s", false);
    check("max>999ms", true);
    check("max>1002ms", false);
    check("mean>500ms", true);
    check("min>2ms", false);
    check("p99.9>=998ms", true);
}

#[test]
fn counts_and_rates_have_none() {
    check("errors>0", true);
    check("errors>1", false);
    check("rate<501", true);
    check("rate<500/s", false);
    check("messages/s>=500", true);
    check("sent>1k", true);
    check("received<1000", false);
    check("unsent>0", false);
    check("unanswered>0", false);
    check("incomplete>0", false);
    check("incomplete<1", true);
}

#[test]
fn in_a_closed_model_there_is_nothing_to_correct() {
    check("uncorrected.p50>=500ms", true);
    check("uncorrected.p50<500ms", false);
}

#[test]
fn what_was_never_measured_meets_every_condition() {
    for condition in ["fanout.p99>1s", "fanout.p99<1s", "delay.max>1min", "delay.p50<1ms"] {
        let parsed: Condition = condition.parse().unwrap();
        assert!(parsed.is_met(&outcome()), "{condition}");
        assert!(parsed.found(&outcome()).contains("nothing"), "{condition}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for text in ["", "p99", "p99>", "p99>5", "p99=5ms", "p0>1ms", "p101>1ms", "px>1ms", "errors>many", "speed>1"] {
        assert!(text.parse::<Condition>().is_err(), "{text}");
    }
}

#[test]
fn a_condition_is_shown_as_it_was_written() {
    assert_eq!("p99 > 5ms".parse::<Condition>().unwrap().to_string(), "p99 > 5ms");
}
