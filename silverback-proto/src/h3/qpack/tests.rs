//! RFC 9204, 4.1 and 4.5, RFC 7541, 5 and appendix C, and properties against the crate `qpack`.

use proptest::{collection::vec, prelude::*};
use silverback_testkit::wire::{hex, to_hex};

use super::{field_section::*, huffman, integer, static_table};
use crate::h3::{
    error::{Error, FieldSectionFault, LimitError},
    error_code::ErrorCode,
    limits::Limits,
};

fn decode(wire: &[u8]) -> Result<FieldSection, Error> {
    FieldSection::decode(wire, &Limits::default())
}

/// The fields of a section that is written in hex, each as `name: value`.
#[track_caller]
fn check(wire: &str, fields: &[&str]) {
    let section = decode(&hex(wire)).unwrap();
    let shown = |field: &Field| format!("{}: {}", field.name.escape_ascii(), field.value.escape_ascii());
    assert_eq!(section.fields().iter().map(shown).collect::<Vec<_>>(), fields);
}

#[track_caller]
fn check_fails(wire: &str, fault: FieldSectionFault) {
    let error = decode(&hex(wire)).unwrap_err();
    assert_eq!(error, Error::FieldSection(fault));
    assert_eq!(error.code(), ErrorCode::QPACK_DECOMPRESSION_FAILED);
    assert!(error.ends_connection());
}

mod integers {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_read_the_same_both_ways() {
        for (prefix, value, wire) in [(5, 10, "0a"), (5, 1337, "1f 9a 0a"), (8, 42, "2a")] {
            let mut bytes = Vec::new();
            integer::encode(0, prefix, value, &mut bytes);
            assert_eq!(bytes, hex(wire));
            assert_eq!(integer::decode(&mut &bytes[..], prefix), Ok(value));
        }
    }

    #[test]
    fn an_integer_has_at_most_62_bits() {
        for (wire, value) in [
            ("ff 80 ff ff ff ff ff ff ff 3f", Ok((1 << 62) - 1)),
            ("ff ff ff ff ff ff ff ff ff 3f", Err(FieldSectionFault::Integer)),
            ("ff ff ff ff ff ff ff ff ff 7f", Err(FieldSectionFault::Integer)),
            ("ff 80 80 80 80 80 80 80 80 80 00", Err(FieldSectionFault::Integer)),
            ("ff 80 80 80 80 80 80 80 80 00", Ok(127)),
        ] {
            assert_eq!(integer::decode(&mut &hex(wire)[..], 7), value, "{wire}");
        }
    }

    #[test]
    fn an_integer_that_is_cut_off_is_an_error() {
        for wire in ["", "7f", "7f 80"] {
            assert_eq!(integer::decode(&mut &hex(wire)[..], 7), Err(FieldSectionFault::Truncated));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(value in 0..1_u64 << 62, shift in 0_u32..62, prefix in 3_u8..=8) {
            let value = value >> shift;
            let flags = 0xFF_u16.wrapping_shl(u32::from(prefix)) as u8;
            let mut bytes = Vec::new();
            integer::encode(flags, prefix, value, &mut bytes);
            prop_assert_eq!(bytes[0] & flags, flags);
            for cut in 0..bytes.len() {
                prop_assert_eq!(integer::decode(&mut &bytes[..cut], prefix), Err(FieldSectionFault::Truncated));
            }
            bytes.push(0xFF);
            let mut rest = &bytes[..];
            prop_assert_eq!(integer::decode(&mut rest, prefix), Ok(value));
            prop_assert_eq!(rest, [0xFF]);
        }
    }
}

mod huffman_code {
    use super::*;

    /// RFC 7541, C.4 and C.6.
    const EXAMPLES: [(&str, &str); 12] = [
        ("www.example.com", "f1e3 c2e5 f23a 6ba0 ab90 f4ff"),
        ("no-cache", "a8eb 1064 9cbf"),
        ("custom-key", "25a8 49e9 5ba9 7d7f"),
        ("custom-value", "25a8 49e9 5bb8 e8b4 bf"),
        ("302", "6402"),
        ("private", "aec3 771a 4b"),
        ("Mon, 21 Oct 2013 20:13:21 GMT", "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"),
        ("https://www.example.com", "9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3"),
        ("307", "640e ff"),
        ("Mon, 21 Oct 2013 20:13:22 GMT", "d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff"),
        ("gzip", "9bd9 ab"),
        (
            "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 \
             b106 3d50 07",
        ),
    ];

    #[test]
    fn the_examples_of_the_rfc_read_the_same_both_ways() {
        for (text, code) in EXAMPLES {
            let mut bytes = Vec::new();
            huffman::encode(text.as_bytes(), &mut bytes);
            assert_eq!(to_hex(&bytes), to_hex(&hex(code)), "{text}");
            assert_eq!(bytes.len(), huffman::encoded_len(text.as_bytes()));
            assert_eq!(huffman::decode(&bytes).unwrap(), text.as_bytes());
        }
    }

    /// RFC 7541, appendix B: the first and the last code of some lengths.
    #[test]
    fn symbols_have_the_codes_of_the_appendix() {
        for (symbol, len, code) in [
            (b'0', 5, 0x0),
            (b't', 5, 0x9),
            (b' ', 6, 0x14),
            (b'u', 6, 0x2D),
            (b'&', 8, 0xF8),
            (b'Z', 8, 0xFD),
            (b'?', 10, 0x3FC),
            (0, 13, 0x1FF8),
            (b'\\', 19, 0x7FFF0),
            (128, 20, 0xFFFE6),
            (255, 26, 0x3FF_FFEE),
            (b'\n', 30, 0x3FFF_FFFC),
            (22, 30, 0x3FFF_FFFE),
        ] {
            let mut bytes = Vec::new();
            huffman::encode(&[symbol], &mut bytes);
            let written = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            let padding = bytes.len() * 8 - len;
            assert_eq!(written, ((code + 1_u64) << padding) - 1, "{symbol}");
        }
    }

    #[test]
    fn padding_is_shorter_than_a_byte_and_all_ones() {
        assert_eq!(huffman::decode(&hex("")), Ok(Vec::new()));
        assert_eq!(huffman::decode(&hex("07")), Ok(b"0".to_vec()));
        // A whole byte of padding, alone and after text, and padding of zeros.
        for code in ["ff", "07 ff", "00", "06", "64 0e fe"] {
            assert_eq!(huffman::decode(&hex(code)), Err(FieldSectionFault::Huffman), "{code}");
        }
    }

    #[test]
    fn the_end_of_string_symbol_is_an_error() {
        for code in ["ff ff ff ff", "ff ff ff fc", "07 ff ff ff ff ff ff"] {
            assert_eq!(huffman::decode(&hex(code)), Err(FieldSectionFault::Huffman), "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_read_the_same(text in vec(any::<u8>(), 0..200)) {
            let mut code = Vec::new();
            huffman::encode(&text, &mut code);
            prop_assert_eq!(code.len(), huffman::encoded_len(&text));
            prop_assert_eq!(huffman::decode(&code).unwrap(), text);
        }

        /// Every input that decodes is the only code of its result.
        #[test]
        fn no_two_codes_mean_the_same(code in vec(any::<u8>(), 0..40)) {
            if let Ok(text) = huffman::decode(&code) {
                let mut again = Vec::new();
                huffman::encode(&text, &mut again);
                prop_assert_eq!(again, code);
            }
        }
    }
}

mod field_lines {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_has_a_literal_value() {
        // RFC 9204, B.1.
        check("0000 510b 2f69 6e64 6578 2e68 746d 6c", &[":path: /index.html"]);
    }

    #[test]
    fn a_static_entry_takes_one_byte_or_two() {
        check(
            "0000 cf d7 d9 ff 23",
            &[":method: CONNECT", ":scheme: https", ":status: 200", "x-frame-options: sameorigin"],
        );
    }

    #[test]
    fn names_and_values_may_be_literal_with_or_without_huffman() {
        check("0000 23 61 62 63 01 78", &["abc: x"]);
        check("0000 2f 01 25 a8 49 e9 5b a9 7d 7f 89 25 a8 49 e9 5b b8 e8 b4 bf", &["custom-key: custom-value"]);
        check("0000 20 00", &[": "]);
    }

    #[test]
    fn a_sensitive_value_is_marked() {
        for (wire, is_sensitive) in
            [("0000 5f45 01 78", false), ("0000 7f45 01 78", true), ("0000 21 61 00", false), ("0000 31 61 00", true)]
        {
            let section = decode(&hex(wire)).unwrap();
            assert_eq!(section.fields()[0].is_sensitive, is_sensitive);
            assert_eq!(to_hex(&section.encode()), to_hex(&hex(wire)), "the mark is written again");
        }
    }

    #[test]
    fn a_sensitive_field_is_not_written_as_an_index() {
        let field = Field { is_sensitive: true, ..Field::new("authorization", "") };
        assert_eq!(FieldSection::from_iter([field]).encode(), hex("0000 7f 45 00"));
    }

    #[test]
    fn each_field_takes_its_shortest_form() {
        for (name, value, wire) in [
            (":method", "CONNECT", "cf"),
            (":path", "/chat", "51 84 60 93 8d 3f"),
            ("origin", "~~~", "5f 4b 03 7e 7e 7e"), // each ~ has 13 bits
            ("x", "", "21 78 00"),                  // 7 bits, which save no byte
            ("custom-key", "x", "2f 01 25 a8 49 e9 5b a9 7d 7f 01 78"),
        ] {
            let wire = [hex("0000"), hex(wire)].concat();
            let section = FieldSection::from_iter([Field::new(name, value)]);
            assert_eq!(to_hex(&section.encode()), to_hex(&wire), "{name}: {value}");
            assert_eq!(decode(&wire), Ok(section));
        }
    }

    #[test]
    fn any_base_is_allowed_unless_it_is_negative() {
        check("0000 cf", &[":method: CONNECT"]);
        check("0005 cf", &[":method: CONNECT"]);
        check("007f 80 01 cf", &[":method: CONNECT"]);
        check_fails("0080 cf", FieldSectionFault::NegativeBase);
        check_fails("0085 cf", FieldSectionFault::NegativeBase);
    }

    #[test]
    fn a_section_may_be_empty() {
        check("0000", &[]);
    }
}

mod dynamic_table {
    use super::*;

    #[test]
    fn must_not_be_required() {
        check_fails("0100 cf", FieldSectionFault::DynamicTable);
        check_fails("ff 00 00 cf", FieldSectionFault::DynamicTable);
    }

    #[test]
    fn must_not_be_used() {
        // Indexed, indexed after the base, literal with such a name, the same after the base.
        for wire in ["0000 80", "0000 bf 00", "0000 10", "0000 1f 00", "0000 40 00", "0000 00 00", "0000 08 00"] {
            check_fails(wire, FieldSectionFault::DynamicTable);
        }
    }
}

mod faults {
    use super::*;

    #[test]
    fn an_index_beyond_the_static_table_is_an_error() {
        check("0000 ff 23", &["x-frame-options: sameorigin"]);
        check_fails("0000 ff 24", FieldSectionFault::StaticIndex(99));
        check_fails("0000 5f 54 00", FieldSectionFault::StaticIndex(99));
        check_fails("0000 ff ff ff ff ff ff ff ff ff 1f", FieldSectionFault::StaticIndex(0x1FFF_FFFF_FFFF_FFFF + 0x3F));
    }

    #[test]
    fn a_section_that_is_cut_off_is_an_error_unless_it_ends_after_a_field() {
        let wire = hex("0000 cf 510b 2f69 6e64 6578 2e68 746d 6c 7f45 01 78 2f 01 25 a8 49 e9 5b a9 7d 7f 00 ff 23");
        let ends = [2, 3, 16, 20, 31, 33];
        assert_eq!(ends.last(), Some(&wire.len()));
        for cut in 0..=wire.len() {
            let outcome = decode(&wire[..cut]);
            match ends.iter().position(|end| *end == cut) {
                Some(fields) => assert_eq!(outcome.unwrap().fields().len(), fields),
                None => assert_eq!(outcome, Err(FieldSectionFault::Truncated.into()), "cut at {cut}"),
            }
        }
    }

    #[test]
    fn a_declared_length_beyond_the_section_is_an_error_whatever_it_is() {
        check_fails("0000 51 7f ff ff ff ff ff ff ff ff 1f", FieldSectionFault::Truncated);
        check_fails("0000 27 ff ff ff ff ff ff ff ff 1f", FieldSectionFault::Truncated);
        check_fails("0000 51 7f ff ff ff ff ff ff ff ff ff 1f", FieldSectionFault::Integer);
    }

    #[test]
    fn bad_huffman_code_is_an_error() {
        check_fails("0000 51 81 ff", FieldSectionFault::Huffman);
        check_fails("0000 29 00 00", FieldSectionFault::Huffman);
    }
}

mod limits {
    use super::*;

    /// Names of 1 byte and values of 7: 40 bytes each.
    fn section(fields: usize) -> FieldSection {
        (0..fields).map(|_| Field::new("a", "1234567")).collect()
    }

    #[test]
    fn a_section_of_exactly_the_limit_is_decoded() {
        let limits = Limits { field_section: 400, ..Limits::default() };
        assert_eq!(section(10).size(), 400);
        assert_eq!(FieldSection::decode(&section(10).encode(), &limits), Ok(section(10)));
    }

    #[test]
    fn a_larger_section_is_refused_as_soon_as_it_grows_beyond_the_limit() {
        let limits = Limits { field_section: 400, ..Limits::default() };
        let mut wire = section(11).encode();
        wire.push(0x80); // a fault that is never reached
        let error = FieldSection::decode(&wire, &limits).unwrap_err();
        assert_eq!(error, LimitError::FieldSection { size: 440, limit: 400 }.into());
        assert_eq!((error.code(), error.ends_connection()), (ErrorCode::EXCESSIVE_LOAD, false));
    }

    #[test]
    fn the_text_counts_as_it_is_without_huffman() {
        let section = FieldSection::from_iter([Field::new("a", vec![b'0'; 300])]);
        let wire = section.encode();
        assert!(wire.len() < 210);
        let limits = Limits { field_section: 332, ..Limits::default() };
        assert_eq!(
            FieldSection::decode(&wire, &limits),
            Err(LimitError::FieldSection { size: 333, limit: 332 }.into())
        );
    }

    #[test]
    fn too_many_fields_are_refused() {
        let limits = Limits { fields: 10, ..Limits::default() };
        assert_eq!(FieldSection::decode(&section(10).encode(), &limits), Ok(section(10)));
        let error = FieldSection::decode(&section(11).encode(), &limits).unwrap_err();
        assert_eq!(error, LimitError::Fields { limit: 10 }.into());
        assert_eq!((error.code(), error.ends_connection()), (ErrorCode::EXCESSIVE_LOAD, false));
    }
}

mod another_implementation {
    use super::*;

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    /// ls-qpack, which aioquic and others use, encoded these fields. It makes the same choices as we do.
    #[test]
    fn ls_qpack_encodes_a_handshake_to_the_same_bytes() {
        let fields = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":authority", "localhost:4433"),
            (":path", "/chat?room=1"),
            ("origin", "https://localhost:4433"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
            ("cookie", "a=b"),
            ("cookie", "c=d"),
        ];
        let wire =
            hex("0000 cf 2f00b95d8749c87a3f 87f058d072752a7f d7 508aa0e41d139d09b8d34cb3 518960938d3fe5873d3007 \
             5f4b909d29ad1718628390744e7426e34d32cf 2f084148b782c68393a952b772d8831eaf 023133 \
             2f0a4148b782c68393a952b17ca4b520c7a91f 9eacb65254207315690b2d03497ed425062d498a91f98bc1aa90fe228cc947 \
             5f5099d07f66a281b0dae053fafc087ed4ce6aadf2a7979c89c6bfbf 5503613d62 5503633d64");
        let section: FieldSection = fields.iter().map(|(name, value)| Field::new(*name, *value)).collect();
        assert_eq!(decode(&wire), Ok(section.clone()));
        assert_eq!(to_hex(&section.encode()), to_hex(&wire));
    }

    fn decode_theirs(wire: &[u8]) -> Result<Pairs, qpack::DecoderError> {
        let decoded = qpack::decode_stateless(&mut &wire[..], u64::MAX)?;
        let pairs = decoded.fields.into_iter().map(qpack::HeaderField::into_inner);
        Ok(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    fn pairs(section: &FieldSection) -> Pairs {
        section.fields().iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
    }

    #[test]
    fn has_the_same_static_table() {
        for index in 0..99 {
            let (name, value) = static_table::entry(index).unwrap();
            let section = FieldSection::from_iter([Field::new(name, value)]);
            let theirs = qpack::HeaderField::new(name, value);
            let mut wire = Vec::new();
            qpack::encode_stateless(&mut wire, [&theirs]).unwrap();
            assert_eq!(decode(&wire).unwrap(), section);
            assert_eq!(section.encode(), wire, "both use the index {index}");
        }
        assert_eq!(static_table::entry(99), None);
    }

    /// Names and values of every kind: from the static table, text, and any bytes.
    fn fields() -> impl Strategy<Value = Pairs> {
        let entry = || (0..99_u64).prop_map(|index| static_table::entry(index).unwrap());
        let text = || prop_oneof![vec(32_u8..127, 0..40), vec(any::<u8>(), 0..20), vec(b'a'..=b'z', 100..300)];
        vec(
            prop_oneof![
                entry().prop_map(|(name, value)| (name.into(), value.into())),
                (entry(), text()).prop_map(|((name, _), value)| (name.into(), value)),
                (text(), text()),
            ],
            0..12,
        )
    }

    proptest! {
        #[test]
        fn reads_what_we_write(fields in fields()) {
            let section: FieldSection = fields.iter().map(|(n, v)| Field::new(n.clone(), v.clone())).collect();
            let wire = section.encode();
            prop_assert_eq!(&decode(&wire).unwrap(), &section);
            prop_assert_eq!(decode_theirs(&wire).unwrap(), fields);
        }

        #[test]
        fn writes_what_we_read(fields in fields()) {
            let mut wire = Vec::new();
            let theirs = fields.iter().map(|(n, v)| qpack::HeaderField::new(n.clone(), v.clone()));
            qpack::encode_stateless(&mut wire, theirs.collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(pairs(&decode(&wire).unwrap()), fields);
        }

        #[test]
        fn reads_whatever_we_read(wire in vec(any::<u8>(), 0..60)) {
            let wire = [vec![0, 0], wire].concat();
            if let Ok(section) = decode(&wire) {
                prop_assert_eq!(decode_theirs(&wire).unwrap(), pairs(&section));
            }
        }
    }
}
