//! `next_reader`: a message as its bytes come.

use std::io;

use silverback::{Conn, Error, LimitError, MessageKind, Negotiated, Role, Settings};
use silverback_testkit::cuts::{one_byte_at_a_time, random_split};
use silverback_testkit::poll::poll_once;
use silverback_testkit::wire::{CLIENT_KEY, binary, close, continuation, ping, pong, text};
use tokio::io::{AsyncReadExt, copy, sink};

use crate::support::{send_together, server, server_config, settle, within};

async fn read_to_string(conn: &mut Conn) -> io::Result<String> {
    let mut text = String::new();
    let mut reader = conn.next_reader().await?.expect("a message");
    assert_eq!(reader.kind(), MessageKind::Text);
    reader.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test(start_paused = true)]
async fn gives_the_bytes_of_one_message_and_then_the_next() {
    let (mut conn, remote) = server();
    let frames = [
        text("one").not_final(),
        continuation("").not_final(),
        ping("between"),
        continuation(" and a h\u{e4}lf"),
        text(""),
        text("two"),
    ];
    send_together(&remote, frames);
    assert_eq!(within(read_to_string(&mut conn)).await.unwrap(), "one and a h\u{e4}lf");
    assert_eq!(within(read_to_string(&mut conn)).await.unwrap(), "");
    assert_eq!(within(read_to_string(&mut conn)).await.unwrap(), "two");
    assert_eq!(remote.received_frames(), [pong("between")]);
    assert_eq!(conn.stats().messages_received, 3);
}

#[tokio::test(start_paused = true)]
async fn gives_the_same_however_the_bytes_arrive() {
    let frames = [
        binary([1; 300]).not_final(),
        continuation("").not_final(),
        ping("?"),
        continuation([2; 70_000]),
        text("\u{1f98d}\u{e9}"),
    ];
    let wire: Vec<u8> = frames.into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode()).collect();
    for seed in 0..20 {
        let (mut conn, remote) = server();
        let pieces = random_split(&wire, 10, seed).into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
        let sending = tokio::spawn(async move {
            for piece in pieces {
                remote.send(piece);
                settle().await;
            }
            remote
        });
        let mut bytes = Vec::new();
        within(conn.next_reader()).await.unwrap().unwrap().read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, [vec![1; 300], vec![2; 70_000]].concat());
        assert_eq!(within(read_to_string(&mut conn)).await.unwrap(), "\u{1f98d}\u{e9}");
        sending.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn gives_what_is_there_without_waiting_for_the_rest() {
    let (mut conn, remote) = server();
    let wire = text("slow").masked(CLIENT_KEY).encode();
    let (header, payload) = wire.split_at(6);
    remote.send(header);
    assert!(poll_once(conn.next_reader()).is_pending());
    remote.send(&payload[..1]);
    let mut reader = within(conn.next_reader()).await.unwrap().unwrap();
    let mut buffer = [0; 10];
    assert_eq!(reader.read(&mut buffer).await.unwrap(), 1);
    for byte in one_byte_at_a_time(&payload[1..]) {
        assert!(poll_once(reader.read(&mut buffer)).is_pending());
        assert!(poll_once(reader.read(&mut buffer)).is_pending(), "asked again, nothing is taken for granted");
        remote.send(byte);
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 1);
    }
    assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
    assert_eq!(reader.read(&mut buffer).await.unwrap(), 0, "the end stays the end");
}

#[tokio::test(start_paused = true)]
async fn into_small_buffers_gives_every_byte() {
    let (mut conn, remote) = server();
    remote.send_frame(binary((0..=255).collect::<Vec<u8>>()));
    let mut reader = within(conn.next_reader()).await.unwrap().unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 7];
    loop {
        match reader.read(&mut buffer).await.unwrap() {
            0 => break,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
}

#[tokio::test(start_paused = true)]
async fn may_stop_anywhere_and_the_rest_is_skipped() {
    for read in [0, 1, 50, 99, 100] {
        let (mut conn, remote) = server();
        remote.send_frame(binary([1; 60]).not_final());
        remote.send_frame(continuation([2; 40]));
        remote.send_frame(text("next"));
        let mut reader = within(conn.next_reader()).await.unwrap().unwrap();
        reader.read_exact(&mut vec![0; read]).await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("next".into()), "after {read} bytes");
    }
}

/// Skipping resets every count: the limit applies to each message, without the skipped bytes before it.
#[tokio::test(start_paused = true)]
async fn skips_without_counting_against_the_next_message() {
    let (mut conn, remote) = server_config(|config| config.max_message_size(100));
    for _ in 0..10 {
        remote.send_frame(binary([1; 90]));
        within(conn.next_reader()).await.unwrap().unwrap();
    }
    remote.send_frame(binary([2; 100]));
    assert_eq!(within(conn.read_message()).await.unwrap(), Some(vec![2; 100].into()));
}

#[tokio::test(start_paused = true)]
async fn skips_what_has_not_arrived_yet() {
    let (mut conn, remote) = server();
    remote.send_frame(text("begun").not_final());
    within(conn.next_reader()).await.unwrap().unwrap();
    let reading = tokio::spawn(async move { conn.read_message().await });
    settle().await;
    send_together(&remote, [continuation("skipped").not_final(), ping("?"), continuation("too"), text("next")]);
    assert_eq!(within(reading).await.unwrap().unwrap(), Some("next".into()));
    assert_eq!(remote.received_frames(), [pong("?")]);
}

#[tokio::test(start_paused = true)]
async fn takes_over_a_message_that_was_begun_as_a_whole() {
    let (mut conn, remote) = server();
    let wire = binary((0..100).collect::<Vec<u8>>()).masked(CLIENT_KEY).encode();
    remote.send(&wire[..50]);
    assert!(poll_once(conn.read_message()).is_pending());
    remote.send(&wire[50..]);
    let mut bytes = Vec::new();
    within(conn.next_reader()).await.unwrap().unwrap().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, (0..100).collect::<Vec<u8>>());
}

#[tokio::test(start_paused = true)]
async fn holds_the_limit_or_another_one() {
    let (mut conn, remote) = server_config(|config| config.max_message_size(100));
    remote.send_frame(binary([1; 1000]));
    let mut bytes = Vec::new();
    let reader = within(conn.next_reader_up_to(1000)).await.unwrap();
    reader.unwrap().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes.len(), 1000);

    send_together(&remote, [binary([1; 100]).not_final(), continuation([1; 1])]);
    remote.half_close();
    let mut reader = within(conn.next_reader()).await.unwrap().unwrap();
    let error = within(reader.read_to_end(&mut bytes)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1009));
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
}

/// The limit of a reader ends with it, even if only a header had arrived.
#[tokio::test(start_paused = true)]
async fn that_was_given_up_leaves_the_limit_to_the_next_reader() {
    let (mut conn, remote) = server_config(|config| config.max_message_size(100));
    let wire = binary([1; 100_000]).masked(CLIENT_KEY).encode();
    let (header, payload) = wire.split_at(14);
    remote.send(header);
    assert!(poll_once(conn.next_reader_up_to(1 << 30)).is_pending());
    remote.send(payload);
    remote.half_close();
    let error = within(conn.read_message()).await.unwrap_err();
    assert!(matches!(error, Error::Limit(LimitError::Frame { size: 100_000, limit: 100 })), "{error:?}");
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1009));
}

#[tokio::test(start_paused = true)]
async fn finds_text_that_is_not_utf8_when_it_passes() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("good ").not_final(), continuation([0xE2, 0x82]).not_final()]);
    let mut reader = within(conn.next_reader()).await.unwrap().unwrap();
    let mut buffer = [0; 10];
    assert_eq!(reader.read(&mut buffer).await.unwrap(), 5);
    assert_eq!(reader.read(&mut buffer).await.unwrap(), 2, "a character may be cut by frames");
    remote.send_frame(continuation([0x28]));
    remote.half_close();
    let error = within(reader.read(&mut buffer)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1007));
}

#[tokio::test(start_paused = true)]
async fn is_an_error_when_the_message_is_cut_short() {
    for ending in [Some(close(1000, "")), None] {
        let (mut conn, remote) = server();
        remote.send_frame(text("half").not_final());
        let mut reader = within(conn.next_reader()).await.unwrap().unwrap();
        let mut buffer = [0; 10];
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 4);
        ending.clone().into_iter().for_each(|frame| remote.send_frame(frame));
        remote.half_close();
        let error = within(reader.read(&mut buffer)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{ending:?}");
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn gives_none_after_a_clean_close() {
    let (mut conn, remote) = server();
    remote.send_frame(close(1000, ""));
    remote.half_close();
    assert!(within(conn.next_reader()).await.unwrap().is_none());
}

/// Bytes through the whole stack: 256 MiB from a server to a client, of which neither holds more than a little.
#[tokio::test]
async fn needs_no_memory_of_the_message_s_size() {
    const SIZE: u64 = 256 * 1024 * 1024;
    let (near, far) = tokio::io::duplex(64 * 1024);
    let settings = Settings::default();
    let mut sender = Conn::from_handshake(near, Role::Server, Negotiated::default(), [], &settings);
    let mut receiver = Conn::from_handshake(far, Role::Client, Negotiated::default(), [], &settings);
    let sending = tokio::spawn(async move {
        let mut writer = sender.next_writer(MessageKind::Binary).await.unwrap();
        copy(&mut tokio::io::repeat(7).take(SIZE), &mut writer).await.unwrap();
        writer.finish().await.unwrap();
        assert!(sender.stats().queued_output <= 1024 * 1024 + 65_536);
        sender
    });
    let mut reader = receiver.next_reader_up_to(SIZE).await.unwrap().unwrap();
    assert_eq!(copy(&mut reader, &mut sink()).await.unwrap(), SIZE);
    sending.await.unwrap();
}
