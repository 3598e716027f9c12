use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use proptest::prelude::*;

use super::topic;
use crate::topics::index::Index;

#[derive(Clone, Debug)]
enum Op {
    Join(u64),
    Leave(u64),
    Subscribe(u64, u8),
    Unsubscribe(u64, u8),
}

fn op() -> impl Strategy<Value = Op> {
    let (member, name) = (0..8_u64, 0..5_u8);
    prop_oneof![
        1 => member.clone().prop_map(Op::Join),
        1 => member.clone().prop_map(Op::Leave),
        3 => (member.clone(), name.clone()).prop_map(|(member, name)| Op::Subscribe(member, name)),
        2 => (member, name).prop_map(|(member, name)| Op::Unsubscribe(member, name)),
    ]
}

fn subscribers(index: &mut Index<u64>, name: u8) -> BTreeSet<u64> {
    let Some(slot) = index.topic(&topic(&name.to_string())) else { return BTreeSet::new() };
    let count = index.subscribers(slot);
    let numbers: BTreeSet<_> = (0..count)
        .map(|place| {
            let member = index.subscriber(slot, place).unwrap();
            let number = *index.member_at(member).unwrap();
            assert_eq!(index.slot(number), Some(member), "the slot belongs to another member");
            number
        })
        .collect();
    assert_eq!(numbers.len(), count, "a member is subscribed twice");
    assert!(count > 0, "a topic without subscribers was kept");
    numbers
}

proptest! {
    #[test]
    fn the_index_has_the_subscriptions_of_a_naive_map(ops in prop::collection::vec(op(), 0..200)) {
        let mut index = Index::default();
        let mut naive: BTreeMap<u64, BTreeSet<u8>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Join(member) => {
                    if let Entry::Vacant(entry) = naive.entry(member) {
                        entry.insert(BTreeSet::new());
                        index.join(member, member);
                    }
                }
                Op::Leave(member) => {
                    let left = index.leave(member).map(|(value, topics)| {
                        (value, topics.iter().map(|name| name.as_str().parse().unwrap()).collect())
                    });
                    prop_assert_eq!(left, naive.remove(&member).map(|topics| (member, topics)));
                }
                Op::Subscribe(member, name) => {
                    let expected = naive.get_mut(&member).is_some_and(|topics| topics.insert(name));
                    prop_assert_eq!(index.subscribe(member, &topic(&name.to_string())), expected);
                }
                Op::Unsubscribe(member, name) => {
                    let expected = naive.get_mut(&member).is_some_and(|topics| topics.remove(&name));
                    prop_assert_eq!(index.unsubscribe(member, &topic(&name.to_string())), expected);
                }
            }
            for name in 0..5 {
                let expected: BTreeSet<_> =
                    naive.iter().filter(|(_, topics)| topics.contains(&name)).map(|(member, _)| *member).collect();
                prop_assert_eq!(subscribers(&mut index, name), expected);
            }
            prop_assert_eq!(index.members(), naive.len());
            let slots: Vec<_> = index.slots().collect();
            let numbers: BTreeSet<_> = slots.into_iter().map(|slot| *index.member_at(slot).unwrap()).collect();
            prop_assert_eq!(numbers, naive.keys().copied().collect());
            let names: BTreeSet<_> = naive.values().flatten().collect();
            prop_assert_eq!(index.topics(), names.len());
        }
    }
}
