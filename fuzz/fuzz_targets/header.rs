//! Any bytes as a frame header. An independent codec reads the same, and encoding gives the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_proto::FrameHeader;
use silverback_testkit::wire::{LengthForm, decode};

fuzz_target!(|wire: &[u8]| {
    let Some(header) = FrameHeader::decode(wire) else {
        assert!(wire.len() < 14, "14 bytes are always enough");
        assert_eq!(decode(wire), None);
        return;
    };
    let len = header.encoded_len();
    assert!(len <= wire.len());
    for cut in 0..len {
        assert_eq!(FrameHeader::decode(&wire[..cut]), None);
    }
    if header.has_minimal_length() && !header.has_unknown_reserved_bits() {
        assert_eq!(*header.encode(), wire[..len]);
    }
    // The independent codec needs the payload too.
    if header.payload_len() < 1 << 16 {
        let mut whole = wire[..len].to_vec();
        whole.resize(len + header.payload_len() as usize, 0);
        let (frame, used) = decode(&whole).expect("a whole frame");
        assert_eq!((used, frame.payload.len() as u64), (whole.len(), header.payload_len()));
        assert_eq!((frame.fin, frame.opcode), (header.is_final(), header.opcode.bits()));
        assert_eq!((frame.rsv1, frame.mask.is_some()), (header.rsv1(), header.mask.is_some()));
        assert_eq!(frame.length_form == LengthForm::Minimal, header.has_minimal_length());
    }
});
