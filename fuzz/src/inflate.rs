//! Any bytes as compressed messages (RFC 7692, 7.2.2). The result equals that of zlib, however the input is cut.

use std::time::Instant;

use arbitrary::Arbitrary;
use silverback_proto::{
    Config, Connection, ConnectionError, Event, LimitError, MaskKey, ProtocolError, ReadMode, ReceivedEvent, Role,
};
use silverback_testkit::wire::{CLIENT_KEY, Frame, binary, continuation};

use crate::{
    agreement::Agreement,
    cuts::cut,
    data::Data,
    zlib::{Packer, Unpacked, Unpacker},
};

/// The messages of a client.
#[derive(Arbitrary, Debug)]
pub struct Input {
    agreement: Agreement,
    messages: Vec<Compressed>,
    /// The lengths of the pieces in the second run, minus one.
    piece: u8,
    has_large_limit: bool,
    max_ratio: u8,
}

/// One message, made of parts of streams.
#[derive(Arbitrary, Debug)]
struct Compressed {
    parts: Vec<Part>,
    /// Bytes per frame; `None` for a single frame.
    frame_len: Option<u16>,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Raw(Vec<u8>),
    Packed {
        data: Data,
        level: u8,
        /// Compresses with a full window, even if a smaller one was negotiated.
        is_wide: bool,
        ends_stream: bool,
        /// Leaves out the flush at its end, as in the last part of a message.
        is_last: bool,
        /// Flips this bit.
        flipped: Option<u16>,
    },
}

/// The outcome of reading a message.
#[derive(Debug, PartialEq)]
enum Outcome {
    Message(Vec<u8>),
    Failed(ConnectionError),
}

/// Passes the messages to a server in three ways, and to zlib.
pub fn run(input: &Input) {
    let agreement = input.agreement.with_compression();
    let (window_bits, has_takeover) = agreement.window(Role::Client);
    let limit = if input.has_large_limit { 2 << 20 } else { 1 << 16 };
    let payloads = payloads(input, window_bits);
    let frames: Vec<Vec<u8>> = payloads.iter().zip(&input.messages).map(|(payload, of)| frames(payload, of)).collect();

    let whole = receive(input, limit, &frames, usize::MAX);
    assert_eq!(whole, receive(input, limit, &frames, 1 + usize::from(input.piece)), "cut");
    compare_pieces(&whole, &receive_pieces(input, limit, &frames));

    let mut zlib = Unpacker::new(15, has_takeover, usize::MAX);
    for (number, (outcome, payload)) in whole.iter().zip(&payloads).enumerate() {
        compare(outcome, &zlib.message(payload, limit), || {
            let mut strict = Unpacker::new(window_bits, has_takeover, 1);
            let before = payloads[..number].iter().map(|payload| strict.message(payload, limit));
            before.for_each(drop);
            strict.message(payload, limit)
        });
    }
}

/// With a small window, decoders differ in which references beyond it they notice. zlib with a full window accepts all
/// of them; zlib that is given single bytes accepts none.
fn compare(outcome: &Outcome, lenient: &Unpacked, strict: impl FnOnce() -> Unpacked) {
    match outcome {
        Outcome::Message(payload) => {
            let is_same = matches!(lenient, Unpacked::Message(other) if other == payload);
            assert!(is_same, "{} bytes, but zlib says {lenient:?}", payload.len());
        }
        Outcome::Failed(ConnectionError::Protocol(ProtocolError::InvalidDeflate)) => {
            assert!(!matches!(strict(), Unpacked::Message(_)), "refused, but zlib says {lenient:?}");
        }
        Outcome::Failed(ConnectionError::Limit(LimitError::Message { .. })) => {
            assert!(!matches!(lenient, Unpacked::Message(_)), "it is not too large");
        }
        Outcome::Failed(ConnectionError::Limit(LimitError::InflateRatio { .. })) => {
            assert!(!matches!(lenient, Unpacked::Message(payload) if payload.len() < 1 << 20), "it is not large");
        }
        Outcome::Failed(ConnectionError::Limit(LimitError::FinalBlocks { .. })) => {
            assert_eq!(*lenient, Unpacked::TooManyFinalBlocks);
        }
        Outcome::Failed(error) => panic!("{error}"),
    }
}

/// A message read in pieces gives the same bytes. Only its limits apply later, so more of it may be read.
fn compare_pieces(whole: &[Outcome], pieces: &[Outcome]) {
    for (whole, pieces) in whole.iter().zip(pieces) {
        match whole {
            Outcome::Message(_) => assert_eq!(whole, pieces, "in pieces"),
            Outcome::Failed(_) => return,
        }
    }
}

fn payloads(input: &Input, window_bits: u8) -> Vec<Vec<u8>> {
    let mut budget = MOST_UNPACKED;
    let mut packers = [None, None];
    let mut pack = |part: &Part| match part {
        Part::Raw(bytes) => bytes.clone(),
        Part::Packed { data, level, is_wide, ends_stream, is_last, flipped } => {
            let bits = if *is_wide { 15 } else { window_bits };
            let packer = packers[usize::from(*is_wide)].get_or_insert_with(|| Packer::new(*level, bits, true));
            let data = data.bytes(budget);
            budget -= data.len();
            let mut packed = packer.piece(&data, *ends_stream);
            if *is_last && !*ends_stream {
                packed.truncate(packed.len() - 4);
            }
            if let Some(bit) = flipped {
                let place = usize::from(*bit) % (packed.len() * 8).max(1);
                packed.get_mut(place / 8).into_iter().for_each(|byte| *byte ^= 1 << (place % 8));
            }
            packed
        }
    };
    let mut payload = |message: &Compressed| message.parts.iter().map(&mut pack).collect::<Vec<_>>().concat();
    input.messages.iter().map(&mut payload).collect()
}

fn frames(payload: &[u8], of: &Compressed) -> Vec<u8> {
    let frame_len = of.frame_len.map_or(usize::MAX, |len| usize::from(len).max(1 + payload.len() / MOST_FRAMES));
    let mut frames: Vec<Frame> = payload.chunks(frame_len).map(|piece| continuation(piece).not_final()).collect();
    if frames.is_empty() {
        frames.push(binary(b""));
    }
    frames[0] = frames[0].clone().opcode(0x2).rsv1();
    frames.last_mut().expect("one at least").fin = true;
    frames.into_iter().map(|frame| frame.masked(CLIENT_KEY).encode()).collect::<Vec<_>>().concat()
}

fn server(input: &Input, limit: usize) -> Connection {
    let config = input.agreement.with_compression().config(Config::default());
    let compression = config.compression.clone().map(|compression| match input.max_ratio {
        0 => compression,
        ratio => compression.max_inflate_ratio(ratio.into()),
    });
    let config = config.compression(compression).max_message_size(limit as u64).max_frame_size(64 << 20);
    let negotiated = input.agreement.with_compression().negotiated();
    // The absolute time does not matter.
    Connection::new(Role::Server, negotiated, config, Instant::now(), || MaskKey([0; 4]))
}

fn receive(input: &Input, limit: usize, frames: &[Vec<u8>], piece: usize) -> Vec<Outcome> {
    let mut conn = server(input, limit);
    let mut outcomes = Vec::new();
    for frame in frames {
        let mut frame = frame.clone();
        for mut rest in cut(&mut frame, piece) {
            loop {
                match conn.handle_input(Instant::now(), rest) {
                    Err(error) => {
                        outcomes.push(Outcome::Failed(error));
                        return outcomes;
                    }
                    Ok(progress) => {
                        let consumed = progress.consumed;
                        let Some(event) = progress.event else { break };
                        let Event::Message(message) = event else { panic!("{event:?}") };
                        outcomes.push(Outcome::Message(message.into_message().as_bytes().to_vec()));
                        rest = &mut rest[consumed..];
                    }
                }
            }
        }
    }
    outcomes
}

fn receive_pieces(input: &Input, limit: usize, frames: &[Vec<u8>]) -> Vec<Outcome> {
    let (mut receiver, _) = server(input, limit).split();
    let mut outcomes = Vec::new();
    let mut message = Vec::new();
    for frame in frames {
        let mut frame = frame.clone();
        let mut rest = frame.as_mut_slice();
        loop {
            let handled = match receiver.handle_input(rest, ReadMode::Pieces { limit: limit as u64 }) {
                Ok(handled) => handled,
                Err(error) => {
                    outcomes.push(Outcome::Failed(error));
                    return outcomes;
                }
            };
            let Some(received) = handled.received else { break };
            let ReceivedEvent::Piece { location, is_last, .. } = received else { panic!("{received:?}") };
            message.extend_from_slice(receiver.piece(rest, location).expect("the location belongs to this input"));
            if is_last {
                outcomes.push(Outcome::Message(std::mem::take(&mut message)));
            }
            rest = &mut rest[handled.consumed..];
        }
    }
    outcomes
}

/// The total size of all messages of an input before compression.
const MOST_UNPACKED: usize = 3 << 20;

/// Fewer than the fragment limit, which this target does not test.
const MOST_FRAMES: usize = 1000;
