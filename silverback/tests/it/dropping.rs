//! Accepted messages are sent even if the application has dropped the connection, and a dropped future leaves nothing
//! registered.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use silverback::{Conn, MessageKind, Negotiated, Role, Settings};
use silverback_testkit::{
    pipe::{Pipe, Plan, pipe},
    wire::{binary, close, text},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    runtime,
    time::Instant,
};

use crate::support::{client, send_together, server, server_config, settle, within};

#[tokio::test(start_paused = true)]
async fn messages_that_were_held_back_are_sent() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("one"), text("two")]);
    let one = within(conn.read_message()).await.unwrap().unwrap();
    conn.write_message(one).await.unwrap();
    assert_eq!(remote.counters().writes, 0);
    drop(conn);
    assert_eq!(remote.received_frames(), [text("one")]);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn messages_are_sent_when_the_transport_was_blocked() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().write_at_most(3).stall());
    conn.write_message("accepted").await.unwrap();
    conn.write_message(vec![7; 100_000]).await.unwrap();
    drop(conn);
    settle().await;
    assert!(!remote.is_dropped());
    remote.release_writes();
    within(remote.expect(text("accepted"))).await;
    within(remote.expect(binary([7; 100_000]))).await;
    within(remote.ended()).await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_sent_byte_by_byte_if_need_be() {
    let (mut conn, remote) = client();
    remote.limit_capacity(1);
    conn.write_message("accepted").await.unwrap();
    drop(conn);
    within(remote.expect(text("accepted"))).await;
    within(remote.ended()).await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_flushed_through_a_layer_that_holds_them() {
    let (mut conn, remote) = server();
    remote.hold_until_flush();
    remote.plan_writes(Plan::new().pass().stall());
    conn.write_message("accepted").await.unwrap();
    drop(conn);
    settle().await;
    assert_eq!(remote.received_frames(), []);
    remote.release_writes();
    within(remote.expect(text("accepted"))).await;
    within(remote.ended()).await;
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_takes_nothing_is_dropped_when_the_stall_is_too_long() {
    let (mut conn, remote) = server_config(|config| config.write_stall_timeout(Duration::from_secs(7)));
    remote.plan_writes(Plan::new().stall());
    conn.write_message("accepted").await.unwrap();
    let before = Instant::now();
    drop(conn);
    within(remote.ended()).await;
    assert_eq!(before.elapsed(), Duration::from_secs(7));
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_fails_is_dropped_at_once() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().stall().error(std::io::ErrorKind::ConnectionReset));
    conn.write_message("accepted").await.unwrap();
    drop(conn);
    settle().await;
    assert!(!remote.is_dropped());
    remote.release_writes();
    within(remote.ended()).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_output_is_dropped_at_once() {
    let (conn, remote) = server();
    drop(conn);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn one_half_lives_without_the_other() {
    let (conn, remote) = server();
    let (writer, reader) = conn.split();
    drop(reader);
    writer.write_message("alone").await.unwrap();
    within(remote.expect(text("alone"))).await;
    drop(writer);
    assert!(remote.is_dropped());

    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    drop(writer);
    remote.send_frame(text("alone"));
    assert_eq!(within(reader.read_message()).await.unwrap(), Some("alone".into()));
    drop(reader);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn the_reader_s_half_may_go_while_its_task_has_input_in_hand() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    send_together(&remote, [text("one"), text("two")]);
    within(reader.read_message()).await.unwrap();
    drop(reader);
    writer.write_message("not held back").await.unwrap();
    assert_eq!(remote.received_frames(), [text("not held back")]);
}

mod during_the_closing_handshake {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_our_close_the_peer_is_drained() {
        let (mut conn, remote) = server();
        assert!(tokio::time::timeout(Duration::from_secs(1), conn.close(1000, "bye")).await.is_err());
        drop(conn);
        within(remote.expect(close(1000, "bye"))).await;
        send_together(&remote, [text("on its way"), close(1000, "")]);
        settle().await;
        assert!(!remote.is_dropped(), "unread input would reset the connection");
        remote.half_close();
        settle().await;
        assert!(remote.is_dropped());
        assert_eq!(remote.received_frames(), [], "no second Close");
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_peer_s_close_ours_is_sent() {
        let (mut conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        remote.send_frame(close(1001, ""));
        assert!(tokio::time::timeout(Duration::from_secs(1), conn.read_message()).await.is_err());
        drop(conn);
        settle().await;
        remote.release_writes();
        within(remote.expect(close(1001, ""))).await;
        within(remote.ended()).await;
        settle().await;
        assert!(remote.is_shut_down() && !remote.is_dropped());
        remote.half_close();
        settle().await;
        assert!(remote.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_nothing_more_is_dropped_at_the_deadline() {
        let (mut conn, remote) = server_config(|config| config.close_timeout(Duration::from_secs(9)));
        let begun = Instant::now();
        assert!(tokio::time::timeout(Duration::from_secs(4), conn.close(1000, "")).await.is_err());
        drop(conn);
        while !remote.is_dropped() {
            within(tokio::time::sleep(Duration::from_millis(100))).await;
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        assert!(begun.elapsed() >= Duration::from_secs(9) && begun.elapsed() < Duration::from_millis(9_200));
    }

    #[tokio::test(start_paused = true)]
    async fn that_begins_when_the_reader_has_gone_the_peer_is_drained() {
        let (conn, remote) = server();
        let (writer, reader) = conn.split();
        drop(reader);
        let begun = Instant::now();
        writer.start_close(1000, "bye").unwrap();
        drop(writer);
        within(remote.expect(close(1000, "bye"))).await;
        send_together(&remote, [text("on its way"), close(1000, "")]);
        settle().await;
        assert!(!remote.is_dropped(), "unread input would reset the connection");
        remote.half_close();
        settle().await;
        assert!(remote.is_dropped());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn that_begins_when_the_reader_has_gone_the_budget_holds() {
        let (conn, remote) = server();
        let (writer, reader) = conn.split();
        drop(reader);
        let begun = Instant::now();
        writer.start_close(1000, "bye").unwrap();
        while !remote.is_dropped() {
            within(tokio::time::sleep(Duration::from_millis(100))).await;
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
        assert!(begun.elapsed() >= Duration::from_secs(5));
        assert!(writer.write_message("late").await.unwrap_err().is_closing());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_fault_the_peer_is_told() {
        let (mut conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        remote.send_frame(text([0xFF]));
        let _ = tokio::time::timeout(Duration::from_secs(1), conn.read_message()).await;
        drop(conn);
        remote.release_writes();
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1007));
        remote.half_close();
        settle().await;
        assert!(remote.is_dropped());
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_message_that_is_not_finished_closes_with_1011() {
    let (mut conn, remote) = server();
    let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
    writer.write_all(b"half a").await.unwrap();
    writer.flush().await.unwrap();
    drop(writer);
    within(remote.expect(text("half a").not_final())).await;
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1011));
    assert!(conn.write_message("after").await.unwrap_err().is_closing());
}

#[test]
fn a_connection_outside_of_its_runtime_can_be_dropped() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (conn, remote) = runtime.block_on(async {
        let (mut conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        conn.write_message("stuck").await.unwrap();
        (conn, remote)
    });
    drop(runtime);
    drop(conn);
    assert!(remote.is_dropped() || remote.counters().blocked_writes > 0);
}

/// Output that is held back when its runtime ends must not keep the connection alive.
#[test]
fn a_runtime_that_ends_takes_its_connections_along() {
    for _ in 0..2 {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let remote = runtime.block_on(async {
            let (mut conn, remote) = server();
            send_together(&remote, [text("one"), text("two")]);
            let one = conn.read_message().await.unwrap().unwrap();
            conn.write_message(one).await.unwrap();
            let (mut blocked, other) = server();
            other.plan_writes(Plan::new().stall());
            blocked.write_message("stuck").await.unwrap();
            drop((conn, blocked));
            [remote, other]
        });
        drop(runtime);
        assert!(remote.iter().all(|remote| remote.is_dropped()));
    }
}

/// The next runtime on the same thread has a new flusher.
#[test]
fn output_is_sent_in_the_second_runtime_of_a_thread_too() {
    for _ in 0..3 {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut conn, remote) = server();
            send_together(&remote, [text("one"), text("two")]);
            let one = conn.read_message().await.unwrap().unwrap();
            conn.write_message(one).await.unwrap();
            within(remote.expect(text("one"))).await;
        });
    }
}

/// Panics in one call, once it was told to.
struct Faulty {
    pipe: Pipe,
    panics: Arc<AtomicBool>,
}

impl AsyncRead for Faulty {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, into)
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        assert!(!self.panics.load(Ordering::SeqCst), "the transport panics, as the test wants it");
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_in_the_background_breaks_only_its_own_connection() {
    let (pipe, faulty_remote) = pipe();
    let panics = Arc::new(AtomicBool::new(false));
    let transport = Faulty { pipe, panics: panics.clone() };
    let mut faulty = Conn::from_handshake(transport, Role::Server, Negotiated::default(), [], &Settings::default());
    faulty_remote.plan_writes(Plan::new().stall());
    faulty.write_message("stuck").await.unwrap();
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().stall());
    conn.write_message("also stuck").await.unwrap();
    settle().await;

    panics.store(true, Ordering::SeqCst);
    faulty_remote.release_writes();
    settle().await;
    assert!(faulty.write_message("late").await.is_err());
    remote.release_writes();
    within(remote.expect(text("also stuck"))).await;
}
