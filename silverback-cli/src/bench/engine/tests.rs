//! Shares and places of connections.

use super::control::{Place, Start};

fn start(opened: &[usize]) -> Start {
    Start { at: 0, opened: opened.to_vec() }
}

fn places(opened: &[usize]) -> Vec<Place> {
    let of = |(worker, count): (usize, &usize)| (0..*count).map(move |index| Place { worker, index });
    opened.iter().enumerate().flat_map(of).collect()
}

#[test]
fn shares_of_all_connections_are_the_whole() {
    for opened in [&[1][..], &[3, 3], &[4, 0, 5], &[1, 1, 1, 1]] {
        for count in [1, 2, 7, 9, 1000] {
            let shares: Vec<_> = places(opened).iter().map(|place| start(opened).share(count, *place)).collect();
            assert_eq!(shares.iter().sum::<u64>(), count, "{opened:?} {count}");
            assert!(shares.iter().max().zip(shares.iter().min()).is_some_and(|(most, least)| most - least <= 1));
        }
    }
}

#[test]
fn the_messages_of_all_connections_are_evenly_spread() {
    let opened = [4, 4];
    let mut due: Vec<_> = places(&opened).iter().map(|place| start(&opened).schedule(800.0, *place).due(0)).collect();
    due.sort_unstable();
    let expected: Vec<u64> = (0..8).map(|index| index * 1_250_000).collect();
    assert_eq!(due, expected);
}

#[test]
fn senders_are_the_first_of_each_worker_in_turn() {
    let opened = [3, 2];
    let ranks: Vec<_> = places(&opened).iter().map(|place| start(&opened).sender_rank(*place, 4)).collect();
    assert_eq!(ranks, [Some(0), Some(2), None, Some(1), Some(3)]);
}
