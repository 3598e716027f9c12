//! The network between the two sides: bytes move at random, in pieces, or not for some turns.

use std::collections::VecDeque;

use proptest::prelude::*;
use silverback_testkit::{
    pipe::{Plan, Remote},
    wire::decode_all,
};

/// The behaviour of one direction.
#[derive(Clone, Debug)]
pub(super) struct Journey {
    /// How many bytes arrive at each turn, as a repeating list; 0 is a stall.
    lumps: Vec<usize>,
    /// How much the sender's buffer holds.
    room: usize,
    /// The largest number of bytes that one write takes and one read returns.
    write: usize,
    read: usize,
}

pub(super) fn any_journey() -> impl Strategy<Value = Journey> {
    let lump = prop_oneof![2 => Just(0_usize), 2 => 1..20_usize, 3 => 100..5000_usize, 2 => Just(1 << 20)];
    // A byte at a time is possible, but not all the way: there are other tests for that.
    let lumps = prop::collection::vec(lump, 0..12).prop_map(|mut lumps| {
        lumps.push(10_000);
        lumps
    });
    let most = || prop_oneof![1 => 200..2000_usize, 1 => Just(usize::MAX)];
    (lumps, most(), most(), most()).prop_map(|(lumps, room, write, read)| Journey { lumps, room, write, read })
}

pub(super) struct Network {
    remotes: [Remote; 2],
    ways: [Way; 2],
}

struct Way {
    journey: Journey,
    turn: usize,
    on_its_way: VecDeque<u8>,
    /// All bytes sent so far.
    sent: Vec<u8>,
    has_ended: bool,
}

impl Network {
    /// `journeys` are those of what each side sends.
    pub(super) fn new(remotes: [Remote; 2], journeys: [Journey; 2]) -> Self {
        for me in [0, 1] {
            remotes[me].limit_capacity(journeys[me].room);
            remotes[me].plan_writes(Plan::new().write_at_most(journeys[me].write).forever());
            remotes[1 - me].plan_reads(Plan::new().read_at_most(journeys[me].read).forever());
        }
        Self { remotes, ways: journeys.map(Way::new) }
    }

    /// One turn of both directions.
    pub(super) fn carry(&mut self) {
        for me in [0, 1] {
            let way = &mut self.ways[me];
            let lump = way.next_lump();
            if lump > 0 {
                way.take(&self.remotes[me].received());
            }
            let count = lump.min(way.on_its_way.len());
            self.remotes[1 - me].send(way.on_its_way.drain(..count).collect::<Vec<_>>());
            let remote = &self.remotes[me];
            if way.on_its_way.is_empty() && !way.has_ended && (remote.is_shut_down() || remote.is_dropped()) {
                way.take(&remote.received());
                way.has_ended = way.on_its_way.is_empty();
                if way.has_ended {
                    self.remotes[1 - me].half_close();
                }
            }
        }
    }

    /// Whether both sides have ended what they send, and all of it has arrived.
    pub(super) fn is_over(&self) -> bool {
        self.ways.iter().all(|way| way.has_ended)
    }

    /// Whether both sides have dropped the transport.
    pub(super) fn is_dropped(&self) -> bool {
        self.remotes.iter().all(Remote::is_dropped)
    }

    /// Each direction was a stream of whole frames, masked by the client alone, that ends with its only Close.
    pub(super) fn check_frames(&self) {
        for (me, way) in self.ways.iter().enumerate() {
            let (frames, rest) = decode_all(&way.sent);
            assert!(rest.is_empty(), "{} bytes of a torn frame", rest.len());
            assert!(frames.iter().all(|frame| frame.mask.is_some() == (me == 0)));
            let closes = frames.iter().filter(|frame| frame.opcode == 0x8).count();
            assert_eq!((closes, frames.last().map(|frame| frame.opcode)), (1, Some(0x8)));
        }
    }
}

impl Way {
    fn new(journey: Journey) -> Self {
        Self { journey, turn: 0, on_its_way: VecDeque::new(), sent: Vec::new(), has_ended: false }
    }

    fn next_lump(&mut self) -> usize {
        self.turn += 1;
        self.journey.lumps[self.turn % self.journey.lumps.len()]
    }

    fn take(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        self.on_its_way.extend(bytes);
    }
}
