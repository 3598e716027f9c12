//! Encoded frames (RFC 6455, 5.2).
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn lengths_have_their_three_forms() {
    for (length, header) in [
        (0, &[0x82, 0][..]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (65_535, &[0x82, 126, 0xFF, 0xFF]),
        (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let payload = vec![7; length];
        assert_eq!(unmasked(BINARY, &payload), [header, &payload].concat());
    }
}

#[test]
fn frames_are_read_back_one_by_one() {
    let frames = [unmasked(PING, b"?"), unmasked(BINARY, &[7; 300]), unmasked(BINARY, &[8; 70_000])].concat();
    let mut rest = frames.as_slice();
    for expected in [(PING, b"?".to_vec()), (BINARY, vec![7; 300]), (BINARY, vec![8; 70_000])] {
        assert_eq!(read_frame(&mut rest).unwrap(), expected);
    }
    assert!(read_frame(&mut rest).is_err());
}

#[test]
fn a_client_masks() {
    assert_eq!(masked(PONG, b"hi"), [0x8A, 0x82, 0, 0, 0, 0, b'h', b'i']);
    assert_eq!(masked(BINARY, &[1; 126])[..8], [0x82, 0xFE, 0, 126, 0, 0, 0, 0]);
}
