//! RFC 6455, 7.1.7: faults, lost transports, and the silence after the end.

use silverback_testkit::wire::{frame, ping, text};

use super::*;
use crate::wire::error::ProtocolError;

mod gone_wrong {
    use super::*;

    #[test]
    fn a_close_of_one_byte_fails_with_1002() {
        let error = ProtocolError::TruncatedCloseCode;
        check_fails(&[frame(0x8, [3])], &[], error, CloseCode::PROTOCOL_ERROR);
    }

    #[test]
    fn a_code_that_must_not_be_sent_fails_with_1002() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
            let error = ProtocolError::InvalidCloseCode(CloseCode::new(code));
            check_fails(&[close(code, "why")], &[], error, CloseCode::PROTOCOL_ERROR);
        }
    }

    #[test]
    fn a_reason_that_is_not_utf_8_fails_with_1007() {
        check_fails(&[close(1000, b"\xff")], &[], ProtocolError::InvalidUtf8, CloseCode::INVALID_PAYLOAD);
    }

    #[test]
    fn a_fault_is_told_and_ends_the_connection() {
        let mut peer = server();
        peer.endpoint().conn.send("before".into()).unwrap();
        peer.send(text("bad").rsv3());
        assert_eq!(peer.endpoint().conn.state(), State::Failing);
        peer.endpoint().refuses_to_send();
        peer.expect(text("before"));
        peer.expect(close(1002, ProtocolError::ReservedBits.to_string()));
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
        let info = peer.endpoint().close_info();
        assert_eq!((info.code, info.is_clean, info.initiator), (CloseCode::ABNORMAL, false, Initiator::Local));
    }

    #[test]
    fn a_fault_drops_frames_that_a_full_transport_has_not_begun() {
        // The first message, and how much of it is sent before the transport is full.
        let firsts = [
            ("one".to_owned(), 0),
            ("one".to_owned(), 1),
            ("one".to_owned(), 5),
            ("x".repeat(5000), 4),
            ("x".repeat(5000), 100),
        ];
        for role in [Role::Server, Role::Client] {
            for (first, left) in firsts.clone() {
                let mut app = App::new(role, Config::default());
                app.conn.track_output();
                app.conn.send(first.clone().into()).unwrap();
                app.conn.send("y".repeat(5000).into()).unwrap();
                app.conn.ping(b"never").unwrap();
                app.conn.send("three".into()).unwrap();
                let accepted = app.conn.output_progress().unwrap().accepted;
                let mut sent = app.sent_up_to(left);
                app.conn.handle_blocked(app.clock.now());
                app.input(&wire(role, &[text("bad").rsv3()]));
                sent.extend(app.sent());
                let told = close(1002, ProtocolError::ReservedBits.to_string());
                let begun = if left > 0 { vec![text(first)] } else { vec![] };
                assert_eq!(frames(&sent), [begun, vec![told]].concat(), "{role:?}, {left}");
                assert!(app.conn.has_dropped_output());
                assert_eq!(app.conn.state(), State::Closed);
                let progress = app.conn.output_progress().unwrap();
                assert!(progress.left < accepted && progress.accepted >= accepted, "{progress:?}");
            }
        }
    }

    #[test]
    fn a_fault_drops_frames_that_the_transport_does_not_take_afterwards() {
        let mut app = App::new(Role::Server, Config::default());
        (0..100).for_each(|_| app.conn.send("message".into()).unwrap());
        app.input(&wire(Role::Server, &[text("bad").rsv3()]));
        let mut sent = app.sent_up_to(25);
        app.conn.handle_blocked(app.clock.now());
        app.conn.handle_blocked(app.clock.now());
        sent.extend(app.sent());
        let told = close(1002, ProtocolError::ReservedBits.to_string());
        assert_eq!(frames(&sent), [text("message"), text("message"), text("message"), told]);
    }

    #[test]
    fn a_fault_drops_only_output_before_our_close() {
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send("one".into()).unwrap();
        app.conn.send("two".into()).unwrap();
        app.close(1000, "ours");
        let mut sent = app.sent_up_to(12);
        app.conn.handle_blocked(app.clock.now());
        app.input(&wire(Role::Server, &[text("bad").rsv3()]));
        sent.extend(app.sent());
        assert_eq!(frames(&sent), [text("one"), text("two"), close(1000, "ours")]);
        assert!(!app.conn.has_dropped_output());
    }

    #[test]
    fn a_fault_after_our_close_ends_the_connection_without_another() {
        let mut peer = server();
        peer.endpoint().close(1000, "");
        peer.expect(close(1000, ""));
        peer.send(text("bad").rsv3());
        peer.expect_nothing();
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
        assert!(!peer.endpoint().close_info().is_clean);
    }

    #[test]
    fn a_fault_while_our_close_waits_sends_that_close_only() {
        let mut peer = server();
        peer.endpoint().close(1000, "ours");
        peer.send(text("bad").rsv3());
        peer.expect(close(1000, "ours"));
        peer.expect_nothing();
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
        assert!(!peer.endpoint().close_info().is_clean);
    }

    #[test]
    fn a_fault_that_is_found_after_the_close_of_the_peer_is_not_clean() {
        let mut peer = server();
        peer.send(close(1000, ""));
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.handle_fault(now, &ProtocolError::InvalidUtf8.into());
        peer.expect(close(1000, ""));
        peer.expect_nothing();
        assert!(!peer.endpoint().close_info().is_clean);
    }

    #[test]
    fn a_fault_that_is_found_after_a_clean_end_changes_nothing() {
        let mut peer = server();
        peer.send(close(1000, ""));
        peer.expect(close(1000, ""));
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.handle_fault(now, &ProtocolError::InvalidUtf8.into());
        assert!(peer.endpoint().close_info().is_clean);
    }

    #[test]
    fn the_end_of_the_transport_without_a_close_is_1006() {
        let mut peer = server();
        peer.endpoint().conn.send("never sent".into()).unwrap();
        peer.endpoint().conn.handle_lost();
        peer.expect_nothing();
        let info = peer.endpoint().close_info();
        assert_eq!((info.code, info.is_clean, info.initiator), (CloseCode::ABNORMAL, false, Initiator::Nobody));
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
    }

    #[test]
    fn the_end_of_the_transport_before_our_answer_has_left_is_not_clean() {
        let mut peer = server();
        peer.send(close(1000, ""));
        peer.endpoint().conn.handle_lost();
        let info = peer.endpoint().close_info();
        assert_eq!((info.code, info.is_clean), (CloseCode::NORMAL, false));
        // A write that was under way when the transport ended may still report.
        peer.endpoint().conn.handle_transmitted(4);
        assert!(!peer.endpoint().close_info().is_clean);
    }

    #[test]
    fn the_end_of_the_transport_after_a_clean_end_changes_nothing() {
        let mut peer = server();
        peer.send(close(1000, ""));
        peer.expect(close(1000, ""));
        let info = peer.endpoint().close_info();
        peer.endpoint().conn.handle_lost();
        assert_eq!(peer.endpoint().close_info(), info);
    }

    #[test]
    fn an_open_connection_has_no_close_information() {
        let mut peer = server();
        peer.send(text("a"));
        assert_eq!(peer.endpoint().conn.close_info(), None);
    }
}

mod after_the_end {
    use super::*;

    #[track_caller]
    fn stays_silent(mut peer: Peer<App>) {
        let app = peer.endpoint();
        assert_eq!(app.conn.state(), State::Closed);
        app.refuses_to_send();
        app.close(1000, "again");
        app.conn.handle_fault(app.clock.now(), &ProtocolError::ReservedBits.into());
        app.conn.handle_event(app.clock.now(), &ReceivedEvent::Ping(ControlPayload::new(b"?").unwrap()));
        app.conn.handle_event(app.clock.now(), &ReceivedEvent::Close(closed(1000, "")));
        app.conn.handle_blocked(app.clock.now());
        app.clock.advance(std::time::Duration::from_secs(3600));
        assert_eq!(app.conn.poll_timeout(), None);
        assert_eq!(app.conn.handle_timeout(app.clock.now()), None);
        assert_eq!(app.conn.queued_output(), 0);
        app.conn.handle_lost();
        peer.send_bytes(wire(Role::Server, &[text("late"), ping("late"), text("bad").rsv1()]));
        peer.expect_nothing();
        assert_eq!(peer.endpoint().conn.state(), State::Closed);
    }

    #[test]
    fn no_byte_leaves_after_a_close_by_the_peer() {
        let mut peer = server();
        peer.send(close(1000, ""));
        peer.expect(close(1000, ""));
        stays_silent(peer);
    }

    #[test]
    fn no_byte_leaves_after_a_close_by_us() {
        let mut peer = server();
        peer.endpoint().close(1000, "");
        peer.expect(close(1000, ""));
        peer.send(close(1000, ""));
        stays_silent(peer);
    }

    #[test]
    fn no_byte_leaves_after_a_fault() {
        let mut peer = server();
        peer.send(text("bad").rsv1());
        peer.expect(close(1002, ProtocolError::ReservedBits.to_string()));
        stays_silent(peer);
    }

    #[test]
    fn no_byte_leaves_after_the_end_of_the_transport() {
        for close_is_queued in [true, false] {
            let mut peer = server();
            peer.endpoint().conn.send(Message::binary(vec![0; 100_000])).unwrap();
            peer.endpoint().conn.send("never".into()).unwrap();
            peer.send(ping("never"));
            if close_is_queued {
                peer.endpoint().close(1000, "never");
            }
            peer.endpoint().conn.handle_lost();
            stays_silent(peer);
        }
    }
}
