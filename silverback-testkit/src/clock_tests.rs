use super::FakeClock;
use std::time::Duration;

#[test]
fn time_stands_still_until_it_is_advanced() {
    let clock = FakeClock::new();
    assert_eq!(clock.now(), clock.now());
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[test]
fn clones_show_the_same_time() {
    let clock = FakeClock::new();
    let other = clock.clone();
    let new = clock.advance(Duration::from_millis(5));
    assert_eq!(other.now(), new);
    assert_eq!(other.elapsed(), Duration::from_millis(5));
}

#[test]
fn advancing_to_an_instant_arrives_there() {
    let clock = FakeClock::new();
    let due = clock.now() + Duration::from_secs(3);
    clock.advance_to(due);
    clock.advance_to(due);
    assert_eq!(clock.now(), due);
}

#[test]
#[should_panic(expected = "cannot go back by 1s")]
fn advancing_to_the_past_is_refused() {
    let clock = FakeClock::new();
    let before = clock.now();
    clock.advance(Duration::from_secs(1));
    clock.advance_to(before);
}
