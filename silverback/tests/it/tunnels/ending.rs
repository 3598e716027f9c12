//! The end of a stream is a Close frame, and only some of them mean that all of it has come.

use std::io;

use silverback_testkit::{
    pipe::Plan,
    poll::poll_once,
    wire::{binary, close, close_empty},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{bytes, kind, pair};
use crate::support::{send_together, server, within};

#[tokio::test(start_paused = true)]
async fn is_clean_after_a_close_without_a_complaint() {
    for end in [close(1000, ""), close(1001, "off"), close_empty()] {
        let (conn, remote) = server();
        send_together(&remote, [binary("all"), end]);
        remote.half_close();
        let mut read = String::new();
        within(conn.into_tunnel().read_to_string(&mut read)).await.unwrap();
        assert_eq!(read, "all");
    }
}

#[tokio::test(start_paused = true)]
async fn is_an_error_where_the_stream_may_not_be_whole() {
    for code in [1003, 1008, 1011, 3000, 4000] {
        let (conn, remote) = server();
        send_together(&remote, [binary("some"), close(code, "out of\nbananas")]);
        remote.half_close();
        let mut tunnel = conn.into_tunnel();
        let mut read = Vec::new();
        let error = within(tunnel.read_to_end(&mut read)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert!(error.to_string().contains(&code.to_string()) && error.to_string().contains("out of\\nbananas"));
        assert_eq!(read, b"some");
        assert_eq!(tunnel.close_info().unwrap().code.get(), code);
    }
    for frames in [vec![binary("some")], vec![binary("some").not_final()]] {
        let (conn, remote) = server();
        send_together(&remote, frames);
        remote.half_close();
        let mut tunnel = conn.into_tunnel();
        assert_eq!(kind(within(tunnel.read_to_end(&mut Vec::new())).await), Some(io::ErrorKind::UnexpectedEof));
        assert!(within(tunnel.read(&mut [0; 10])).await.is_err(), "a second read reports no clean end either");
    }
    let (conn, remote) = server();
    send_together(&remote, [binary("some").not_final(), close(1000, "")]);
    remote.half_close();
    assert_eq!(kind(within(conn.into_tunnel().read_to_end(&mut Vec::new())).await), Some(io::ErrorKind::UnexpectedEof));
}

#[tokio::test(start_paused = true)]
async fn of_our_side_is_a_close_behind_what_was_written() {
    let (conn, remote) = server();
    let mut tunnel = conn.into_tunnel();
    tunnel.write_all(b"all").await.unwrap();
    within(tunnel.shutdown()).await.unwrap();
    assert_eq!(remote.received_frames(), [binary("all"), close(1000, "")]);
    assert_eq!(kind(tunnel.write(b"late").await), Some(io::ErrorKind::BrokenPipe));
    within(tunnel.shutdown()).await.unwrap();
    assert_eq!(remote.received_frames(), [], "once");

    // The peer's data in flight is still read, and its Close is the end.
    send_together(&remote, [binary("on its "), binary("way"), close(1000, "")]);
    remote.half_close();
    let mut read = String::new();
    within(tunnel.read_to_string(&mut read)).await.unwrap();
    assert_eq!(read, "on its way");
}

#[tokio::test(start_paused = true)]
async fn of_our_side_waits_for_the_transport_and_may_be_dropped_while_it_does() {
    let (conn, remote) = server();
    let mut tunnel = conn.into_tunnel();
    remote.plan_writes(Plan::new().stall());
    tunnel.write_all(b"all").await.unwrap();
    assert!(poll_once(tunnel.shutdown()).is_pending());
    assert!(poll_once(tunnel.shutdown()).is_pending());
    remote.release_writes();
    within(tunnel.shutdown()).await.unwrap();
    assert_eq!(remote.received_frames(), [binary("all"), close(1000, "")]);
}

#[tokio::test(start_paused = true)]
async fn is_a_timeout_where_the_peer_does_not_answer_the_close() {
    let (conn, remote) = server();
    let mut tunnel = conn.into_tunnel();
    within(tunnel.shutdown()).await.unwrap();
    assert_eq!(kind(tunnel.read(&mut [0; 10]).await), Some(io::ErrorKind::TimedOut));
    assert!(remote.is_dropped() || remote.is_shut_down());
}

#[tokio::test(start_paused = true)]
async fn is_finished_in_the_background_when_the_tunnel_is_dropped() {
    let (conn, remote) = server();
    let mut tunnel = conn.into_tunnel();
    remote.send_frame(binary("unread"));
    tunnel.write_all(b"all").await.unwrap();
    within(tunnel.shutdown()).await.unwrap();
    drop(tunnel);
    assert_eq!(remote.received_frames(), [binary("all"), close(1000, "")]);
    within(remote.ended()).await;
    assert!(!remote.is_dropped(), "unread input would reset the connection: it waits for the peer");
    remote.half_close();
    within(async {
        while !remote.is_dropped() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The whole of it in both directions, with ends that only the stream tells.
#[tokio::test]
async fn comes_behind_the_last_byte() {
    let (mut near, mut far) = pair();
    let sending = tokio::spawn(async move {
        near.write_all(&bytes(3_000_000)).await.unwrap();
        near.shutdown().await.unwrap();
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.unwrap();
    });
    let mut received = Vec::new();
    within(far.read_to_end(&mut received)).await.unwrap();
    assert!(received == bytes(3_000_000));
    within(sending).await.unwrap();
}
