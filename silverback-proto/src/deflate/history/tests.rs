//! A connection with a small window continues from a history as from one stream for all messages.

use std::cell::RefCell;

use proptest::{collection::vec, prelude::*};
use silverback_testkit::wire::hex;
use zlib_rs::{Deflate, DeflateFlush};

use super::*;
use crate::{
    deflate::{
        deflater::Deflater,
        inflater::{InflateError, Inflater},
        naive::Naive,
        options::{Compression, TAIL},
    },
    wire::role::Role,
};

const WITH_HISTORY: std::ops::RangeInclusive<u8> = 9..=14;

fn inflater(bits: u8) -> Inflater {
    let compression = Compression::default().server_max_window_bits(bits);
    Inflater::new(Role::Server, &compression, &compression.wanted)
}

fn deflater(bits: u8, level: u8) -> Deflater {
    let compression = Compression::default().level(level).server_max_window_bits(bits);
    Deflater::new(Role::Server, &compression, &compression.wanted)
}

fn inflate(inflater: &mut Inflater, compressed: &[u8], piece: usize) -> Result<Vec<u8>, InflateError> {
    let out = RefCell::new(Vec::new());
    let keep = |bytes: &[u8]| {
        out.borrow_mut().extend_from_slice(bytes);
        Ok::<_, InflateError>(())
    };
    for piece in compressed.chunks(piece) {
        inflater.push(piece, keep)?;
    }
    inflater.finish(keep)?;
    Ok(out.into_inner())
}

/// Compresses a message with one stream, and returns the output without its tail.
fn compress_straight(stream: &mut Deflate, message: &[u8]) -> Vec<u8> {
    let mut out = vec![0; message.len() * 2 + 100];
    let before = stream.total_out();
    let _ = stream.compress(message, &mut out, DeflateFlush::SyncFlush);
    out.truncate((stream.total_out() - before) as usize);
    match out.strip_suffix(&TAIL) {
        Some(message) => message.to_vec(),
        None => vec![0],
    }
}

/// Messages that resemble those before them: most are shorter than any window, some longer than a small one.
fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let words = |count| vec(0usize..60, count).prop_map(|words| words.iter().flat_map(|w| word(*w)).collect());
    vec(prop_oneof![8 => words(0..12), 4 => words(0..80), 1 => words(0..900)], 1..40)
}

fn word(number: usize) -> Vec<u8> {
    format!("word {} of {number};", number * 7919 % 1000).into_bytes()
}

proptest! {
    #[test]
    fn the_output_of_one_stream_is_understood(messages in messages(), bits in WITH_HISTORY, level in 1i32..=9, piece in 1usize..400) {
        let mut sender = Deflate::new(level, false, bits);
        let mut receiver = inflater(bits);
        for message in messages {
            let compressed = compress_straight(&mut sender, &message);
            prop_assert_eq!(inflate(&mut receiver, &compressed, piece).expect("inflates"), message);
            prop_assert!(!receiver.holds_memory());
        }
    }

    #[test]
    fn what_is_sent_is_understood_by_one_stream_with_just_that_window(messages in messages(), bits in 8u8..=15, level in 1u8..=9) {
        let mut sender = deflater(bits, level);
        let mut receiver = Naive::new(bits);
        for message in messages {
            let mut compressed = Vec::new();
            sender.finish(&message, &mut compressed);
            compressed.extend_from_slice(&TAIL);
            prop_assert_eq!(receiver.message(&compressed), message);
        }
    }

    #[test]
    fn a_history_is_the_end_of_all_that_was_said(pieces in vec(vec(any::<u8>(), 0..700), 0..20), bits in 8u8..=10) {
        let (mut kept, mut all) = (Kept::history(bits), Vec::new());
        for piece in pieces {
            kept.note(&piece);
            all.extend_from_slice(&piece);
            let end = &all[all.len().saturating_sub(1 << bits)..];
            prop_assert_eq!(kept.dictionary().concat(), end);
            let Kept::History(history) = &kept else { unreachable!() };
            prop_assert!(history.bytes.capacity() <= 1 << bits, "{} bytes", history.bytes.capacity());
        }
    }
}

#[test]
fn neither_side_keeps_a_stream_between_messages() {
    let (mut sender, mut receiver) = (deflater(10, 1), inflater(10));
    for _ in 0..3 {
        let mut compressed = Vec::new();
        sender.finish(&word(1).repeat(40), &mut compressed);
        inflate(&mut receiver, &compressed, 1000).expect("inflates");
        assert!(!sender.holds_memory() && !receiver.holds_memory());
    }
}

/// RFC 7692, 7.1.2: the receiver does not keep bytes to which the sender promised not to refer.
#[test]
fn a_reference_to_an_earlier_message_beyond_the_window_is_refused() {
    let mut sender = Deflate::new(9, false, 15);
    let mut receiver = inflater(9);
    let said: Vec<_> = (0..60).flat_map(word).collect();
    for message in [&said[..100], &said[100..]] {
        let compressed = compress_straight(&mut sender, message);
        assert_eq!(inflate(&mut receiver, &compressed, 1000).expect("inflates"), message);
    }
    let compressed = compress_straight(&mut sender, &said[..100]);
    assert_eq!(inflate(&mut receiver, &compressed, 1000), Err(InflateError::Invalid));
}

#[test]
fn a_final_block_ends_the_history_too() {
    let mut receiver = inflater(9);
    assert_eq!(inflate(&mut receiver, &hex("f2 48 cd c9 c9 07 00"), 100).expect("inflates"), b"Hello");
    assert_eq!(inflate(&mut receiver, &hex("f2 00 11 00 00"), 100).expect("inflates"), b"Hello");
    assert_eq!(inflate(&mut receiver, &hex("f3 48 cd c9 c9 07 00 00"), 100).expect("inflates"), b"Hello");
    assert_eq!(inflate(&mut receiver, &hex("f2 00 11 00 00"), 100), Err(InflateError::Invalid));
}

#[test]
fn later_messages_do_not_refer_to_one_that_was_never_sent() {
    let (mut sender, mut receiver) = (deflater(10, 9), Naive::new(10));
    let message = word(1).repeat(20);
    let mut compressed = Vec::new();
    sender.finish(&message, &mut compressed); // not sent
    sender.reset();
    for _ in 0..2 {
        compressed.clear();
        sender.finish(&message, &mut compressed);
        compressed.extend_from_slice(&TAIL);
        assert_eq!(receiver.message(&compressed), message);
    }
}
