//! RFC 6455, 5.3 and 6.1: the frames that are sent, their masks, and the commands that fail.

use bytes::Bytes;
use silverback_testkit::{
    cuts::Random,
    wire::{binary, continuation, decode, text},
};

use super::*;

/// Every way to send a whole message.
const WAYS: [fn(&mut Transmitter, &Message); 3] = [
    |conn, message| conn.send(message.clone()).unwrap(),
    |conn, message| conn.send_ref(message.as_ref()).unwrap(),
    |conn, message| conn.send_prepared(&PreparedMessage::new(message.clone())).unwrap(),
];

mod frames {
    use super::*;

    #[test]
    fn every_length_makes_one_frame_in_each_role_and_way() {
        let mut random = Random::new(1);
        for len in [0, 1, 125, 126, 4095, 4096, 65_535, 65_536, 70_000, 300_000] {
            let payload = random.bytes(len);
            for role in [Role::Server, Role::Client] {
                for way in WAYS {
                    let mut app = App::new(role, Config::default());
                    way(&mut app.conn, &Message::binary(payload.clone()));
                    assert_eq!(app.sent_frames(), [binary(&payload)], "{len} bytes from a {role:?}");
                }
            }
        }
    }

    #[test]
    fn text_goes_as_text() {
        for role in [Role::Server, Role::Client] {
            for way in WAYS {
                let mut app = App::new(role, Config::default());
                way(&mut app.conn, &"κόσμε".into());
                assert_eq!(app.sent_frames(), [text("κόσμε")]);
            }
        }
    }

    #[test]
    fn messages_leave_in_the_order_they_were_sent() {
        let mut app = App::new(Role::Server, Config::default());
        let mut expected = Vec::new();
        for (number, len) in [10, 5000, 3, 100_000, 0, 70_000, 4096, 1].into_iter().enumerate() {
            let payload = vec![number as u8; len];
            WAYS[number % 3](&mut app.conn, &Message::binary(payload.clone()));
            expected.push(binary(payload));
        }
        assert_eq!(app.sent_frames(), expected);
    }

    #[test]
    fn any_sizes_of_writes_send_the_same_bytes() {
        for role in [Role::Server, Role::Client] {
            for seed in 0..30 {
                let mut random = Random::new(seed);
                let mut app = App::new(role, Config::default());
                let (mut sent, mut expected) = (Vec::new(), Vec::new());
                for _ in 0..40 {
                    let size = [0, 5, 200, 5000, 70_000][random.below(5)];
                    let payload = random.bytes(size);
                    WAYS[random.below(3)](&mut app.conn, &Message::binary(payload.clone()));
                    expected.push(binary(payload));
                    let most = random.below(60_000);
                    sent.extend(app.sent_up_to(most));
                }
                sent.extend(app.sent());
                assert!(frames(&sent) == expected, "{role:?}, seed {seed}");
                assert_eq!(app.conn.stats().bytes_sent, sent.len() as u64);
            }
        }
    }

    #[test]
    fn small_messages_gather_in_one_slice() {
        let mut app = App::new(Role::Client, Config::default());
        for _ in 0..100 {
            app.conn.send("small".into()).unwrap();
        }
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(app.conn.poll_transmit(&mut slices), 1);
        assert_eq!(slices[0].len(), 100 * (6 + 5));
    }

    #[test]
    fn a_large_payload_of_a_server_is_queued_by_reference() {
        let payload = Bytes::from(vec![7; 10_000]);
        let prepared = PreparedMessage::new(Message::binary(payload.clone()));
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send(Message::binary(payload.clone())).unwrap();
        app.conn.send_prepared(&prepared).unwrap();
        app.conn.send_prepared(&prepared).unwrap();
        let mut slices = [IoSlice::new(&[]); 5];
        assert_eq!(app.conn.poll_transmit(&mut slices), 4);
        assert_eq!(slices[1].as_ptr(), payload.as_ptr());
        assert_eq!(slices[2].as_ptr(), slices[3].as_ptr(), "one frame for all");
    }
}

mod masking {
    use super::*;

    /// The keys of all frames that wait.
    fn keys(app: &mut App) -> Vec<[u8; 4]> {
        let bytes = app.sent();
        decode_all(&bytes).0.into_iter().map(|frame| frame.mask.unwrap()).collect()
    }

    #[test]
    fn a_client_masks_each_frame_with_the_next_key_of_its_source() {
        let mut app = App::new(Role::Client, Config::default());
        let MaskKey([first, ..]) = counted_keys();
        for way in WAYS {
            way(&mut app.conn, &"same".into());
        }
        app.conn.open_message(MessageKind::Text).unwrap();
        app.conn.send_fragment(b"a", false).unwrap();
        app.conn.send_fragment(b"b", true).unwrap();
        app.conn.ping(b"?").unwrap();
        app.conn.pong(b"!").unwrap();
        app.close(1000, "");
        let expected: Vec<[u8; 4]> = (1..=8).map(|count| [first + count, 0, 0, 7]).collect();
        assert_eq!(keys(&mut app), expected);
    }

    #[test]
    fn a_prepared_message_is_masked_with_a_new_key_each_time() {
        let prepared = PreparedMessage::new("same");
        let mut app = App::new(Role::Client, Config::default());
        app.conn.send_prepared(&prepared).unwrap();
        app.conn.send_prepared(&prepared).unwrap();
        let bytes = app.sent();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        assert_ne!(first[2..], second[2..], "neither key nor masked payload is the same");
        assert_eq!(decode(first).unwrap().0.unmasked(), decode(second).unwrap().0.unmasked());
        assert_eq!(prepared.message(), &"same".into());
    }

    #[test]
    fn the_bytes_of_the_caller_stay_as_they_are() {
        for len in [10, 5000, 100_000] {
            let payload = Bytes::from(vec![7; len]);
            let lent = vec![7; len];
            let mut app = App::new(Role::Client, Config::default());
            app.conn.send(Message::binary(payload.clone())).unwrap();
            app.conn.send_ref(MessageRef::Binary(&lent)).unwrap();
            app.conn.open_message(MessageKind::Binary).unwrap();
            app.conn.send_fragment(&lent, true).unwrap();
            app.sent();
            assert!(payload.iter().chain(&lent).all(|byte| *byte == 7));
        }
    }

    #[test]
    fn a_server_masks_nothing() {
        let mut app = App::new(Role::Server, Config::default());
        for way in WAYS {
            way(&mut app.conn, &"open".into());
            way(&mut app.conn, &Message::binary(vec![7; 10_000]));
        }
        app.conn.ping(b"?").unwrap();
        app.close(1000, "");
        let bytes = app.sent();
        assert!(decode_all(&bytes).0.iter().all(|frame| frame.mask.is_none()));
    }
}

mod fragments {
    use super::*;

    fn streaming(kind: MessageKind) -> App {
        let mut app = App::new(Role::Client, Config::default());
        app.conn.open_message(kind).unwrap();
        app
    }

    #[test]
    fn a_streamed_message_leaves_as_a_first_frame_and_continuations() {
        let mut app = streaming(MessageKind::Binary);
        assert!(app.conn.has_open_message());
        for (payload, is_final) in [("a", false), ("", false), ("bc", false), ("", true)] {
            app.conn.send_fragment(payload.as_bytes(), is_final).unwrap();
        }
        assert!(!app.conn.has_open_message());
        let continued = [continuation("").not_final(), continuation("bc").not_final(), continuation("")];
        assert_eq!(app.sent_frames(), [&[binary("a").not_final()][..], &continued].concat());
    }

    #[test]
    fn a_streamed_message_of_one_fragment_is_one_frame() {
        let mut app = streaming(MessageKind::Text);
        app.conn.send_fragment(b"all", true).unwrap();
        app.conn.send("next".into()).unwrap();
        assert_eq!(app.sent_frames(), [text("all"), text("next")]);
    }

    #[test]
    fn no_other_message_can_be_sent_meanwhile() {
        let mut app = streaming(MessageKind::Text);
        for _ in 0..2 {
            let refused = Err(SendError::MessageOpen);
            assert_eq!(app.conn.send("other".into()), refused);
            assert_eq!(app.conn.send_ref(MessageRef::Text("other")), refused);
            assert_eq!(app.conn.send_prepared(&PreparedMessage::new("other")), refused);
            assert_eq!(app.conn.open_message(MessageKind::Binary), refused);
            app.conn.send_fragment(b"a", false).unwrap();
        }
        assert_eq!(app.sent_frames(), [text("a").not_final(), continuation("a").not_final()]);
    }

    #[test]
    fn a_fragment_needs_an_open_message() {
        let mut app = App::new(Role::Server, Config::default());
        assert_eq!(app.conn.send_fragment(b"a", true), Err(SendError::NoMessageOpen));
        app.conn.open_message(MessageKind::Text).unwrap();
        app.conn.send_fragment(b"a", true).unwrap();
        assert_eq!(app.conn.send_fragment(b"b", true), Err(SendError::NoMessageOpen));
    }

    #[test]
    fn a_character_may_be_cut_between_our_fragments() {
        let mut app = streaming(MessageKind::Text);
        let (first, second) = "€".as_bytes().split_at(2);
        app.conn.send_fragment(first, false).unwrap();
        app.conn.send_fragment(second, true).unwrap();
        assert_eq!(app.sent_frames(), [text(first).not_final(), continuation(second)]);
    }

    #[test]
    fn text_of_ours_that_is_not_utf_8_is_refused_and_changes_nothing() {
        let mut app = streaming(MessageKind::Text);
        app.conn.send_fragment(b"\xe2\x82", false).unwrap();
        assert_eq!(app.conn.send_fragment(b"a", false), Err(SendError::InvalidUtf8));
        assert_eq!(app.conn.send_fragment(b"", true), Err(SendError::InvalidUtf8), "it ends inside a character");
        app.conn.send_fragment(b"\xac", true).unwrap();
        assert_eq!(app.sent_frames(), [text(b"\xe2\x82").not_final(), continuation(b"\xac")]);
    }
}

mod room {
    use super::*;

    #[test]
    fn queued_output_is_counted_to_the_byte() {
        let mut app = App::new(Role::Client, Config::default());
        app.conn.send("12345".into()).unwrap();
        assert_eq!((app.conn.queued_output(), app.conn.stats().queued_output), (11, 11));
        app.sent_up_to(3);
        assert_eq!(app.conn.queued_output(), 8);
        app.sent();
        assert_eq!(app.conn.queued_output(), 0);
        assert_eq!((app.conn.stats().messages_sent, app.conn.stats().bytes_sent), (1, 11));
    }

    #[test]
    fn a_peer_that_does_not_read_pins_no_large_buffer() {
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send("waits".into()).unwrap();
        app.conn.handle_blocked(app.clock.now());
        assert_eq!(app.conn.held(), 7);
        app.sent();
        assert_eq!(app.conn.held(), 0);
    }

    #[test]
    fn there_is_room_up_to_the_limit_and_always_in_an_empty_queue() {
        let mut app = App::new(Role::Server, Config::default().max_queued_output(1000));
        assert!(app.conn.has_room_for(1_000_000));
        app.conn.send(Message::binary(vec![7; 96])).unwrap();
        assert!(app.conn.has_room_for(902) && !app.conn.has_room_for(903) && !app.conn.has_room_for(usize::MAX));
        app.sent();
        assert!(app.conn.has_room_for(usize::MAX));
    }
}

mod progress {
    use super::*;

    #[test]
    fn accepted_and_sent_bytes_are_known_after_the_connection_is_lost() {
        let mut app = App::new(Role::Server, Config::default());
        assert_eq!(app.conn.output_progress(), None, "output is not tracked");
        app.conn.track_output();
        app.conn.send(Message::binary(vec![1; 10])).unwrap();
        app.conn.handle_transmitted(5);
        for _ in 0..2 {
            let progress = app.conn.output_progress().unwrap();
            assert_eq!((progress.accepted, progress.left), (12, 5));
            app.conn.handle_lost();
        }
    }
}
