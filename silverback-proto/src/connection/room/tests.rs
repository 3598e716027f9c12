//! Writers come, are called, write, and give up; a queue of a hundred bytes stands for the output.

#![allow(clippy::unwrap_used)]

use silverback_testkit::cuts::Random;

use super::*;

/// An output queue with room for a hundred bytes, and those who wait for it.
#[derive(Default)]
struct Output {
    queued: usize,
    waiting: RoomQueue<&'static str>,
}

impl Output {
    fn full() -> Self {
        Self { queued: LIMIT, ..Self::default() }
    }

    /// A writer tries; whether it has written.
    fn writes(&mut self, name: &'static str, id: &mut Option<WaiterId>, len: usize) -> bool {
        self.tries(name, id, len, Patience::Leaves)
    }

    fn tries(&mut self, name: &'static str, id: &mut Option<WaiterId>, len: usize, patience: Patience) -> bool {
        let goes = self.waiting.admits(*id) && fits(self.queued, len);
        if goes {
            self.queued += len;
            id.take().into_iter().for_each(|id| self.waiting.leave(id));
        } else {
            self.waiting.wait(id, len, patience, name);
        }
        goes
    }

    /// Who is called after `count` bytes have left.
    fn called_after(&mut self, count: usize) -> Vec<&'static str> {
        self.queued -= count;
        let queued = self.queued;
        std::iter::from_fn(|| self.waiting.call(|len| fits(queued, len))).collect()
    }
}

fn fits(queued: usize, len: usize) -> bool {
    queued == 0 || queued + len <= LIMIT
}

const LIMIT: usize = 100;

#[test]
fn writers_are_called_one_by_one_in_the_order_in_which_they_came() {
    let (mut output, mut a, mut b, mut c) = (Output::full(), None, None, None);
    assert!(!output.writes("a", &mut a, 10) && !output.writes("b", &mut b, 10) && !output.writes("c", &mut c, 10));
    assert_eq!(output.called_after(100), ["a"]);
    assert!(!output.writes("c", &mut c, 10), "a was called and has not come yet");
    assert!(output.writes("a", &mut a, 10));
    assert_eq!(output.called_after(0), ["b"]);
    assert!(output.writes("b", &mut b, 10));
    assert_eq!(output.called_after(0), ["c"]);
    assert!(output.writes("c", &mut c, 10) && output.waiting.is_empty());
}

#[test]
fn a_small_message_does_not_overtake_a_large_one_that_does_not_fit_yet() {
    let (mut output, mut large, mut small) = (Output::full(), None, None);
    assert!(!output.writes("large", &mut large, 80));
    assert_eq!(output.called_after(50), [""; 0]);
    assert!(!output.writes("small", &mut small, 1), "there is room, but another writer waits for it");
    assert_eq!(output.called_after(30), ["large"]);
    assert!(output.writes("large", &mut large, 80));
    assert_eq!(output.called_after(1), ["small"]);
}

#[test]
fn a_writer_that_gives_up_passes_its_turn_on() {
    let (mut output, mut a, mut b, mut c) = (Output::full(), None, None, None);
    assert!(!output.writes("a", &mut a, 10) && !output.writes("b", &mut b, 10) && !output.writes("c", &mut c, 10));
    output.waiting.leave(b.unwrap());
    assert_eq!(output.called_after(50), ["a"]);
    output.waiting.leave(a.unwrap());
    assert_eq!(output.called_after(0), ["c"]);
}

#[test]
fn a_writer_that_finds_its_room_taken_keeps_its_place() {
    let (mut output, mut a, mut b) = (Output::full(), None, None);
    assert!(!output.writes("a", &mut a, 10) && !output.writes("b", &mut b, 10));
    assert_eq!(output.called_after(10), ["a"]);
    // A control frame goes before all of them.
    output.queued += 10;
    assert!(!output.writes("a", &mut a, 10) && !output.writes("b", &mut b, 10));
    assert_eq!(output.called_after(10), ["a"]);
}

#[test]
fn a_called_sink_that_does_not_return_delays_no_other_writer() {
    let (mut output, mut sink, mut a) = (Output::full(), None, None);
    assert!(!output.tries("sink", &mut sink, 1, Patience::MayVanish) && !output.writes("a", &mut a, 10));
    assert_eq!(output.called_after(50), ["sink", "a"]);
    assert!(output.writes("a", &mut a, 10) && output.writes("new", &mut None, 10));
}

#[test]
fn a_sink_that_comes_back_late_is_still_the_first() {
    let (mut output, mut sink, mut a, mut b) = (Output::full(), None, None, None);
    assert!(!output.tries("sink", &mut sink, 50, Patience::MayVanish) && !output.writes("a", &mut a, 50));
    assert_eq!(output.called_after(50), ["sink", "a"]);
    assert!(output.writes("a", &mut a, 50) && !output.writes("b", &mut b, 50));
    assert!(!output.tries("sink", &mut sink, 50, Patience::MayVanish));
    assert_eq!(output.called_after(50), ["sink", "b"]);
    assert!(output.tries("sink", &mut sink, 50, Patience::MayVanish));
}

#[test]
fn all_writers_are_called_when_there_will_be_no_room() {
    let (mut output, mut a, mut b) = (Output::full(), None, None);
    assert!(!output.writes("a", &mut a, 10) && !output.writes("b", &mut b, 10));
    assert_eq!(output.waiting.call_all().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(output.waiting.call_all().count(), 0);
}

#[test]
fn no_writer_is_forgotten_or_overtaken_when_others_give_up() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut output = Output::full();
        let (mut waiting, mut called): (Vec<(Option<WaiterId>, usize)>, bool) = (Vec::new(), false);
        for _ in 0..200 {
            match random.below(4) {
                0 => {
                    let (mut id, len) = (None, 1 + random.below(60));
                    let was_first = waiting.is_empty();
                    if output.writes("", &mut id, len) {
                        assert!(was_first, "seed {seed}: it overtook others");
                    } else {
                        waiting.push((id, len));
                    }
                }
                1 if !waiting.is_empty() => {
                    let place = random.below(waiting.len());
                    output.waiting.leave(waiting.remove(place).0.unwrap());
                    called &= place > 0;
                }
                2 if called => {
                    let (mut id, len) = waiting.remove(0);
                    assert!(output.writes("", &mut id, len), "seed {seed}: it was called in vain");
                    called = false;
                }
                _ => {
                    let left = random.below(output.queued + 1);
                    output.queued -= left;
                }
            }
            let now = output.called_after(0);
            let due = !called && waiting.first().is_some_and(|(_, len)| fits(output.queued, *len));
            assert_eq!(now.len(), usize::from(due), "seed {seed}");
            called |= due;
        }
    }
}
