//! RFC 6455, 5.5.1 and 7.1: the closing handshake, from either side and from both.

use silverback_testkit::wire::{binary, close_empty, continuation, frame, ping, text};

use super::*;
use crate::wire::{error::SendError, opcode::MessageKind};

#[test]
fn the_initial_code_is_that_of_the_side_that_began() {
    let info = |initiator, code, sent| CloseInfo { code, reason: "".into(), sent, initiator, is_clean: false };
    for (begun, initial_code) in [
        (info(Initiator::Local, CloseCode::ABNORMAL, closed(1012, "")), 1012),
        (info(Initiator::Local, CloseCode::NORMAL, None), 1005),
        (info(Initiator::Peer, CloseCode::GOING_AWAY, closed(1000, "")), 1001),
        (info(Initiator::Nobody, CloseCode::ABNORMAL, closed(1000, "")), 1006),
    ] {
        assert_eq!(begun.initial_code(), initial_code, "{begun:?}");
    }
}

mod by_the_peer {
    use super::*;

    #[test]
    fn the_code_is_echoed_without_the_reason() {
        check(&[close(1000, "bye")], &[Seen::Close(closed(1000, "bye"))], &[close(1000, "")]);
        for code in [1001, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999] {
            check(&[close(code, "")], &[Seen::Close(closed(code, ""))], &[close(code, "")]);
        }
    }

    #[test]
    fn an_empty_close_gets_an_empty_answer_and_means_1005() {
        check(&[close_empty()], &[Seen::Close(None)], &[close_empty()]);
        let mut peer = server();
        peer.send(close_empty());
        peer.expect(close_empty());
        let info = peer.endpoint().close_info();
        assert_eq!((info.code, info.is_clean, info.sent), (CloseCode::NO_STATUS, true, None));
    }

    #[test]
    fn it_is_clean_once_the_answer_has_left() {
        let mut peer = server();
        peer.send(close(1001, "going"));
        assert_eq!(peer.endpoint().conn.state(), State::CloseReceived);
        let info = peer.endpoint().close_info();
        let expected = CloseInfo {
            code: CloseCode::GOING_AWAY,
            reason: "going".into(),
            sent: closed(1001, ""),
            initiator: Initiator::Peer,
            is_clean: false,
        };
        assert_eq!(info, expected);
        peer.expect(close(1001, ""));
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
        assert_eq!(peer.endpoint().close_info(), CloseInfo { is_clean: true, ..expected });
    }

    #[test]
    fn nothing_after_a_close_is_looked_at() {
        let input = [close(1000, ""), text("late"), ping("late"), close(1001, "again"), frame(0xF, "bad").rsv3()];
        check(&input, &[Seen::Close(closed(1000, ""))], &[close(1000, "")]);
    }

    #[test]
    fn messages_before_it_are_handed_out() {
        check(&[text("a"), close(1000, "")], &[message("a"), Seen::Close(closed(1000, ""))], &[close(1000, "")]);
    }

    #[test]
    fn it_may_come_inside_a_message() {
        let input = [text("a").not_final(), close(1000, ""), continuation("b")];
        check(&input, &[Seen::Close(closed(1000, ""))], &[close(1000, "")]);
    }

    #[test]
    fn nothing_is_sent_after_it_but_our_close() {
        let mut peer = server();
        peer.endpoint().conn.send("before".into()).unwrap();
        peer.send(close(1000, ""));
        peer.endpoint().refuses_to_send();
        peer.expect(text("before"));
        peer.expect(close(1000, ""));
        peer.endpoint().refuses_to_send();
        peer.expect_nothing();
    }

    #[test]
    fn a_message_that_is_being_streamed_breaks_off() {
        let mut peer = server();
        peer.endpoint().conn.open_message(MessageKind::Text).unwrap();
        peer.endpoint().conn.send_fragment(b"half", false).unwrap();
        peer.send(close(1000, ""));
        assert_eq!(peer.endpoint().conn.send_fragment(b"rest", true), Err(SendError::Closing));
        assert!(!peer.endpoint().conn.has_open_message());
        peer.expect(text("half").not_final());
        peer.expect(close(1000, ""));
        peer.expect_nothing();
    }

    #[test]
    fn a_close_of_ours_after_it_changes_nothing() {
        let mut peer = server();
        peer.send(close(1001, ""));
        peer.endpoint().close(4000, "too late");
        peer.expect(close(1001, ""));
        peer.endpoint().close(4000, "too late");
        peer.expect_nothing();
        assert_eq!(peer.endpoint().close_info().initiator, Initiator::Peer);
    }
}

mod by_us {
    use super::*;

    #[test]
    fn our_close_is_sent_after_queued_output() {
        let mut peer = client();
        peer.endpoint().conn.send("one".into()).unwrap();
        peer.endpoint().close(1000, "done");
        assert_eq!(peer.endpoint().conn.state(), State::Open, "it has not left");
        peer.endpoint().refuses_to_send();
        peer.expect(text("one"));
        peer.expect(close(1000, "done"));
        peer.expect_masked(true);
        assert_eq!(peer.endpoint().conn.state(), State::CloseSent);
    }

    #[test]
    fn it_is_clean_once_the_answer_has_come() {
        let mut peer = server();
        peer.endpoint().close(1000, "done");
        peer.expect(close(1000, "done"));
        assert!(!peer.endpoint().close_info().is_clean);
        peer.send(close(1000, ""));
        peer.expect_nothing();
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
        let info = peer.endpoint().close_info();
        assert_eq!((info.is_clean, info.initiator, info.sent), (true, Initiator::Local, closed(1000, "done")));
        assert_eq!((info.code, info.reason), (CloseCode::NORMAL, "".into()));
    }

    #[test]
    fn there_is_only_one() {
        let mut peer = server();
        peer.endpoint().close(1000, "first");
        peer.endpoint().close(1001, "second");
        peer.expect(close(1000, "first"));
        peer.endpoint().close(1001, "third");
        peer.expect_nothing();
    }

    #[test]
    fn messages_are_still_read_until_the_answer_comes() {
        let mut peer = server();
        peer.endpoint().close(1000, "");
        peer.expect(close(1000, ""));
        peer.send(text("late but fine"));
        peer.send(close(1000, ""));
        assert_eq!(peer.endpoint().seen(), [message("late but fine"), Seen::Close(closed(1000, ""))]);
    }

    #[test]
    fn a_ping_after_it_is_not_answered() {
        for has_left in [true, false] {
            let mut peer = server();
            peer.endpoint().close(1000, "");
            if has_left {
                peer.expect(close(1000, ""));
            }
            peer.send(ping("?"));
            assert_eq!(peer.endpoint().seen(), [Seen::Ping(b"?".to_vec())]);
            if !has_left {
                peer.expect(close(1000, ""));
            }
            peer.expect_nothing();
        }
    }

    #[test]
    fn a_message_that_is_being_streamed_breaks_off() {
        let mut peer = client();
        peer.endpoint().conn.open_message(MessageKind::Binary).unwrap();
        peer.endpoint().conn.send_fragment(b"half", false).unwrap();
        peer.endpoint().close(1001, "");
        assert_eq!(peer.endpoint().conn.send_fragment(b"rest", true), Err(SendError::Closing));
        peer.expect(binary("half").not_final());
        peer.expect(close(1001, ""));
        peer.expect_nothing();
    }

    #[test]
    fn codes_that_must_not_be_sent_leave_the_close_empty() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
            let mut peer = server();
            let now = peer.endpoint().clock.now();
            let made_by_hand = CloseFrame { code: CloseCode::new(code), reason: "why".into() };
            peer.endpoint().conn.start_close(now, Some(made_by_hand));
            peer.expect(close_empty());
        }
    }

    #[test]
    fn a_long_reason_is_cut_on_a_character() {
        let mut peer = server();
        let now = peer.endpoint().clock.now();
        let made_by_hand = CloseFrame { code: CloseCode::NORMAL, reason: format!("{}€", "a".repeat(121)).into() };
        peer.endpoint().conn.start_close(now, Some(made_by_hand));
        peer.expect(close(1000, "a".repeat(121)));
    }
}

mod by_both {
    use super::*;

    #[test]
    fn closes_that_cross_end_the_connection_cleanly() {
        let mut peer = server();
        peer.endpoint().close(1000, "ours");
        // Ours waits when the peer's comes.
        peer.send(close(4000, "theirs"));
        peer.expect(close(1000, "ours"));
        peer.expect_nothing();
        let info = peer.endpoint().close_info();
        assert_eq!((info.code.get(), info.sent), (4000, closed(1000, "ours")));
        assert_eq!((info.is_clean, info.initiator), (true, Initiator::Local));
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
    }
}
