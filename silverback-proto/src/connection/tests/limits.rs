//! The limits on the memory that a peer can make us hold, and the close codes if it exceeds them.

use silverback_testkit::wire::{binary, continuation, ping, pong, text};

use super::*;
use crate::{deflate::Compression, wire::error::LimitError};

/// At most 10 bytes in a message, 4 frames.
fn small() -> Config {
    Config::default().max_message_size(10).max_fragments(4)
}

#[track_caller]
fn check_small(input: &[Frame], seen: &[Seen], sent: &[Frame]) {
    for role in [Role::Server, Role::Client] {
        check_bytes(role, small(), &wire(role, input), seen, sent);
    }
}

#[track_caller]
fn check_over(input: &[Frame], before: &[Seen], error: LimitError, code: u16) {
    assert_eq!(error.close_code().get(), code);
    let seen = [before, &[Seen::Failed(error.into())]].concat();
    check_small(input, &seen, &[close(code, error.to_string())]);
}

mod sizes {
    use super::*;

    #[test]
    fn a_message_of_exactly_the_limit_is_accepted() {
        let input = [text("0123456789"), binary("01234").not_final(), continuation("56789"), text("0123456789")];
        let digits = || "0123456789";
        check_small(&input, &[message(digits()), message(digits().as_bytes()), message(digits())], &[]);
    }

    #[test]
    fn a_frame_over_the_limit_closes_with_1009() {
        let error = LimitError::Frame { size: 11, limit: 10 };
        check_over(&[text("ok"), text("01234567890")], &[message("ok")], error, 1009);
        check_over(&[text("").not_final(), continuation("01234567890")], &[], error, 1009);
    }

    #[test]
    fn a_message_over_the_limit_in_all_its_frames_closes_with_1009() {
        let error = LimitError::Message { size: 11, limit: 10 };
        check_over(&[text("01234").not_final(), continuation("567890")], &[], error, 1009);
        check_over(
            &[binary("0123456789").not_final(), continuation("").not_final(), continuation("0")],
            &[],
            error,
            1009,
        );
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_its_payload_comes() {
        for len in [11, 65_536, (1 << 63) - 1] {
            let mut app = App::new(Role::Server, small());
            app.input(&wire(Role::Server, &[binary("").declared_len(len)]));
            let error = LimitError::Frame { size: len, limit: 10 };
            assert_eq!(app.seen(), [Seen::Failed(error.into())]);
        }
    }

    #[test]
    fn frames_may_have_a_limit_of_their_own() {
        let config = Config::default().max_message_size(10).max_frame_size(4);
        let mut app = App::new(Role::Server, config);
        app.input(&wire(Role::Server, &[text("0123").not_final(), continuation("4567"), text("01234")]));
        let error = LimitError::Frame { size: 5, limit: 4 };
        assert_eq!(app.seen(), [message("01234567"), Seen::Failed(error.into())]);
    }

    #[test]
    fn the_limit_on_frames_follows_the_limit_on_messages_unless_it_was_set() {
        assert_eq!(small().limits().frame, 10);
        let config = Config::default().max_frame_size(4).max_message_size(10);
        assert_eq!((config.limits().frame, config.limits().message), (4, 10));
    }

    #[test]
    fn control_frames_count_for_nothing() {
        let input = [text("01234").not_final(), ping([7; 125]), pong([8; 125]), ping("?"), continuation("56789")];
        let seen =
            [Seen::Ping(vec![7; 125]), Seen::Pong(vec![8; 125]), Seen::Ping(b"?".to_vec()), message("0123456789")];
        let mut app = App::new(Role::Server, small());
        app.input(&wire(Role::Server, &input));
        assert_eq!(app.seen(), seen);
    }
}

mod counts {
    use super::*;

    fn fragments(count: usize, payload: &str) -> Vec<Frame> {
        let mut frames = vec![continuation(payload).not_final(); count];
        frames[0] = text(payload).not_final();
        frames[count - 1].fin = true;
        frames
    }

    #[test]
    fn a_message_of_exactly_so_many_frames_is_accepted() {
        check_small(&fragments(4, "a"), &[message("aaaa")], &[]);
        let twice = [fragments(4, "a"), fragments(4, "")].concat();
        check_small(&twice, &[message("aaaa"), message("")], &[]);
    }

    #[test]
    fn one_frame_more_closes_with_1008() {
        check_over(&fragments(5, "a"), &[], LimitError::Fragments { limit: 4 }, 1008);
    }

    #[test]
    fn empty_frames_count_too() {
        check_over(&fragments(5, ""), &[], LimitError::Fragments { limit: 4 }, 1008);
        let endless = [fragments(2, "a"), vec![text("").not_final()], vec![continuation("").not_final(); 9]].concat();
        check_over(&endless, &[message("aa")], LimitError::Fragments { limit: 4 }, 1008);
    }

    #[test]
    fn by_default_a_message_has_131_072_frames_at_most() {
        let mut app = App::new(Role::Server, Config::default());
        app.input(&wire(Role::Server, &fragments(131_072, "")));
        assert_eq!(app.seen(), [message("")]);
        app.input(&wire(Role::Server, &fragments(131_073, "")));
        assert_eq!(app.seen(), [Seen::Failed(LimitError::Fragments { limit: 131_072 }.into())]);
    }
}

mod memory {
    use super::*;

    #[test]
    fn memory_grows_with_received_bytes_and_not_with_declared_ones() {
        for role in [Role::Server, Role::Client] {
            for start in [text("a".repeat(1024)), binary([7; 1024])] {
                let mut app = App::new(role, Config::default());
                app.input(&wire(role, &[start.declared_len(16 * 1024 * 1024)]));
                let held = app.conn.receiver.held();
                assert!((1024..=8 * 1024).contains(&held), "{held} bytes held for 1024");
            }
        }
    }

    #[test]
    fn an_idle_connection_holds_no_payload() {
        let mut app = App::new(Role::Server, Config::default());
        for input in [[text("ab").not_final(), continuation("cd")], [binary([0; 50_000]).not_final(), continuation("")]]
        {
            for half in wire(Role::Server, &input).chunks(1000) {
                app.input(half);
            }
            app.input(b"");
            assert_eq!(app.conn.receiver.held(), 0);
        }
    }

    #[test]
    fn a_message_that_was_only_looked_at_is_given_back_with_the_next_input() {
        let App { mut conn, clock, .. } = App::new(Role::Server, Config::default());
        let mut input = wire(Role::Server, &[text("ab").not_final(), continuation("cd")]);
        let Some(Event::Message(incoming)) = conn.handle_input(clock.now(), &mut input).unwrap().event else {
            panic!("a message");
        };
        assert_eq!(incoming.into_ref(), MessageRef::Text("abcd"));
        assert!(conn.receiver.held() >= 4);
        assert!(conn.handle_input(clock.now(), &mut []).unwrap().event.is_none());
        assert_eq!(conn.receiver.held(), 0);
    }

    #[test]
    fn a_connection_that_failed_holds_no_payload() {
        for end in [text("bad").rsv1(), continuation(b"\xff"), close(1000, "")] {
            let mut app = App::new(Role::Server, Config::default());
            app.input(&wire(Role::Server, &[text("a".repeat(50_000)).not_final()])[..40_000]);
            assert!(app.conn.receiver.held() >= 39_000);
            app.input(&wire(Role::Server, &[text("a".repeat(50_000)).not_final()])[40_000..]);
            app.input(&wire(Role::Server, &[end]));
            assert_eq!(app.conn.receiver.held(), 0);
        }
    }

    #[test]
    fn a_message_that_was_joined_is_handed_over_without_a_copy_of_more_than_its_size() {
        let mut app = App::new(Role::Server, Config::default());
        app.input(&wire(Role::Server, &[text("hel").not_final()]));
        app.input(&wire(Role::Server, &[continuation("lo")]));
        assert_eq!(app.seen(), [message("hello")]);
        assert_eq!(app.conn.receiver.held(), 0, "the application has it");
    }
}

mod inflation {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn app(role: Role, compression: Compression) -> App {
        let (_, params) = compression.answer(&[compression.offer()]).unwrap();
        let negotiated = Negotiated { compression: Some(params), ..Negotiated::default() };
        App::negotiated(role, Config::default().compression(compression), negotiated)
    }

    /// Zeros shrink to a thousandth. Even a few KiB exceed the ratio long before the limit on messages.
    #[test]
    fn a_message_that_grows_beyond_the_ratio_closes_with_1009() {
        for role in [Role::Server, Role::Client] {
            let mut sender = app(role.peer(), Compression::default().level(9));
            sender.conn.send(Message::binary(vec![0; 8 * MIB])).unwrap();
            let mut receiver = app(role, Compression::default());
            receiver.input(&sender.sent());
            let error = LimitError::InflateRatio { limit: 256 };
            assert_eq!(error.close_code(), CloseCode::MESSAGE_TOO_BIG);
            assert_eq!(receiver.seen(), [Seen::Failed(error.into())], "{role:?}");
            assert_eq!(receiver.sent_frames(), [close(1009, error.to_string())], "{role:?}");
            assert_eq!(receiver.conn.receiver.held(), 0);
        }
    }

    /// RFC 7692, 7.2.3.4: what ends a stream is a fixed block of nothing.
    #[test]
    fn a_message_with_more_final_blocks_than_the_limit_closes_with_1008() {
        let limit = 64;
        let error = LimitError::FinalBlocks { limit };
        for_each_way(&wire(Role::Server, &[binary([3, 0].repeat(65)).rsv1()]), 1, |pieces| {
            let mut app = app(Role::Server, Compression::default());
            pieces.iter().for_each(|piece| app.input(piece));
            assert_eq!(app.seen(), [Seen::Failed(error.into())]);
            assert_eq!(app.sent_frames(), [close(1008, error.to_string())]);
        });
        let mut app = app(Role::Server, Compression::default());
        app.input(&wire(Role::Server, &[binary([3, 0].repeat(64)).rsv1()]));
        assert_eq!(app.seen(), [message(vec![])]);
    }

    #[test]
    fn the_ratio_is_not_limited_up_to_1_mib() {
        let mut sender = app(Role::Client, Compression::default().level(9));
        let mut receiver = app(Role::Server, Compression::default());
        sender.conn.send(Message::binary(vec![0; MIB])).unwrap();
        receiver.input(&sender.sent());
        assert_eq!(receiver.seen(), [message(vec![0; MIB])]);
    }
}

/// These also run on 32 bits (`cargo xtask test --only tests-32-bit`), where such a length does not fit a `usize`.
mod lengths_beyond_32_bits {
    use super::*;

    const FIVE_MORE: u64 = (1 << 32) + 5;

    fn receiver() -> Receiver {
        let config = Config::default().max_message_size(u64::MAX);
        Receiver::new(Role::Server, &config, &Negotiated::default())
    }

    #[test]
    fn are_refused_by_limits_below_them() {
        for limit in [10, u64::from(u32::MAX), FIVE_MORE - 1] {
            let mut app = App::new(Role::Server, Config::default().max_message_size(limit));
            app.input(&wire(Role::Server, &[binary("").declared_len(FIVE_MORE)]));
            let error = LimitError::Frame { size: FIVE_MORE, limit };
            assert_eq!(app.seen(), [Seen::Failed(error.into())]);
        }
    }

    /// Cut to 32 bits the length would be 5, and the message would seem to be whole.
    #[test]
    fn are_not_cut_to_32_bits() {
        let mut receiver = receiver();
        let mut input = wire(Role::Server, &[binary("12345").declared_len(FIVE_MORE)]);
        let handled = receiver.handle_input(&mut input, ReadMode::Whole).unwrap();
        assert_eq!((handled.consumed, handled.received), (input.len(), None));
        assert_eq!(receiver.open_message(), Some(MessageKind::Binary));
        let mut more = wire(Role::Server, &[text("this is payload too")]);
        assert_eq!(receiver.handle_input(&mut more, ReadMode::Whole).unwrap().received, None);
        assert!(receiver.held() < 64 * 1024, "{} bytes held for a few", receiver.held());
    }

    #[test]
    fn give_a_target_for_reading_that_holds_what_a_machine_can() {
        let mut receiver = receiver();
        receiver
            .handle_input(&mut wire(Role::Server, &[binary("12345").declared_len(FIVE_MORE)]), ReadMode::Whole)
            .unwrap();
        let target = receiver.payload_target().expect("much is outstanding");
        let room = bytes::BufMut::remaining_mut(&target);
        drop(target);
        assert!(room as u64 <= 1 << 32 && room > 0);
        assert!(receiver.held() < 1024 * 1024);
    }

    #[test]
    fn are_handed_out_in_pieces() {
        let mut receiver = receiver();
        let pieces = ReadMode::Pieces { limit: u64::MAX };
        let mut input = wire(Role::Server, &[binary("12345").declared_len(FIVE_MORE)]);
        for rest in 0..2 {
            let handled = receiver.handle_input(&mut input, pieces).unwrap();
            let Some(ReceivedEvent::Piece { is_last, .. }) = handled.received else { panic!("a piece, round {rest}") };
            assert!(!is_last, "four GiB are to come");
            input = b"67890".to_vec();
        }
    }

    #[test]
    fn are_summed_over_fragments() {
        let config = Config::default().max_message_size(FIVE_MORE).max_frame_size(u64::MAX);
        let mut limited = Receiver::new(Role::Server, &config, &Negotiated::default());
        limited.handle_input(&mut wire(Role::Server, &[binary("1").not_final()]), ReadMode::Whole).unwrap();
        let mut second = wire(Role::Server, &[continuation("").declared_len(FIVE_MORE)]);
        let error = limited.handle_input(&mut second, ReadMode::Whole).unwrap_err();
        assert_eq!(error, LimitError::Message { size: FIVE_MORE + 1, limit: FIVE_MORE }.into());
    }
}
