use proptest::prelude::*;

use super::{at, numbered, offsets, stored};
use crate::topics::{
    recovery::Replay,
    stream::{Arrival, Stream},
};

const LIMIT: usize = 10_000;

fn started(offset: u64) -> Stream {
    let mut stream = Stream::default();
    stream.start(Some(at("e", offset)));
    stream
}

fn complete(publications: &[u64], top: u64) -> Replay {
    Replay::complete(publications.iter().map(|offset| stored("e", *offset)).collect(), Some(at("e", top)))
}

#[test]
fn a_publication_that_arrives_twice_is_passed_on_once() {
    let mut stream = started(0);
    assert_eq!(stream.handle_arrival(stored("e", 1), Some(0), LIMIT), Arrival::Deliver(stored("e", 1)));
    assert_eq!(stream.handle_arrival(stored("e", 1), Some(0), LIMIT), Arrival::Duplicate);
}

#[test]
fn offsets_need_not_be_contiguous() {
    let mut stream = started(3);
    assert_eq!(stream.handle_arrival(stored("e", 9), Some(3), LIMIT), Arrival::Deliver(stored("e", 9)));
    assert_eq!(stream.handle_arrival(stored("e", 12), None, LIMIT), Arrival::Deliver(stored("e", 12)));
}

#[test]
fn publications_without_positions_are_passed_on() {
    let mut stream = Stream::default();
    let publication = numbered("t", 1);
    assert_eq!(stream.handle_arrival(publication.clone(), None, LIMIT), Arrival::Deliver(publication));
    assert_eq!(stream.begin_recovery(), None, "there is no position to compare with");
}

#[test]
fn a_gap_is_filled_from_the_history_before_anything_later_is_passed_on() {
    let mut stream = started(1);
    assert_eq!(stream.handle_arrival(stored("e", 4), Some(3), LIMIT), Arrival::Gap(at("e", 1)));
    assert_eq!(stream.handle_arrival(stored("e", 5), Some(4), LIMIT), Arrival::Kept);
    let publications = stream.handle_replay(complete(&[2, 3, 4], 4)).unwrap();
    assert_eq!(offsets(&publications), [2, 3, 4, 5]);
    assert_eq!(stream.handle_arrival(stored("e", 6), Some(5), LIMIT), Arrival::Deliver(stored("e", 6)));
}

#[test]
fn the_same_epoch_after_a_loss_of_data_is_reported_and_new_publications_are_not_dropped_as_old() {
    // The broker came back with an older state under the same epoch.
    let mut stream = started(1746);
    assert_eq!(stream.begin_recovery(), Some(at("e", 1746)));
    assert_eq!(stream.handle_replay(complete(&[], 3)), None);
    assert_eq!(stream.handle_arrival(stored("e", 4), Some(3), LIMIT), Arrival::Deliver(stored("e", 4)));
}

#[test]
fn a_new_epoch_is_reported_and_continues_there() {
    let mut stream = started(5);
    assert_eq!(stream.handle_arrival(stored("new", 1), Some(0), LIMIT), Arrival::NewEpoch(stored("new", 1)));
    assert_eq!(stream.handle_arrival(stored("new", 2), Some(1), LIMIT), Arrival::Deliver(stored("new", 2)));
}

#[test]
fn a_loss_at_the_tail_shows_when_the_position_is_checked() {
    let mut stream = started(1);
    assert_eq!(stream.begin_recovery(), Some(at("e", 1)));
    assert_eq!(stream.begin_recovery(), None, "one recovery at a time");
    assert_eq!(offsets(&stream.handle_replay(complete(&[2, 3], 3)).unwrap()), [2, 3]);
}

#[test]
fn a_recovery_that_finds_nothing_missing_reports_nothing() {
    let mut stream = started(3);
    stream.begin_recovery();
    assert_eq!(stream.handle_replay(complete(&[], 3)), Some(Vec::new()));
}

#[test]
fn too_much_during_a_recovery_is_reported_and_live_continues_after_it() {
    let mut stream = started(1);
    let limit = 3 * stored("e", 1).cost();
    stream.begin_recovery();
    for offset in 2..=8 {
        assert_eq!(stream.handle_arrival(stored("e", offset), Some(offset - 1), limit), Arrival::Kept);
    }
    assert_eq!(stream.handle_replay(complete(&[2, 3, 4], 4)), None);
    assert_eq!(stream.handle_arrival(stored("e", 9), Some(8), limit), Arrival::Deliver(stored("e", 9)));
}

/// What happens to the next publication between the engine and the node.
#[derive(Clone, Debug)]
enum Fault {
    None,
    Lost,
    Twice,
    /// The broker loses everything and begins a new epoch.
    Wiped,
    /// The broker keeps only the newest of its history.
    Trimmed,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        2 => Just(Fault::Lost),
        1 => Just(Fault::Twice),
        1 => Just(Fault::Wiped),
        1 => Just(Fault::Trimmed),
    ]
}

/// A broker with one topic, and what a member of the node sees.
#[derive(Default)]
struct World {
    epoch: u64,
    top: u64,
    first: u64,
    /// Every publication that was accepted, over all epochs.
    accepted: Vec<(u64, u64)>,
    seen: Vec<(u64, u64)>,
    /// How many of `seen` had been seen at each report of a loss.
    reports: Vec<usize>,
    recovering: bool,
}

impl World {
    fn publication(&self, offset: u64) -> crate::model::publication::Publication {
        stored(&self.epoch.to_string(), offset)
    }

    fn see(&mut self, publication: &crate::model::publication::Publication) {
        let position = publication.position.as_ref().unwrap();
        self.seen.push((position.epoch.as_str().parse().unwrap(), position.offset));
    }

    fn arrive(&mut self, stream: &mut Stream) {
        match stream.handle_arrival(self.publication(self.top), Some(self.top - 1), LIMIT) {
            Arrival::Deliver(publication) => self.see(&publication),
            Arrival::NewEpoch(publication) => {
                self.reports.push(self.seen.len());
                self.see(&publication);
            }
            Arrival::Gap(_) => self.recovering = true,
            Arrival::Duplicate | Arrival::Kept => {}
        }
    }

    fn replay(&mut self, stream: &mut Stream) {
        let Some(last) = stream.position().cloned() else { return };
        let is_complete = last.epoch.as_str() == self.epoch.to_string() && last.offset + 1 >= self.first;
        let from = if is_complete { last.offset + 1 } else { self.first };
        let publications = (from..=self.top).map(|offset| self.publication(offset)).collect();
        let position = Some(at(&self.epoch.to_string(), self.top));
        let recovered = stream.handle_replay(Replay { complete: is_complete, publications, position });
        match recovered {
            Some(publications) => publications.iter().for_each(|publication| self.see(publication)),
            None => self.reports.push(self.seen.len()),
        }
        self.recovering = false;
    }
}

proptest! {
    #[test]
    fn every_sequence_is_complete_or_reported_and_has_no_doubles(
        ops in prop::collection::vec((fault(), any::<bool>()), 0..60)
    ) {
        let mut world = World { first: 1, ..World::default() };
        let mut stream = Stream::default();
        stream.start(Some(at("0", 0)));
        for (fault, replays) in ops {
            match fault {
                Fault::Wiped => (world.epoch, world.top, world.first) = (world.epoch + 1, 0, 1),
                Fault::Trimmed => world.first = world.top.max(1),
                _ => {}
            }
            world.top += 1;
            world.accepted.push((world.epoch, world.top));
            match fault {
                Fault::Lost => {}
                Fault::Twice => {
                    world.arrive(&mut stream);
                    world.arrive(&mut stream);
                }
                _ => world.arrive(&mut stream),
            }
            if replays && world.recovering {
                world.replay(&mut stream);
            }
        }
        // The check at the end, as after a reconnect.
        if world.recovering || stream.begin_recovery().is_some() {
            world.replay(&mut stream);
        }
        prop_assert!(world.seen.is_sorted_by(|one, next| one < next), "out of order or twice: {:?}", world.seen);
        // Each run of publications between two reports has no hole.
        let mut missing = world.accepted.clone();
        missing.retain(|publication| !world.seen.contains(publication));
        for lost in missing {
            let before = world.seen.iter().filter(|seen| **seen < lost).count();
            prop_assert!(world.reports.contains(&before), "{lost:?} is missing and was not reported");
        }
    }
}
