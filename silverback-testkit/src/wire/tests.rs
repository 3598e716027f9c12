use super::*;

mod examples_of_rfc_6455_section_5_7 {
    use super::*;

    #[track_caller]
    fn check(frame: &Frame, wire: &[u8]) {
        assert_eq!(to_hex(&frame.encode()), to_hex(wire));
        assert_eq!(decode(wire), Some((frame.clone(), wire.len())));
    }

    #[test]
    fn a_single_frame_unmasked_text_message() {
        check(&text("Hello"), &hex("81 05 48 65 6c 6c 6f"));
    }

    #[test]
    fn a_single_frame_masked_text_message() {
        let wire = hex("81 85 37 fa 21 3d 7f 9f 4d 51 58");
        check(&text("Hello").masked(CLIENT_KEY), &wire);
    }

    #[test]
    fn a_fragmented_unmasked_text_message() {
        check(&text("Hel").not_final(), &hex("01 03 48 65 6c"));
        check(&continuation("lo"), &hex("80 02 6c 6f"));
    }

    #[test]
    fn an_unmasked_ping_and_its_masked_pong() {
        check(&ping("Hello"), &hex("89 05 48 65 6c 6c 6f"));
        let wire = hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58");
        check(&pong("Hello").masked(CLIENT_KEY), &wire);
    }

    #[test]
    fn binary_messages_of_256_bytes_and_of_64_kib() {
        let mut wire = hex("82 7e 0100");
        wire.extend([7; 256]);
        check(&binary([7; 256]), &wire);
        let mut wire = hex("82 7f 0000000000010000");
        wire.extend(vec![7; 65_536]);
        check(&binary(vec![7; 65_536]), &wire);
    }
}

mod codec {
    use super::*;

    #[test]
    fn every_field_has_its_bits() {
        for (frame, header) in [
            (text(""), "1 000 0001 0 0000000"),
            (text("").not_final(), "0 000 0001 0 0000000"),
            (binary("").rsv1(), "1 100 0010 0 0000000"),
            (frame(0xF, "").rsv2(), "1 010 1111 0 0000000"),
            (continuation("").rsv3(), "1 001 0000 0 0000000"),
            (close_empty(), "1 000 1000 0 0000000"),
        ] {
            assert_eq!(frame.encode(), bits(header), "{frame:?}");
            assert_eq!(decode(&bits(header)), Some((frame, 2)));
        }
    }

    #[test]
    fn the_shortest_length_form_is_chosen_at_every_border() {
        for (payload, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let frame = binary(vec![1; payload]);
            let wire = frame.encode();
            assert_eq!(wire.len(), header + payload);
            assert_eq!(decode(&wire), Some((frame, wire.len())));
        }
    }

    #[test]
    fn a_length_longer_than_needed_is_written_and_seen() {
        let in_two = text("hi").length_form(LengthForm::U16);
        let in_eight = text("hi").length_form(LengthForm::U64).masked([1, 2, 3, 4]);
        assert_eq!(in_two.encode(), hex("81 7e 0002 6869"));
        assert_eq!(in_eight.encode()[..10], hex("81 ff 0000000000000002"));
        for frame in [in_two, in_eight] {
            let wire = frame.encode();
            assert_eq!(decode(&wire), Some((frame, wire.len())));
        }
    }

    #[test]
    fn a_lie_about_the_length_changes_the_header_only() {
        assert_eq!(text("hi").declared_len(5).encode(), hex("81 05 6869"));
        let huge = binary("").declared_len(u64::MAX).encode();
        assert_eq!(huge, hex("82 7f ffffffffffffffff"));
        assert_eq!(decode(&huge), None);
    }

    #[test]
    fn nothing_is_decoded_before_the_last_byte_is_there() {
        let wire = text(vec![b'x'; 300]).masked([9, 8, 7, 6]).encode();
        for end in 0..wire.len() {
            assert_eq!(decode(&wire[..end]), None, "{end} bytes");
        }
        assert!(decode(&wire).is_some());
    }

    #[test]
    fn many_frames_are_decoded_up_to_the_unfinished_one() {
        let mut wire = text("hel").not_final().encode();
        wire.extend(ping("?").encode());
        wire.extend([0x80, 2, b'l']);
        let (frames, rest) = decode_all(&wire);
        assert_eq!(frames, [text("hel").not_final(), ping("?")]);
        assert_eq!(rest, [0x80, 2, b'l']);
    }

    #[test]
    #[should_panic(expected = "needs LengthForm::U64")]
    fn a_length_that_does_not_fit_its_form_is_a_mistake_of_the_test() {
        let _ = text("").declared_len(70_000).length_form(LengthForm::U16).encode();
    }
}

mod words {
    use super::*;

    #[track_caller]
    fn check(frame: &Frame, words: &str) {
        assert_eq!(format!("{frame:?}"), words);
    }

    #[test]
    fn a_frame_prints_as_the_words_that_build_it() {
        check(&text("hel").not_final(), r#"text("hel").not_final()"#);
        check(&binary([0xff, 1]).rsv1(), "binary([ff, 01]).rsv1()");
        check(&close(1000, "bye"), r#"close(1000, "bye")"#);
        check(&close_empty(), "close_empty()");
        check(&frame(0x8, [3]), r#"frame(0x8, "\u{3}")"#);
        check(&ping("").masked([0, 1, 2, 3]), r#"ping("").masked([00, 01, 02, 03])"#);
        check(&pong("a").length_form(LengthForm::U64).declared_len(9), r#"pong("a").length_form(U64).declared_len(9)"#);
    }

    #[test]
    fn a_long_payload_is_shown_by_its_beginning() {
        let shown = format!("{:?}", text(vec![b'x'; 1000]));
        assert!(shown.ends_with(r#"xx" .. 1000 bytes in all)"#), "{shown}");
        assert!(shown.len() < 120);
    }

    #[test]
    fn a_close_code_is_read_from_close_frames_only() {
        assert_eq!(close(4321, "").close_code(), Some(4321));
        assert_eq!(close_empty().close_code(), None);
        assert_eq!(text("abc").close_code(), None);
    }

    #[test]
    #[should_panic(expected = "'2' is not a digit of base 2")]
    fn bits_that_are_none_are_refused() {
        let _ = bits("1 000 0002");
    }

    #[test]
    #[should_panic(expected = "3 digits do not make whole bytes")]
    fn half_a_byte_is_refused() {
        let _ = hex("81 0");
    }
}

mod second_opinions {
    use super::*;

    #[test]
    fn masking_in_two_parts_is_masking_at_once() {
        let whole = {
            let mut bytes = *b"0123456789";
            naive_mask([1, 2, 3, 4], 0, &mut bytes);
            bytes
        };
        for cut in 0..=10 {
            let mut bytes = *b"0123456789";
            let (first, second) = bytes.split_at_mut(cut);
            naive_mask([1, 2, 3, 4], 0, first);
            naive_mask([1, 2, 3, 4], cut, second);
            assert_eq!(bytes, whole);
        }
    }

    #[test]
    fn masking_far_into_a_payload_does_not_overflow() {
        let mut bytes = [0; 5];
        naive_mask([1, 2, 3, 4], usize::MAX, &mut bytes);
        assert_eq!(bytes, [4, 1, 2, 3, 4]);
    }

    /// The standard library reports where the last valid character ends, not the first invalid byte. That is the last
    /// byte of the shortest prefix that it reports as an error.
    fn by_the_standard_library(bytes: &[u8]) -> Utf8Prefix {
        for end in 1..=bytes.len() {
            let error = std::str::from_utf8(&bytes[..end]).err();
            if error.is_some_and(|error| error.error_len().is_some()) {
                return Utf8Prefix::Invalid { at: end - 1 };
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => Utf8Prefix::Valid,
            Err(error) => Utf8Prefix::Incomplete { from: error.valid_up_to() },
        }
    }

    #[test]
    fn the_table_agrees_with_the_standard_library() {
        let edges = [
            0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
            0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ];
        let mut texts = vec![Vec::new()];
        let mut from = 0;
        for _ in 0..4 {
            let to = texts.len();
            for index in from..to {
                texts.extend(edges.map(|edge| [&texts[index][..], &[edge]].concat()));
            }
            from = to;
        }
        for bytes in texts {
            assert_eq!(naive_utf8_prefix(&bytes), by_the_standard_library(&bytes), "{bytes:02x?}");
        }
    }
}
