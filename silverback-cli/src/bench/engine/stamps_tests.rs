//! The first answer belongs to the oldest message.

use super::*;

fn taken(stamps: &mut Stamps, count: u32) -> Vec<(u64, u64, u32)> {
    let mut runs = Vec::new();
    stamps.take(count, |run| runs.push((run.due, run.sent, run.count)));
    runs
}

#[test]
fn messages_that_were_sent_together_are_one_run() {
    let mut stamps = Stamps::default();
    for (due, sent) in [(1, 1), (1, 1), (2, 3), (3, 3)] {
        stamps.push(due, sent);
    }
    assert_eq!(taken(&mut stamps, 10), [(1, 1, 2), (2, 3, 1), (3, 3, 1)]);
}

#[test]
fn a_run_can_be_answered_in_parts() {
    let mut stamps = Stamps::default();
    (0..5).for_each(|_| stamps.push(7, 7));
    stamps.push(8, 8);
    assert_eq!(taken(&mut stamps, 2), [(7, 7, 2)]);
    assert_eq!(taken(&mut stamps, 4), [(7, 7, 3), (8, 8, 1)]);
    assert_eq!(taken(&mut stamps, 1), []);
}

#[test]
fn the_oldest_is_known_until_it_is_answered() {
    let mut stamps = Stamps::default();
    assert_eq!(stamps.oldest(), None);
    stamps.push(1, 4);
    stamps.push(2, 5);
    assert_eq!(stamps.oldest(), Some(4));
    taken(&mut stamps, 1);
    assert_eq!(stamps.oldest(), Some(5));
}
