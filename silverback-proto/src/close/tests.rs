//! RFC 6455, 5.5.1 and 7.4: codes and reasons.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

mod codes {
    use super::*;

    #[test]
    fn codes_of_the_registry_may_be_sent() {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            assert!(CloseCode::new(code).is_sendable(), "{code}");
        }
    }

    #[test]
    fn exactly_the_codes_that_mean_something_on_the_wire_are_sendable() {
        let never = |code: u16| {
            code < 1000 || [1004, 1005, 1006, 1015].contains(&code) || (1016..=2999).contains(&code) || code >= 5000
        };
        for code in 0..=u16::MAX {
            assert_eq!(CloseCode::new(code).is_sendable(), !never(code), "{code}");
        }
    }

    #[test]
    fn what_must_not_be_sent_is_refused_when_read_and_when_made() {
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            let code = CloseCode::new(code);
            let decoded = CloseFrame::decode(&code.get().to_be_bytes());
            assert_eq!(decoded, Err(ProtocolError::InvalidCloseCode(code)));
            assert_eq!(CloseFrame::new(code, ""), Err(UnsendableCode(code)));
        }
    }

    #[test]
    fn only_3000_to_4999_belong_to_applications() {
        for (code, expected) in [(2999, false), (3000, true), (4999, true), (5000, false), (1000, false)] {
            assert_eq!(CloseCode::new(code).is_application(), expected, "{code}");
        }
    }

    #[test]
    fn each_code_has_the_name_of_the_registry() {
        let registry = [
            (1000, "normal closure"),
            (1001, "going away"),
            (1002, "protocol error"),
            (1003, "unsupported data"),
            (1004, "not assigned"),
            (1005, "no status received"),
            (1006, "abnormal closure"),
            (1007, "invalid frame payload data"),
            (1008, "policy violation"),
            (1009, "message too big"),
            (1010, "mandatory extension"),
            (1011, "internal error"),
            (1012, "service restart"),
            (1013, "try again later"),
            (1014, "bad gateway"),
            (1015, "TLS handshake"),
            (3000, "registered by a library"),
            (4999, "private to the application"),
        ];
        for (code, name) in registry {
            assert_eq!(CloseCode::from(code).name(), name, "{code}");
        }
    }

    #[test]
    fn a_code_that_must_not_be_sent_is_refused_by_name() {
        let refused = CloseFrame::new(CloseCode::NO_STATUS, "").unwrap_err();
        assert_eq!(refused.to_string(), "close code 1005 (no status received) must not be sent");
    }

    #[test]
    fn a_code_converts_to_its_number_and_back() {
        let code = CloseCode::from(4000);
        assert_eq!(code, 4000);
        assert_eq!(4000, code);
        assert_ne!(code, 4001);
        assert_eq!(u16::from(code), 4000);
    }

    #[test]
    fn a_code_is_shown_with_its_name() {
        assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001 (going away)");
        assert_eq!(format!("{:?}", CloseCode::new(2000)), "2000 (not assigned)");
        let close = CloseFrame::new(CloseCode::NORMAL, "line\nbreak").unwrap();
        assert_eq!(close.to_string(), "1000 (normal closure): line\\nbreak");
    }
}

mod payloads {
    use super::*;

    #[track_caller]
    fn check(payload: &[u8], code: u16, reason: &str) {
        let close = CloseFrame::new(CloseCode::new(code), reason.to_owned()).unwrap();
        assert_eq!(CloseFrame::decode(payload), Ok(Some(close.clone())));
        let mut encoded = Vec::new();
        close.encode(&mut encoded);
        assert_eq!(encoded, payload);
    }

    #[test]
    fn code_and_reason_read_the_same_both_ways() {
        check(b"\x03\xe8", 1000, "");
        check(b"\x03\xe9bye", 1001, "bye");
        check(b"\x0f\xa0\xce\xba\xcf\x8c\xcf\x83\xce\xbc\xce\xb5", 4000, "κόσμε");
        check(&[b"\x03\xf6".as_slice(), &[b'x'; 123]].concat(), 1014, &"x".repeat(123));
    }

    #[test]
    fn an_empty_payload_has_neither_code_nor_reason() {
        assert_eq!(CloseFrame::decode(b""), Ok(None));
    }

    #[test]
    fn one_byte_is_half_a_code() {
        for byte in [0x00, 0x03, 0xFF] {
            assert_eq!(CloseFrame::decode(&[byte]), Err(ProtocolError::TruncatedCloseCode));
        }
    }

    #[test]
    fn a_reason_must_be_utf_8() {
        for reason in [b"\xff".as_slice(), b"ok \xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"] {
            let payload = [b"\x03\xe8", reason].concat();
            let error = CloseFrame::decode(&payload).unwrap_err();
            assert_eq!((error, error.close_code()), (ProtocolError::InvalidUtf8, CloseCode::INVALID_PAYLOAD));
        }
    }

    #[test]
    fn a_bad_code_is_reported_before_a_bad_reason() {
        let error = CloseFrame::decode(b"\x03\xed\xff").unwrap_err();
        assert_eq!(error, ProtocolError::InvalidCloseCode(CloseCode::NO_STATUS));
    }
}

mod long_reasons {
    use super::*;

    #[track_caller]
    fn check(reason: &str, kept: usize) {
        for reason in [Cow::Owned(reason.to_owned()), Cow::Borrowed(&*reason.to_owned().leak())] {
            let close = CloseFrame::new(CloseCode::NORMAL, reason.clone()).unwrap();
            assert_eq!(close.reason, reason[..kept], "of {} bytes", reason.len());
        }
    }

    #[test]
    fn up_to_123_bytes_stay() {
        check(&"a".repeat(122), 122);
        check(&"a".repeat(123), 123);
    }

    #[test]
    fn more_is_cut_at_123() {
        check(&"a".repeat(124), 123);
        check(&"a".repeat(10_000), 123);
    }

    #[test]
    fn no_character_is_cut_in_two() {
        check(&format!("{}é", "a".repeat(121)), 123);
        check(&format!("{}é", "a".repeat(122)), 122);
        check(&format!("{}€", "a".repeat(121)), 121);
        check(&format!("{}😀", "a".repeat(120)), 120);
        check(&format!("{}😀", "a".repeat(119)), 123);
        check(&"😀".repeat(40), 120);
    }

    proptest! {
        #[test]
        fn what_is_left_is_the_longest_prefix_that_fits(reason in ".{0,200}") {
            let close = CloseFrame::new(CloseCode::NORMAL, reason.clone()).unwrap();
            prop_assert!(close.reason.len() <= 123);
            prop_assert!(reason.starts_with(&*close.reason));
            let next = reason[close.reason.len()..].chars().next();
            prop_assert!(next.is_none_or(|next| close.reason.len() + next.len_utf8() > 123));
        }

        #[test]
        fn any_payload_is_read_or_refused_without_a_panic(payload in prop::collection::vec(any::<u8>(), 0..=125)) {
            if let Ok(Some(close)) = CloseFrame::decode(&payload) {
                let mut encoded = Vec::new();
                close.encode(&mut encoded);
                prop_assert_eq!(encoded, payload);
            }
        }
    }
}
