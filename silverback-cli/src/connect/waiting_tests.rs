//! The events that `connect` waits for, and the time.
#![allow(clippy::unwrap_used)]

use super::*;

fn waiting(wait: Option<TimeOrOff>, count: Option<u64>, until: Option<&str>) -> Waiting {
    Waiting::new(Rule { wait, count, until: until.map(|text| Regex::new(text).unwrap()), expected: None })
}

fn plain() -> Waiting {
    waiting(None, None, None)
}

const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn check(waiting: &Waiting, since: Instant, seconds: u32, silence: Silence) {
    assert_eq!(waiting.deadline(), Some(since + seconds * SECOND));
    assert_eq!(waiting.judge(), silence);
}

#[test]
fn nothing_ends_while_there_may_be_input() {
    let mut waiting = plain();
    waiting.note_sent();
    assert!(!waiting.note_received(b"hi", Instant::now()));
    assert_eq!(waiting.deadline(), None);
}

#[test]
fn a_first_answer_has_10_seconds_and_none_at_all_is_no_failure() {
    let (mut waiting, now) = (plain(), Instant::now());
    waiting.note_sent();
    assert!(!waiting.note_input_ended(now));
    check(&waiting, now, 10, Silence::Enough);
}

#[test]
fn what_was_asked_for_and_did_not_come_is_named() {
    let now = Instant::now();
    for (count, until, missing) in [
        (Some(2), None, "received 1 of 2 messages (--count)"),
        (None, Some("^done$"), "no message matched --until `^done$`"),
        (Some(2), Some("x"), "received 1 of 2 messages (--count), and no message matched --until `x`"),
    ] {
        let mut waiting = waiting(None, count, until);
        waiting.note_input_ended(now);
        waiting.note_received(b"hi", now);
        check(&waiting, now, 10, Silence::TooLong(10 * SECOND));
        assert_eq!(waiting.missing().as_deref(), Some(missing));
    }
}

#[test]
fn after_the_last_answer_a_second_is_enough() {
    let (mut waiting, now) = (plain(), Instant::now());
    waiting.note_sent();
    waiting.note_input_ended(now);
    let later = now + 5 * SECOND;
    waiting.note_received(b"hi", later);
    check(&waiting, later, 1, Silence::Enough);
}

#[test]
fn a_greeting_is_no_answer() {
    let (mut waiting, now) = (plain(), Instant::now());
    waiting.note_received(b"welcome", now);
    waiting.note_sent();
    waiting.note_input_ended(now);
    check(&waiting, now, 10, Silence::Enough);
    waiting.note_received(b"hi", now);
    check(&waiting, now, 1, Silence::Enough);
}

#[test]
fn one_answer_to_all_is_enough() {
    let (mut waiting, now) = (plain(), Instant::now());
    (0..3).for_each(|_| waiting.note_sent());
    waiting.note_input_ended(now);
    waiting.note_received(b"1", now);
    check(&waiting, now, 1, Silence::Enough);
}

#[test]
fn what_came_before_the_last_message_left_answers_others() {
    let (mut waiting, now) = (plain(), Instant::now());
    waiting.note_sent();
    waiting.note_received(b"1", now);
    waiting.note_sent();
    waiting.note_input_ended(now);
    check(&waiting, now, 10, Silence::Enough);
    waiting.note_received(b"2", now);
    check(&waiting, now, 1, Silence::Enough);
}

#[test]
fn as_many_answers_as_messages_are_enough_whenever_they_came() {
    let (mut waiting, now) = (plain(), Instant::now());
    waiting.note_sent();
    waiting.note_received(b"1", now);
    waiting.note_input_ended(now);
    check(&waiting, now, 1, Silence::Enough);
}

#[test]
fn who_sends_nothing_waits_for_a_second_of_silence() {
    let (mut waiting, now) = (plain(), Instant::now());
    waiting.note_input_ended(now);
    check(&waiting, now, 1, Silence::Enough);
}

#[test]
fn what_the_user_says_holds_for_first_and_last_alike() {
    let (mut waiting, now) = (waiting(Some(TimeOrOff(Some(3 * SECOND))), None, None), Instant::now());
    waiting.note_sent();
    waiting.note_input_ended(now);
    check(&waiting, now, 3, Silence::Enough);
    waiting.note_received(b"hi", now);
    check(&waiting, now, 3, Silence::Enough);
}

#[test]
fn off_waits_for_ever() {
    let mut waiting = waiting(Some(TimeOrOff(None)), None, None);
    waiting.note_sent();
    waiting.note_input_ended(Instant::now());
    assert_eq!(waiting.deadline(), None);
}

#[test]
fn a_count_ends_it_with_its_last_message_even_while_there_is_input() {
    let (mut waiting, now) = (waiting(None, Some(2), None), Instant::now());
    assert!(!waiting.note_received(b"1", now));
    assert!(waiting.missing().is_some());
    assert!(waiting.note_received(b"2", now));
    assert_eq!(waiting.missing(), None);
}

#[test]
fn a_count_that_is_not_reached_is_waited_for_and_missed() {
    let (mut waiting, now) = (waiting(None, Some(2), None), Instant::now());
    waiting.note_sent();
    waiting.note_input_ended(now);
    waiting.note_received(b"1", now);
    check(&waiting, now, 10, Silence::TooLong(10 * SECOND));
}

#[test]
fn a_count_of_0_wants_no_answer() {
    let mut waiting = waiting(None, Some(0), None);
    waiting.note_sent();
    assert!(waiting.note_input_ended(Instant::now()));
    assert_eq!(waiting.missing(), None);
}

#[test]
fn until_ends_it_with_the_message_that_matches() {
    let (mut waiting, now) = (waiting(None, None, Some("^do+ne$")), Instant::now());
    assert!(!waiting.note_received(b"undone", now));
    assert!(waiting.missing().is_some());
    assert!(waiting.note_received(b"doone", now));
    assert_eq!(waiting.missing(), None);
}

#[test]
fn of_count_and_until_either_is_enough() {
    let now = Instant::now();
    let mut counted = waiting(None, Some(1), Some("never"));
    assert!(counted.note_received(b"x", now));
    assert_eq!(counted.missing(), None);
    let mut matched = waiting(None, Some(9), Some("x"));
    assert!(matched.note_received(b"x", now));
    assert_eq!(matched.missing(), None);
}

#[test]
fn a_recording_knows_how_many_messages_there_are() {
    let now = Instant::now();
    let mut waiting = Waiting::new(Rule { wait: None, count: None, until: None, expected: Some(2) });
    (0..5).for_each(|_| waiting.note_sent());
    assert!(!waiting.note_received(b"one", now));
    assert!(!waiting.note_input_ended(now));
    check(&waiting, now, 10, Silence::TooLong(10 * SECOND));
    assert!(waiting.missing().unwrap().contains("received 1 of the 2 messages in the recording (--expect)"));
    // There may be another one, which is one too many.
    assert!(!waiting.note_received(b"two", now));
    assert_eq!(waiting.missing(), None);
    check(&waiting, now, 1, Silence::Enough);
}
