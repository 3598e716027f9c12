//! Writes become binary messages.

use std::task::Poll;

use silverback::Settings;
use silverback_testkit::{
    cuts::Random,
    pipe::Plan,
    poll::poll_once,
    wire::{Frame, binary, decode_all},
};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::bytes;
use crate::support::{client, server, server_config, server_with, settle, within};

#[tokio::test(start_paused = true)]
async fn makes_a_message_of_each_write() {
    let (conn, remote) = server();
    let mut tunnel = conn.into_tunnel();
    tunnel.write_all(b"one").await.unwrap();
    tunnel.write_all(b"").await.unwrap();
    tunnel.write_all(b"two").await.unwrap();
    assert_eq!(remote.received_frames(), [binary("one"), binary("two")], "at once, and none for nothing");
}

#[tokio::test(start_paused = true)]
async fn cuts_large_writes_into_chunks() {
    let (conn, remote) = server();
    conn.into_tunnel().max_chunk_size(1000).write_all(&bytes(2500)).await.unwrap();
    let lengths = |frames: Vec<Frame>| frames.iter().map(|frame| frame.payload.len()).collect::<Vec<_>>();
    assert_eq!(lengths(remote.received_frames()), [1000, 1000, 500]);

    let (conn, remote) = server_with(&Settings::default().write_buffer_size(2000));
    conn.into_tunnel().write_all(&bytes(2500)).await.unwrap();
    assert_eq!(lengths(remote.received_frames()), [2000, 500]);

    let (conn, remote) = server();
    conn.into_tunnel().max_chunk_size(0).write_all(b"ab").await.unwrap();
    assert_eq!(remote.received_frames(), [binary("a"), binary("b")], "a chunk has a byte at least");
}

#[tokio::test(start_paused = true)]
async fn may_be_gathered_by_a_buffer_around_it() {
    let (conn, remote) = server();
    let mut writer = BufWriter::new(conn.into_tunnel());
    for byte in bytes(100) {
        writer.write_u8(byte).await.unwrap();
    }
    assert_eq!(remote.received_frames(), []);
    writer.flush().await.unwrap();
    assert_eq!(remote.received_frames(), [binary(bytes(100))]);
}

#[tokio::test(start_paused = true)]
async fn waits_for_room_and_flushing_for_the_transport() {
    let (conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.plan_writes(Plan::new().stall());
    let mut tunnel = conn.into_tunnel();
    assert!(poll_once(tunnel.write(&[7; 100])).is_ready());
    assert!(poll_once(tunnel.write(&[8; 100])).is_pending());
    assert!(poll_once(tunnel.flush()).is_pending());
    remote.release_writes();
    within(tunnel.flush()).await.unwrap();
    within(tunnel.write_all(&[9; 100])).await.unwrap();
    assert_eq!(remote.received_frames(), [binary([7; 100]), binary([9; 100])]);
}

#[tokio::test(start_paused = true)]
async fn loses_and_doubles_nothing_though_writes_are_dropped() {
    for seed in 0..20 {
        for (conn, remote) in [server_config(|config| config.max_queued_output(3000)), client()] {
            let mut random = Random::new(seed);
            remote.limit_capacity(50 + random.below(5000));
            let mut tunnel = conn.into_tunnel().max_chunk_size(1 + random.below(4000));
            let sent = bytes(60_000);
            let (mut rest, mut received) = (&sent[..], Vec::new());
            while !rest.is_empty() {
                match poll_once(tunnel.write(&rest[..rest.len().min(1 + random.below(20_000))])) {
                    Poll::Ready(count) => rest = &rest[count.unwrap()..],
                    Poll::Pending => {
                        received.extend(remote.received());
                        settle().await;
                    }
                }
                if random.below(4) == 0 {
                    let _ = poll_once(tunnel.flush());
                }
            }
            while poll_once(tunnel.flush()).map(Result::unwrap).is_pending() {
                received.extend(remote.received());
                settle().await;
            }
            received.extend(remote.received());
            let (frames, rest) = decode_all(&received);
            assert!(rest.is_empty());
            let payload: Vec<u8> = frames.into_iter().flat_map(|frame| frame.unmasked().payload).collect();
            assert!(payload == sent, "seed {seed}");
        }
    }
}
