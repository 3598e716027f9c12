//! The parts on their own: the halves of a connection as a driver uses them, and single frames by hand.

use silverback_testkit::wire::{binary, close_empty, continuation, decode, ping, pong, text};

use super::*;
use crate::{
    connection::event::PayloadLocation,
    wire::{error::ProtocolError, header::FrameHeader, opcode::Opcode},
};

mod halves {
    use super::*;

    fn halves() -> (Receiver, Transmitter, Instant) {
        let App { conn, clock, .. } = App::new(Role::Server, Config::default());
        let (receiver, transmitter) = conn.split();
        (receiver, transmitter, clock.now())
    }

    #[test]
    fn the_receiver_reports_and_the_transmitter_answers() {
        let (mut receiver, mut transmitter, now) = halves();
        let mut input = wire(Role::Server, &[ping("?")]);
        let handled = receiver.handle_input(&mut input, ReadMode::Whole).unwrap();
        assert_eq!(transmitter.queued_output(), 0, "the receiver alone answers nothing");
        transmitter.handle_event(now, &handled.received.unwrap());
        let mut slices = [IoSlice::new(&[])];
        assert_eq!(transmitter.poll_transmit(&mut slices), 1);
        assert_eq!(slices[0][..], pong("?").encode());
    }

    #[test]
    fn a_fault_ends_the_receiver_and_is_told_by_the_transmitter() {
        let (mut receiver, mut transmitter, now) = halves();
        let error = receiver.handle_input(&mut wire(Role::Server, &[text("bad").rsv1()]), ReadMode::Whole).unwrap_err();
        transmitter.handle_fault(now, &error);
        assert_eq!(transmitter.state(), State::Failing);
        let mut rest = wire(Role::Server, &[text("late")]);
        let handled = receiver.handle_input(&mut rest, ReadMode::Whole).unwrap();
        assert_eq!((handled.consumed, handled.received), (rest.len(), None), "what follows is dropped");
    }

    #[test]
    fn text_that_is_found_not_to_be_utf_8_when_it_is_fetched_ends_the_receiver() {
        let (mut receiver, _, _) = halves();
        let mut input = wire(Role::Server, &[text(b"\xff")]);
        let handled = receiver.handle_input(&mut input, ReadMode::Whole).unwrap();
        let Some(ReceivedEvent::Message(location)) = handled.received else { panic!("a message") };
        assert_eq!(receiver.message(&input, location).unwrap_err(), ProtocolError::InvalidUtf8.into());
        let handled = receiver.handle_input(&mut wire(Role::Server, &[text("late")]), ReadMode::Whole).unwrap();
        assert_eq!(handled.received, None);
    }

    #[test]
    fn received_messages_and_bytes_are_counted() {
        let mut app = App::new(Role::Server, Config::default());
        let input =
            wire(Role::Server, &[text("a"), binary("b").not_final(), continuation("c"), ping("?"), close_empty()]);
        app.input(&input);
        let stats = app.conn.stats();
        assert_eq!((stats.bytes_received, stats.messages_received), (input.len() as u64, 2));
    }

    #[test]
    fn the_kind_of_the_message_that_is_open_is_known() {
        let (mut receiver, _, _) = halves();
        let open_after = |receiver: &mut Receiver, frame: Frame| {
            receiver.handle_input(&mut wire(Role::Server, &[frame]), ReadMode::Whole).unwrap();
            receiver.open_message()
        };
        assert_eq!(receiver.open_message(), None);
        assert_eq!(open_after(&mut receiver, text("a").not_final()), Some(MessageKind::Text));
        assert_eq!(open_after(&mut receiver, ping("?")), Some(MessageKind::Text));
        assert_eq!(open_after(&mut receiver, continuation("b")), None);
        assert_eq!(open_after(&mut receiver, binary("a").not_final()), Some(MessageKind::Binary));
    }

    #[test]
    fn the_receiver_is_idle_only_between_messages_that_are_taken() {
        let (mut receiver, _, _) = halves();
        let idle_after = |receiver: &mut Receiver, input: &[u8]| {
            receiver.handle_input(&mut input.to_vec(), ReadMode::Whole).unwrap();
            receiver.is_idle()
        };
        assert!(receiver.is_idle());
        let frame = wire(Role::Server, &[text("Hello")]);
        assert!(idle_after(&mut receiver, &frame));
        assert!(!idle_after(&mut receiver, &frame[..3]), "inside a header");
        assert!(!idle_after(&mut receiver, &frame[3..8]), "inside a payload");
        assert!(!idle_after(&mut receiver, &frame[8..]), "with a message to hand out");
        receiver.message(&[], PayloadLocation::Assembled).unwrap().into_message();
        assert!(receiver.is_idle());
        assert!(!idle_after(&mut receiver, &wire(Role::Server, &[text("a").not_final()])), "between fragments");
    }
}

mod by_hand {
    use super::*;

    /// Reads one frame the tutorials' way: header, payload, unmask.
    fn read_frame(input: &mut [u8]) -> Option<(FrameHeader, &mut [u8])> {
        let header = FrameHeader::decode(input)?;
        let payload = input[header.encoded_len()..].get_mut(..header.payload_len() as usize)?;
        if let Some(key) = header.mask {
            key.apply(0, payload);
        }
        Some((header, payload))
    }

    #[test]
    fn single_frames_can_be_read_without_a_connection() {
        for frame in [text("Hello"), binary([7; 70_000]), ping(""), continuation("x").not_final()] {
            for frame in [frame.clone(), frame.masked(CLIENT_KEY)] {
                let mut input = frame.encode();
                let (header, payload) = read_frame(&mut input).unwrap();
                assert_eq!(header.opcode.bits(), frame.opcode);
                assert_eq!((header.is_final(), &*payload), (frame.fin, &frame.payload[..]));
            }
        }
    }

    #[test]
    fn single_frames_can_be_written_without_a_connection() {
        let key = MaskKey(CLIENT_KEY);
        let mut payload = *b"Hello";
        key.apply(0, &mut payload);
        let header = FrameHeader::new(Opcode::TEXT, 5).with_mask(Some(key)).with_final(false);
        let (frame, _) = decode(&[&header.encode(), &payload[..]].concat()).unwrap();
        assert_eq!(frame, text("Hello").not_final().masked(CLIENT_KEY));
    }

    #[test]
    fn a_close_can_be_written_without_a_connection() {
        let mut payload = Vec::new();
        closed(1000, "done").unwrap().encode(&mut payload);
        let header = FrameHeader::new(Opcode::CLOSE, payload.len() as u64);
        let (frame, _) = decode(&[&header.encode(), &payload[..]].concat()).unwrap();
        assert_eq!(frame, close(1000, "done"));
    }
}
