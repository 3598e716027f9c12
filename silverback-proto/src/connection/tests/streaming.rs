//! Messages that are delivered as they arrive: no bytes are kept or lost, even if the application starts half way.

use silverback_testkit::{
    cuts::for_each_way,
    wire::{binary, continuation, hex, ping, text},
};

use super::*;
use crate::{
    connection::event::Handled,
    deflate::{Compression, DeflateParams},
    wire::error::{LimitError, ProtocolError},
};

const STREAMED: ReadMode = ReadMode::Pieces { limit: u64::MAX };

/// The messages of a receiver, with joined pieces: (bytes, true) for a complete message, (bytes, false) for another.
#[derive(Debug, Default, PartialEq)]
struct Read {
    messages: Vec<(Vec<u8>, bool)>,
    others: Vec<ReceivedEvent>,
    error: Option<ConnectionError>,
}

impl Read {
    fn push(&mut self, piece: &[u8], is_last: bool) {
        match self.messages.last_mut() {
            Some((bytes, has_ended)) if !*has_ended => {
                bytes.extend_from_slice(piece);
                *has_ended = is_last;
            }
            _ => self.messages.push((piece.to_vec(), is_last)),
        }
    }

    /// Handles one input as a driver does: until no arrival is left.
    fn handle(&mut self, receiver: &mut Receiver, input: &[u8], mode: ReadMode) {
        let mut input = input.to_vec();
        let mut rest = input.as_mut_slice();
        while self.error.is_none() {
            let Handled { consumed, received } = match receiver.handle_input(rest, mode) {
                Ok(handled) => handled,
                Err(error) => return self.error = Some(error),
            };
            match received {
                None => return assert_eq!(consumed, rest.len()),
                Some(ReceivedEvent::Piece { location, is_last, .. }) => {
                    self.push(receiver.piece(rest, location).unwrap(), is_last)
                }
                Some(ReceivedEvent::Message(location)) => match receiver.message(rest, location) {
                    Ok(message) => self.push(message.into_message().as_bytes(), true),
                    Err(error) => self.error = Some(error),
                },
                Some(other) => self.others.push(other),
            }
            rest = &mut rest[consumed..];
        }
    }
}

fn receiver(role: Role) -> Receiver {
    Receiver::new(role, &Config::default(), &Negotiated::default())
}

/// Streams `input` in each role and at every cut; `messages` end, all but perhaps the last.
#[track_caller]
fn check_streamed(
    input: &[Frame],
    messages: &[(&str, bool)],
    others: &[ReceivedEvent],
    error: Option<ConnectionError>,
) {
    let messages: Vec<_> = messages.iter().map(|(bytes, ended)| (bytes.as_bytes().to_vec(), *ended)).collect();
    for role in [Role::Server, Role::Client] {
        for_each_way(&wire(role, input), 3, |pieces| {
            let (mut receiver, mut read) = (receiver(role), Read::default());
            for piece in pieces {
                read.handle(&mut receiver, piece, STREAMED);
                assert_eq!(receiver.held(), 0, "nothing is kept");
            }
            assert_eq!((&read.messages, &read.others[..], &read.error), (&messages, others, &error));
        });
    }
}

#[test]
fn messages_come_in_pieces_and_end() {
    check_streamed(&[text("Hello"), binary("world")], &[("Hello", true), ("world", true)], &[], None);
    let fragments = [text("a").not_final(), continuation("").not_final(), continuation("bc"), text("d")];
    check_streamed(&fragments, &[("abc", true), ("d", true)], &[], None);
}

#[test]
fn empty_messages_end_too() {
    check_streamed(&[text(""), binary("")], &[("", true), ("", true)], &[], None);
    check_streamed(&[text("").not_final(), continuation("")], &[("", true)], &[], None);
    check_streamed(&[text("a").not_final(), continuation("")], &[("a", true)], &[], None);
}

#[test]
fn control_frames_come_between_the_pieces() {
    let ping_arrival = ReceivedEvent::Ping(ControlPayload::new(b"?").unwrap());
    let input = [text("a").not_final(), ping("?"), continuation("b"), close(1000, "")];
    check_streamed(&input, &[("ab", true)], &[ping_arrival, ReceivedEvent::Close(closed(1000, ""))], None);
}

#[test]
fn a_close_inside_a_streamed_message_leaves_it_without_an_end() {
    let input = [text("half").not_final(), close(1001, ""), continuation("never")];
    check_streamed(&input, &[("half", false)], &[ReceivedEvent::Close(closed(1001, ""))], None);
}

#[test]
fn streamed_text_may_be_cut_inside_characters() {
    let (first, second) = "aé€😀".as_bytes().split_at(7);
    check_streamed(&[text(first).not_final(), continuation(second)], &[("aé€😀", true)], &[], None);
}

#[test]
fn streamed_text_that_is_not_utf_8_fails() {
    for input in [
        vec![text(b"\xff")],
        vec![text(b"\xe2\x82").not_final(), continuation(b"a")],
        vec![text(b"\xe2\x82").not_final(), continuation(b"")],
    ] {
        for role in [Role::Server, Role::Client] {
            for_each_way(&wire(role, &input), 3, |pieces| {
                let (mut receiver, mut read) = (receiver(role), Read::default());
                pieces.iter().for_each(|piece| read.handle(&mut receiver, piece, STREAMED));
                assert_eq!(read.error, Some(ProtocolError::InvalidUtf8.into()));
                assert!(!read.messages.iter().any(|(_, ended)| *ended));
            });
        }
    }
}

#[test]
fn a_stream_may_have_any_number_of_fragments() {
    let config = Config::default().max_fragments(3);
    let mut receiver = Receiver::new(Role::Client, &config, &Negotiated::default());
    let mut input = vec![binary("0").not_final()];
    input.extend((0..10).map(|_| continuation("1").not_final()));
    input.push(continuation("2"));
    let mut read = Read::default();
    read.handle(&mut receiver, &wire(Role::Client, &input), STREAMED);
    assert_eq!((read.messages, read.error), (vec![(b"011111111112".to_vec(), true)], None));
}

#[test]
fn a_stream_has_a_limit_of_its_own() {
    let mode = ReadMode::Pieces { limit: 8 };
    let mut read = Read::default();
    let config = Config::default().max_message_size(4).max_fragments(10);
    let mut receiver = Receiver::new(Role::Client, &config, &Negotiated::default());
    let input = [binary("0123").not_final(), continuation("4567"), binary("012345678")];
    read.handle(&mut receiver, &wire(Role::Client, &input), mode);
    assert_eq!(read.messages, [(b"01234567".to_vec(), true)]);
    assert_eq!(read.error, Some(LimitError::Frame { size: 9, limit: 8 }.into()));
}

#[test]
fn a_piece_is_a_slice_of_the_input() {
    let mut receiver = receiver(Role::Server);
    let mut input = wire(Role::Server, &[text("Hello")]);
    let (first, second) = input.split_at_mut(8);
    for (input, expected) in [(first, &b"He"[..]), (second, b"llo")] {
        let handled = receiver.handle_input(input, STREAMED).unwrap();
        let Some(ReceivedEvent::Piece { location, .. }) = handled.received else { panic!("a piece") };
        let piece = receiver.piece(input, location).unwrap();
        assert_eq!(piece, expected);
        assert!(input.as_ptr_range().contains(&piece.as_ptr()));
    }
}

mod switched_on_half_way {
    use super::*;

    /// At every byte: messages whole before it, in pieces after it. The bytes are the same as ever.
    #[track_caller]
    fn check(input: &[Frame], messages: &[&[u8]]) {
        let expected: Vec<_> = messages.iter().map(|bytes| (bytes.to_vec(), true)).collect();
        for role in [Role::Server, Role::Client] {
            let bytes = wire(role, input);
            for at in 0..=bytes.len() {
                for piece_len in [1, 3, 1000] {
                    let (mut receiver, mut read) = (receiver(role), Read::default());
                    read.handle(&mut receiver, &bytes[..at], ReadMode::Whole);
                    read.handle(&mut receiver, b"", STREAMED);
                    assert_eq!(receiver.held(), 0, "the kept part is returned at once");
                    bytes[at..].chunks(piece_len).for_each(|piece| read.handle(&mut receiver, piece, STREAMED));
                    assert_eq!((&read.messages, &read.error), (&expected, &None), "{role:?} at byte {at}");
                }
            }
        }
    }

    #[test]
    fn nothing_of_a_frame_is_lost() {
        check(&[binary("0123456789"), text("next")], &[b"0123456789", b"next"]);
    }

    #[test]
    fn nothing_of_a_fragmented_message_is_lost() {
        let input = [binary("012").not_final(), ping("?"), continuation("").not_final(), continuation("345")];
        check(&input, &[b"012345"]);
    }

    #[test]
    fn nothing_of_a_character_is_lost() {
        let (first, second) = "é€😀é".as_bytes().split_at(4);
        check(&[text(first).not_final(), continuation(second), text("€")], &["é€😀é".as_bytes(), "€".as_bytes()]);
    }

    #[test]
    fn it_can_be_switched_at_every_byte() {
        let text_bytes = "é€😀aé€😀".as_bytes();
        let bytes = wire(Role::Client, &[text(text_bytes)]);
        let (mut receiver, mut read) = (receiver(Role::Client), Read::default());
        for (count, byte) in bytes.iter().enumerate() {
            let mode = if count % 2 == 0 || count + 1 == bytes.len() { STREAMED } else { ReadMode::Whole };
            read.handle(&mut receiver, &[*byte], mode);
        }
        assert_eq!(read.messages, [(text_bytes.to_vec(), true)]);
    }
}

/// RFC 7692, 7.2.2: a skipped message enters the window too. Otherwise the next message could not be inflated.
#[test]
fn a_compressed_message_that_is_skipped_still_enters_the_window() {
    let config = Config::default().compression(Compression::default());
    let negotiated = Negotiated { compression: Some(DeflateParams::default()), ..Negotiated::default() };
    let hello = hex("f2 48 cd c9 c9 07 00");
    let skipped = [text(&hello[..3]).rsv1().not_final(), ping("?"), continuation(&hello[3..])];
    let again = wire(Role::Server, &[text(hex("f2 00 11 00 00")).rsv1()]);
    let wire = wire(Role::Server, &skipped);
    for begun_as_a_whole in 0..wire.len() {
        let mut receiver = Receiver::new(Role::Server, &config, &negotiated);
        let (begun, rest) = wire.split_at(begun_as_a_whole);
        Read::default().handle(&mut receiver, begun, ReadMode::Whole);
        Read::default().handle(&mut receiver, rest, STREAMED);
        let mut read = Read::default();
        read.handle(&mut receiver, &again, ReadMode::Whole);
        assert_eq!(read.messages, [(b"Hello".to_vec(), true)], "{begun_as_a_whole} bytes were read before");
    }
}

/// The limits are those of the current read mode, even if another mode admitted the header.
mod limits_of_another_reader {
    use super::*;

    const ABOVE: ReadMode = ReadMode::Pieces { limit: 100 };
    const BELOW: ReadMode = ReadMode::Pieces { limit: 5 };

    fn config() -> Config {
        Config::default().max_message_size(10).max_fragments(2).compression(Compression::default())
    }

    /// Reads `begun` in one mode and the rest in another. Returns the result of the second reader, and the memory held then.
    #[track_caller]
    fn read(begun: &[Frame], first: ReadMode, rest: &[Frame], second: ReadMode) -> (Read, usize) {
        let negotiated = Negotiated { compression: Some(DeflateParams::default()), ..Negotiated::default() };
        let mut receiver = Receiver::new(Role::Client, &config(), &negotiated);
        let begun = wire(Role::Client, begun);
        Read::default().handle(&mut receiver, &begun, first);
        let mut read = Read::default();
        read.handle(&mut receiver, b"", second);
        read.handle(&mut receiver, &wire(Role::Client, rest), second);
        (read, receiver.held())
    }

    #[track_caller]
    fn check_refused(begun: &[Frame], first: ReadMode, second: ReadMode, error: LimitError) {
        let (read, held) = read(begun, first, &[], second);
        assert_eq!((read.messages, read.error, held), (vec![], Some(error.into()), 0));
    }

    #[test]
    fn a_message_that_began_as_a_stream_is_not_joined_beyond_the_limit() {
        let error = LimitError::Frame { size: 50, limit: 10 };
        check_refused(&[binary("").declared_len(50)], ABOVE, ReadMode::Whole, error);
        check_refused(&[text("").declared_len(50)], ABOVE, ReadMode::Whole, error);
        let fragments = [binary("").not_final(), continuation("").not_final(), continuation("").declared_len(9)];
        check_refused(&fragments, ABOVE, ReadMode::Whole, LimitError::Fragments { limit: 2 });
        let fragments = [binary("012345").not_final(), continuation("").declared_len(9)];
        check_refused(&fragments, ABOVE, ReadMode::Whole, LimitError::Message { size: 15, limit: 10 });
    }

    #[test]
    fn a_message_that_began_whole_is_not_streamed_beyond_the_limit() {
        check_refused(&[binary("").declared_len(9)], ReadMode::Whole, BELOW, LimitError::Frame { size: 9, limit: 5 });
        check_refused(&[binary("").declared_len(50)], ABOVE, BELOW, LimitError::Frame { size: 50, limit: 5 });
    }

    #[test]
    fn no_direct_read_is_offered_for_a_message_that_is_too_large() {
        let mut receiver = Receiver::new(Role::Client, &config(), &Negotiated::default());
        let header = &mut wire(Role::Client, &[binary("").declared_len(1 << 20)]);
        assert!(receiver.handle_input(header, ReadMode::Pieces { limit: u64::MAX }).unwrap().received.is_none());
        assert!(receiver.payload_target().is_none());
        assert_eq!(receiver.held(), 0);
    }

    #[test]
    fn a_compressed_message_inflates_to_the_limit_of_its_reader() {
        let zeros = |count: usize| {
            let mut sender = compression::app(Role::Server, Config::default(), &Compression::default().threshold(0));
            sender.conn.send(Message::binary(vec![0; count])).unwrap();
            sender.sent()
        };
        for (count, first, second, limit) in [
            (50, ABOVE, ReadMode::Whole, Some(10)),
            (9, ReadMode::Whole, BELOW, Some(5)),
            (9, BELOW, ReadMode::Whole, None),
            (50, ReadMode::Whole, ABOVE, None),
        ] {
            let negotiated = Negotiated { compression: Some(DeflateParams::default()), ..Negotiated::default() };
            let mut receiver = Receiver::new(Role::Client, &config(), &negotiated);
            let (bytes, mut read) = (zeros(count), Read::default());
            read.handle(&mut receiver, &bytes[..2], first);
            read.handle(&mut receiver, &bytes[2..], second);
            match limit {
                None => assert_eq!((read.messages, read.error), (vec![(vec![0; count], true)], None)),
                Some(limit) => assert_eq!(read.error, Some(LimitError::Message { size: limit + 1, limit }.into())),
            }
        }
    }

    #[test]
    fn what_fits_goes_on() {
        let (read, _) = read(&[binary("01").not_final()], BELOW, &[continuation("234567")], ReadMode::Whole);
        assert_eq!((read.messages, read.error), (vec![(b"234567".to_vec(), true)], None));
    }
}
