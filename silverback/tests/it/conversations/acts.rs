//! The possible actions of a side: random actions on random messages.

use proptest::prelude::*;
use silverback::Message;
use silverback_testkit::cuts::Random;

use super::patience::{Patience, any_patience};

#[derive(Clone, Debug)]
pub(super) enum Act {
    Read(WayToRead, Patience),
    Write(WayToWrite, Body, Patience),
    /// Starts a streamed message, or writes up to so much of the one that is open, and finishes it after its last byte.
    Stream(Body, usize, Patience),
    Flush(Patience),
    Ping(u8),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum WayToRead {
    Message,
    Borrowed,
    Event,
    /// Reads in pieces of this many bytes, with at most this many reads; the rest of the message is skipped.
    Pieces(usize, usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum WayToWrite {
    Owned,
    Borrowed,
    Uncompressed,
    Prepared,
    Try,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Text(usize),
    Prose(usize),
    Noise(u64, usize),
}

impl Body {
    pub(super) fn message(self) -> Message {
        match self {
            Self::Text(len) => "aé€😀".chars().cycle().take(len).collect::<String>().into(),
            Self::Prose(items) => {
                let item = |number: usize| format!("{{\"id\":{},\"ok\":true}},", number * 7919 % 1009);
                (0..items).map(item).collect::<String>().into_bytes().into()
            }
            Self::Noise(seed, len) => Random::new(seed).bytes(len).into(),
        }
    }
}

pub(super) fn any_act() -> impl Strategy<Value = Act> {
    let body = || {
        prop_oneof![
            3 => (0..60_usize).prop_map(Body::Text),
            2 => (0..1000_usize).prop_map(Body::Prose),
            2 => (any::<u64>(), prop_oneof![Just(125_usize), Just(126), 0..3000_usize, 0..70_000_usize])
                .prop_map(|(seed, len)| Body::Noise(seed, len)),
        ]
    };
    let read = prop_oneof![
        3 => Just(WayToRead::Message),
        2 => Just(WayToRead::Borrowed),
        2 => Just(WayToRead::Event),
        3 => (1..5000_usize, 0..40_usize).prop_map(|(size, reads)| WayToRead::Pieces(size, reads)),
    ];
    let write = prop_oneof![
        Just(WayToWrite::Owned),
        Just(WayToWrite::Borrowed),
        Just(WayToWrite::Uncompressed),
        Just(WayToWrite::Prepared),
        Just(WayToWrite::Try),
    ];
    prop_oneof![
        6 => (read, any_patience()).prop_map(|(way, patience)| Act::Read(way, patience)),
        6 => (write, body(), any_patience()).prop_map(|(way, body, patience)| Act::Write(way, body, patience)),
        4 => (body(), 1..30_000_usize, any_patience()).prop_map(|(body, most, patience)| Act::Stream(body, most, patience)),
        1 => any_patience().prop_map(Act::Flush),
        1 => any::<u8>().prop_map(Act::Ping),
    ]
}
