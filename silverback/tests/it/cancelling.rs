//! Futures that are dropped at every point where they can wait: no message is lost and no frame is cut off.

use std::{pin::pin, task::Poll};

use silverback::{Conn, Event, Message, MessageKind, MessageRef, TryWriteError};
use silverback_testkit::{
    cuts::{Random, one_byte_at_a_time},
    pipe::{Plan, Remote},
    poll::poll_once,
    wire::{CLIENT_KEY, Frame, binary, close, continuation, ping, pong, text},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{client, server, server_config, settle, within};

/// Messages of every form, and the expected results for the application.
fn conversation() -> (Vec<u8>, Vec<Message>) {
    let gorilla = "\u{1f98d} and \u{e9}";
    let frames = [
        text("one frame"),
        binary([1; 200]).not_final(),
        ping("inside"),
        continuation("").not_final(),
        continuation([2; 200]),
        text(""),
        text(&gorilla.as_bytes()[..2]).not_final(),
        continuation(&gorilla.as_bytes()[2..]),
        pong("unasked"),
        binary([3; 20_000]),
        text("last"),
    ];
    let wire = frames.into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode()).collect();
    let messages = vec![
        "one frame".into(),
        [vec![1; 200], vec![2; 200]].concat().into(),
        "".into(),
        gorilla.into(),
        vec![3; 20_000].into(),
        "last".into(),
    ];
    (wire, messages)
}

/// One poll of one of the ways to read, dropped if it is not ready. A ready one is polled to the end of its message.
async fn try_read(conn: &mut Conn, way: usize) -> Option<Message> {
    match way % 3 {
        0 => match poll_once(conn.read_message()) {
            Poll::Ready(message) => Some(message.unwrap().unwrap()),
            Poll::Pending => None,
        },
        1 => match poll_once(conn.read_borrowed()) {
            Poll::Ready(message) => Some(message.unwrap().unwrap().into_message()),
            Poll::Pending => None,
        },
        _ => match poll_once(conn.read_event()) {
            Poll::Ready(Ok(Some(Event::Message(message)))) => Some(message.into_message()),
            Poll::Ready(event) => {
                assert!(matches!(event.unwrap(), Some(Event::Ping(_) | Event::Pong(_))));
                None
            }
            Poll::Pending => None,
        },
    }
}

async fn read_byte_by_byte(way_of: impl Fn(usize) -> usize) {
    let (wire, expected) = conversation();
    let (mut conn, remote) = server();
    let mut seen = Vec::new();
    for (at, byte) in one_byte_at_a_time(&wire).enumerate() {
        remote.send(byte);
        // Twice: also a future that was not dropped at its first wait must not have taken anything.
        seen.extend(try_read(&mut conn, way_of(at)).await);
        seen.extend(try_read(&mut conn, way_of(at)).await);
    }
    assert_eq!(seen, expected);
    assert_eq!(remote.received_frames(), [pong("inside")]);
}

#[tokio::test(start_paused = true)]
async fn read_message_loses_nothing_at_any_byte() {
    read_byte_by_byte(|_| 0).await;
}

#[tokio::test(start_paused = true)]
async fn read_borrowed_loses_nothing_at_any_byte() {
    read_byte_by_byte(|_| 1).await;
}

#[tokio::test(start_paused = true)]
async fn read_event_loses_nothing_at_any_byte() {
    read_byte_by_byte(|_| 2).await;
}

#[tokio::test(start_paused = true)]
async fn ways_to_read_may_change_at_any_byte() {
    read_byte_by_byte(|at| at).await;
    read_byte_by_byte(|at| at / 7).await;
}

#[tokio::test(start_paused = true)]
async fn reads_lose_nothing_when_bytes_come_in_lumps() {
    let (wire, expected) = conversation();
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let (mut conn, remote) = server();
        remote.plan_reads(Plan::new().read_at_most(1 + random.below(500)).forever());
        let mut rest = &wire[..];
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            {
                let mut reading = pin!(conn.read_message());
                for _ in 0..1 + random.below(3) {
                    let (lump, after) = rest.split_at(random.below(2000).min(rest.len()));
                    remote.send(lump);
                    rest = after;
                    if let Poll::Ready(message) = poll_once(reading.as_mut()) {
                        seen.push(message.unwrap().unwrap());
                        break;
                    }
                }
            }
            seen.extend(try_read(&mut conn, random.below(3)).await);
        }
        assert_eq!(seen, expected, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn next_reader_loses_nothing_at_any_byte() {
    let (wire, expected) = conversation();
    let (mut conn, remote) = server();
    let mut bytes = one_byte_at_a_time(&wire);
    let mut seen: Vec<Message> = Vec::new();
    while seen.len() < expected.len() {
        let started = poll_once(conn.next_reader()).map(Result::unwrap);
        let Poll::Ready(Some(mut reader)) = started else {
            remote.send(bytes.next().unwrap());
            continue;
        };
        let (kind, mut payload) = (reader.kind(), Vec::new());
        let mut buffer = [0; 3];
        loop {
            match poll_once(reader.read(&mut buffer)).map(Result::unwrap) {
                Poll::Pending => remote.send(bytes.next().unwrap()),
                Poll::Ready(0) => break,
                Poll::Ready(count) => payload.extend_from_slice(&buffer[..count]),
            }
        }
        seen.push(match kind {
            MessageKind::Text => String::from_utf8(payload).unwrap().into(),
            MessageKind::Binary => payload.into(),
        });
    }
    assert_eq!(seen, expected);
}

/// Accepted messages must arrive, whole and in order; other messages must not.
struct Accepted {
    remote: Remote,
    expected: Vec<Frame>,
    seen: Vec<Frame>,
}

impl Accepted {
    /// Takes the written bytes, and checks that they are a prefix of the accepted messages.
    fn check(&mut self) {
        self.seen.extend(self.remote.received_frames().into_iter().map(Frame::unmasked));
        assert!(self.expected.starts_with(&self.seen), "{:?}\n{:?}", self.expected, self.seen);
    }

    async fn check_all(mut self) {
        while self.seen.len() < self.expected.len() {
            self.seen.push(within(self.remote.read_frame()).await.unwrap().unmasked());
        }
        assert_eq!(self.seen, self.expected);
    }
}

/// A message that knows its number, small or by reference, text or binary.
fn numbered(number: usize, random: &mut Random) -> (Message, Frame) {
    let len = [0, 1, 100, 125, 126, 5000, 20_000][random.below(7)];
    let payload = format!("{number}:{}", "x".repeat(len));
    match random.below(2) {
        0 => (Message::from(payload.clone()), text(payload)),
        _ => (Message::from(payload.clone().into_bytes()), binary(payload)),
    }
}

async fn write_at_random(seed: u64, (mut conn, remote): (Conn, Remote)) {
    let mut random = Random::new(seed);
    remote.limit_capacity(100 + random.below(5000));
    remote.plan_writes(Plan::new().write_at_most(100 + random.below(3000)).forever());
    let mut accepted = Accepted { remote, expected: Vec::new(), seen: Vec::new() };
    for number in 0..60 {
        let (message, frame) = numbered(number, &mut random);
        let is_accepted = match random.below(4) {
            0 => poll_once(conn.write_message(message)).map(Result::unwrap).is_ready(),
            1 => poll_once(conn.write_borrowed(&message)).map(Result::unwrap).is_ready(),
            2 => match conn.try_write_message(message.clone()) {
                Ok(()) => true,
                Err(TryWriteError::Full(back)) => {
                    assert_eq!(back, message);
                    false
                }
                Err(TryWriteError::Failed(error)) => panic!("{error}"),
            },
            _ => {
                let _ = poll_once(conn.flush());
                false
            }
        };
        accepted.expected.extend(is_accepted.then_some(frame));
        if random.below(3) == 0 {
            accepted.check();
        }
        if random.below(2) == 0 {
            settle().await;
        }
    }
    drop(conn);
    accepted.check_all().await;
}

#[tokio::test(start_paused = true)]
async fn writes_tear_no_frame_of_a_server() {
    for seed in 0..20 {
        write_at_random(seed, server_config(|config| config.max_queued_output(100_000))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn writes_tear_no_frame_of_a_client() {
    for seed in 0..10 {
        write_at_random(seed, client()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_message_is_whole_though_every_write_of_it_is_dropped_once() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let (mut conn, remote) = server_config(|config| config.max_queued_output(1000));
        remote.limit_capacity(50 + random.below(2000));
        let payload = random.bytes(100_000);
        let remote = &remote;
        let mut received = Vec::new();
        let mut look = || received.extend(remote.received());

        let mut writer = loop {
            match poll_once(conn.next_writer(MessageKind::Binary)) {
                Poll::Ready(writer) => break writer.unwrap(),
                Poll::Pending => look(),
            }
        };
        let mut rest = &payload[..];
        while !rest.is_empty() {
            match poll_once(writer.write(&rest[..rest.len().min(1 + random.below(30_000))])) {
                Poll::Ready(count) => rest = &rest[count.unwrap()..],
                Poll::Pending => {
                    look();
                    settle().await;
                }
            }
            if random.below(4) == 0 {
                let _ = poll_once(writer.flush());
            }
        }
        while poll_once(writer.finish()).map(Result::unwrap).is_pending() {
            look();
            settle().await;
        }
        drop((writer, conn));
        while !remote.is_dropped() {
            look();
            settle().await;
        }
        look();
        let (frames, rest) = silverback_testkit::wire::decode_all(&received);
        assert!(rest.is_empty() && frames.last().unwrap().fin);
        let sent: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
        assert!(sent == payload, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_dropped_at_every_wait_is_sent_once_and_ends() {
    let (mut conn, remote) = server();
    remote.limit_capacity(1);
    conn.write_message("before").await.unwrap();
    let mut received = Vec::new();
    let answer = close(1000, "").masked(CLIENT_KEY).encode();
    let mut answer = one_byte_at_a_time(&answer);
    let outcome = loop {
        if let Poll::Ready(outcome) = poll_once(conn.close(1000, "done")) {
            break outcome;
        }
        received.extend(remote.received());
        settle().await;
        match answer.next() {
            Some(byte) => remote.send(byte),
            None if received.len() == 8 + 8 => remote.half_close(),
            None => {}
        }
    };
    outcome.unwrap();
    let (frames, rest) = silverback_testkit::wire::decode_all(&received);
    assert_eq!((frames, rest), (vec![text("before"), close(1000, "done")], &[][..]));
    assert!(conn.close_info().unwrap().is_clean);
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_is_dropped_sends_on() {
    let (mut conn, remote) = server();
    remote.limit_capacity(1);
    conn.write_message("on its way").await.unwrap();
    assert!(poll_once(conn.flush()).is_pending());
    within(remote.expect(text("on its way"))).await;
}

/// Other writers must not depend on the waker of a dropped writer.
#[tokio::test(start_paused = true)]
async fn a_writer_that_is_dropped_while_it_waits_does_not_take_the_turn_of_another() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    let (writer, _reader) = conn.split();
    writer.write_message("x".repeat(10)).await.unwrap();
    let given_up = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("given up").await }
    });
    settle().await;
    let waiting = tokio::spawn(async move { writer.write_message("waiting").await });
    settle().await;
    given_up.abort();
    settle().await;
    remote.release_writes();
    within(waiting).await.unwrap().unwrap();
    assert_eq!(remote.received_frames(), [text("x".repeat(10)), text("waiting")]);
}

/// Values by reference are copied when they are accepted, not before and not later.
#[tokio::test(start_paused = true)]
async fn a_lent_message_may_change_when_its_write_was_dropped() {
    let (mut conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    conn.write_message("x".repeat(10)).await.unwrap();
    let mut lent = *b"first";
    assert!(poll_once(conn.write_borrowed(MessageRef::Binary(&lent))).is_pending());
    lent.copy_from_slice(b"again");
    remote.release_writes();
    within(conn.write_borrowed(MessageRef::Binary(&lent))).await.unwrap();
    lent.fill(0);
    within(conn.flush()).await.unwrap();
    assert_eq!(remote.received_frames(), [text("x".repeat(10)), binary("again")]);
}
