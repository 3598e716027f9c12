//! How waits grow with failures.
#![allow(clippy::unwrap_used)]

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pace(jitter: f64) -> Pace {
    Pace { jitter: Arc::new(move || jitter), ..Pace::default() }
}

fn waits(pace: &Pace, count: usize) -> Vec<Duration> {
    let (mut backoff, now) = (Backoff::default(), Instant::now());
    (0..count).map(|_| backoff.note_failure(pace, now, None).unwrap()).collect()
}

#[test]
fn the_bound_doubles_up_to_its_maximum() {
    assert_eq!(waits(&pace(1.0), 7), [1, 2, 4, 8, 16, 30, 30].map(seconds));
}

#[test]
fn however_long_it_fails_the_wait_stays_at_the_maximum() {
    let (pace, now) = (pace(1.0), Instant::now());
    let mut backoff = Backoff { failures: u32::MAX - 2, since: None };
    for _ in 0..2 {
        assert_eq!(backoff.note_failure(&pace, now, None), Some(seconds(30)));
    }
}

#[test]
fn a_wait_is_random_but_never_none() {
    assert_eq!(waits(&pace(0.0), 2), [Duration::from_millis(100); 2]);
    assert_eq!(waits(&pace(0.5), 3), [500, 1000, 2000].map(Duration::from_millis));
    let nothing = Pace { initial: Duration::ZERO, ..pace(0.0) };
    assert!(waits(&nothing, 1)[0] > Duration::ZERO);
}

#[test]
fn nothing_grows_from_an_initial_bound_of_0() {
    for factor in [0.0, 1.0, 2.0, 1e300, f64::MAX, f64::INFINITY, f64::NAN] {
        let pace = Pace { initial: Duration::ZERO, factor, ..pace(1.0) };
        for failures in EXTREME_FAILURES {
            assert_eq!(pace.wait(failures, None), SHORTEST, "{factor}, {failures}");
        }
    }
}

#[test]
fn a_wait_stays_between_the_shortest_and_the_maximum_whatever_was_asked_for() {
    let bounds = [Duration::ZERO, Duration::from_nanos(1), seconds(1), seconds(100), Duration::MAX];
    let factors = [f64::NEG_INFINITY, -2.0, 0.0, 0.5, 1.0, 1.0 + f64::EPSILON, 2.0, f64::MAX, f64::INFINITY, f64::NAN];
    for (initial, max) in bounds.iter().flat_map(|&initial| bounds.map(|max| (initial, max))) {
        for (factor, jitter) in factors.iter().flat_map(|&factor| [0.0, 0.5, 1.0].map(|jitter| (factor, jitter))) {
            let pace = Pace { initial, max, factor, ..pace(jitter) };
            let waits = EXTREME_FAILURES.map(|failures| pace.wait(failures, None));
            let case = format!("{initial:?} {max:?} {factor} {jitter}: {waits:?}");
            assert!(waits.iter().all(|&wait| wait >= SHORTEST && wait <= max.max(SHORTEST)), "{case}");
            assert!(waits.is_sorted(), "{case}");
        }
    }
}

#[test]
fn a_maximum_below_the_initial_bound_is_the_bound() {
    let pace = |jitter| Pace { initial: seconds(100), max: seconds(5), ..pace(jitter) };
    assert_eq!(waits(&pace(1.0), 3), [seconds(5); 3]);
    assert_eq!(waits(&pace(0.0), 3), [Duration::from_millis(500); 3]);
}

/// Powers of 2 pass the largest `f64` at 1,024.
const EXTREME_FAILURES: [u32; 7] = [0, 1, 1_023, 1_024, 1_100, i32::MAX as u32, u32::MAX];

#[test]
fn a_source_of_jitter_that_is_wrong_does_no_harm() {
    for wrong in [f64::NAN, 7.0, f64::INFINITY] {
        assert_eq!(waits(&pace(wrong), 1), [seconds(1)]);
    }
    assert_eq!(waits(&pace(-1.0), 1), [Duration::from_millis(100)]);
}

#[test]
fn the_default_jitter_is_spread_over_the_whole_bound() {
    let all: Vec<_> = (0..200).map(|_| random()).collect();
    assert!(all.iter().all(|number| (0.0..=1.0).contains(number)));
    assert!(all.iter().any(|&number| number < 0.25) && all.iter().any(|&number| number > 0.75));
}

#[test]
fn only_a_connection_that_held_begins_anew() {
    let (pace, now) = (pace(1.0), Instant::now());
    let mut backoff = Backoff::default();
    let mut next = |held| {
        backoff.note_held(&pace, held);
        backoff.note_failure(&pace, now, None).unwrap()
    };
    assert_eq!([next(seconds(0)), next(seconds(29)), next(seconds(30)), next(seconds(1))], [1, 2, 1, 2].map(seconds));
}

#[test]
fn retries_in_a_row_are_counted() {
    let pace = Pace { max_retries: 2, ..pace(1.0) };
    let now = Instant::now();
    let mut backoff = Backoff::default();
    assert!(backoff.note_failure(&pace, now, None).is_some());
    assert!(backoff.note_failure(&pace, now, None).is_some());
    assert_eq!(backoff.note_failure(&pace, now, None), None);
    assert_eq!(backoff.failures(), 3);
    let none = Pace { max_retries: 0, ..pace };
    assert_eq!(Backoff::default().note_failure(&none, now, None), None);
}

#[test]
fn nobody_waits_for_an_attempt_that_would_come_too_late() {
    let pace = Pace { give_up_after: Some(seconds(10)), ..pace(1.0) };
    let now = Instant::now();
    let mut backoff = Backoff::default();
    assert_eq!(backoff.note_failure(&pace, now, None), Some(seconds(1)));
    assert_eq!(backoff.note_failure(&pace, now + seconds(8), None), Some(seconds(2)));
    assert_eq!(backoff.note_failure(&pace, now + seconds(8), None), None);
}

#[test]
fn a_server_may_ask_for_more_patience_within_reason_and_clients_still_do_not_come_together() {
    let mut backoff = Backoff::default();
    let now = Instant::now();
    assert_eq!(backoff.note_failure(&pace(0.5), now, Some(seconds(120))), Some(Duration::from_millis(120_500)));
    assert_eq!(backoff.note_failure(&pace(0.5), now, Some(seconds(1_000_000))), Some(seconds(3601)));
}
