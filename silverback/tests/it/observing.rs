//! Observers see every control frame of the peer with every kind of read, and change nothing.

use std::sync::{Arc, Mutex};

use silverback::{Conn, Control, Negotiated, Role, Settings};
use silverback_testkit::{
    cuts::one_byte_at_a_time,
    pipe::pipe,
    poll::poll_once,
    wire::{CLIENT_KEY, Frame, binary, close, close_empty, continuation, ping, pong, text},
};
use tokio::io::AsyncReadExt;

use crate::support::{client, over_tcp, send_together, server, within};

/// The frames that an observer has seen.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Frame>>>);

impl Seen {
    fn of(conn: &mut Conn) -> Self {
        let seen = Self::default();
        let frames = seen.0.clone();
        conn.observe(move |control| {
            frames.lock().unwrap().push(match control {
                Control::Ping(payload) => ping(payload),
                Control::Pong(payload) => pong(payload),
                Control::Close(Some(frame)) => close(frame.code.get(), frame.reason.as_bytes()),
                Control::Close(None) => close_empty(),
                other => panic!("{other:?}"),
            });
        });
        seen
    }

    fn take(&self) -> Vec<Frame> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn conversation() -> [Frame; 8] {
    [
        ping("p"),
        text("a").not_final(),
        pong("q"),
        continuation("b"),
        ping([7; 125]),
        binary([1]),
        ping(""),
        close(4000, "enough"),
    ]
}

fn controls() -> Vec<Frame> {
    vec![ping("p"), pong("q"), ping([7; 125]), ping(""), close(4000, "enough")]
}

fn answers() -> Vec<Frame> {
    vec![pong("p"), pong([7; 125]), pong(""), close(4000, "")]
}

#[tokio::test(start_paused = true)]
async fn they_see_control_frames_whichever_way_messages_are_read() {
    for way in 0..5 {
        let (mut conn, remote) = server();
        let seen = Seen::of(&mut conn);
        send_together(&remote, conversation());
        remote.half_close();
        let mut bytes = Vec::new();
        match way {
            0 => while within(conn.read_message()).await.unwrap().is_some() {},
            1 => while within(conn.read_borrowed()).await.unwrap().is_some() {},
            2 => while within(conn.read_event()).await.unwrap().is_some() {},
            3 => {
                while let Some(mut reader) = within(conn.next_reader()).await.unwrap() {
                    within(reader.read_to_end(&mut bytes)).await.unwrap();
                }
            }
            _ => _ = within(conn.join_messages("").read_to_end(&mut bytes)).await.unwrap(),
        }
        assert_eq!(seen.take(), controls(), "way {way}");
        assert_eq!(remote.received_frames(), answers(), "way {way}");
    }
}

#[tokio::test(start_paused = true)]
async fn they_see_each_frame_once_however_it_is_cut_and_read() {
    let wire: Vec<u8> = conversation().into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode()).collect();
    let (mut conn, remote) = server();
    let seen = Seen::of(&mut conn);
    for byte in one_byte_at_a_time(&wire) {
        remote.send(byte);
        let _ = poll_once(conn.read_message());
        let _ = poll_once(conn.read_message());
    }
    assert_eq!(seen.take(), controls());
    assert_eq!(remote.received_frames(), answers());
}

/// The observer sees a frame after the messages before it and before the messages after it.
#[tokio::test(start_paused = true)]
async fn they_see_frames_in_the_order_of_the_messages() {
    let (mut conn, remote) = server();
    let seen = Seen::of(&mut conn);
    send_together(&remote, [text("one"), ping("?"), text("two")]);
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
    assert_eq!(seen.take(), []);
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
    assert_eq!(seen.take(), [ping("?")]);
    assert_eq!(remote.received_frames(), [pong("?")]);
}

#[tokio::test(start_paused = true)]
async fn the_last_one_counts_and_goes_with_the_reader() {
    let (mut conn, remote) = server();
    let first = Seen::of(&mut conn);
    let second = Seen::of(&mut conn);
    let (_writer, mut reader) = conn.split();
    send_together(&remote, [ping("?"), text("m")]);
    within(reader.read_message()).await.unwrap();
    assert_eq!((first.take(), second.take()), (vec![], vec![ping("?")]));
    assert_eq!(Arc::strong_count(&first.0), 1, "the one before is dropped");

    let count = Arc::new(());
    let (held, mut calls) = (count.clone(), 0);
    reader.observe(move |_| {
        calls += 1;
        assert!(calls <= Arc::strong_count(&held));
    });
    send_together(&remote, [ping("?"), text("m")]);
    within(reader.read_message()).await.unwrap();
    assert_eq!(second.take(), []);
    drop(reader);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[tokio::test(start_paused = true)]
async fn they_see_empty_closes_and_pongs_of_our_pings_as_a_client() {
    let (mut conn, remote) = client();
    let seen = Seen::of(&mut conn);
    conn.ping(b"ours").unwrap();
    send_together_unmasked(&remote, [pong("ours"), close_empty()]);
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(seen.take(), [pong("ours"), close_empty()]);
}

fn send_together_unmasked(remote: &silverback_testkit::pipe::Remote, frames: impl IntoIterator<Item = Frame>) {
    remote.send(frames.into_iter().flat_map(|frame| frame.encode()).collect::<Vec<u8>>());
}

#[tokio::test(start_paused = true)]
async fn they_see_what_came_with_the_handshake() {
    let (near, _remote) = pipe();
    let early = [ping("early"), text("m")].into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode());
    let early: Vec<u8> = early.collect();
    let mut conn = Conn::from_handshake(near, Role::Server, Negotiated::default(), early, &Settings::default());
    let seen = Seen::of(&mut conn);
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("m".into()));
    assert_eq!(seen.take(), [ping("early")]);
}

#[tokio::test(start_paused = true)]
async fn they_see_nothing_of_what_breaks_the_protocol() {
    for wrong in [ping([0; 126]), ping("?").not_final(), close(1005, "")] {
        let (mut conn, remote) = server();
        let seen = Seen::of(&mut conn);
        remote.send_frame(wrong);
        remote.half_close();
        assert!(within(conn.read_message()).await.unwrap_err().is_peer_fault());
        assert_eq!(seen.take(), []);
    }
}

#[tokio::test]
async fn they_see_what_goes_over_real_sockets() {
    let (mut near, mut far) = over_tcp(None).await;
    let (seen_near, seen_far) = (Seen::of(&mut near), Seen::of(&mut far));
    near.ping(b"near").unwrap();
    near.write_message("question").await.unwrap();
    assert_eq!(within(far.read_message()).await.unwrap(), Some("question".into()));
    assert_eq!(seen_far.take(), [ping("near")]);
    far.write_message("answer").await.unwrap();
    assert_eq!(within(near.read_message()).await.unwrap(), Some("answer".into()));
    assert_eq!(seen_near.take(), [pong("near")]);
    let (closed, read) = within(async { tokio::join!(near.close(4001, "enough"), far.read_message()) }).await;
    assert_eq!((closed.unwrap(), read.unwrap()), ((), None));
    assert_eq!((seen_near.take(), seen_far.take()), (vec![close(4001, "")], vec![close(4001, "enough")]));
}
