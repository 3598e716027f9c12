//! RFC 6455, 5.5.1: the codes and reasons of Close frames.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

mod codes {
    use super::*;

    #[test]
    fn codes_that_must_not_be_sent_are_rejected_when_read_and_when_made() {
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            let code = CloseCode::new(code);
            let decoded = CloseFrame::decode(&code.get().to_be_bytes());
            assert_eq!(decoded, Err(ProtocolError::InvalidCloseCode(code)));
            assert_eq!(CloseFrame::new(code, ""), Err(UnsendableCode(code)));
        }
    }

    #[test]
    fn a_code_that_must_not_be_sent_is_refused_by_name() {
        let refused = CloseFrame::new(CloseCode::NO_STATUS, "").unwrap_err();
        assert_eq!(refused.to_string(), "close code 1005 (no status received) must not be sent");
    }

    #[test]
    fn a_frame_is_shown_with_its_code_and_escaped_reason() {
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
