use super::{at, offsets, stored};
use crate::topics::recovery::{Replay, merge};

fn replay(offsets: &[u64], top: u64) -> Replay {
    Replay::complete(offsets.iter().map(|offset| stored("e", *offset)).collect(), Some(at("e", top)))
}

#[test]
fn live_publications_that_arrive_during_the_replay_are_neither_lost_nor_doubled() {
    // 4 is in both, 5 came after the replay was read.
    let merged = merge(replay(&[3, 4], 4), vec![stored("e", 4), stored("e", 5)]);
    assert!(merged.is_complete);
    assert_eq!(offsets(&merged.publications), [3, 4, 5]);
    assert_eq!(merged.position, Some(at("e", 5)));
}

#[test]
fn nothing_missed_is_complete_at_the_newest_position() {
    let merged = merge(replay(&[], 7), Vec::new());
    assert_eq!((merged.is_complete, merged.position), (true, Some(at("e", 7))));
}

#[test]
fn a_recovery_gives_all_or_nothing() {
    let holed = Replay::incomplete(vec![stored("e", 9)], Some(at("e", 9)));
    let merged = merge(holed, vec![stored("e", 10)]);
    assert!(!merged.is_complete);
    assert!(merged.publications.is_empty());
    assert_eq!(merged.position, Some(at("e", 10)), "live continues after what arrived");
}

#[test]
fn a_new_epoch_during_the_replay_is_not_complete() {
    let merged = merge(replay(&[3], 3), vec![stored("new", 1)]);
    assert!(!merged.is_complete);
    assert!(merged.publications.is_empty());
    assert_eq!(merged.position, Some(at("new", 1)));
}
