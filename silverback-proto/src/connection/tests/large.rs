//! Large messages that are made into frames away from the transmitter: the wire is the same, and so is the window.

use silverback_testkit::{cuts::Random, wire::ping};

use super::{
    compression::{carry, json, pair},
    *,
};
use crate::{deflate::Compression, message::prepared::PreparedMessage};

/// Works on a large message to its end.
fn send_large(app: &mut App, source: LargeSource<'_>) {
    let mut large = app.conn.begin_large(source).unwrap();
    while !large.work() {}
    app.conn.finish_large(large).unwrap();
}

fn compressible(len: usize) -> String {
    (0..).map(json).flat_map(|text| text.into_bytes()).take(len).map(char::from).collect()
}

fn random(len: usize) -> Vec<u8> {
    Random::new(7).bytes(len)
}

fn settings() -> Vec<Compression> {
    let all = Compression::default();
    vec![
        all.clone(),
        all.clone().no_context_takeover(),
        all.clone().server_max_window_bits(9).client_max_window_bits(10),
        all,
    ]
}

#[test]
fn they_arrive_between_small_ones_whatever_was_agreed_on() {
    for compression in settings() {
        for flips in [false, true] {
            let (server, client) = pair(&compression);
            let (mut from, mut to) = if flips { (client, server) } else { (server, client) };
            for len in [70_000, 1_000_000] {
                let (text, noise) = (compressible(len), random(len));
                from.conn.send(json(1).into()).unwrap();
                send_large(&mut from, LargeSource::Owned(text.clone().into()));
                from.conn.send(json(2).into()).unwrap();
                send_large(&mut from, LargeSource::Borrowed(MessageRef::Text(&text)));
                send_large(&mut from, LargeSource::Owned(noise.clone().into()));
                send_large(&mut from, LargeSource::Borrowed(MessageRef::Binary(&noise)));
                from.conn.send(json(3).into()).unwrap();
                let frames = carry(&mut from, &mut to);
                let compressed: Vec<_> = frames.iter().map(|frame| frame.rsv1).collect();
                assert_eq!(compressed, [true, true, true, true, false, false, true]);
                let noise = Message::from(noise);
                let text = Message::from(text);
                let expected =
                    [json(1).into(), text.clone(), json(2).into(), text, noise.clone(), noise, json(3).into()];
                assert!(to.seen() == expected.map(message), "{compression:?}");
            }
        }
    }
}

#[test]
fn they_are_the_same_on_the_wire_as_when_they_are_sent_at_once() {
    let text = compressible(1_000_000);
    let (mut at_once, _) = pair(&Compression::default());
    let (mut piece_by_piece, _) = pair(&Compression::default());
    at_once.conn.send(json(1).into()).unwrap();
    at_once.conn.send_ref(MessageRef::Text(&text)).unwrap();
    piece_by_piece.conn.send(json(1).into()).unwrap();
    send_large(&mut piece_by_piece, LargeSource::Borrowed(MessageRef::Text(&text)));
    let (expected, sent) = (at_once.sent(), piece_by_piece.sent());
    assert!(sent.len() <= expected.len() + expected.len() / 100, "{} and {}", sent.len(), expected.len());
}

#[test]
fn one_that_a_server_owns_goes_by_reference_if_it_is_not_compressed() {
    let (mut app, _) = pair(&Compression::default());
    let owned = LargeSource::Owned(random(100_000).into());
    assert!(app.conn.encodes(&owned));
    app.conn.set_write_compression(false);
    assert!(!app.conn.encodes(&owned));
    let borrowed = random(100_000);
    assert!(app.conn.encodes(&LargeSource::Borrowed(MessageRef::Binary(&borrowed))));
    assert!(App::new(Role::Client, Config::default()).conn.encodes(&owned));
}

#[test]
fn control_frames_leave_meanwhile_and_messages_do_not() {
    let (mut from, mut to) = pair(&Compression::default());
    let mut large = from.conn.begin_large(LargeSource::Owned(compressible(600_000).into())).unwrap();
    assert!(!large.work());
    assert!(from.conn.has_open_message());
    assert_eq!(from.conn.send("small".into()), Err(SendError::MessageOpen));
    assert_eq!(from.conn.send_fragment(b"fragment", true), Err(SendError::NoMessageOpen));
    from.conn.ping(b"meanwhile").unwrap();
    from.conn.release_compressor();
    assert_eq!(carry(&mut from, &mut to), [ping("meanwhile")]);
    while !large.work() {}
    from.conn.finish_large(large).unwrap();
    from.conn.send("small".into()).unwrap();
    carry(&mut from, &mut to);
    assert!(to.seen()[1..] == [message(compressible(600_000)), message("small")]);
}

#[test]
fn one_that_is_given_up_leaves_the_window_as_it_was() {
    for compression in settings() {
        for pieces in 0..4 {
            let (mut from, mut to) = pair(&compression);
            from.conn.send(json(1).into()).unwrap();
            let text = compressible(700_000);
            let mut large = from.conn.begin_large(LargeSource::Owned(text.clone().into())).unwrap();
            (0..pieces).for_each(|_| _ = large.work());
            from.conn.abandon_large(large);
            assert!(!from.conn.has_open_message());
            from.conn.send(json(1).into()).unwrap();
            send_large(&mut from, LargeSource::Owned(text.clone().into()));
            carry(&mut from, &mut to);
            let seen = to.seen();
            assert!(seen == [message(json(1)), message(json(1)), message(text)], "{compression:?}, {pieces} {seen:?}");
        }
    }
}

#[test]
fn dropping_a_large_message_spoils_no_compressor() {
    let text = compressible(700_000);
    for _ in 0..4 {
        let (mut from, _) = pair(&Compression::default());
        let mut large = from.conn.begin_large(LargeSource::Borrowed(MessageRef::Text(&text))).unwrap();
        assert!(!large.work());
        let prepared = PreparedMessage::new(text.clone());
        let (other, _) = pair(&Compression::default());
        assert!(!other.conn.preparation(&prepared).unwrap().work());
    }
    let (mut from, mut to) = pair(&Compression::default());
    from.conn.send(json(1).into()).unwrap();
    carry(&mut from, &mut to);
    assert_eq!(to.seen(), [message(json(1))]);
}

#[test]
fn a_close_frame_ends_one() {
    let (mut from, mut to) = pair(&Compression::default());
    let mut large = from.conn.begin_large(LargeSource::Owned(compressible(600_000).into())).unwrap();
    from.close(1000, "");
    while !large.work() {}
    assert_eq!(from.conn.finish_large(large), Err(SendError::Closing));
    assert_eq!(carry(&mut from, &mut to), [close(1000, "")]);
}

#[test]
fn one_that_is_not_done_is_refused() {
    let (mut from, mut to) = pair(&Compression::default());
    let large = from.conn.begin_large(LargeSource::Owned(compressible(600_000).into())).unwrap();
    assert_eq!(from.conn.finish_large(large), Err(SendError::NoMessageOpen));
    from.conn.send("next".into()).unwrap();
    carry(&mut from, &mut to);
    assert_eq!(to.seen(), [message("next")]);
}

#[test]
fn the_form_of_a_prepared_one_is_made_before_it_is_sent() {
    for flips in [false, true] {
        for payload in [Message::from(compressible(600_000)), Message::from(random(600_000))] {
            let (server, client) = pair(&Compression::default());
            let (mut from, mut to) = if flips { (client, server) } else { (server, client) };
            let prepared = PreparedMessage::new(payload.clone());
            let mut preparation = from.conn.preparation(&prepared).unwrap();
            while !preparation.work() {}
            assert!(from.conn.preparation(&prepared).is_none());
            from.conn.send(json(1).into()).unwrap();
            from.conn.send_prepared(&prepared).unwrap();
            send_large(&mut from, LargeSource::Prepared(&prepared));
            from.conn.send(json(1).into()).unwrap();
            carry(&mut from, &mut to);
            let seen = to.seen();
            assert!(seen == [message(json(1)), message(payload.clone()), message(payload), message(json(1))]);
        }
    }
}
