//! RFC 6455, 5.3: the fast masking against one that a child could check.

use proptest::prelude::*;
use silverback_testkit::{cuts::Random, wire::naive_mask};

use super::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[track_caller]
fn check(key: [u8; 4], offset: u64, payload: &mut [u8]) {
    let mut expected = payload.to_vec();
    naive_mask(key, (offset % 4) as usize, &mut expected);
    MaskKey(key).apply(offset, payload);
    assert_eq!(payload, expected, "key {key:?}, offset {offset}, {} bytes", payload.len());
}

#[test]
fn hello_is_masked_as_in_the_rfc() {
    let mut payload = *b"Hello";
    MaskKey(KEY).apply(0, &mut payload);
    assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
}

#[test]
fn every_length_offset_and_alignment_agrees_with_the_naive_way() {
    let original = Random::new(1).bytes(256);
    for len in 0..=200 {
        for offset in 0..8 {
            for alignment in 0..16 {
                let mut bytes = original.clone();
                check(KEY, offset, &mut bytes[alignment..alignment + len]);
                assert_eq!(bytes[..alignment], original[..alignment], "bytes before the payload stay");
                assert_eq!(bytes[alignment + len..], original[alignment + len..], "bytes behind the payload stay");
            }
        }
    }
}

#[test]
fn large_offsets_keep_the_phase() {
    for offset in [u64::MAX, u64::MAX - 1, 1 << 32, (1 << 32) + 3, (1 << 63) + 2] {
        check(KEY, offset, &mut [0, 1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn a_key_of_zeros_changes_nothing() {
    let mut payload = Random::new(2).bytes(100);
    let original = payload.clone();
    MaskKey([0; 4]).apply(1, &mut payload);
    assert_eq!(payload, original);
}

proptest! {
    #[test]
    fn any_payload_is_masked_as_the_naive_way_does(
        key: [u8; 4],
        offset: u64,
        mut payload in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        check(key, offset, &mut payload);
    }

    #[test]
    fn masking_twice_changes_nothing(
        key: [u8; 4],
        offset: u64,
        payload in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let mut twice = payload.clone();
        MaskKey(key).apply(offset, &mut twice);
        MaskKey(key).apply(offset, &mut twice);
        prop_assert_eq!(twice, payload);
    }

    #[test]
    fn a_payload_in_pieces_is_masked_as_in_one(
        key: [u8; 4],
        payload in prop::collection::vec(any::<u8>(), 0..500),
        seed: u64,
    ) {
        let mut whole = payload.clone();
        MaskKey(key).apply(0, &mut whole);
        let mut joined = Vec::new();
        for piece in silverback_testkit::cuts::random_split(&payload, 5, seed) {
            let mut piece = piece.to_vec();
            MaskKey(key).apply(joined.len() as u64, &mut piece);
            joined.extend(piece);
        }
        prop_assert_eq!(joined, whole);
    }
}
