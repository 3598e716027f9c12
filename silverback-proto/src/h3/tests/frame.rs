//! RFC 9114, 7.1: headers both ways, and the cutting of a stream.

use silverback_testkit::{cuts::for_each_way, wire::hex};

use super::support::{frame, integer};
use crate::h3::frame::{FrameHeader, FramePart, FrameReader, FrameType};

fn header(number: u64, payload_len: u64) -> FrameHeader {
    FrameHeader { frame_type: FrameType::new(number), payload_len }
}

#[test]
fn every_row_reads_the_same_both_ways() {
    for (wire, header) in [
        ("00 00", FrameHeader::data(0)),
        ("00 3f", FrameHeader::data(63)),
        ("00 40 40", FrameHeader::data(64)),
        ("00 80 01 00 00", FrameHeader::data(65_536)),
        ("00 ff ff ff ff ff ff ff ff", FrameHeader::data((1 << 62) - 1)),
        ("01 05", header(0x1, 5)),
        ("04 00", header(0x4, 0)),
        ("07 01", header(0x7, 1)),
        ("80 0f 07 00 03", header(0xF_0700, 3)),
        ("40 5f 02", header(0x5F, 2)),
    ] {
        let wire = hex(wire);
        assert_eq!(FrameHeader::decode(&wire), Some((header, wire.len())));
        assert_eq!(*header.encode(), *wire);
        for cut in 0..wire.len() {
            assert_eq!(FrameHeader::decode(&wire[..cut]), None, "{header:?} cut at {cut}");
        }
    }
}

#[test]
fn a_header_of_long_forms_is_read_too() {
    let wire = [integer(0, 8), integer(3, 8)].concat();
    assert_eq!(FrameHeader::decode(&wire), Some((FrameHeader::data(3), 16)));
}

/// The frames of a stream: each header with the payload that arrived.
fn read(pieces: &[&[u8]]) -> Vec<(FrameHeader, Vec<u8>, bool)> {
    let mut reader = FrameReader::new();
    let mut frames: Vec<(FrameHeader, Vec<u8>, bool)> = Vec::new();
    for piece in pieces {
        let mut consumed = 0;
        while let Some(part) = reader.next_part(piece, &mut consumed) {
            match part {
                FramePart::Header(header) => frames.push((header, Vec::new(), false)),
                FramePart::Payload { range, ends_frame } => {
                    let (_, payload, is_complete) = frames.last_mut().unwrap();
                    payload.extend_from_slice(&piece[range]);
                    assert!(!*is_complete, "a payload after its end");
                    *is_complete = ends_frame;
                }
            }
        }
        assert_eq!(consumed, piece.len(), "all input is used");
    }
    frames
}

#[test]
fn frames_are_the_same_however_they_are_cut() {
    let wire = [
        frame(0x0, b"Hello"),
        frame(0x0, b""),
        frame(0x21, &[7; 70]),
        [integer(0x1, 4), integer(2, 8), b"ab".to_vec()].concat(),
        hex("00 06 4d 69 73"), // three of six bytes
    ]
    .concat();
    let expected = vec![
        (header(0x0, 5), b"Hello".to_vec(), true),
        (header(0x0, 0), Vec::new(), true),
        (header(0x21, 70), vec![7; 70], true),
        (header(0x1, 2), b"ab".to_vec(), true),
        (header(0x0, 6), b"Mis".to_vec(), false),
    ];
    for_each_way(&wire, 2, |pieces| assert_eq!(read(pieces), expected));
}
