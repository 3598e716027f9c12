use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{Clock, at, numbered, offsets, topic};
use crate::{
    model::{
        identity::{Identity, MemberId},
        limits::LimitError,
        name::Label,
        position::{Epoch, Position},
        topic::Topic,
    },
    topics::{
        history::History,
        store::{Store, StoreLimits, Stored},
    },
};

fn limits() -> StoreLimits {
    StoreLimits {
        topics: 100,
        history_bytes: 1024 * 1024,
        ids: 100,
        id_age: Duration::from_secs(300),
        leases: 100,
        position_age: Duration::from_secs(3600),
    }
}

fn with_history(size: usize, seconds: u64) -> Topic {
    Topic::new().history(size, Duration::from_secs(seconds))
}

fn first() -> Epoch {
    Epoch::new("first")
}

/// Publishes the numbers from 1 on.
fn filled(clock: &Clock, options: &Topic, count: u64) -> Store {
    let mut store = Store::new(limits());
    for number in 1..=count {
        store.publish(clock.at(number), options, numbered("t", number), first).unwrap();
    }
    store
}

#[test]
fn a_replay_is_complete_as_long_as_the_next_publication_is_stored() {
    let clock = Clock::new();
    let options = with_history(3, 1000);
    let mut store = filled(&clock, &options, 5);
    for (offset, complete, expected) in
        [(5, true, &[][..]), (4, true, &[5]), (2, true, &[3, 4, 5]), (1, false, &[3, 4, 5]), (6, false, &[])]
    {
        let replay = store.since(clock.at(6), &topic("t"), &options, &at("first", offset), first).unwrap();
        assert_eq!((replay.complete, offsets(&replay.publications)), (complete, expected.to_vec()), "after {offset}");
        assert_eq!(replay.position, Some(at("first", 5)));
    }
}

#[test]
fn a_position_of_another_epoch_is_never_complete() {
    let clock = Clock::new();
    let options = with_history(10, 1000);
    let mut store = filled(&clock, &options, 3);
    let replay = store.since(clock.at(4), &topic("t"), &options, &at("second", 3), first).unwrap();
    assert!(!replay.complete);
}

#[test]
fn the_start_is_complete_only_while_the_first_publication_is_stored() {
    let clock = Clock::new();
    let options = with_history(3, 1000);
    let start = Position::start();
    for (count, complete) in [(0, true), (3, true), (4, false)] {
        let mut store = filled(&clock, &options, count);
        let replay = store.since(clock.at(9), &topic("t"), &options, &start, first).unwrap();
        assert_eq!(replay.complete, complete, "after {count} publications");
    }
}

#[test]
fn a_quiet_topic_stays_provable_after_its_history_has_aged() {
    let clock = Clock::new();
    let options = with_history(10, 60);
    let mut store = filled(&clock, &options, 3);
    let later = clock.at(1000);
    let mut since = |offset| store.since(later, &topic("t"), &options, &at("first", offset), first).unwrap();
    assert!(since(3).complete, "nothing was missed");
    assert!(!since(2).complete, "the missed publication has aged");
}

#[test]
fn after_the_history_is_cleared_only_the_newest_position_is_complete() {
    let clock = Clock::new();
    let options = with_history(10, 1000);
    let mut store = filled(&clock, &options, 3);
    store.clear_history(clock.at(4), &topic("t"));
    store.clear_history(clock.at(4), &topic("unknown"));
    assert_eq!((store.history_bytes(), store.topics()), (0, 1));
    for (offset, complete) in [(3, true), (2, false), (0, false)] {
        let replay = store.since(clock.at(5), &topic("t"), &options, &at("first", offset), first).unwrap();
        assert_eq!((replay.complete, replay.publications.len()), (complete, 0), "after {offset}");
        assert_eq!(replay.position, Some(at("first", 3)), "offset and epoch stay");
    }
    store.publish(clock.at(6), &options, numbered("t", 4), first).unwrap();
    for (offset, complete) in [(4, true), (3, true), (2, false)] {
        let replay = store.since(clock.at(7), &topic("t"), &options, &at("first", offset), first).unwrap();
        assert_eq!(replay.complete, complete, "after {offset}");
    }
}

#[test]
fn offsets_stay_below_2_to_the_53_because_a_new_epoch_begins() {
    let mut history = History::new(first());
    history.set_top(Position::MAX_OFFSET - 1);
    assert!(!history.is_full());
    let clock = Clock::new();
    let limits = with_history(1, 1).history_limits().unwrap();
    let published = history.push(clock.at(0), limits, 10_000, numbered("t", 1));
    assert_eq!(published.position.unwrap().offset, Position::MAX_OFFSET);
    assert_eq!(Position::MAX_OFFSET as f64 as u64, Position::MAX_OFFSET);
    assert!(history.is_full());
}

#[test]
fn an_id_is_accepted_once_within_the_window() {
    let clock = Clock::new();
    let options = with_history(10, 1000);
    let mut store = Store::new(limits());
    let mut publish = |seconds, name: &str| {
        let mut publication = numbered(name, 1);
        publication.id = Some(Label::new("order-17").unwrap());
        store.publish(clock.at(seconds), &options, publication, first).unwrap()
    };
    assert!(matches!(publish(0, "t"), Stored::New { .. }));
    assert_eq!(publish(299, "t"), Stored::Known(Some(at("first", 1))));
    assert!(matches!(publish(299, "other"), Stored::New { .. }), "ids are of their topic");
    assert!(matches!(publish(300, "t"), Stored::New { .. }), "the window has passed");
}

#[test]
fn a_member_that_is_not_renewed_leaves_no_ghost() {
    let clock = Clock::new();
    let mut store = Store::new(limits());
    let (node, dead) = (MemberId::new(1, 1), MemberId::new(2, 1));
    let lease = |store: &mut Store, now, member| {
        let until = clock.at(now + 30);
        store.lease(clock.at(now), until, [(topic("t"), member, Identity::user("u"))]).unwrap();
    };
    lease(&mut store, 0, node);
    lease(&mut store, 0, dead);
    lease(&mut store, 20, node);
    let present = |store: &mut Store, now| -> Vec<_> {
        store.present(clock.at(now), &topic("t")).iter().map(|present| present.member).collect()
    };
    assert_eq!(present(&mut store, 29), [node, dead]);
    assert_eq!(present(&mut store, 30), [node]);
    store.release(clock.at(31), &topic("t"), node);
    assert!(present(&mut store, 31).is_empty());
    store.present(clock.at(32), &topic("t"));
    assert_eq!(store.topics(), 0, "nothing is left of the topic");
}

#[test]
fn everything_that_the_store_keeps_has_a_limit() {
    let clock = Clock::new();
    let options = with_history(1000, 1000);
    let mut store = Store::new(StoreLimits { topics: 2, history_bytes: 2000, ids: 2, leases: 1, ..limits() });
    for number in 0..50 {
        store.publish(clock.at(0), &options, numbered("a", number), first).unwrap();
    }
    assert!(store.history_bytes() <= 2000);
    let until = clock.at(9);
    store.publish(clock.at(0), &options, numbered("b", 0), first).unwrap();
    assert!(store.history_bytes() <= 2000, "the history of one topic leaves no room for another");
    let replay = store.since(clock.at(0), &topic("b"), &options, &Position::start(), first).unwrap();
    assert!(!replay.complete, "what was not stored is not complete");
    // Only a topic with more than a position keeps its place.
    store.lease(clock.at(0), until, [(topic("b"), MemberId::new(1, 1), Identity::anonymous())]).unwrap();
    assert_eq!(store.publish(clock.at(0), &options, numbered("c", 0), first), Err(LimitError::Topics(2)));
    let lease = |member| [(topic("a"), MemberId::new(1, member), Identity::anonymous())];
    assert_eq!(store.lease(clock.at(0), until, lease(2)), Err(LimitError::Leases(1)));
    for number in 0..3_u8 {
        let mut publication = numbered("a", 0);
        publication.id = Some(Label::new(&number.to_string()).unwrap());
        store.publish(clock.at(0), &Topic::new(), publication.clone(), first).unwrap();
        let again = store.publish(clock.at(0), &Topic::new(), publication, first).unwrap();
        assert_eq!(again, Stored::Known(None));
    }
    let mut oldest = numbered("a", 0);
    oldest.id = Some(Label::new("0").unwrap());
    assert!(matches!(store.publish(clock.at(0), &Topic::new(), oldest, first).unwrap(), Stored::New { .. }));
}

#[test]
fn a_full_store_forgets_a_topic_of_which_only_the_position_is_left() {
    let clock = Clock::new();
    let options = with_history(10, 60);
    let mut store = Store::new(StoreLimits { topics: 1, ..limits() });
    store.publish(clock.at(0), &options, numbered("a", 0), first).unwrap();
    assert!(store.publish(clock.at(59), &options, numbered("b", 0), first).is_err());
    assert!(store.publish(clock.at(60), &options, numbered("b", 0), first).is_ok());
    // The topic that was forgotten comes back in another epoch, so an old position is not complete.
    let second = || Epoch::new("second");
    let replay = store.since(clock.at(120), &topic("a"), &options, &at("first", 1), second).unwrap();
    assert!(!replay.complete);
}

proptest! {
    #[test]
    fn a_replay_is_what_a_naive_list_has_or_says_that_it_is_not(
        size in 1..6_usize,
        age in 1..20_u64,
        ops in prop::collection::vec((0..5_u64, 0..2_u8, 0..12_u64), 0..60)
    ) {
        let clock = Clock::new();
        let options = with_history(size, age);
        let mut store = Store::new(limits());
        let mut naive: BTreeMap<u8, Vec<(u64, u64)>> = BTreeMap::new();
        let mut now = 0;
        for (passes, name, after) in ops {
            now += passes;
            let list = naive.entry(name).or_default();
            let number = list.len() as u64 + 1;
            list.push((now, number));
            let name = name.to_string();
            store.publish(clock.at(now), &options, numbered(&name, number), first).unwrap();
            let replay = store.since(clock.at(now), &topic(&name), &options, &at("first", after), first).unwrap();
            // Everything that is young enough, and of that the newest.
            let young: Vec<_> = list.iter().filter(|(at, _)| now - at < age).map(|(_, number)| *number).collect();
            let kept = &young[young.len().saturating_sub(size)..];
            let expected: Vec<_> = kept.iter().copied().filter(|number| *number > after).collect();
            let missed = list.iter().filter(|(_, number)| *number > after).count();
            prop_assert_eq!(offsets(&replay.publications), &expected[..]);
            prop_assert_eq!(replay.complete, after <= number && missed == expected.len());
        }
        let sum: usize = naive.iter().map(|(name, list)| {
            let young = list.iter().filter(|(at, _)| now - at < age).count().min(size);
            list[list.len() - young..].iter().map(|(_, number)| numbered(&name.to_string(), *number).cost()).sum::<usize>()
        }).sum();
        for name in naive.keys() {
            // A look at each topic expires it.
            store.since(clock.at(now), &topic(&name.to_string()), &options, &Position::start(), first).unwrap();
        }
        prop_assert_eq!(store.history_bytes(), sum);
    }
}
