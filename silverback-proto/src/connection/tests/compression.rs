//! RFC 7692: compressed messages on a connection, both ways.

use silverback_testkit::{
    cuts::Random,
    wire::{binary, continuation, hex, ping, pong, text},
};

use super::*;
use crate::{
    deflate::{Compression, DeflateParams},
    wire::error::{LimitError, ProtocolError},
};

/// "Hello", compressed (7.2.3.1), and once more with the first in the window (7.2.3.2).
const HELLO: &str = "f2 48 cd c9 c9 07 00";
const HELLO_AGAIN: &str = "f2 00 11 00 00";

pub(super) fn app(role: Role, config: Config, compression: &Compression) -> App {
    let (_, params) = compression.answer(&[compression.offer()]).unwrap();
    let negotiated = Negotiated { compression: Some(params), ..Negotiated::default() };
    App::negotiated(role, config.compression(compression.clone()), negotiated)
}

fn server() -> App {
    app(Role::Server, Config::default(), &Compression::default())
}

/// A server and a client that have agreed on the same.
pub(super) fn pair(compression: &Compression) -> (App, App) {
    (app(Role::Server, Config::default(), compression), app(Role::Client, Config::default(), compression))
}

fn compressed_text(payload: &str) -> Frame {
    text(hex(payload)).rsv1()
}

pub(super) fn json(number: usize) -> String {
    (0..30).map(|i| format!("{{\"id\":{},\"name\":\"user {i}\",\"ok\":true}}", number * 30 + i)).collect()
}

/// Sends `input` to a server, cut in every way.
#[track_caller]
fn check(config: &Config, input: &[Frame], seen: &[Seen], sent: &[Frame]) {
    for_each_way(&wire(Role::Server, input), 1, |pieces| {
        let mut app = app(Role::Server, config.clone(), &Compression::default());
        let mut output = Vec::new();
        for piece in pieces {
            app.input(piece);
            output.extend(app.sent());
        }
        assert_eq!(app.seen, seen);
        assert_eq!(frames(&output), sent);
    });
}

#[track_caller]
fn check_fails(config: &Config, input: &[Frame], error: impl Into<ConnectionError>, code: CloseCode) {
    let error = error.into();
    check(config, input, &[Seen::Failed(error.clone())], &[close(code.get(), error.to_string())]);
}

/// Gives `to` what `from` sends, and returns the frames as they were on the wire.
pub(super) fn carry(from: &mut App, to: &mut App) -> Vec<Frame> {
    let bytes = from.sent();
    to.input(&bytes);
    frames(&bytes)
}

mod receiving {
    use super::*;

    #[test]
    fn a_second_message_refers_to_the_first() {
        check(
            &Config::default(),
            &[compressed_text(HELLO), compressed_text(HELLO_AGAIN)],
            &[message("Hello"), message("Hello")],
            &[],
        );
    }

    /// 6.1: only the first fragment has RSV1 set, and all payloads together are one stream.
    #[test]
    fn a_compressed_message_may_be_fragmented_with_control_frames_between() {
        let bytes = hex(HELLO);
        let fragments = [
            text(&bytes[..3]).rsv1().not_final(),
            ping("between"),
            continuation("").not_final(),
            continuation(&bytes[3..]),
            compressed_text(HELLO_AGAIN),
        ];
        let seen = [Seen::Ping(b"between".to_vec()), message("Hello"), message("Hello")];
        check(&Config::default(), &fragments, &seen, &[pong("between")]);
    }

    #[test]
    fn plain_messages_and_control_frames_do_not_enter_the_window() {
        let input = [compressed_text(HELLO), text("plain"), ping("p"), binary(b"\x01"), compressed_text(HELLO_AGAIN)];
        let seen = [
            message("Hello"),
            message("plain"),
            Seen::Ping(b"p".to_vec()),
            Seen::Message(Message::binary(&b"\x01"[..])),
            message("Hello"),
        ];
        check(&Config::default(), &input, &seen, &[pong("p")]);
    }

    #[test]
    fn the_mark_on_a_continuation_or_a_control_frame_fails_with_1002() {
        let error = ProtocolError::ReservedBits;
        let config = Config::default();
        check_fails(&config, &[text("a").not_final(), continuation("b").rsv1()], error, CloseCode::PROTOCOL_ERROR);
        check_fails(&config, &[ping("a").rsv1()], error, CloseCode::PROTOCOL_ERROR);
        check_fails(&config, &[text("a").rsv1().rsv2()], error, CloseCode::PROTOCOL_ERROR);
    }

    #[test]
    fn invalid_deflate_data_fails_with_1007() {
        check_fails(
            &Config::default(),
            &[compressed_text("ff ff ff ff ff")],
            ProtocolError::InvalidDeflate,
            CloseCode::INVALID_PAYLOAD,
        );
    }

    /// RFC 6455, 8.1 applies to the inflated message. This one is stored, so that its bytes are visible.
    #[test]
    fn compressed_text_that_is_not_utf_8_fails_with_1007() {
        let error = ProtocolError::InvalidUtf8;
        check_fails(
            &Config::default(),
            &[compressed_text("00 02 00 fd ff c3 28 00")],
            error,
            CloseCode::INVALID_PAYLOAD,
        );
        check_fails(&Config::default(), &[compressed_text("00 01 00 fe ff c3 00")], error, CloseCode::INVALID_PAYLOAD);
    }

    #[test]
    fn a_message_is_limited_by_what_it_inflates_to() {
        let config = Config::default().max_message_size(5);
        check(&config, &[compressed_text(HELLO)], &[message("Hello")], &[]);
        let error = LimitError::Message { size: 5, limit: 4 };
        check_fails(
            &Config::default().max_message_size(4),
            &[compressed_text(HELLO)],
            error,
            CloseCode::MESSAGE_TOO_BIG,
        );
    }

    /// Output before the fault is validated first, however much of the message arrives at once.
    #[test]
    fn the_first_of_two_faults_is_told_at_every_cut() {
        let text_then_deflate = [compressed_text("00 01 00 fe ff ff ff ff ff")];
        check_fails(&Config::default(), &text_then_deflate, ProtocolError::InvalidUtf8, CloseCode::INVALID_PAYLOAD);
        let size_then_deflate = [compressed_text("f2 48 cd c9 c9 07 00 ff ff")];
        let error = LimitError::Message { size: 4, limit: 3 };
        let config = Config::default().max_message_size(3);
        check_fails(&config, &size_then_deflate, error, CloseCode::MESSAGE_TOO_BIG);
    }

    #[test]
    fn a_bomb_fails_with_1009_and_holds_no_more_than_the_limit() {
        let compression = Compression::default().level(9).max_inflate_ratio(5000);
        let (mut sender, _) = pair(&compression);
        sender.conn.send(Message::binary(vec![0; 8 << 20])).unwrap();
        let bomb = frames(&sender.sent());
        let mut app = app(Role::Server, Config::default().max_message_size(1 << 20), &compression);
        app.input(&wire(Role::Server, &bomb));
        let Some(Seen::Failed(ConnectionError::Limit(LimitError::Message { size, limit }))) = app.seen.pop() else {
            panic!("the limit on messages");
        };
        assert!(size <= limit + 16 * 1024, "{size}");
        assert_eq!(app.conn.receiver.held(), 0);
    }

    #[test]
    fn pieces_of_a_compressed_message_are_the_message() {
        let (mut sender, _) = pair(&Compression::default());
        let whole = json(1).repeat(20);
        sender.conn.send(whole.as_str().into()).unwrap();
        let bytes = wire(Role::Server, &frames(&sender.sent()));
        for_each_way(&bytes, 1, |pieces| {
            let mut receiver = server().conn.receiver;
            let mut out = Vec::new();
            let mut ended = false;
            for piece in pieces {
                let mut input = piece.to_vec();
                let mut at = 0;
                loop {
                    let rest = &mut input[at..];
                    let handled = receiver.handle_input(rest, ReadMode::Pieces { limit: 1 << 20 }).unwrap();
                    at += handled.consumed;
                    match handled.received {
                        Some(ReceivedEvent::Piece { kind, location, is_last }) => {
                            assert_eq!(kind, MessageKind::Text);
                            out.extend_from_slice(receiver.piece(rest, location).unwrap());
                            ended |= is_last;
                        }
                        None => break,
                        other => panic!("{other:?}"),
                    }
                }
            }
            assert!(ended && out == whole.as_bytes(), "{} of {} bytes", out.len(), whole.len());
        });
    }
}

mod unfinished {
    use super::*;

    fn app_with_room() -> App {
        let compression = Compression::default().max_inflate_ratio(2_000);
        app(Role::Server, Config::default().max_message_size(1 << 30), &compression)
    }

    /// The payload that a client sends for this text.
    fn payload(text: &str) -> Vec<u8> {
        let mut sender = app(Role::Client, Config::default(), &Compression::default());
        sender.conn.send(text.into()).unwrap();
        frames(&sender.sent()).remove(0).payload
    }

    fn begin(app: &mut App, payload: &[u8]) {
        app.input(&wire(Role::Server, &[text(payload).rsv1().not_final()]));
    }

    fn end(app: &mut App, whole: &str) {
        app.input(&wire(Role::Server, &[continuation("")]));
        assert_eq!(app.seen(), [Seen::Message(Message::from(whole))]);
        assert_eq!(app.conn.receiver.held(), 0);
    }

    /// A pasted line of one character is not an attack, although its compressed form is much shorter.
    #[test]
    fn messages_hold_little_until_they_are_whole() {
        for len in [100, 10_000, 1_000_000, 4_000_000, 100_000_000] {
            let whole = "-".repeat(len);
            let payload = payload(&whole);
            let mut app = app_with_room();
            begin(&mut app, &payload);
            assert!(
                app.conn.receiver.held() <= 50 * payload.len(),
                "{} for {}",
                app.conn.receiver.held(),
                payload.len()
            );
            end(&mut app, &whole);
        }
    }

    #[test]
    fn messages_that_shrink_as_usual_are_inflated_as_they_come() {
        let whole: String = (0..100).map(json).collect();
        let payload = payload(&whole);
        assert!(payload.len() > 10_000 && whole.len() / payload.len() < 16);
        let mut app = app_with_room();
        begin(&mut app, &payload);
        assert!(app.conn.receiver.held() > whole.len() / 2);
        end(&mut app, &whole);
    }

    /// A reader may switch to pieces in the middle of a message.
    #[test]
    fn messages_can_be_read_on_in_pieces() {
        let whole = "-".repeat(1_000_000);
        let payload = payload(&whole);
        for cut in [payload.len() / 2, payload.len()] {
            let mut receiver = app_with_room().conn.receiver;
            let frames = [text(&payload[..cut]).rsv1().not_final(), continuation(&payload[cut..])];
            let mut input = wire(Role::Server, &frames[..1]);
            assert!(receiver.handle_input(&mut input, ReadMode::Whole).unwrap().received.is_none());
            let mut input = wire(Role::Server, &frames[1..]);
            let (mut at, mut out) = (0, Vec::new());
            loop {
                let rest = &mut input[at..];
                let handled = receiver.handle_input(rest, ReadMode::Pieces { limit: 1 << 20 }).unwrap();
                at += handled.consumed;
                let Some(ReceivedEvent::Piece { location, is_last, .. }) = handled.received else {
                    panic!("{handled:?}")
                };
                let piece = receiver.piece(rest, location).unwrap();
                assert!(piece.len() <= 1 << 20);
                out.extend_from_slice(piece);
                if is_last {
                    break;
                }
            }
            assert!(out == whole.as_bytes(), "{} bytes", out.len());
        }
    }

    /// A fault of a message shows between the same two frames, however the message is cut.
    #[test]
    fn messages_show_their_faults_at_fixed_places() {
        let broken = vec![0xff; 10_000];
        for (len, pings) in [(100, 1), (4_095, 1), (4_096, 0), (10_000, 0)] {
            let frames = [text(&broken[..len]).rsv1().not_final(), ping("between"), continuation("")];
            let mut seen = vec![Seen::Ping(b"between".to_vec()); pings];
            seen.push(Seen::Failed(ProtocolError::InvalidDeflate.into()));
            for size in [1, 7, 1_000, 4_096, 20_000] {
                let mut app = server();
                wire(Role::Server, &frames).chunks(size).for_each(|piece| app.input(piece));
                assert_eq!(app.seen(), seen, "{len} bytes in pieces of {size}");
            }
        }
    }
}

mod budget {
    use super::*;
    use crate::MemoryBudget;

    fn with_budget(bytes: usize, compression: &Compression) -> (App, MemoryBudget) {
        let (mut app, budget) = (app(Role::Server, Config::default(), compression), MemoryBudget::new(bytes));
        app.conn.receiver = app.conn.receiver.with_memory_budget(budget.clone());
        app.conn.transmitter = app.conn.transmitter.with_memory_budget(budget.clone());
        (app, budget)
    }

    #[test]
    fn counts_what_is_held_between_messages() {
        let usual = Compression::default;
        let hello = [compressed_text(HELLO)];
        for (compression, received, sent) in [
            (usual(), 46 * 1024, 370 * 1024),
            (usual().no_context_takeover(), 0, 0),
            (usual().client_max_window_bits(12).server_max_window_bits(10), 0, 0),
            (usual().server_max_window_bits(11).memory_level(1), 46 * 1024, 140 * 1024),
        ] {
            let (mut app, budget) = with_budget(1 << 20, &compression);
            app.input(&wire(Role::Server, &hello));
            assert_eq!((app.seen(), budget.used()), (vec![message("Hello")], received));
            app.conn.send(json(1).as_str().into()).unwrap();
            let held = budget.used() - received;
            assert!((sent..=sent + 16 * 1024).contains(&held), "{held} for {compression:?}");
            app.conn.transmitter.release_compressor();
            assert_eq!(budget.used(), received);
            drop(app);
            assert_eq!(budget.used(), 0);
        }
    }

    #[test]
    fn counts_a_message_until_it_is_whole() {
        let (mut app, budget) = with_budget(1 << 20, &Compression::default().no_context_takeover());
        let stored: Vec<u8> = [&[0x00, 0xff, 0x7f, 0x00, 0x80][..], &[b'a'; 0x7fff], &[0]].concat();
        app.input(&wire(Role::Server, &[text(stored).rsv1().not_final()]));
        assert!((40_000..150_000).contains(&budget.used()), "{}", budget.used());
        app.input(&wire(Role::Server, &[continuation("")]));
        assert_eq!((app.seen().len(), budget.used()), (1, 0));
    }

    #[test]
    fn that_is_used_up_closes_with_1013() {
        let (mut app, budget) = with_budget(40 * 1024, &Compression::default());
        app.input(&wire(Role::Server, &[compressed_text(HELLO)]));
        let error = LimitError::MemoryBudget { limit: 40 * 1024 };
        assert_eq!(app.seen(), [Seen::Failed(error.into())]);
        assert_eq!(app.sent_frames(), [close(1013, error.to_string())]);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn that_is_used_up_makes_messages_go_plain() {
        let (mut app, budget) = with_budget(100 * 1024, &Compression::default());
        app.conn.send(json(1).as_str().into()).unwrap();
        app.conn.open_message(MessageKind::Text).unwrap();
        app.conn.send_fragment(json(1).as_bytes(), true).unwrap();
        assert_eq!(app.sent_frames(), [text(json(1)), text(json(1))]);
        assert_eq!(budget.used(), 0);
    }
}

mod turns {
    use super::*;

    /// In turns of 64 KiB: the messages, and how many turns they took.
    fn in_turns(receiver: &mut Receiver, input: &mut [u8]) -> (Vec<usize>, usize) {
        let (mut sizes, mut turns, mut at) = (Vec::new(), 1, 0);
        receiver.begin_turn(64 * 1024);
        loop {
            if receiver.is_turn_over() {
                turns += 1;
                receiver.begin_turn(64 * 1024);
            }
            let rest = &mut input[at..];
            let handled = receiver.handle_input(rest, ReadMode::Whole).unwrap();
            at += handled.consumed;
            match handled.received {
                Some(ReceivedEvent::Message(location)) => {
                    sizes.push(receiver.message(rest, location).unwrap().as_ref().as_bytes().len())
                }
                None if receiver.is_turn_over() => {}
                None => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(at, input.len());
        (sizes, turns)
    }

    #[test]
    fn end_between_messages_and_inside_one() {
        let (mut sender, receiver) = pair(&Compression::default());
        let mut receiver = receiver.conn.receiver;
        for len in [50_000, 50_000, 1_000_000, 10] {
            sender.conn.send(Message::from("a".repeat(len))).unwrap();
        }
        let mut input = sender.sent();
        let (sizes, turns) = in_turns(&mut receiver, &mut input);
        assert_eq!(sizes, [50_000, 50_000, 1_000_000, 10]);
        assert!(turns > 3, "{turns}");
    }

    #[test]
    fn do_not_end_for_messages_that_are_not_compressed() {
        let mut receiver = server().conn.receiver;
        let mut input = wire(Role::Server, &[binary(vec![1; 100_000]), binary(vec![1; 100_000])]);
        assert_eq!(in_turns(&mut receiver, &mut input), (vec![100_000, 100_000], 1));
    }
}

mod sending {
    use super::*;

    #[test]
    fn messages_come_back_both_ways_with_every_agreement() {
        for bits in [8, 9, 12, 15] {
            for takeover in [true, false] {
                let compression = Compression::default()
                    .server_max_window_bits(bits)
                    .client_max_window_bits(bits)
                    .server_no_context_takeover(!takeover)
                    .client_no_context_takeover(!takeover);
                let (mut server, mut client) = pair(&compression);
                for number in 0..10 {
                    let down = Message::from(json(number));
                    server.conn.send(down.clone()).unwrap();
                    assert!(carry(&mut server, &mut client)[0].rsv1);
                    client.conn.send_ref(down.as_ref()).unwrap();
                    carry(&mut client, &mut server);
                    assert_eq!(client.seen(), [Seen::Message(down.clone())]);
                    assert_eq!(server.seen(), [Seen::Message(down)]);
                }
            }
        }
    }

    /// The handshake may have been done elsewhere. Its result decides, and not the configuration.
    #[test]
    fn negotiated_compression_applies_without_a_configuration() {
        let negotiated = Negotiated { compression: Some(DeflateParams::default()), ..Negotiated::default() };
        let agreed = |role| App::negotiated(role, Config::default(), negotiated.clone());
        let (mut server, mut client) = (agreed(Role::Server), agreed(Role::Client));
        server.conn.send(json(1).into()).unwrap();
        assert!(carry(&mut server, &mut client)[0].rsv1);
        client.conn.send(json(1).into()).unwrap();
        assert!(carry(&mut client, &mut server)[0].rsv1);
        assert_eq!((client.seen(), server.seen()), (vec![message(json(1))], vec![message(json(1))]));
    }

    #[test]
    fn short_messages_and_those_that_would_grow_go_plain_and_hurt_nothing() {
        let (mut server, mut client) = pair(&Compression::default());
        let noise = Message::binary(Random::new(3).bytes(5000));
        for plain in [Message::from("short"), noise.clone(), noise] {
            server.conn.send(json(1).into()).unwrap();
            server.conn.send(plain.clone()).unwrap();
            server.conn.send(json(1).into()).unwrap();
            let sent = carry(&mut server, &mut client);
            assert_eq!(sent.iter().map(|frame| frame.rsv1).collect::<Vec<_>>(), [true, false, true]);
            assert_eq!(client.seen(), [message(json(1)), Seen::Message(plain), message(json(1))]);
        }
    }

    /// 8: a secret must not share a compression context with text that a stranger chooses.
    #[test]
    fn a_message_can_be_kept_from_compression() {
        let (mut server, mut client) = pair(&Compression::default());
        server.conn.send(json(1).into()).unwrap();
        server.conn.set_write_compression(false);
        server.conn.send(json(2).into()).unwrap();
        server.conn.set_write_compression(true);
        server.conn.send(json(1).into()).unwrap();
        let sent = carry(&mut server, &mut client);
        assert_eq!(sent.iter().map(|frame| frame.rsv1).collect::<Vec<_>>(), [true, false, true]);
        assert!(sent[2].payload.len() * 2 < sent[0].payload.len());
        assert_eq!(client.seen(), [message(json(1)), message(json(2)), message(json(1))]);
    }

    #[test]
    fn every_form_of_a_message_can_be_kept_from_compression() {
        let (mut server, mut client) = pair(&Compression::default());
        server.conn.send(json(1).into()).unwrap();
        server.conn.set_write_compression(false);
        assert!(!server.conn.write_compression());
        let text = json(2);
        server.conn.send_ref(MessageRef::Text(&text)).unwrap();
        server.conn.send_prepared(&PreparedMessage::new(text.clone())).unwrap();
        let large = text.repeat(600);
        let mut large = server.conn.begin_large(LargeSource::Borrowed(MessageRef::Text(&large))).unwrap();
        while !large.work() {}
        server.conn.finish_large(large).unwrap();
        let large = PreparedMessage::new(text.repeat(600));
        assert!(server.conn.preparation(&large).is_none());
        server.conn.set_write_compression(true);
        assert!(server.conn.preparation(&large).is_some());
        server.conn.send(json(1).into()).unwrap();
        let sent = carry(&mut server, &mut client);
        assert_eq!(sent.iter().map(|frame| frame.rsv1).collect::<Vec<_>>(), [true, false, false, false, true]);
        assert!(sent[4].payload.len() * 2 < sent[0].payload.len(), "the window still holds the earlier message");
        let large = message(text.repeat(600));
        assert_eq!(client.seen(), [message(json(1)), message(text.clone()), message(text), large, message(json(1))]);
    }

    #[test]
    fn a_streamed_message_can_be_kept_from_compression() {
        let (mut server, mut client) = pair(&Compression::default());
        server.conn.send(json(1).into()).unwrap();
        server.conn.set_write_compression(false);
        server.conn.open_message(MessageKind::Text).unwrap();
        // The option holds for messages that begin after it.
        server.conn.set_write_compression(true);
        server.conn.send_fragment(b"a secret, ", false).unwrap();
        server.conn.send_fragment(json(2).as_bytes(), true).unwrap();
        server.conn.send(json(1).into()).unwrap();
        let sent = carry(&mut server, &mut client);
        assert_eq!(sent.iter().map(|frame| frame.rsv1).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(sent[1].payload, b"a secret, ");
        assert!(sent[3].payload.len() * 2 < sent[0].payload.len(), "the window still holds the earlier message");
        let secret = message(format!("a secret, {}", json(2)));
        assert_eq!(client.seen(), [message(json(1)), secret, message(json(1))]);
    }

    #[test]
    fn a_prepared_message_is_compressed_once_and_stays_readable_with_takeover() {
        let compression = Compression::default();
        let prepared = PreparedMessage::new(json(7));
        let (mut server, mut client) = pair(&compression);
        for _ in 0..3 {
            server.conn.send(json(7).into()).unwrap();
            server.conn.send_prepared(&prepared).unwrap();
            server.conn.send(json(7).into()).unwrap();
            client.conn.send_prepared(&prepared).unwrap();
            client.conn.send(json(7).into()).unwrap();
            let sent = carry(&mut server, &mut client);
            assert!(sent.iter().all(|frame| frame.rsv1));
            carry(&mut client, &mut server);
            assert_eq!(client.seen(), vec![message(json(7)); 3]);
            assert_eq!(server.seen(), vec![message(json(7)); 2]);
        }
        let (mut plain_server, mut plain_client) =
            (App::new(Role::Server, Config::default()), App::new(Role::Client, Config::default()));
        plain_server.conn.send_prepared(&prepared).unwrap();
        assert!(!carry(&mut plain_server, &mut plain_client)[0].rsv1);
        assert_eq!(plain_client.seen(), [message(json(7))]);
    }

    /// 6: the mark on the first frame alone; each fragment can be read when it has come.
    #[test]
    fn a_streamed_message_is_compressed_fragment_by_fragment() {
        let (mut server, mut client) = pair(&Compression::default());
        for _ in 0..2 {
            server.conn.open_message(MessageKind::Text).unwrap();
            for (part, is_final) in [("one ", false), ("", false), (&json(1)[..], false), ("two", false), ("", true)] {
                server.conn.send_fragment(part.as_bytes(), is_final).unwrap();
                server.conn.ping(b"between").unwrap();
            }
            server.conn.send(json(1).into()).unwrap();
            let sent = carry(&mut server, &mut client);
            let data: Vec<_> = sent.iter().filter(|frame| frame.opcode < 8).collect();
            assert_eq!(
                data.iter().map(|frame| frame.rsv1).collect::<Vec<_>>(),
                [true, false, false, false, false, true]
            );
            let messages = client.seen().into_iter().filter(|seen| matches!(seen, Seen::Message(_)));
            let whole = format!("one {}two", json(1));
            assert_eq!(messages.collect::<Vec<_>>(), [message(whole), message(json(1))]);
        }
    }
}
