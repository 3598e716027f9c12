//! `read_message_into`: messages into a buffer of the caller's. That it allocates nothing is in `allocations.rs`.

use std::task::Poll;

use bytes::BytesMut;
use silverback::{Compression, Error, MessageKind};
use silverback_testkit::{
    cuts::one_byte_at_a_time,
    poll::poll_once,
    wire::{CLIENT_KEY, binary, close, continuation, ping, text},
};

use crate::support::{over_tcp, send_together, server, server_config, within};

#[tokio::test(start_paused = true)]
async fn appends_each_message_behind_what_is_there() {
    let (mut conn, remote) = server();
    let frames =
        [text("h\u{e9}"), binary([1; 50_000]).not_final(), continuation([2; 50_000]), text(""), close(1000, "")];
    send_together(&remote, frames);
    remote.half_close();
    let mut buffer = b"> ".to_vec();
    assert_eq!(within(conn.read_message_into(&mut buffer)).await.unwrap(), Some(MessageKind::Text));
    assert_eq!(buffer, "> h\u{e9}".as_bytes());
    buffer.clear();
    assert_eq!(within(conn.read_message_into(&mut buffer)).await.unwrap(), Some(MessageKind::Binary));
    assert!(buffer == [[1; 50_000], [2; 50_000]].concat());
    let mut other = BytesMut::from(&b"> "[..]);
    let (_, reader) = conn.halves();
    assert_eq!(within(reader.read_message_into(&mut other)).await.unwrap(), Some(MessageKind::Text));
    assert_eq!(&other[..], b"> ");
    assert_eq!(within(reader.read_message_into(&mut other)).await.unwrap(), None);
    assert_eq!(&other[..], b"> ");
}

#[tokio::test(start_paused = true)]
async fn keeps_the_memory_of_the_buffer() {
    let (mut conn, remote) = server();
    let mut buffer = Vec::with_capacity(1000);
    let place = buffer.as_ptr();
    for size in [1000, 0, 1, 999] {
        remote.send_frame(binary(vec![7; size]));
        buffer.clear();
        within(conn.read_message_into(&mut buffer)).await.unwrap();
        assert_eq!((buffer.len(), buffer.as_ptr()), (size, place));
    }
}

#[tokio::test(start_paused = true)]
async fn appends_nothing_before_the_message_is_whole_though_every_read_is_dropped() {
    let frames = [text("one").not_final(), ping("?"), continuation(" message"), binary([7; 300])];
    let wire: Vec<u8> = frames.into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode()).collect();
    let (mut conn, remote) = server();
    let (mut buffer, mut seen) = (Vec::new(), Vec::new());
    for byte in one_byte_at_a_time(&wire) {
        remote.send(byte);
        match poll_once(conn.read_message_into(&mut buffer)) {
            Poll::Ready(kind) => seen.push((kind.unwrap().unwrap(), std::mem::take(&mut buffer))),
            Poll::Pending => assert!(buffer.is_empty()),
        }
    }
    assert_eq!(seen, [(MessageKind::Text, b"one message".to_vec()), (MessageKind::Binary, vec![7; 300])]);
}

#[tokio::test(start_paused = true)]
async fn appends_nothing_of_a_message_that_is_refused() {
    let (mut conn, remote) = server_config(|config| config.max_message_size(10));
    send_together(&remote, [binary([7; 10]).not_final(), continuation([7; 1])]);
    remote.half_close();
    let mut buffer = Vec::new();
    let error = within(conn.read_message_into(&mut buffer)).await.unwrap_err();
    assert!(matches!(error, Error::Limit(_)), "{error}");
    assert!(buffer.is_empty());

    let (mut conn, remote) = server();
    remote.send_frame(text([0xFF]));
    remote.half_close();
    assert!(within(conn.read_message_into(&mut buffer)).await.unwrap_err().is_peer_fault());
    assert!(buffer.is_empty());
}

#[tokio::test]
async fn reads_over_real_sockets_compressed_or_not() {
    for compression in [None, Some(Compression::default())] {
        let (mut near, mut far) = over_tcp(compression).await;
        let sending = tokio::spawn(async move {
            for size in [0, 10, 1000, 100_000, 1_000_000] {
                far.write_message("\u{e9}".repeat(size)).await.unwrap();
                far.write_message(vec![7; size]).await.unwrap();
            }
            far.close(1000, "").await.unwrap();
        });
        let mut buffer = BytesMut::new();
        for size in [0, 10, 1000, 100_000, 1_000_000] {
            for (kind, expected) in
                [(MessageKind::Text, "\u{e9}".repeat(size).into()), (MessageKind::Binary, vec![7; size])]
            {
                buffer.clear();
                assert_eq!(within(near.read_message_into(&mut buffer)).await.unwrap(), Some(kind));
                assert!(buffer == expected, "{size}");
            }
        }
        assert_eq!(within(near.read_message_into(&mut buffer)).await.unwrap(), None);
        within(sending).await.unwrap();
    }
}
