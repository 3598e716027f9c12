//! Cutting input into keys.
#![allow(clippy::unwrap_used)]

use super::*;

#[track_caller]
fn check(keys: &[u8], pieces: &[&[u8]]) {
    let (mut rest, mut in_paste, mut found) = (keys, false, Vec::new());
    while !rest.is_empty() {
        let piece;
        (piece, rest) = rest.split_at(piece_len(rest, &mut in_paste));
        found.push(piece);
    }
    assert_eq!(found, pieces);
}

#[test]
fn a_piece_ends_with_its_line() {
    check(b"hello\r", &[b"hello\r"]);
    check(b"a\rb\rc", &[b"a\r", b"b\r", b"c"]);
    // The terminal ends lines like this as long as its keys are not taken.
    check(b"a\nb\nc", &[b"a\n", b"b\n", b"c"]);
}

#[test]
fn a_paste_is_not_cut_at_its_lines() {
    check(b"a\x1b[200~b\rc\rd\x1b[201~e\r", &[b"a", b"\x1b[200~", b"b\rc\rd\x1b[201~", b"e\r"]);
}

#[test]
fn ctrl_c_stands_alone_in_a_paste_too() {
    check(b"\x1b[200~a\rb\x03c", &[b"\x1b[200~", b"a\rb", b"\x03", b"c"]);
    check(b"\x1b[200~\x03\x03", &[b"\x1b[200~", b"\x03", b"\x03"]);
    check(b"\x1b[200~a\x1b[201~\x03", &[b"\x1b[200~", b"a\x1b[201~", b"\x03"]);
}

#[test]
fn ctrl_z_stands_alone() {
    check(b"ab\x1ac", &[b"ab", b"\x1a", b"c"]);
    check(b"\x1a", &[b"\x1a"]);
}

#[test]
fn characters_and_escape_sequences_are_one_key() {
    for key in ["a", "é", "世", "\r", "\x03", "\x1b", "\x1b[A", "\x1b[1;5C"] {
        assert!(is_one_key(key.as_bytes()), "{key:?}");
    }
    for keys in ["ab", "éa", "\x1b[A\x1b[A", "a\r", "\x1b\r", "\x1b\n"] {
        assert!(!is_one_key(keys.as_bytes()), "{keys:?}");
    }
}
