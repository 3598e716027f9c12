//! RFC 6455, 5.1 and 5.2: frames of every shape, and the frames that are rejected.

use silverback_testkit::wire::{LengthForm, binary, close_empty, continuation, frame, ping, text};

use super::*;
use crate::wire::{error::ProtocolError, opcode::Opcode};

mod messages {
    use super::*;

    #[test]
    fn a_message_of_one_frame_is_handed_out() {
        check(&[text("Hello")], &[message("Hello")], &[]);
        check(&[binary([0, 255])], &[message(vec![0, 255])], &[]);
        check(&[text("κόσμε €😀")], &[message("κόσμε €😀")], &[]);
    }

    #[test]
    fn empty_messages_are_messages() {
        check(&[text(""), binary("")], &[message(""), message(vec![])], &[]);
    }

    #[test]
    fn messages_in_one_input_come_one_by_one_in_order() {
        let seen = [message("a"), message(vec![1]), message("b"), Seen::Pong(vec![]), message("c")];
        check(&[text("a"), binary([1]), text("b"), frame(0xA, ""), text("c")], &seen, &[]);
    }

    #[test]
    fn every_form_of_length_is_read() {
        for len in [0, 1, 125, 126, 127, 300] {
            check(&[binary(vec![7; len]), text("next")], &[message(vec![7; len]), message("next")], &[]);
        }
    }

    #[test]
    fn long_messages_are_read_at_cuts_around_their_header() {
        for len in [65_535, 65_536, 70_000] {
            let input = wire(Role::Server, &[binary(vec![7; len]), text("next")]);
            for at in (0..20).chain([len / 2]).chain(input.len() - 14..=input.len()) {
                let mut peer = server();
                peer.send_cut(&input, at);
                assert_eq!(peer.endpoint().seen(), [message(vec![7; len]), message("next")], "cut at {at}");
            }
        }
    }

    #[test]
    fn each_frame_is_unmasked_with_its_own_key() {
        let frames = [text("one").masked([1, 2, 3, 4]), text("two").masked([0; 4]), text("three").masked([255; 4])];
        let seen = [message("one"), message("two"), message("three")];
        check_bytes(Role::Server, Config::default(), &wire(Role::Server, &frames), &seen, &[]);
    }
}

mod lending {
    use super::*;

    /// Handles one input and says whether the message lay in it.
    #[track_caller]
    fn is_lent(role: Role, input: &mut [u8], expected: &[u8]) -> bool {
        let range = input.as_ptr_range();
        let App { mut conn, clock, .. } = App::new(role, Config::default());
        let Event::Message(message) = conn.handle_input(clock.now(), input).unwrap().event.unwrap() else {
            panic!("a message");
        };
        let payload = message.into_ref().as_bytes();
        assert_eq!(payload, expected);
        range.contains(&payload.as_ptr())
    }

    #[test]
    fn a_message_of_one_frame_is_a_slice_of_the_input() {
        for role in [Role::Server, Role::Client] {
            for len in [1, 5, 125, 126, 70_000] {
                let payload = vec![b'a'; len];
                assert!(is_lent(role, &mut wire(role, &[binary(&payload)]), &payload), "binary of {len} bytes");
                assert!(is_lent(role, &mut wire(role, &[text(&payload)]), &payload), "text of {len} bytes");
            }
        }
    }

    #[test]
    fn a_fragmented_message_is_joined_elsewhere() {
        let mut input = wire(Role::Server, &[text("a").not_final(), continuation("b")]);
        assert!(!is_lent(Role::Server, &mut input, b"ab"));
    }

    #[test]
    fn a_borrowed_message_can_be_copied() {
        let App { mut conn, clock, .. } = App::new(Role::Server, Config::default());
        let mut input = wire(Role::Server, &[binary("kept")]);
        let Some(Event::Message(incoming)) = conn.handle_input(clock.now(), &mut input).unwrap().event else {
            panic!("a message");
        };
        let message = incoming.into_message();
        input.fill(0);
        assert_eq!(message.as_bytes(), b"kept");
    }

    #[test]
    fn bytes_behind_the_message_are_left_as_they_came() {
        let App { mut conn, clock, .. } = App::new(Role::Server, Config::default());
        let mut input = wire(Role::Server, &[text("first"), text("second")]);
        let untouched = input.clone();
        let consumed = conn.handle_input(clock.now(), &mut input).unwrap().consumed;
        assert_eq!(consumed, 6 + 5);
        assert_eq!(input[consumed..], untouched[consumed..]);
    }
}

mod faults {
    use super::*;

    fn check_1002(input: &[Frame], error: ProtocolError) {
        check_fails(input, &[], error, CloseCode::PROTOCOL_ERROR);
    }

    #[test]
    fn messages_before_a_malformed_frame_are_still_handed_out() {
        let input = [text("one"), ping("?"), binary([2]), text("bad").rsv2()];
        let error = ProtocolError::ReservedBits;
        let seen = [message("one"), Seen::Ping(b"?".to_vec()), message(vec![2]), Seen::Failed(error.into())];
        let sent = [frame(0xA, "?"), close(1002, error.to_string())];
        check(&input, &seen, &sent);
    }

    #[test]
    fn nothing_after_a_malformed_frame_is_looked_at() {
        let error = ProtocolError::ReservedBits;
        let input = [text("bad").rsv3(), text("after"), ping("?"), close_empty()];
        check(&input, &[Seen::Failed(error.into())], &[close(1002, error.to_string())]);
    }

    #[test]
    fn reserved_bits_fail_with_1002() {
        check_1002(&[text("a").rsv1()], ProtocolError::ReservedBits);
        check_1002(&[text("a").rsv2()], ProtocolError::ReservedBits);
        check_1002(&[ping("").rsv3()], ProtocolError::ReservedBits);
        check_1002(&[text("a").not_final(), continuation("b").rsv1()], ProtocolError::ReservedBits);
    }

    #[test]
    fn reserved_opcodes_fail_with_1002() {
        for opcode in [0x3, 0x7, 0xB, 0xF] {
            check_1002(&[frame(opcode, "a")], ProtocolError::ReservedOpcode(Opcode::from_bits(opcode)));
        }
    }

    #[test]
    fn a_64_bit_length_with_its_top_bit_set_fails_with_1002() {
        for len in [1 << 63, u64::MAX] {
            check_1002(&[binary("abc").declared_len(len)], ProtocolError::LengthTopBit);
            check_1002(&[continuation("abc").declared_len(len)], ProtocolError::LengthTopBit);
        }
    }

    #[test]
    fn a_length_in_a_longer_form_than_needed_fails_with_1002() {
        for (len, form) in [(3, LengthForm::U16), (3, LengthForm::U64), (126, LengthForm::U64)] {
            let error = ProtocolError::OverlongLength { payload_len: len as u64 };
            check_1002(&[binary(vec![0; len]).length_form(form)], error);
            check_1002(&[text("").length_form(form).declared_len(len as u64)], error);
        }
    }

    #[test]
    fn an_unmasked_frame_from_a_client_fails_with_1002() {
        let error = ProtocolError::WrongMasking { sender: Role::Client };
        for frame in [text("a"), binary(""), ping("?"), close_empty()] {
            let sent = [close(1002, error.to_string())];
            check_bytes(Role::Server, Config::default(), &frame.encode(), &[Seen::Failed(error.into())], &sent);
        }
    }

    #[test]
    fn a_masked_frame_from_a_server_fails_with_1002() {
        let error = ProtocolError::WrongMasking { sender: Role::Server };
        for frame in [text("a"), binary(""), ping("?"), close_empty()] {
            let input = frame.masked(CLIENT_KEY).encode();
            let sent = [close(1002, error.to_string())];
            check_bytes(Role::Client, Config::default(), &input, &[Seen::Failed(error.into())], &sent);
        }
    }

    #[test]
    fn text_that_is_not_utf_8_fails_with_1007() {
        for payload in [b"\xff".as_slice(), b"ok \xed\xa0\x80 not", b"ends \xe2\x82", b"\xf4\x90\x80\x80", b"\xc0\x80"]
        {
            check_fails(&[text(payload)], &[], ProtocolError::InvalidUtf8, CloseCode::INVALID_PAYLOAD);
            let fragments = [text("ok").not_final(), continuation(payload)];
            check_fails(&fragments, &[], ProtocolError::InvalidUtf8, CloseCode::INVALID_PAYLOAD);
        }
    }

    #[test]
    fn text_that_is_not_utf_8_fails_before_its_frame_has_ended() {
        let mut peer = server();
        let input = wire(Role::Server, &[text(b"ok \xff and a long tail that never arrives").declared_len(1_000_000)]);
        peer.send_bytes(input);
        peer.expect(close(1007, ProtocolError::InvalidUtf8.to_string()));
    }

    #[test]
    fn binary_messages_need_not_be_utf_8() {
        check(&[binary(b"\xff\xed\xa0\x80")], &[message(b"\xff\xed\xa0\x80".to_vec())], &[]);
    }
}
