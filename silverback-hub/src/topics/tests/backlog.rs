use std::sync::Arc;

use proptest::prelude::*;

use super::topic;
use crate::{
    model::{name::Label, topic::Slow},
    topics::backlog::{Backlog, Droppable, Entry, Pushed},
};

fn entry(name: &str, key: Option<&str>, bytes: usize, number: u32) -> Arc<Entry<u32>> {
    let key = key.map(|key| Label::new(key).unwrap());
    let droppable = Some(Droppable { topic: topic(name), key, publications: 1 });
    Arc::new(Entry { droppable, bytes, message: number })
}

fn drain(backlog: &mut Backlog<u32>) -> Vec<u32> {
    let messages = std::iter::from_fn(|| backlog.pop()).map(|entry| entry.message).collect();
    assert_eq!((backlog.bytes(), backlog.is_empty()), (0, true));
    messages
}

#[test]
fn a_backlog_is_bounded_by_bytes_and_not_by_count() {
    let mut small = Backlog::default();
    for number in 0..100 {
        assert_eq!(small.push(entry("t", None, 1, number), Slow::Disconnect(3008), 100), Pushed::Queued);
    }
    assert_eq!(small.push(entry("t", None, 1, 100), Slow::Disconnect(3008), 100), Pushed::Disconnect(3008));
    let mut large = Backlog::default();
    assert_eq!(large.push(entry("t", None, 60, 0), Slow::Disconnect(3008), 100), Pushed::Queued);
    assert_eq!(large.push(entry("t", None, 60, 1), Slow::Disconnect(3008), 100), Pushed::Disconnect(3008));
}

#[test]
fn a_message_larger_than_the_backlog_fits_alone() {
    let mut backlog = Backlog::default();
    assert_eq!(backlog.push(entry("t", None, 1000, 1), Slow::DropNewest, 100), Pushed::Queued);
    assert_eq!(drain(&mut backlog), [1]);
}

#[test]
fn drop_newest_keeps_the_first_messages() {
    let mut backlog = Backlog::default();
    for number in 0..5 {
        backlog.push(entry("t", None, 30, number), Slow::DropNewest, 100);
    }
    assert_eq!(drain(&mut backlog), [0, 1, 2]);
}

#[test]
fn drop_oldest_keeps_the_last_messages() {
    let mut backlog = Backlog::default();
    for number in 0..3 {
        backlog.push(entry("t", None, 30, number), Slow::DropOldest, 100);
    }
    assert_eq!(backlog.push(entry("t", None, 70, 3), Slow::DropOldest, 100), Pushed::DroppedOldest { missed: 2 });
    assert_eq!(drain(&mut backlog), [2, 3]);
}

#[test]
fn drop_oldest_leaves_the_messages_of_other_topics() {
    let mut backlog = Backlog::default();
    backlog.push(entry("chat", None, 60, 0), Slow::Disconnect(3008), 100);
    backlog.push(entry("log", None, 30, 1), Slow::DropOldest, 100);
    assert_eq!(backlog.push(entry("log", None, 30, 2), Slow::DropOldest, 100), Pushed::DroppedOldest { missed: 1 });
    assert_eq!(
        backlog.push(entry("log", None, 90, 3), Slow::DropOldest, 100),
        Pushed::DroppedNewest { missed: 2 },
        "the message is larger than the room that is left"
    );
    assert_eq!(drain(&mut backlog), [0]);
}

#[test]
fn conflation_keeps_the_newest_message_of_each_key_in_the_order_of_the_topic() {
    let mut backlog = Backlog::default();
    let mut push = |key, number| backlog.push(entry("price", Some(key), 30, number), Slow::Conflate, 100);
    assert_eq!(push("BTC", 1), Pushed::Queued);
    assert_eq!(push("ETH", 2), Pushed::Queued);
    assert_eq!(push("BTC", 3), Pushed::Conflated { missed: 1 });
    assert_eq!(push("BTC", 4), Pushed::Conflated { missed: 1 });
    assert_eq!(drain(&mut backlog), [2, 4]);
}

#[test]
fn conflation_with_too_many_keys_drops_the_oldest() {
    let mut backlog = Backlog::default();
    for (number, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
        backlog.push(entry("price", Some(key), 30, number as u32), Slow::Conflate, 100);
    }
    assert_eq!(drain(&mut backlog), [1, 2, 3]);
}

#[test]
fn a_member_that_is_not_slow_gets_every_value_of_a_key() {
    let mut backlog = Backlog::default();
    for number in 0..3 {
        backlog.push(entry("price", Some("BTC"), 1, number), Slow::DropOldest, 100);
    }
    assert_eq!(
        backlog.push(entry("price", Some("BTC"), 1, 3), Slow::Conflate, 100),
        Pushed::Conflated { missed: 1 },
        "from now on it is slow"
    );
    assert_eq!(drain(&mut backlog), [0, 1, 3]);
}

#[test]
fn keys_of_different_topics_are_different() {
    let mut backlog = Backlog::default();
    backlog.push(entry("price:1", Some("BTC"), 1, 1), Slow::Conflate, 100);
    backlog.push(entry("price:2", Some("BTC"), 1, 2), Slow::Conflate, 100);
    assert_eq!(drain(&mut backlog), [1, 2]);
}

#[test]
fn a_message_that_must_not_be_dropped_takes_no_room_of_the_others() {
    let mut backlog = Backlog::default();
    let kept = |number| Arc::new(Entry { droppable: None, bytes: 1000, message: number });
    assert_eq!(backlog.push(kept(0), Slow::DropOldest, 100), Pushed::Queued);
    assert_eq!(backlog.push(entry("t", None, 60, 1), Slow::DropOldest, 100), Pushed::Queued);
    assert_eq!(backlog.push(kept(2), Slow::DropOldest, 100), Pushed::Queued);
    assert_eq!(backlog.push(entry("t", None, 60, 3), Slow::DropOldest, 100), Pushed::DroppedOldest { missed: 1 });
    assert_eq!((backlog.bytes(), backlog.kept_bytes()), (60, 2000));
    assert_eq!(drain(&mut backlog), [0, 2, 3]);
    assert_eq!(backlog.kept_bytes(), 0);
}

/// The naive version: a list that is looked through for everything.
#[derive(Default)]
struct Naive(Vec<(u8, Option<u8>, usize, u32)>);

impl Naive {
    fn bytes(&self) -> usize {
        self.0.iter().map(|(_, _, bytes, _)| bytes).sum()
    }

    fn fits(&self, bytes: usize) -> bool {
        self.0.is_empty() || self.bytes() + bytes <= LIMIT
    }

    /// Returns how many publications were lost, and whether the member is to be disconnected.
    fn push(&mut self, name: u8, key: Option<u8>, bytes: usize, number: u32, slow: Slow) -> (u32, bool) {
        let before = self.0.len();
        if slow == Slow::Conflate && key.is_some() {
            self.0.retain(|(other, other_key, ..)| (*other, *other_key) != (name, key));
        }
        if matches!(slow, Slow::Conflate | Slow::DropOldest) {
            while !self.fits(bytes) {
                let Some(oldest) = self.0.iter().position(|(other, ..)| *other == name) else { break };
                self.0.remove(oldest);
            }
        }
        let lost = (before - self.0.len()) as u32;
        if self.fits(bytes) {
            self.0.push((name, key, bytes, number));
            return (lost, false);
        }
        (lost + 1, matches!(slow, Slow::Disconnect(_)))
    }
}

const LIMIT: usize = 100;

proptest! {
    #[test]
    fn the_backlog_keeps_and_drops_what_a_naive_list_does(
        ops in prop::collection::vec((0..3_u8, prop::option::of(0..3_u8), 1..60_usize, prop::bool::weighted(0.3)), 0..200)
    ) {
        // A topic has one policy.
        let policies = [Slow::Conflate, Slow::DropOldest, Slow::DropNewest];
        let mut backlog = Backlog::default();
        let mut naive = Naive::default();
        for (number, (name, key, bytes, pops)) in ops.into_iter().enumerate() {
            if pops {
                let popped = backlog.pop().map(|entry| entry.message);
                let expected = (!naive.0.is_empty()).then(|| naive.0.remove(0).3);
                prop_assert_eq!(popped, expected);
            }
            let slow = policies[usize::from(name)];
            let label = key.map(|key| key.to_string());
            let pushed = backlog.push(entry(&name.to_string(), label.as_deref(), bytes, number as u32), slow, LIMIT);
            let lost = match pushed {
                Pushed::Queued => (0, false),
                Pushed::Conflated { missed } | Pushed::DroppedOldest { missed } | Pushed::DroppedNewest { missed } => {
                    (missed, false)
                }
                Pushed::Disconnect(_) => (1, true),
            };
            prop_assert_eq!(lost, naive.push(name, key, bytes, number as u32, slow));
            prop_assert_eq!(backlog.bytes(), naive.bytes());
        }
        let left: Vec<_> = naive.0.iter().map(|(.., number)| *number).collect();
        prop_assert_eq!(drain(&mut backlog), left);
    }
}
