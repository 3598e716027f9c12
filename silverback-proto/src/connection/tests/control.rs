//! RFC 6455, 5.5.2 and 5.5.3: pings are answered, in order, between frames, and without bound on nothing.

use silverback_testkit::wire::{binary, close_empty, continuation, frame, ping, pong, text};

use super::*;
use crate::wire::{
    error::{ProtocolError, SendError},
    opcode::Opcode,
};

fn numbered(count: usize) -> Vec<Frame> {
    (0..count).map(|number| ping(number.to_string())).collect()
}

mod answers {
    use super::*;

    #[test]
    fn a_pong_carries_the_payload_of_its_ping() {
        for payload in [vec![], b"?".to_vec(), vec![0xFF; 125]] {
            check(&[ping(&payload)], &[Seen::Ping(payload.clone())], &[pong(&payload)]);
        }
    }

    #[test]
    fn ten_pings_in_one_input_get_ten_pongs_in_order() {
        let mut peer = server();
        peer.send_bytes(wire(Role::Server, &numbered(10)));
        for number in 0..10 {
            peer.expect(pong(number.to_string()));
        }
        peer.expect_nothing();
    }

    #[test]
    fn a_pong_waits_before_the_ping_is_handed_out() {
        let mut app = App::new(Role::Server, Config::default());
        let mut input = wire(Role::Server, &[ping("?"), text("next")]);
        let progress = app.conn.handle_input(app.clock.now(), &mut input).unwrap();
        assert!(matches!(progress.event, Some(Event::Ping(_))));
        assert_eq!(app.sent_frames(), [pong("?")]);
    }

    #[test]
    fn unsolicited_pongs_are_fine() {
        check(
            &[pong("what"), pong(""), text("a")],
            &[Seen::Pong(b"what".to_vec()), Seen::Pong(vec![]), message("a")],
            &[],
        );
    }

    #[test]
    fn pings_and_pongs_are_counted() {
        let mut app = App::new(Role::Server, Config::default());
        app.input(&wire(Role::Server, &[ping("a"), pong("b"), ping("c")]));
        app.conn.ping(b"d").unwrap();
        let stats = app.conn.stats();
        assert_eq!((stats.pings_received, stats.pongs_received), (2, 1));
        assert_eq!((stats.pings_sent, stats.pongs_sent), (1, 2));
    }
}

mod faults {
    use super::*;

    #[test]
    fn a_control_frame_of_126_bytes_fails_with_1002() {
        for (opcode, frame) in
            [(Opcode::PING, ping([0; 126])), (Opcode::PONG, pong([0; 126])), (Opcode::CLOSE, close(1000, [b'a'; 124]))]
        {
            let error = ProtocolError::LongControl { opcode, payload_len: 126 };
            check_fails(&[frame], &[], error, CloseCode::PROTOCOL_ERROR);
        }
    }

    #[test]
    fn a_long_control_frame_fails_by_its_header() {
        let mut peer = server();
        peer.send_bytes(&wire(Role::Server, &[ping([0; 126])])[..8]);
        let error = ProtocolError::LongControl { opcode: Opcode::PING, payload_len: 126 };
        peer.expect(close(1002, error.to_string()));
    }

    #[test]
    fn a_fragmented_control_frame_fails_with_1002() {
        for opcode in [0x8, 0x9, 0xA] {
            let error = ProtocolError::FragmentedControl(Opcode::from_bits(opcode));
            check_fails(&[frame(opcode, "").not_final()], &[], error, CloseCode::PROTOCOL_ERROR);
        }
    }

    #[test]
    fn a_ping_of_ours_holds_up_to_125_bytes() {
        let mut app = App::new(Role::Client, Config::default());
        assert_eq!(app.conn.ping(&[7; 125]), Ok(()));
        assert_eq!(app.conn.pong(&[8; 125]), Ok(()));
        assert_eq!(app.conn.ping(&[0; 126]), Err(SendError::LongControl { size: 126 }));
        assert_eq!(app.conn.pong(&[0; 300]), Err(SendError::LongControl { size: 300 }));
        assert_eq!(app.sent_frames(), [ping([7; 125]), pong([8; 125])]);
    }
}

mod order {
    use super::*;

    /// Queues data while the peer reads nothing, and then receives `pings`. Returns the frames that are sent when the peer
    /// reads again.
    fn sent_after(waiting: &[usize], already_left: usize, pings: usize) -> Vec<Frame> {
        let mut app = App::new(Role::Server, Config::default());
        for &len in waiting {
            app.conn.send(Message::binary(vec![7; len])).unwrap();
        }
        let mut bytes = app.sent_up_to(already_left);
        app.input(&wire(Role::Server, &numbered(pings)));
        bytes.extend(app.sent());
        frames(&bytes)
    }

    #[test]
    fn a_pong_goes_between_frames_and_never_inside() {
        for already_left in [0, 1, 2, 9, 10, 11, 5000, 10_003, 10_004, 10_005, 20_007] {
            let sent = sent_after(&[10_000, 10_000], already_left, 1);
            let place = sent.iter().position(|frame| *frame == pong("0")).unwrap();
            // It waits for the frame that is leaving, and for no other.
            let expected = if already_left < 10_004 { 1 } else { 2 };
            assert_eq!((sent.len(), place), (3, expected), "after {already_left} bytes");
        }
    }

    #[test]
    fn pongs_overtake_data_but_not_each_other() {
        for already_left in [0, 1, 5000, 10_004, 10_010] {
            let sent = sent_after(&[10_000, 10_000], already_left, 5);
            let pongs: Vec<&Frame> = sent.iter().filter(|frame| frame.opcode == 0xA).collect();
            let expected: Vec<Frame> = (0..5).map(|number| pong(number.to_string())).collect();
            assert_eq!(pongs, expected.iter().collect::<Vec<_>>(), "after {already_left} bytes");
        }
    }

    #[test]
    fn a_pong_does_not_wait_behind_all_that_is_queued() {
        let sent = sent_after(&[10_000; 6], 5, 1);
        assert_eq!(sent[1], pong("0"), "only the frame that is leaving comes first");
    }

    #[test]
    fn a_ping_of_ours_is_not_put_inside_a_frame() {
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send(Message::binary(vec![7; 10_000])).unwrap();
        let mut bytes = app.sent_up_to(2);
        app.conn.ping(b"1").unwrap();
        app.conn.ping(b"2").unwrap();
        bytes.extend(app.sent());
        assert_eq!(frames(&bytes), [binary(vec![7; 10_000]), ping("1"), ping("2")]);
    }

    #[test]
    fn a_pong_goes_between_the_fragments_of_ours() {
        let mut peer = client();
        peer.endpoint().conn.open_message(MessageKind::Text).unwrap();
        peer.endpoint().conn.send_fragment(b"hel", false).unwrap();
        peer.send(ping("?"));
        peer.endpoint().conn.send_fragment(b"lo", true).unwrap();
        peer.expect(text("hel").not_final());
        peer.expect(pong("?"));
        peer.expect(continuation("lo"));
    }
}

mod floods {
    use super::*;

    #[test]
    fn a_flood_of_pings_queues_no_more_than_a_bound() {
        let mut app = App::new(Role::Server, Config::default());
        let flood = wire(Role::Server, &vec![ping([7; 125]); 1000]);
        for _ in 0..20 {
            app.input(&flood);
            assert!(app.conn.queued_output() <= 64 * 1024 + 127, "{} bytes wait", app.conn.queued_output());
        }
    }

    #[test]
    fn while_much_output_waits_only_the_newest_ping_is_answered() {
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send(Message::binary(vec![7; 100_000])).unwrap();
        let queued = app.conn.queued_output();
        app.input(&wire(Role::Server, &numbered(1000)));
        assert_eq!(app.conn.queued_output(), queued);
        assert_eq!(app.sent_frames(), [binary(vec![7; 100_000]), pong("999")]);
    }

    #[test]
    fn the_newest_pong_leaves_behind_the_frame_that_is_leaving() {
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send(Message::binary(vec![7; 100_000])).unwrap();
        app.conn.send(Message::binary(vec![8; 100_000])).unwrap();
        app.input(&wire(Role::Server, &numbered(3)));
        let mut bytes = app.sent_up_to(50_000);
        bytes.extend(app.sent());
        let sent = frames(&bytes);
        assert_eq!((sent.len(), &sent[1]), (3, &pong("2")));
        app.input(&wire(Role::Server, &[ping("again")]));
        assert_eq!(app.sent_frames(), [pong("again")]);
    }

    #[test]
    fn pongs_leave_although_writers_keep_the_queue_full() {
        let mut app = App::new(Role::Server, Config::default());
        let mut bytes = Vec::new();
        for round in 0..100 {
            while app.conn.has_room_for(30_000) {
                app.conn.send(Message::binary(vec![7; 30_000])).unwrap();
            }
            app.input(&wire(Role::Server, &[ping(format!("{round}"))]));
            bytes.extend(app.sent_up_to(40_000));
        }
        let (frames, _) = decode_all(&bytes);
        let pongs: Vec<usize> = (0..).zip(&frames).filter(|(_, frame)| frame.opcode == 0xA).map(|(at, _)| at).collect();
        assert!(pongs.len() > 30, "{} pongs for 100 pings", pongs.len());
        assert!(pongs[0] <= 3, "the first after {} frames", pongs[0]);
    }

    #[test]
    fn a_flood_of_pings_to_a_peer_that_reads_bytewise_stays_bounded() {
        for role in [Role::Client, Role::Server] {
            let mut app = App::new(role, Config::default());
            app.conn.send(Message::binary(vec![7; 200_000])).unwrap();
            let queued = app.conn.queued_output();
            let flood = wire(role, &[ping([7; 125])]);
            for _ in 0..10_000 {
                app.input(&flood);
                app.sent_up_to(1);
                assert!(app.conn.queued_output() <= queued + 131, "{} bytes wait", app.conn.queued_output());
            }
        }
    }

    #[test]
    fn a_newer_pong_does_not_overtake_one_that_waits() {
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send(Message::binary(vec![7; 70_000])).unwrap();
        let mut bytes = Vec::new();
        for (number, most) in [1, 10_000, 0, usize::MAX].into_iter().enumerate() {
            app.input(&wire(Role::Server, &[ping(number.to_string())]));
            bytes.extend(app.sent_up_to(most));
        }
        assert_eq!(frames(&bytes)[1..], [pong("0"), pong("3")], "1 and 2 gave way to newer ones");
    }

    #[test]
    fn a_pong_that_waits_is_sent_before_our_close() {
        let mut app = App::new(Role::Server, Config::default());
        app.conn.send(Message::binary(vec![7; 100_000])).unwrap();
        app.input(&wire(Role::Server, &[ping("?"), close_empty()]));
        let sent = app.sent_frames();
        assert_eq!((&sent[1..], sent.len()), (&[pong("?"), close_empty()][..], 3));
    }
}
