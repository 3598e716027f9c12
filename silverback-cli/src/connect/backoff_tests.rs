//! How waits grow.
#![allow(clippy::unwrap_used)]

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_bound_doubles_up_to_a_minute() {
    let mut backoff = Backoff::new(u32::MAX);
    let waits: Vec<_> = (0..9).map(|_| backoff.next(None, u32::MAX).unwrap().as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn a_wait_is_random_but_never_none() {
    let mut backoff = Backoff::new(u32::MAX);
    assert_eq!(backoff.next(None, 0), Some(Duration::from_millis(100)));
    let half = backoff.next(None, u32::MAX / 2).unwrap();
    assert!(half > Duration::from_millis(990) && half < Duration::from_millis(1010), "{half:?}");
}

#[test]
fn attempts_in_a_row_are_counted() {
    let mut backoff = Backoff::new(2);
    assert!(backoff.next(None, 1).is_some());
    backoff.note_connected(seconds(1));
    assert!(backoff.next(None, 1).is_some());
    assert_eq!(backoff.next(None, 1), None);
    backoff.note_connected(seconds(60));
    assert!(backoff.next(None, 1).is_some());
    assert_eq!(Backoff::new(0).next(None, 1), None);
}

#[test]
fn a_server_may_ask_for_more_patience_within_reason() {
    let mut backoff = Backoff::new(u32::MAX);
    assert_eq!(backoff.next(Some(seconds(120)), 0), Some(seconds(120)));
    assert_eq!(backoff.next(Some(seconds(1_000_000)), 0), Some(seconds(3600)));
    assert_eq!(backoff.next(Some(Duration::ZERO), u32::MAX), Some(seconds(4)));
}
