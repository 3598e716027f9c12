//! RFC 6455, 8.1 and RFC 3629: text in pieces against a naive check and the standard library.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use silverback_testkit::{
    cuts::{Random, every_split, one_byte_at_a_time, random_split},
    wire::{Utf8Prefix, naive_utf8_prefix},
};

use super::*;

/// Validates a text in pieces. Returns the index of the first invalid piece, or whether the text may end after the last
/// one. Also checks that the accepted text is the input up to an unfinished character.
fn judge<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<bool, usize> {
    let mut utf8 = Utf8Validator::default();
    let (mut accepted, mut pushed) = (String::new(), Vec::new());
    for (index, piece) in pieces.into_iter().enumerate() {
        pushed.extend_from_slice(piece);
        utf8.push(piece, |text| accepted.push_str(text)).map_err(|_| index)?;
        assert_eq!(accepted.len() + utf8.partial().len(), pushed.len());
        assert!(pushed.starts_with(accepted.as_bytes()));
        assert_eq!(utf8.is_complete(), utf8.partial().is_empty());
    }
    Ok(utf8.is_complete())
}

/// Every cut in two, byte by byte, and some random cuts: refused at the piece with the first byte that cannot be.
#[track_caller]
fn check(text: &[u8]) {
    let expected = naive_utf8_prefix(text);
    assert_eq!(super::check(text).is_ok(), expected == Utf8Prefix::Valid, "{text:x?} whole");
    assert_eq!(std::str::from_utf8(text).is_ok(), expected == Utf8Prefix::Valid, "{text:x?}: the oracle");
    check_pieces(text, &[text]);
    check_pieces(text, &one_byte_at_a_time(text).collect::<Vec<_>>());
    for (first, second) in every_split(text) {
        check_pieces(text, &[first, second]);
    }
    for seed in 0..8 {
        check_pieces(text, &random_split(text, 4, seed));
    }
}

#[track_caller]
fn check_pieces(text: &[u8], pieces: &[&[u8]]) {
    let expected = match naive_utf8_prefix(text) {
        Utf8Prefix::Valid => Ok(true),
        Utf8Prefix::Incomplete { .. } => Ok(false),
        Utf8Prefix::Invalid { at } => {
            let ends = pieces.iter().scan(0, |end, piece| {
                *end += piece.len();
                Some(*end)
            });
            Err(ends.take_while(|end| *end <= at).count())
        }
    };
    let lengths = || pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>();
    assert_eq!(judge(pieces.iter().copied()), expected, "{text:x?} in pieces of {:?}", lengths());
}

/// One of each class of sequences in the table of RFC 3629, 4, at both ends of its range.
const CHARACTERS: [&str; 14] = [
    "\0",
    "\x7f",
    "\u{80}",
    "\u{7ff}",
    "\u{800}",
    "\u{fff}",
    "\u{1000}",
    "\u{cfff}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{ffff}",
    "\u{10000}",
    "\u{fffff}",
    "\u{10ffff}",
];

/// Bytes that begin no text, or break one.
const BROKEN: [&[u8]; 16] = [
    // Continuations alone.
    b"\x80",
    b"\xbf\xbf",
    // Overlong forms.
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    // Surrogates.
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    // Above U+10FFFF.
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xff",
    // Characters that break off.
    b"\xc3(",
    b"\xe2\x82(",
    b"\xf0\x9f\x98(",
];

#[test]
fn a_character_of_every_class_is_text_at_every_cut() {
    for character in CHARACTERS {
        check(character.as_bytes());
        check(format!("ab{character}cd").as_bytes());
    }
    check(CHARACTERS.concat().as_bytes());
}

#[test]
fn a_text_that_ends_inside_a_character_is_not_complete() {
    for character in CHARACTERS {
        for len in 0..character.len() {
            check(&character.as_bytes()[..len]);
            check(&[b"text ", &character.as_bytes()[..len]].concat());
        }
    }
}

#[test]
fn broken_sequences_are_refused_at_the_earliest_byte() {
    for broken in BROKEN {
        check(broken);
        check(&[b"ab", broken].concat());
        check(&["κόσμε".as_bytes(), broken, b" and more"].concat());
    }
}

#[test]
fn broken_sequences_are_found_at_every_place_of_a_vector() {
    for broken in BROKEN {
        for before in 50..=80 {
            let text = [&vec![b'a'; before], broken, &[b'b'; 70]].concat();
            check_pieces(&text, &[&text]);
            check_pieces(&text, &[&text[..before + 1], &text[before + 1..]]);
        }
    }
}

#[test]
fn every_pair_of_bytes_agrees_with_the_naive_check() {
    for pair in 0..=u16::MAX {
        let pair = pair.to_be_bytes();
        check_pieces(&pair, &[&pair]);
        check_pieces(&pair, &[&pair[..1], &pair[1..]]);
    }
}

#[test]
fn every_lead_byte_with_every_class_of_continuations_agrees_with_the_naive_check() {
    let classes = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF];
    for lead in 0xC0..=0xFF {
        for second in classes {
            for third in classes {
                for fourth in classes {
                    let text = [lead, second, third, fourth];
                    check_pieces(&text, &[&text]);
                    check_pieces(&text, &one_byte_at_a_time(&text).collect::<Vec<_>>());
                }
            }
        }
    }
}

#[test]
fn the_work_is_linear_in_fragments_of_64_bytes() {
    // Each byte is handed on once, in at most two pieces for a fragment: the character it completes, and the rest.
    let text = "aé€😀 κόσμε ".repeat(4 * 1024 * 1024 / 24);
    let mut utf8 = Utf8Validator::default();
    let (mut calls, mut bytes) = (0, 0);
    for fragment in text.as_bytes().chunks(64) {
        let before = calls;
        utf8.push(fragment, |whole| (calls, bytes) = (calls + 1, bytes + whole.len())).unwrap();
        assert!(calls - before <= 2, "{} calls for one fragment", calls - before);
    }
    assert!(utf8.is_complete());
    assert_eq!(bytes, text.len());
}

#[test]
fn an_empty_piece_changes_nothing() {
    assert_eq!(judge([b"".as_slice(), b"\xe2", b"", b"\x82", b"", b"\xac", b""]), Ok(true));
    assert_eq!(judge([b"\xe2".as_slice(), b""]), Ok(false));
}

proptest! {
    #[test]
    fn any_text_is_text_however_it_is_cut(text in ".{0,120}") {
        check(text.as_bytes());
    }

    #[test]
    fn any_bytes_agree_with_the_naive_check(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        check(&bytes);
    }

    #[test]
    fn a_text_with_one_changed_byte_agrees_with_the_naive_check(
        text in "[aé€😀]{1,60}",
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check(&bytes);
    }

    #[test]
    fn long_random_mixtures_agree_with_the_naive_check(seed: u64) {
        let mut random = Random::new(seed);
        let mut bytes = Vec::new();
        for _ in 0..200 {
            match random.below(40) {
                0 => bytes.extend(BROKEN[random.below(BROKEN.len())]),
                _ => bytes.extend(CHARACTERS[random.below(CHARACTERS.len())].as_bytes()),
            }
        }
        check_pieces(&bytes, &[&bytes]);
        check_pieces(&bytes, &random_split(&bytes, 20, seed));
    }
}
