//! A transport that takes nothing: the stall is detected, all waiting tasks are woken, and other connections are not
//! affected.

use std::time::Duration;

use silverback::{Config, Error, Timeout};
use silverback_testkit::pipe::Plan;
use silverback_testkit::wire::text;
use tokio::time::Instant;

use crate::support::{echo, server, server_config, settle, within};

#[tokio::test(start_paused = true)]
async fn a_flush_that_had_to_wait_is_no_stall_afterwards() {
    let (mut conn, remote) = server_config(|config| config.write_stall_timeout(Duration::from_secs(5)));
    remote.hold_until_flush();
    remote.plan_writes(Plan::new().pass().stall());
    conn.write_message("hello").await.unwrap();
    settle().await;
    remote.release_writes();
    within(conn.flush()).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(15), conn.read_message()).await;
    assert!(read.is_err(), "the connection is idle and well: {read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_waits_for_too_long_is_a_stall() {
    let stall = Duration::from_secs(5);
    let (mut conn, remote) = server_config(|config| config.write_stall_timeout(stall));
    remote.hold_until_flush();
    remote.plan_writes(Plan::new().pass().stall());
    conn.write_message("held").await.unwrap();
    let before = Instant::now();
    let error = within(conn.flush()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::WriteStall(after)) if after == stall), "{error}");
    assert_eq!(before.elapsed(), stall);
    drop(conn);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_stall_fails_the_connection_and_wakes_everybody() {
    let stall = Duration::from_secs(8);
    let (conn, remote) = server_config(|config| config.max_queued_output(10).write_stall_timeout(stall));
    remote.plan_writes(Plan::new().write_at_most(5).stall());
    let (writer, mut reader) = conn.split();
    writer.write_message("x".repeat(100)).await.unwrap();
    let before = Instant::now();
    let writing = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("waits").await }
    });
    let flushing = tokio::spawn({
        let writer = writer.clone();
        async move { writer.flush().await }
    });
    let reading = tokio::spawn(async move { reader.read_message().await });
    let results = [
        within(writing).await.unwrap().unwrap_err(),
        within(flushing).await.unwrap().unwrap_err(),
        within(reading).await.unwrap().unwrap_err(),
    ];
    for error in results {
        assert!(matches!(error, Error::Timeout(Timeout::WriteStall(after)) if after == stall), "{error}");
    }
    assert_eq!(before.elapsed(), stall);
    assert!(remote.is_dropped(), "the descriptor goes though a writer is still there");
    assert!(writer.write_message("late").await.is_err());
}

/// No task reads, so the reader's timer cannot detect the stall.
#[tokio::test(start_paused = true)]
async fn a_stall_is_found_though_nobody_reads() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10).ping_interval(None));
    remote.plan_writes(Plan::new().stall());
    let (writer, reader) = conn.split();
    writer.write_message("x".repeat(100)).await.unwrap();
    let before = Instant::now();
    let error = within(writer.write_message("waits")).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::WriteStall(_))), "{error}");
    assert_eq!(before.elapsed(), Config::default().write_stall_timeout);
    drop((writer, reader));
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_now_and_then_is_no_stall() {
    let (conn, remote) = server_config(|config| config.write_stall_timeout(Duration::from_secs(5)));
    remote.limit_capacity(1);
    let (writer, _reader) = conn.split();
    writer.write_message("slow").await.unwrap();
    let mut taken = Vec::new();
    while taken.len() < 6 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        taken.extend(remote.received());
    }
    assert_eq!(taken, text("slow").encode());
    writer.write_message("still open").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_for_nothing_does_not_extend_a_stall() {
    let stall = Duration::from_secs(5);
    let (mut conn, remote) = server_config(|config| config.write_stall_timeout(stall).max_queued_output(1));
    remote.plan_writes(Plan::new().stall());
    conn.write_message("stuck").await.unwrap();
    let before = Instant::now();
    let writing = tokio::spawn(async move { conn.write_message("waits").await });
    while !writing.is_finished() {
        remote.wake_for_nothing();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(before.elapsed() < 2 * stall);
    }
    assert!(writing.await.unwrap().is_err());
    assert!(before.elapsed() >= stall);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_connection_does_not_disturb_others() {
    let (mut stalled, stalled_remote) = server_config(|config| config.max_queued_output(10));
    stalled_remote.plan_writes(Plan::new().stall());
    stalled.write_message("x".repeat(100)).await.unwrap();
    let stuck = tokio::spawn(async move { stalled.write_message("waits").await });
    let (conn, remote) = server();
    tokio::spawn(echo(conn));
    let before = Instant::now();
    for number in 0..100 {
        remote.send_frame(text(format!("{number}")));
        within(remote.expect(text(format!("{number}")))).await;
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(!stuck.is_finished());
    stuck.abort();
}

#[tokio::test(start_paused = true)]
async fn a_stalled_receiver_does_not_hold_up_a_broadcast() {
    let connections: Vec<_> = (0..3).map(|_| server_config(|config| config.max_queued_output(10))).collect();
    let (mut conns, remotes): (Vec<_>, Vec<_>) = connections.into_iter().unzip();
    remotes[1].plan_writes(Plan::new().stall());
    let mut slow = 0;
    for number in 0..10 {
        for conn in &mut conns {
            slow += usize::from(conn.try_write_message(format!("news {number}")).is_err());
        }
    }
    assert_eq!(slow, 9, "the first fits in the queue of the stalled one");
    let all: Vec<_> = (0..10).map(|number| text(format!("news {number}"))).collect();
    assert_eq!((remotes[0].received_frames(), remotes[2].received_frames()), (all.clone(), all));
}

#[tokio::test(start_paused = true)]
async fn an_echo_to_a_peer_that_does_not_read_stops_reading_too() {
    let (conn, remote) = server_config(|config| config.max_queued_output(1000));
    remote.plan_writes(Plan::new().stall());
    tokio::spawn(echo(conn));
    for _ in 0..1000 {
        remote.send_frame(text("x".repeat(1000)));
        settle().await;
    }
    let read = remote.counters().read_bytes;
    assert!(read < 100_000, "{read} bytes were read although no answer could leave");
}
