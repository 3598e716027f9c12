//! RFC 9000, 16 and A.1.

use proptest::prelude::*;
use silverback_testkit::wire::hex;

use super::support::{integer, shortest};
use crate::h3::varint::{MAX, decode, encode};

#[test]
fn the_examples_of_the_rfc_read_as_it_says() {
    for (wire, value) in [
        ("c2 19 7c 5e ff 14 e8 8c", 151_288_809_941_952_652),
        ("9d 7f 3e 7d", 494_878_333),
        ("7b bd", 15_293),
        ("25", 37),
        ("40 25", 37),
    ] {
        let wire = hex(wire);
        assert_eq!(decode(&wire), Some((value, wire.len())));
    }
}

#[test]
fn each_border_takes_its_shortest_form() {
    for (value, wire) in [
        (0, "00"),
        (63, "3f"),
        (64, "40 40"),
        (16_383, "7f ff"),
        (16_384, "80 00 40 00"),
        (0x3FFF_FFFF, "bf ff ff ff"),
        (0x4000_0000, "c0 00 00 00 40 00 00 00"),
        (MAX, "ff ff ff ff ff ff ff ff"),
    ] {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        assert_eq!(bytes, hex(wire), "{value}");
    }
}

#[test]
fn a_value_beyond_the_largest_is_written_as_the_largest() {
    let mut bytes = Vec::new();
    encode(u64::MAX, &mut bytes);
    assert_eq!(decode(&bytes), Some((MAX, 8)));
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(value in 0..=MAX, shift in 0_u32..62) {
        let value = value >> shift;
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        prop_assert_eq!(&bytes, &shortest(value));
        prop_assert_eq!(decode(&bytes), Some((value, bytes.len())));
    }

    #[test]
    fn any_length_reads_the_same_and_a_cut_one_is_not_there_yet(value in any::<u64>(), log in 0_u32..4) {
        let len = 1_usize << log;
        let value = value >> (66 - 8 * len);
        let mut wire = integer(value, len);
        for cut in 0..len {
            prop_assert_eq!(decode(&wire[..cut]), None);
        }
        wire.push(0xFF);
        prop_assert_eq!(decode(&wire), Some((value, len)));
    }
}
