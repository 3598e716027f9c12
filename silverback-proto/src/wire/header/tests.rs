//! RFC 6455, 5.2: one table for both ways, then properties against the test kit's own codec.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use silverback_testkit::wire::{self, LengthForm, bits, decode as oracle_decode, frame};

use super::*;

/// Headers as bits on the wire, and as values.
fn table() -> Vec<(&'static str, FrameHeader)> {
    let header = FrameHeader::new;
    let key = Some(MaskKey([0x37, 0xfa, 0x21, 0x3d]));
    let key_bits = "00110111 11111010 00100001 00111101";
    assert_eq!(bits(key_bits), [0x37, 0xfa, 0x21, 0x3d]);
    vec![
        ("1 000 0001  0 0000101", header(Opcode::TEXT, 5)),
        ("1 000 0010  0 0000000", header(Opcode::BINARY, 0)),
        ("0 000 0001  0 0000011", header(Opcode::TEXT, 3).with_final(false)),
        ("0 000 0000  0 0000001", header(Opcode::CONTINUATION, 1).with_final(false)),
        ("1 000 0000  0 0000010", header(Opcode::CONTINUATION, 2)),
        ("1 000 1000  0 0000000", header(Opcode::CLOSE, 0)),
        ("1 000 1001  0 1111101", header(Opcode::PING, 125)),
        ("1 000 1010  0 0000100", header(Opcode::PONG, 4)),
        ("1 100 0001  0 0000111", header(Opcode::TEXT, 7).with_rsv1(true)),
        ("1 000 0011  0 0000000", header(Opcode::from_bits(0x3), 0)),
        ("1 000 1111  0 0000000", header(Opcode::from_bits(0xF), 0)),
        ("1 000 0001  1 0000101  00110111 11111010 00100001 00111101", header(Opcode::TEXT, 5).with_mask(key)),
        ("1 000 1000  1 0000000  00110111 11111010 00100001 00111101", header(Opcode::CLOSE, 0).with_mask(key)),
        ("1 000 0010  0 1111110  00000000 01111110", header(Opcode::BINARY, 126)),
        ("1 000 0010  0 1111110  00000001 00000000", header(Opcode::BINARY, 256)),
        ("1 000 0010  0 1111110  11111111 11111111", header(Opcode::BINARY, 65_535)),
        (
            "1 000 0010  1 1111110  00000001 00000000  00110111 11111010 00100001 00111101",
            header(Opcode::BINARY, 256).with_mask(key),
        ),
        (
            "1 000 0010  0 1111111  00000000 00000000 00000000 00000000 00000000 00000001 00000000 00000000",
            header(Opcode::BINARY, 65_536),
        ),
        (
            "1 000 0010  0 1111111  01111111 11111111 11111111 11111111 11111111 11111111 11111111 11111111",
            header(Opcode::BINARY, (1 << 63) - 1),
        ),
        (
            "1 000 0010  0 1111111  10000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
            header(Opcode::BINARY, 1 << 63),
        ),
        (
            "0 100 0010  1 1111111  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000
             00110111 11111010 00100001 00111101",
            header(Opcode::BINARY, 1 << 32).with_final(false).with_rsv1(true).with_mask(key),
        ),
    ]
}

#[test]
fn every_row_reads_the_same_both_ways() {
    for (written, header) in table() {
        let wire = bits(written);
        assert_eq!(FrameHeader::decode(&wire), Some(header), "decoding {written}");
        assert_eq!(*header.encode(), *wire, "encoding {written}");
        assert_eq!(header.encoded_len(), wire.len(), "length of {written}");
    }
}

#[test]
fn bytes_after_a_header_are_ignored() {
    for (written, header) in table() {
        let mut wire = bits(written);
        wire.extend([0xFF; 20]);
        assert_eq!(FrameHeader::decode(&wire), Some(header), "{written}");
    }
}

#[test]
fn a_header_cut_at_any_byte_is_not_there_yet() {
    for (written, _) in table() {
        let wire = bits(written);
        for len in 0..wire.len() {
            assert_eq!(FrameHeader::decode(&wire[..len]), None, "{len} bytes of {written}");
        }
    }
}

#[test]
fn lengths_around_every_border_take_their_shortest_form() {
    let cases: [(u64, usize); 14] = [
        (0, 2),
        (1, 2),
        (124, 2),
        (125, 2),
        (126, 4),
        (127, 4),
        (65_534, 4),
        (65_535, 4),
        (65_536, 10),
        (65_537, 10),
        ((1 << 32) - 1, 10),
        (1 << 32, 10),
        ((1 << 63) - 1, 10),
        (u64::MAX, 10),
    ];
    for (payload_len, encoded_len) in cases {
        let header = FrameHeader::new(Opcode::BINARY, payload_len);
        assert_eq!(header.encode().len(), encoded_len, "{payload_len}");
        assert_eq!(FrameHeader::decode(&header.encode()), Some(header), "{payload_len}");
    }
}

#[test]
fn each_reserved_bit_is_told_apart() {
    for (written, rsv1, unknown) in [
        ("1 000 0001 0 0000000", false, false),
        ("1 100 0001 0 0000000", true, false),
        ("1 010 0001 0 0000000", false, true),
        ("1 001 0001 0 0000000", false, true),
        ("1 111 0001 0 0000000", true, true),
    ] {
        let header = FrameHeader::decode(&bits(written)).unwrap();
        assert_eq!((header.rsv1(), header.has_unknown_reserved_bits()), (rsv1, unknown), "{written}");
    }
}

#[test]
fn a_length_in_a_longer_form_than_needed_is_read_and_recorded() {
    for (payload_len, form) in [
        (0, LengthForm::U16),
        (125, LengthForm::U16),
        (0, LengthForm::U64),
        (125, LengthForm::U64),
        (126, LengthForm::U64),
        (65_535, LengthForm::U64),
    ] {
        for mask in [None, Some([1, 2, 3, 4])] {
            let mut frame = frame(0x2, []).length_form(form).declared_len(payload_len);
            frame.mask = mask;
            let wire = frame.encode();
            let header = FrameHeader::decode(&wire).unwrap();
            assert_eq!((header.payload_len(), header.has_minimal_length()), (payload_len, false), "{frame:?}");
            assert_eq!(header.encoded_len(), wire.len(), "{frame:?}: the payload begins behind the header as read");
        }
    }
}

#[test]
fn the_key_is_not_shown_in_logs() {
    let header = FrameHeader::new(Opcode::TEXT, 0).with_mask(Some(MaskKey([0xAB; 4])));
    let shown = format!("{header:?}");
    assert!(!shown.contains("171") && !shown.contains("ab"), "{shown}");
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(header in any_header()) {
        let wire = header.encode();
        prop_assert_eq!(FrameHeader::decode(&wire), Some(header));
        prop_assert_eq!(header.encoded_len(), wire.len());
    }

    #[test]
    fn headers_mean_the_same_to_an_independent_codec(header in any_header().prop_filter("fits in memory", is_small)) {
        let mut wire = header.encode().to_vec();
        let mut payload = vec![7; header.payload_len() as usize];
        if let Some(MaskKey(key)) = header.mask {
            wire::naive_mask(key, 0, &mut payload);
        }
        wire.extend(payload);
        let (seen, used) = oracle_decode(&wire).unwrap();
        prop_assert_eq!(used, wire.len());
        prop_assert_eq!(seen.length_form, LengthForm::Minimal);
        prop_assert_eq!(seen.fin, header.is_final());
        prop_assert_eq!(seen.rsv1, header.rsv1());
        prop_assert_eq!(seen.rsv2 || seen.rsv3, header.has_unknown_reserved_bits());
        prop_assert_eq!(seen.opcode, header.opcode.bits());
        prop_assert_eq!(seen.mask, header.mask.map(|MaskKey(key)| key));
        prop_assert_eq!(seen.payload, vec![7; header.payload_len() as usize]);
    }

    #[test]
    fn any_bytes_decode_as_the_independent_codec_says(wire in prop::collection::vec(any::<u8>(), 0..16)) {
        let Some(header) = FrameHeader::decode(&wire) else {
            prop_assert_eq!(oracle_decode(&wire), None);
            return Ok(());
        };
        prop_assert!(header.encoded_len() <= wire.len());
        // The oracle wants the payload too.
        if header.payload_len() < 1 << 20 {
            let mut whole = wire[..header.encoded_len()].to_vec();
            whole.resize(whole.len() + header.payload_len() as usize, 0);
            let (seen, used) = oracle_decode(&whole).unwrap();
            prop_assert_eq!((seen.payload.len() as u64, used), (header.payload_len(), whole.len()));
            prop_assert_eq!(seen.length_form == LengthForm::Minimal, header.has_minimal_length());
            prop_assert_eq!((seen.fin, seen.opcode), (header.is_final(), header.opcode.bits()));
        }
    }
}

fn is_small(header: &FrameHeader) -> bool {
    header.payload_len() <= 70_000
}

fn any_header() -> impl Strategy<Value = FrameHeader> {
    let near = |border: u64| border.saturating_sub(3)..=border.saturating_add(3);
    let payload_len = prop_oneof![0..=10_u64, near(126), near(65_536), near(1 << 32), near(1 << 63), any::<u64>()];
    (0..16_u8, payload_len, any::<(bool, bool, Option<[u8; 4]>)>()).prop_map(|(opcode, len, (is_final, rsv1, key))| {
        FrameHeader::new(Opcode::from_bits(opcode), len)
            .with_final(is_final)
            .with_rsv1(rsv1)
            .with_mask(key.map(MaskKey))
    })
}

#[test]
fn the_length_of_a_frame_is_known_once_its_header_is_there() {
    for (written, header) in table() {
        let mut wire = bits(written);
        for len in 0..wire.len() {
            assert_eq!(FrameHeader::frame_len(&wire[..len]), None, "{len} bytes of {written}");
        }
        wire.extend([0xFF; 20]);
        let payload_end = (header.encoded_len() as u64).saturating_add(header.payload_len());
        assert_eq!(FrameHeader::frame_len(&wire), Some(payload_end), "{written}");
    }
}
