//! RFC 6455, 5.4: messages in fragments, and the frames that are allowed between them.

use silverback_testkit::wire::{binary, continuation, ping, pong, text};

use super::*;
use crate::wire::{error::ProtocolError, opcode::Opcode};

#[test]
fn fragments_make_one_message() {
    check(&[text("hel").not_final(), continuation("lo")], &[message("hello")], &[]);
    let input = [binary([1]).not_final(), continuation([2]).not_final(), continuation([3])];
    check(&input, &[message(vec![1, 2, 3])], &[]);
}

#[test]
fn fragments_may_be_empty() {
    let input = [text("").not_final(), continuation("").not_final(), continuation("a").not_final(), continuation("")];
    check(&input, &[message("a")], &[]);
    check(&[binary("").not_final(), continuation("")], &[message(vec![])], &[]);
}

#[test]
fn a_control_frame_may_interrupt_a_message() {
    let input = [text("hel").not_final(), ping("?"), continuation("l").not_final(), pong("!"), continuation("o")];
    let seen = [Seen::Ping(b"?".to_vec()), Seen::Pong(b"!".to_vec()), message("hello")];
    check(&input, &seen, &[pong("?")]);
}

#[test]
fn a_control_frame_does_not_disturb_a_character_that_is_cut() {
    let [first, second, third] = [&"€".as_bytes()[..1], &"€".as_bytes()[1..2], &"€".as_bytes()[2..]];
    let input = [text(first).not_final(), ping("é"), continuation(second).not_final(), ping(""), continuation(third)];
    let seen = [Seen::Ping("é".into()), Seen::Ping(vec![]), message("€")];
    check(&input, &seen, &[pong("é"), pong("")]);
}

#[test]
fn a_character_may_be_cut_between_any_fragments() {
    let text_bytes = "aé€😀".as_bytes();
    for at in 0..=text_bytes.len() {
        let input = [text(&text_bytes[..at]).not_final(), continuation(&text_bytes[at..])];
        check(&input, &[message("aé€😀")], &[]);
    }
}

#[test]
fn one_message_follows_another() {
    let input = [text("a").not_final(), continuation("b"), binary("c"), binary("d").not_final(), continuation("e")];
    check(&input, &[message("ab"), message(b"c".to_vec()), message(b"de".to_vec())], &[]);
}

#[test]
fn a_continuation_without_a_message_fails_with_1002() {
    for input in [continuation("a"), continuation("").not_final()] {
        check_fails(&[input], &[], ProtocolError::UnexpectedContinuation, CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn a_continuation_after_the_final_fragment_fails_with_1002() {
    let input = [text("a").not_final(), continuation("b"), continuation("c")];
    check_fails(&input, &[message("ab")], ProtocolError::UnexpectedContinuation, CloseCode::PROTOCOL_ERROR);
}

#[test]
fn new_text_before_the_final_fragment_fails_with_1002() {
    let error = ProtocolError::InterruptedMessage(Opcode::TEXT);
    for next in [text("b"), text("b").not_final()] {
        check_fails(&[text("a").not_final(), next], &[], error, CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn new_binary_before_the_final_fragment_fails_with_1002() {
    let error = ProtocolError::InterruptedMessage(Opcode::BINARY);
    check_fails(&[text("a").not_final(), binary("b")], &[], error, CloseCode::PROTOCOL_ERROR);
}

#[test]
fn text_in_fragments_fails_at_the_byte_that_cannot_be() {
    for (input, at) in [
        ([text(b"a\xce").not_final(), continuation(b"\xbaok\xff")], 4),
        ([text(b"a\xed").not_final(), continuation(b"\xa0 more")], 0),
        ([text(b"\xf4").not_final(), continuation(b"\x90 more")], 0),
    ] {
        let mut peer = server();
        let start = wire(Role::Server, &input[..1]);
        peer.send_bytes(&start);
        let rest = wire(Role::Server, &input[1..]);
        let fatal = 6 + at - if at > 0 { 1 } else { 0 };
        peer.send_bytes(&rest[..fatal]);
        peer.expect_nothing();
        peer.send_bytes(&rest[fatal..=fatal]);
        peer.expect(close(1007, ProtocolError::InvalidUtf8.to_string()));
    }
}

#[test]
fn text_that_ends_inside_a_character_fails_with_its_last_fragment() {
    let input = [text("a").not_final(), continuation(b"\xe2\x82")];
    check_fails(&input, &[], ProtocolError::InvalidUtf8, CloseCode::INVALID_PAYLOAD);
}

#[test]
fn a_message_of_many_fragments_is_handed_out_once() {
    let mut input = vec![text("0").not_final()];
    input.extend((1..5000).map(|count| continuation((count % 10).to_string()).not_final()));
    input.push(continuation("!"));
    let expected: String = (0..5000).map(|count| (count % 10).to_string()).collect::<String>() + "!";
    for role in [Role::Server, Role::Client] {
        let mut app = App::new(role, Config::default());
        app.input(&wire(role, &input));
        assert_eq!(app.seen(), [message(expected.clone())]);
    }
}
