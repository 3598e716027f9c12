use proptest::prelude::*;

use super::{at, numbered, offsets};
use crate::{
    model::position::Position,
    topics::{questions::Questions, recovery::Replay},
};

/// The history of an engine: offsets with holes, of which the first ones are no longer stored.
struct History {
    offsets: Vec<u64>,
    dropped: usize,
}

impl History {
    fn since(&self, after: u64) -> Replay {
        let newest = self.offsets.last().copied().unwrap_or(0);
        let missed = |offset: &&u64| **offset > after;
        let complete = after <= newest && !self.offsets[..self.dropped].iter().any(|offset| missed(&offset));
        let stored = self.offsets[self.dropped..].iter().filter(missed);
        let publications = stored.map(|offset| numbered("t", *offset).at(Some(at("first", *offset)))).collect();
        Replay { complete, publications, position: Some(at("first", newest)) }
    }
}

/// Returns the answers, and how often the engine was asked.
fn ask(history: &History, asked: &[u64]) -> (Vec<Replay>, usize) {
    let oldest = asked.iter().min().unwrap();
    let mut questions = Questions::new(asked.to_vec(), history.since(*oldest));
    let mut calls = 1;
    while let Some(offset) = questions.next() {
        questions.learn(offset, history.since(offset).complete);
        calls += 1;
    }
    (asked.iter().map(|offset| questions.answer(&at("first", *offset))).collect(), calls)
}

#[test]
fn one_replay_answers_everybody_if_the_history_reaches_back() {
    let history = History { offsets: (1..=100).collect(), dropped: 0 };
    let (replays, calls) = ask(&history, &[100, 7, 50, 7, 0]);
    assert_eq!(calls, 1);
    let counts: Vec<_> = replays.iter().map(|replay| (replay.complete, replay.publications.len())).collect();
    assert_eq!(counts, [(true, 0), (true, 93), (true, 50), (true, 93), (true, 100)]);
}

#[test]
fn a_member_that_was_away_for_too_long_does_not_spoil_the_others() {
    let history = History { offsets: (1..=1000).collect(), dropped: 900 };
    let everyone: Vec<_> = (0..=1000).collect();
    let (replays, calls) = ask(&history, &everyone);
    let complete = replays.iter().filter(|replay| replay.complete).count();
    assert_eq!(complete, 101, "those from 900 on");
    assert!(calls <= 12, "{calls} calls for 1,001 members");
}

proptest! {
    #[test]
    fn everybody_gets_what_a_replay_of_its_own_would_have_given(
        gaps in prop::collection::vec(1_u64..4, 0..30), dropped in 0_usize..31,
        asked in prop::collection::vec(0_u64..100, 1..30),
    ) {
        let offsets_of: Vec<u64> = gaps.iter().scan(0, |sum, gap| { *sum += gap; Some(*sum) }).collect();
        let history = History { dropped: dropped.min(offsets_of.len()), offsets: offsets_of };
        let (replays, calls) = ask(&history, &asked);
        prop_assert!(calls <= 2 + asked.len().ilog2() as usize + 1);
        for (offset, replay) in asked.iter().zip(replays) {
            let own = history.since(*offset);
            prop_assert_eq!(replay.complete, own.complete, "after {}", offset);
            prop_assert_eq!(offsets(&replay.publications), offsets(&own.publications));
            prop_assert_eq!(replay.position, own.position);
        }
    }
}

#[test]
fn the_start_is_a_position_like_any_other() {
    let history = History { offsets: vec![1, 2], dropped: 0 };
    let questions = Questions::new(vec![0, 2], history.since(0));
    assert_eq!(offsets(&questions.answer(&Position::start()).publications), [1, 2]);
}
