//! The checker must fail for each sequence that breaks the promise.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Instant};

use super::{Summary, check, check_positions};
use crate::{
    journal::Accepted,
    seen::{
        Recovery::{self, Complete, Incomplete, NotAsked},
        Seen,
    },
};

/// Ten publications of one epoch. Offsets rise, but not by one, as those of a stream that several topics share.
fn journal() -> Vec<Accepted> {
    (0..10).map(|number| accepted("a", offset(number))).collect()
}

/// Five publications of one epoch, then five of the next.
fn journal_after_a_loss() -> Vec<Accepted> {
    let after = (0..5).map(|number| accepted("b", offset(number)));
    journal().into_iter().take(5).chain(after).collect()
}

fn accepted(epoch: &str, offset: u64) -> Accepted {
    Accepted { epoch: epoch.into(), offset, at: Instant::now() }
}

fn offset(number: usize) -> u64 {
    3 * number as u64 + 1
}

fn subscribed(epoch: &str, offset: u64, recovery: Recovery) -> Seen {
    Seen::Subscribed { epoch: Arc::from(epoch), offset, recovery }
}

fn received(numbers: impl IntoIterator<Item = usize>) -> Vec<Seen> {
    numbers.into_iter().map(|number| Seen::Received { number, offset: offset(number) }).collect()
}

/// The publications after the loss begin again at the first offset.
fn received_after_a_loss(numbers: impl IntoIterator<Item = usize>) -> Vec<Seen> {
    numbers.into_iter().map(|number| Seen::Received { number, offset: offset(number - 5) }).collect()
}

fn live_from_the_start() -> Vec<Seen> {
    vec![subscribed("a", 0, NotAsked)]
}

#[track_caller]
fn check_fails(seen: &[Vec<Seen>], words: &str) {
    let error = check(&journal(), &seen.concat(), true).expect_err("the checker must fail");
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_whole_sequence_passes() {
    let seen = [live_from_the_start(), received(0..10)].concat();
    assert_eq!(check(&journal(), &seen, true), Ok(Summary { received: 10, ..Summary::default() }));
}

#[test]
fn a_member_may_come_in_the_middle() {
    let seen = [vec![subscribed("a", offset(3), NotAsked)], received(4..10)].concat();
    assert_eq!(check(&journal(), &seen, true), Ok(Summary { received: 6, ..Summary::default() }));
}

#[test]
fn a_member_that_left_need_not_see_the_end() {
    let seen = [live_from_the_start(), received(0..4), vec![Seen::Interrupted]].concat();
    assert_eq!(check(&journal(), &seen, false), Ok(Summary { received: 4, ..Summary::default() }));
}

#[test]
fn recovered_publications_close_the_hole() {
    let seen = [
        live_from_the_start(),
        received(0..4),
        vec![Seen::Interrupted, subscribed("a", offset(7), Complete)],
        received(4..10),
    ];
    let summary = Summary { received: 10, recovered: 1, ..Summary::default() };
    assert_eq!(check(&journal(), &seen.concat(), true), Ok(summary));
}

#[test]
fn a_member_that_was_told_may_miss_what_was_before() {
    let seen = [
        live_from_the_start(),
        received(0..2),
        vec![Seen::Interrupted, subscribed("a", offset(6), Incomplete)],
        received(7..10),
    ];
    let summary = Summary { received: 5, told: 1, ..Summary::default() };
    assert_eq!(check(&journal(), &seen.concat(), true), Ok(summary));
}

#[test]
fn a_new_epoch_passes_if_the_member_was_told() {
    let seen = [
        live_from_the_start(),
        received(0..5),
        vec![Seen::Interrupted, subscribed("b", 0, Incomplete)],
        received_after_a_loss(5..10),
    ];
    let summary = Summary { received: 10, told: 1, ..Summary::default() };
    assert_eq!(check(&journal_after_a_loss(), &seen.concat(), true), Ok(summary));
}

#[test]
fn a_publication_that_was_lost_with_its_answer_may_come_in_both_epochs() {
    let again = Seen::Received { number: 5, offset: offset(5) };
    let seen = [
        live_from_the_start(),
        received(0..5),
        vec![again, Seen::Interrupted, subscribed("b", 0, Incomplete)],
        received_after_a_loss(5..10),
    ];
    let summary = Summary { received: 11, told: 1, repeated: 1, ..Summary::default() };
    assert_eq!(check(&journal_after_a_loss(), &seen.concat(), true), Ok(summary));
}

#[test]
fn a_hole_fails() {
    check_fails(&[live_from_the_start(), received([0, 1, 2, 4, 5, 6, 7, 8, 9])], "publications 3 to 3 are missing");
}

#[test]
fn a_hole_at_the_beginning_fails() {
    check_fails(&[live_from_the_start(), received(2..10)], "publications 0 to 1 are missing");
    check_fails(&[vec![subscribed("a", offset(3), NotAsked)], received(5..10)], "publications 4 to 4 are missing");
}

#[test]
fn a_loss_at_the_end_fails() {
    check_fails(&[live_from_the_start(), received(0..9)], "publications 9 to 9 never came");
    check_fails(&[live_from_the_start()], "publications 0 to 9 never came");
}

#[test]
fn a_duplicate_fails() {
    check_fails(&[live_from_the_start(), received([0, 1, 2, 2])], "got publication 2 again");
    check_fails(&[live_from_the_start(), received([0, 1, 2, 0])], "got publication 0 again");
}

#[test]
fn a_duplicate_after_a_recovery_fails() {
    let again = vec![Seen::Interrupted, subscribed("a", offset(9), Complete)];
    check_fails(&[live_from_the_start(), received(0..5), again, received(4..10)], "got publication 4 again");
}

#[test]
fn another_order_fails() {
    check_fails(&[live_from_the_start(), received([0, 2, 1])], "publications 1 to 1 are missing");
}

#[test]
fn a_recovery_with_a_hole_fails() {
    let again = vec![Seen::Interrupted, subscribed("a", offset(7), Complete)];
    check_fails(&[live_from_the_start(), received(0..4), again, received(6..10)], "publications 4 to 5 are missing");
}

#[test]
fn a_member_that_was_told_must_get_everything_after_it() {
    let again = vec![Seen::Interrupted, subscribed("a", offset(4), Incomplete)];
    check_fails(&[live_from_the_start(), received(0..2), again, received(7..10)], "publications 5 to 6 are missing");
}

#[test]
fn a_publication_that_nobody_accepted_fails() {
    check_fails(&[live_from_the_start(), received(0..11)], "which no node has accepted");
}

#[test]
fn a_wrong_offset_fails() {
    check_fails(&[live_from_the_start(), vec![Seen::Received { number: 0, offset: 2 }]], "which is at 1");
}

#[test]
fn a_publication_without_a_subscription_fails() {
    check_fails(&[received(0..1)], "without a subscription");
    check_fails(&[live_from_the_start(), vec![Seen::Interrupted], received(0..1)], "without a subscription");
}

#[test]
fn a_member_that_stays_out_fails() {
    check_fails(&[], "not subscribed");
    check_fails(&[live_from_the_start(), received(0..10), vec![Seen::Interrupted]], "not subscribed");
}

#[test]
fn a_second_subscription_fails() {
    check_fails(&[live_from_the_start(), live_from_the_start()], "subscribed twice");
}

#[test]
fn a_subscription_that_begins_anew_without_a_word_fails() {
    let again = vec![Seen::Interrupted, subscribed("a", offset(9), NotAsked)];
    check_fails(&[live_from_the_start(), received(0..4), again], "forgot its position");
}

#[test]
fn a_recovery_over_a_new_epoch_fails() {
    let seen = [live_from_the_start(), received(0..5), vec![Seen::Interrupted, subscribed("b", 0, Complete)]];
    let error = check(&journal_after_a_loss(), &seen.concat(), false).unwrap_err();
    assert!(error.contains("from epoch a to b"), "{error}");
}

#[test]
fn a_new_epoch_that_the_member_was_not_told_about_fails() {
    let seen = [live_from_the_start(), received(0..5), received_after_a_loss(5..7)];
    let error = check(&journal_after_a_loss(), &seen.concat(), false).unwrap_err();
    assert!(error.contains("another epoch"), "{error}");
}

#[test]
fn positions_that_do_not_rise_fail() {
    assert_eq!(check_positions(&journal()), Ok(()));
    assert_eq!(check_positions(&journal_after_a_loss()), Ok(()));
    let twice = [accepted("a", 1), accepted("a", 2), accepted("a", 2)];
    assert!(check_positions(&twice).unwrap_err().contains("offset 2 after 2"));
    let back = [accepted("a", 1), accepted("b", 1), accepted("a", 2)];
    assert!(check_positions(&back).unwrap_err().contains("came back"));
}
