//! Random streams: conversations as a peer would hold them, and what may go wrong with them.

use proptest::prelude::*;
use proptest::sample::Index;
use silverback_proto::Role;
use silverback_testkit::wire::{
    CLIENT_KEY, Frame, LengthForm, binary, close, close_empty, continuation, frame, ping, pong, text,
};

use crate::endpoints::Limits;

/// The bytes of a peer, the role of the receiver, and how the network cuts them for each implementation.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The role of who reads it.
    pub(crate) role: Role,
    pub(crate) limits: Limits,
    pub(crate) frames: Vec<Frame>,
    pub(crate) cuts: [u64; 2],
}

impl Stream {
    pub(crate) fn wire(&self) -> Vec<u8> {
        self.frames.iter().flat_map(Frame::encode).collect()
    }

    /// The same stream with other frames.
    pub(crate) fn with(&self, frames: &[Frame]) -> Self {
        Self { frames: frames.to_vec(), ..self.clone() }
    }
}

pub(crate) fn any_stream() -> impl Strategy<Value = Stream> {
    let role = prop_oneof![Just(Role::Server), Just(Role::Client)];
    let turns = prop::collection::vec(turn(), 0..6);
    let breaks = prop_oneof![Just(Vec::new()).boxed(), prop::collection::vec((any::<Index>(), change()), 1..4).boxed()];
    (role, limits(), turns, breaks, any::<[u64; 2]>()).prop_map(|(role, limits, turns, breaks, cuts)| {
        let mut frames: Vec<Frame> = turns.into_iter().flatten().collect();
        if role == Role::Server {
            frames = frames.into_iter().map(|frame| frame.masked(CLIENT_KEY)).collect();
        }
        for (at, change) in breaks {
            apply(&mut frames, &at, &change, limits);
        }
        Stream { role, limits, frames, cuts }
    })
}

/// 125 at least: tungstenite has control frames keep to the limit too.
fn limits() -> impl Strategy<Value = Limits> {
    const MIB: u64 = 1024 * 1024;
    let limit = || prop_oneof![Just(125), Just(126), 127..600_u64, Just(65_535), Just(65_536)];
    prop_oneof![
        2 => Just(Limits { frame: 16 * MIB, message: 16 * MIB }),
        1 => limit().prop_map(|message| Limits { frame: message, message }),
        1 => (limit(), limit()).prop_map(|(frame, message)| Limits { frame, message }),
    ]
}

/// A whole message with control frames between its fragments, a single control frame, or a Close frame.
fn turn() -> impl Strategy<Value = Vec<Frame>> {
    prop_oneof![
        6 => message(),
        2 => control().prop_map(|frame| vec![frame]),
        1 => closing().prop_map(|frame| vec![frame]),
    ]
}

fn message() -> impl Strategy<Value = Vec<Frame>> {
    let first = prop_oneof![payload_of_text().prop_map(text), payload().prop_map(binary)];
    let cuts = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(any::<Index>(), 1..5)];
    (first, cuts, prop::collection::vec(prop::option::weighted(0.3, control()), 4)).prop_map(
        |(first, cuts, between)| {
            let payload = first.payload.clone();
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
            places.sort_unstable();
            places.push(payload.len());
            let last = places.len() - 1;
            let (mut frames, mut start) = (Vec::new(), 0);
            for (number, end) in places.into_iter().enumerate() {
                let opcode = if number == 0 { first.opcode } else { 0x0 };
                let fragment = frame(opcode, &payload[start..end]);
                frames.push(if number == last { fragment } else { fragment.not_final() });
                if number < last {
                    frames.extend(between[number].clone());
                }
                start = end;
            }
            frames
        },
    )
}

fn control() -> impl Strategy<Value = Frame> {
    let payload = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (124..127_usize).prop_map(|len| vec![b'c'; len]),
        1 => Just(vec![b'c'; 300]),
    ];
    (any::<bool>(), payload).prop_map(|(is_ping, payload)| if is_ping { ping(payload) } else { pong(payload) })
}

fn closing() -> impl Strategy<Value = Frame> {
    let code = prop_oneof![
        4 => 998..1018_u16,
        2 => prop::sample::select(vec![0, 1, 2999, 3000, 3999, 4000, 4999, 5000, 65_535]),
        1 => any::<u16>(),
    ];
    let reason = prop_oneof![
        6 => payload_of_text().prop_filter("a reason that fits", |reason| reason.len() <= 123),
        1 => (122..126_usize).prop_map(|len| vec![b'r'; len]),
    ];
    prop_oneof![
        1 => Just(close_empty()),
        1 => any::<u8>().prop_map(|byte| frame(0x8, [byte])),
        6 => (code, reason).prop_map(|(code, reason)| close(code, reason)),
    ]
}

/// Lengths around every border of the wire's format and of the limits.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![
        8 => 0..20_usize,
        4 => 120..132_usize,
        2 => 132..700_usize,
        1 => prop::sample::select(vec![65_534, 65_535, 65_536, 65_537]),
    ];
    (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len])
}

/// Mostly UTF-8, in characters of one to four bytes; else with a byte, a character or an end that is wrong.
fn payload_of_text() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::collection::vec(prop::sample::select(vec!["a", "é", "€", "\u{10FFFF}", "\0", "\u{D7FF}"]), 0..40)
        .prop_map(|characters| characters.concat().into_bytes());
    let wrong = prop::sample::select(vec![
        &b"\xff"[..],
        b"\x80",
        b"\xc0\xaf",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
    ]);
    prop_oneof![
        4 => text.clone(),
        1 => payload().prop_map(|payload| vec![b'x'; payload.len()]),
        2 => (text, wrong, any::<Index>()).prop_map(|(mut text, wrong, at)| {
            let at = at.index(text.len() + 1);
            text.splice(at..at, wrong.iter().copied());
            text
        }),
    ]
}

/// What goes wrong with a frame, or with the order of frames.
#[derive(Clone, Debug)]
enum Change {
    Opcode(u8),
    Fin,
    Reserved(u8),
    Mask,
    Length(LengthForm),
    /// A length of which the payload never comes: so much above the limit.
    Declared(u64),
    Lost,
    Twice,
    Swapped,
    LoneContinuation,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..16_u8).prop_map(Change::Opcode),
        Just(Change::Fin),
        (1..8_u8).prop_map(Change::Reserved),
        Just(Change::Mask),
        prop_oneof![Just(LengthForm::U16), Just(LengthForm::U64)].prop_map(Change::Length),
        prop::sample::select(vec![1, 1 << 32, (1 << 63) - (1 << 30), 1 << 63, u64::MAX]).prop_map(Change::Declared),
        Just(Change::Lost),
        Just(Change::Twice),
        Just(Change::Swapped),
        Just(Change::LoneContinuation),
    ]
}

fn apply(frames: &mut Vec<Frame>, at: &Index, change: &Change, limits: Limits) {
    if frames.is_empty() {
        return;
    }
    let at = at.index(frames.len());
    let frame = &mut frames[at];
    match change {
        Change::Opcode(opcode) => frame.opcode = *opcode,
        Change::Fin => frame.fin = !frame.fin,
        Change::Reserved(bits) => {
            (frame.rsv1, frame.rsv2, frame.rsv3) = (bits & 4 != 0, bits & 2 != 0, bits & 1 != 0);
        }
        Change::Mask => frame.mask = if frame.mask.is_some() { None } else { Some(CLIENT_KEY) },
        Change::Length(LengthForm::U16) if frame.payload.len() > 65_535 || frame.declared_len.is_some() => {}
        Change::Length(form) => frame.length_form = *form,
        Change::Declared(beyond) => {
            frame.length_form = LengthForm::Minimal;
            frame.declared_len = Some(limits.frame.saturating_add(*beyond));
        }
        Change::Lost => drop(frames.remove(at)),
        Change::Twice => frames.insert(at, frames[at].clone()),
        Change::Swapped => {
            let next = (at + 1) % frames.len();
            frames.swap(at, next);
        }
        Change::LoneContinuation => {
            let mut lone = continuation("lone");
            lone.mask = frame.mask;
            frames.insert(at, lone);
        }
    }
}
