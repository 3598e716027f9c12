//! The same bytes give the same events, however they come: cut anywhere, or read straight into a large message.

use bytes::BufMut;
use silverback_testkit::{
    cuts::{Random, random_split},
    wire::{binary, close_empty, continuation, ping, pong, text},
};

use super::*;
use crate::{deflate::Compression, wire::error::ProtocolError};

/// A driver that reads into the message wherever it is offered to, `sizes` bytes at a time.
fn read_directly(app: &mut App, mut stream: &[u8], mut sizes: impl Iterator<Item = usize>) -> usize {
    let mut direct = 0;
    while !stream.is_empty() {
        let size = sizes.next().unwrap().clamp(1, stream.len());
        let App { conn: Connection { receiver, transmitter }, clock, seen } = app;
        let Some(mut target) = receiver.payload_target() else {
            let (now, rest) = stream.split_at(size);
            app.input(now);
            stream = rest;
            continue;
        };
        assert!(target.remaining_mut() > 0, "room is offered only if there is some");
        let size = size.min(target.remaining_mut());
        target.put_slice(&stream[..size]);
        drop(target);
        stream = &stream[size..];
        direct += size;
        let received = receiver.handle_payload().unwrap();
        transmitter.handle_received(clock.now(), size);
        if let Some(received) = received {
            transmitter.handle_event(clock.now(), &received);
            let ReceivedEvent::Message(location) = received else { panic!("a message, not {received:?}") };
            seen.push(Seen::Message(receiver.message(&[], location).unwrap().into_message()));
        }
    }
    direct
}

/// A conversation with a bit of everything, the events for the application, and the frames that are sent.
fn a_bit_of_everything() -> (Vec<Frame>, Vec<Seen>, Vec<Frame>) {
    let input = vec![
        text("aé€😀"),
        binary([0; 130]),
        text("").not_final(),
        ping("one"),
        continuation(&"é".as_bytes()[..1]).not_final(),
        pong("two"),
        continuation(&"é".as_bytes()[1..]),
        ping(""),
        binary(""),
        close(1000, "bye €"),
        text("late"),
    ];
    let seen = vec![
        message("aé€😀"),
        message(vec![0; 130]),
        Seen::Ping(b"one".to_vec()),
        Seen::Pong(b"two".to_vec()),
        message("é"),
        Seen::Ping(vec![]),
        message(vec![]),
        Seen::Close(closed(1000, "bye €")),
    ];
    (input, seen, vec![pong("one"), pong(""), close(1000, "")])
}

#[test]
fn a_bit_of_everything_is_the_same_at_every_cut() {
    let (input, seen, sent) = a_bit_of_everything();
    check(&input, &seen, &sent);
}

#[test]
fn every_fault_is_the_same_at_every_cut() {
    let (mut input, mut seen, mut sent) = a_bit_of_everything();
    input.truncate(9);
    seen.truncate(7);
    sent.truncate(2);
    for (fault, error) in [
        (text("bad").rsv1(), ProtocolError::ReservedBits),
        (continuation("bad"), ProtocolError::UnexpectedContinuation),
        (text(b"bad \xff"), ProtocolError::InvalidUtf8),
        (binary("").declared_len(u64::MAX), ProtocolError::LengthTopBit),
    ] {
        let input = [&input[..], &[fault, text("after"), close_empty()]].concat();
        let seen = [&seen[..], &[Seen::Failed(error.into())]].concat();
        check(&input, &seen, &[&sent[..], &[close(error.close_code().get(), error.to_string())]].concat());
    }
}

#[test]
fn direct_reads_into_a_large_message_give_the_same_at_every_cut() {
    let payload = Random::new(1).bytes(17 * 1024);
    for role in [Role::Server, Role::Client] {
        let input = wire(role, &[text("before"), binary(&payload), ping("?"), text("after")]);
        let expected = [message("before"), message(payload.clone()), Seen::Ping(b"?".to_vec()), message("after")];
        // Every byte where something changes: headers, the last 16 KiB, the end; and some between.
        let last = input.len();
        for at in (1..last).filter(|at| *at < 60 || *at > last - 60 || (1000..1080).contains(at) || at % 487 == 0) {
            let mut app = App::new(role, Config::default());
            read_directly(&mut app, &input, [at, usize::MAX, usize::MAX].into_iter().cycle());
            assert_eq!(app.seen(), expected, "{role:?}, cut at {at}");
            assert_eq!(app.sent_frames(), [pong("?")]);
        }
    }
}

#[test]
fn direct_reads_of_random_sizes_give_the_same() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let (large, larger) = (random.bytes(100_000), random.bytes(50_000));
        let role = if seed % 2 == 0 { Role::Server } else { Role::Client };
        let fragments =
            [binary(&larger).not_final(), ping("?"), continuation(&large).not_final(), continuation(&larger)];
        let input = wire(role, &[&[binary(&large), text("€".repeat(20_000))][..], &fragments].concat());
        let mut app = App::new(role, Config::default());
        let most = [100, 5000, 70_000][random.below(3)];
        let direct = read_directly(&mut app, &input, std::iter::repeat_with(|| 1 + random.below(most)));
        assert!(direct > 100_000, "most of the binary payloads was read directly, not {direct}");
        let joined = [&larger[..], &large, &larger].concat();
        let expected = [message(large), message("€".repeat(20_000)), Seen::Ping(b"?".to_vec()), message(joined)];
        assert_eq!(app.seen(), expected, "seed {seed}");
    }
}

#[test]
fn direct_reads_are_offered_for_large_binary_payloads_only() {
    for (frame, len, is_offered) in
        [(binary(""), 16 * 1024, true), (binary(""), 16 * 1024 - 1, false), (text(""), 1_000_000, false)]
    {
        let mut app = App::new(Role::Client, Config::default());
        assert!(app.conn.receiver.payload_target().is_none());
        app.input(&frame.declared_len(len).encode());
        assert_eq!(app.conn.receiver.payload_target().is_some(), is_offered);
    }
}

#[test]
fn a_direct_read_takes_no_more_than_its_frame() {
    let mut app = App::new(Role::Client, Config::default());
    let stream = wire(Role::Client, &[binary(vec![7; 20_000]), text("next")]);
    app.input(&stream[..10]);
    let mut taken = 0;
    while let Some(room) = app.conn.receiver.payload_target().map(|target| target.remaining_mut()) {
        assert!(room <= 20_000 - (10 - 4) - taken);
        taken += read_directly(&mut app, &stream[10 + taken..10 + taken + room], std::iter::repeat(room));
    }
    app.input(&stream[10 + taken..]);
    assert_eq!(app.seen(), [message(vec![7; 20_000]), message("next")]);
}

#[test]
fn large_messages_are_the_same_at_random_cuts() {
    let mut random = Random::new(9);
    let (large, letters) = (random.bytes(200_000), "aé€😀".repeat(10_000));
    let input = wire(Role::Server, &[binary(&large), text(&letters), binary(&large[..70_000])]);
    for seed in 0..30 {
        let mut app = App::new(Role::Server, Config::default());
        for piece in random_split(&input, 2 + seed as usize * 3, seed) {
            app.input(piece);
        }
        let expected = [message(large.clone()), message(letters.clone()), message(large[..70_000].to_vec())];
        assert_eq!(app.seen(), expected, "seed {seed}");
    }
}

/// Messages of every form, compressed with `compression` as the peer of `receiver` sends them, and the events that they
/// should cause.
fn compressed_conversation(receiver: Role, compression: &Compression) -> (Vec<u8>, Vec<Seen>) {
    let App { mut conn, clock, .. } = compression::app(receiver.peer(), Config::default(), compression);
    let refrain = "{\"name\":\"κόσμε\",\"numbers\":[1,2,3]}".repeat(4);
    let noise = Random::new(5).bytes(40);
    conn.send(refrain.as_str().into()).unwrap();
    conn.send(noise.clone().into()).unwrap();
    conn.send_prepared(&PreparedMessage::new(refrain.as_str())).unwrap();
    conn.set_write_compression(false);
    conn.send("plain".into()).unwrap();
    conn.set_write_compression(true);
    conn.send_ref(MessageRef::Text(&refrain)).unwrap();
    conn.open_message(MessageKind::Text).unwrap();
    conn.send_fragment(&refrain.as_bytes()[..10], false).unwrap();
    conn.ping(b"between").unwrap();
    conn.send_fragment(b"", false).unwrap();
    conn.send_fragment(&refrain.as_bytes()[10..], true).unwrap();
    conn.send("".into()).unwrap();
    conn.start_close(clock.now(), closed(1000, ""));
    let bytes = App { conn, clock, seen: Vec::new() }.sent();
    let whole = || message(refrain.as_str());
    let ping = Seen::Ping(b"between".to_vec());
    let end = Seen::Close(closed(1000, ""));
    (bytes, vec![whole(), message(noise), whole(), message("plain"), whole(), ping, whole(), message(""), end])
}

#[test]
fn a_compressed_conversation_is_the_same_at_every_cut() {
    let usual = || Compression::default().threshold(0);
    let small = usual().server_max_window_bits(8).client_max_window_bits(9);
    for compression in [usual(), small, usual().no_context_takeover()] {
        for role in [Role::Server, Role::Client] {
            let (input, expected) = compressed_conversation(role, &compression);
            for_each_way(&input, 2, |pieces| {
                let mut app = compression::app(role, Config::default(), &compression);
                pieces.iter().for_each(|piece| app.input(piece));
                assert_eq!(app.seen(), expected, "{role:?}");
                assert_eq!(app.sent_frames(), [pong("between"), close(1000, "")]);
            });
        }
    }
}

/// If a byte of a compressed message is changed, the fault or the wrong message is the same at every cut.
#[test]
fn a_broken_compressed_stream_is_the_same_at_every_cut() {
    let compression = Compression::default().threshold(0);
    let (input, _) = compressed_conversation(Role::Client, &compression);
    for seed in 0..40 {
        let mut broken = input.clone();
        broken[Random::new(seed).below(input.len())] ^= 1 << (seed % 8);
        let see = |pieces: &[&[u8]]| {
            let mut app = compression::app(Role::Client, Config::default(), &compression);
            pieces.iter().for_each(|piece| app.input(piece));
            (app.seen(), app.sent_frames())
        };
        let expected = see(&[&broken]);
        assert_eq!(see(&broken.chunks(1).collect::<Vec<_>>()), expected, "seed {seed}");
        for cut in 0..20 {
            assert_eq!(see(&random_split(&broken, 3, seed * 20 + cut)), expected, "seed {seed}");
        }
    }
}
