//! Keepalive: any byte counts as life, only a quiet peer is pinged, and a dead peer is detected.

use std::time::Duration;

use silverback::{Config, Conn, Error, Settings, Timeout};
use silverback_testkit::{
    pipe::Remote,
    wire::{Frame, binary, ping, pong, text},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::support::{server, server_config, server_with, settle, within};

/// Reads in a loop; the handle returns the end of the connection.
fn read_on(mut conn: Conn) -> JoinHandle<(Conn, Result<(), Error>)> {
    tokio::spawn(async move {
        loop {
            match conn.read_message().await {
                Ok(Some(_)) => {}
                Ok(None) => return (conn, Ok(())),
                Err(error) => return (conn, Err(error)),
            }
        }
    })
}

async fn next_ping(remote: &Remote) -> Frame {
    let frame = within(remote.read_frame()).await.unwrap();
    assert_eq!(frame.opcode, 0x9, "{frame:?}");
    frame
}

#[tokio::test(start_paused = true)]
async fn a_quiet_peer_is_pinged_after_the_interval() {
    let (conn, remote) = server();
    let begun = Instant::now();
    let _reading = read_on(conn);
    for round in 1..=3 {
        let ping = next_ping(&remote).await;
        assert_eq!(begun.elapsed(), round * Duration::from_secs(20));
        remote.send_frame(pong(ping.payload));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_now_and_then_is_not_pinged() {
    let (conn, remote) = server();
    let _reading = read_on(conn);
    for _ in 0..50 {
        sleep(Duration::from_secs(19)).await;
        remote.send_frame(text("here"));
    }
    assert_eq!(remote.received_frames(), []);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_an_interval_never_pings() {
    let (conn, remote) = server_config(|config| config.ping_interval(None));
    let reading = read_on(conn);
    sleep(Duration::from_secs(100_000)).await;
    assert_eq!(remote.received_frames(), []);
    assert!(!reading.is_finished());
}

#[tokio::test(start_paused = true)]
async fn the_round_trip_of_a_ping_is_measured() {
    let (mut conn, remote) = server();
    assert_eq!(conn.stats().round_trip, None);
    assert!(timeout(Duration::from_secs(21), conn.read_message()).await.is_err());
    let ping = next_ping(&remote).await;
    sleep(Duration::from_secs(2)).await;
    remote.send_frame(pong(ping.payload));
    assert!(timeout(Duration::from_secs(1), conn.read_message()).await.is_err());
    assert_eq!(conn.stats().round_trip, Some(Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn a_pong_to_nothing_is_life_but_no_round_trip() {
    let (mut conn, remote) = server();
    assert!(timeout(Duration::from_secs(21), conn.read_message()).await.is_err());
    next_ping(&remote).await;
    remote.send_frame(pong("something else"));
    assert!(timeout(Duration::from_secs(19), conn.read_message()).await.is_err());
    assert_eq!(conn.stats().round_trip, None);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_nothing_is_given_up() {
    let (conn, remote) = server();
    let begun = Instant::now();
    let (mut conn, ended) = within(read_on(conn)).await.unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Pong(_))), "{error}");
    assert!(error.is_timeout() && error.is_disconnect());
    assert_eq!(begun.elapsed(), Duration::from_secs(40));
    assert!(remote.is_dropped());
    assert!(conn.write_message("late").await.is_err());
    assert!(!conn.close_info().unwrap().is_clean);
}

#[tokio::test(start_paused = true)]
async fn a_single_byte_of_a_message_is_life() {
    let (conn, remote) = server();
    let reading = read_on(conn);
    // One byte every 19 seconds, for many times the timeout: a long download over a bad line.
    for byte in binary([7; 100]).masked([1, 2, 3, 4]).encode() {
        sleep(Duration::from_secs(19)).await;
        remote.send([byte]);
    }
    settle().await;
    assert!(!reading.is_finished());
    assert_eq!(remote.received_frames(), []);
}

#[tokio::test(start_paused = true)]
async fn a_byte_after_the_ping_is_as_good_as_a_pong() {
    let (conn, remote) = server();
    let reading = read_on(conn);
    next_ping(&remote).await;
    sleep(Duration::from_secs(19)).await;
    remote.send([0x82]);
    // Twenty seconds of silence later it is pinged again, and not closed.
    sleep(Duration::from_secs(19)).await;
    assert!(!reading.is_finished());
    assert_eq!(remote.received_frames(), []);
    sleep(Duration::from_secs(2)).await;
    next_ping(&remote).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_only_takes_is_pinged_too() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    tokio::spawn(async move { reader.read_message().await });
    for _ in 0..25 {
        writer.write_message("news").await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert!(remote.received_frames().iter().any(|frame| frame.opcode == 0x9));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_was_busy_looks_at_what_has_come_before_it_judges() {
    let (mut conn, remote) = server();
    assert!(timeout(Duration::from_secs(21), conn.read_message()).await.is_err());
    let ping = next_ping(&remote).await;
    remote.send_frame(pong(ping.payload));
    // The application is busy with something else for longer than any timeout.
    sleep(Duration::from_secs(1000)).await;
    remote.send_frame(text("still here"));
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("still here".into()));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_was_busy_for_long_pings_before_it_gives_up() {
    let (mut conn, remote) = server();
    sleep(Duration::from_secs(1000)).await;
    let begun = Instant::now();
    let reading = tokio::spawn(async move { conn.read_message().await });
    next_ping(&remote).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let error = within(reading).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Pong(_))), "{error}");
    assert_eq!(begun.elapsed(), Config::default().ping_timeout);
}

#[tokio::test(start_paused = true)]
async fn deadlines_hold_while_a_write_is_blocked() {
    let config = Config::default().ping_interval(Duration::from_secs(5)).ping_timeout(Duration::from_secs(5));
    let (mut conn, remote) = server_with(&Settings::default().config(config));
    remote.plan_writes(silverback_testkit::pipe::Plan::new().stall());
    conn.write_message("stuck").await.unwrap();
    let begun = Instant::now();
    let (_, ended) = within(read_on(conn)).await.unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Pong(_))), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn pings_of_the_application_are_sent_at_once() {
    let (mut conn, remote) = server();
    conn.ping(b"mine").unwrap();
    assert_eq!(remote.received_frames(), [ping("mine")]);
}

#[tokio::test(start_paused = true)]
async fn budgets_without_end_are_no_fault() {
    let config = Config::default()
        .ping_interval(Duration::MAX)
        .ping_timeout(Duration::MAX)
        .close_timeout(Duration::MAX)
        .write_stall_timeout(Duration::MAX);
    let (mut conn, remote) = server_with(&Settings::default().config(config));
    remote.plan_writes(silverback_testkit::pipe::Plan::new().stall());
    conn.write_message("stuck").await.unwrap();
    assert!(timeout(Duration::from_secs(1), conn.close(1000, "")).await.is_err());
    remote.send_frame(silverback_testkit::wire::close(1000, ""));
    assert!(timeout(Duration::from_secs(1000), conn.read_message()).await.is_err());
    remote.release_writes();
    remote.half_close();
    within(conn.close(1000, "")).await.unwrap();
}
