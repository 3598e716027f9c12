//! The end of the transport (RFC 6455, 7.1.1): which side closes it, and what happens if neither does.

use std::time::Duration;

use silverback::{Config, Error, Settings, Timeout};
use silverback_testkit::pipe::{Plan, Remote};
use silverback_testkit::wire::{Frame, binary, close, ping, text};
use tokio::time::Instant;

use crate::support::{client, send_together, server, server_config, server_with, settle, within};

#[tokio::test(start_paused = true)]
async fn is_shut_down_first_by_a_server() {
    let (mut conn, remote) = server();
    remote.send_frame(close(1000, ""));
    let reading = tokio::spawn(async move { conn.read_message().await });
    within(remote.expect(close(1000, ""))).await;
    within(remote.ended()).await;
    assert!(remote.is_shut_down());
    settle().await;
    assert!(!reading.is_finished(), "it drains until the client has closed too, lest the Close be lost");
    remote.half_close();
    assert_eq!(within(reading).await.unwrap().unwrap(), None);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn is_left_to_the_server_by_a_client() {
    let (mut conn, remote) = client();
    remote.send_frame(close(1000, ""));
    let reading = tokio::spawn(async move { conn.read_message().await });
    within(remote.expect(close(1000, ""))).await;
    settle().await;
    assert!(!remote.is_shut_down() && !reading.is_finished());
    remote.half_close();
    assert_eq!(within(reading).await.unwrap().unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn goes_when_the_connection_has_ended_though_its_handles_stay() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    remote.send_frame(close(1000, ""));
    remote.half_close();
    assert_eq!(within(reader.read_message()).await.unwrap(), None);
    assert!(remote.is_dropped());
    assert!(writer.write_message("late").await.unwrap_err().is_closing());
    assert_eq!(within(reader.read_message()).await.unwrap(), None);
}

/// Both sides have sent their Close, so waiting for the whole close timeout would gain nothing.
#[tokio::test(start_paused = true)]
async fn that_never_ends_is_dropped_2_s_after_both_closes() {
    for (mut conn, remote) in [server(), client()] {
        let before = Instant::now();
        remote.send_frame(close(1000, ""));
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        assert_eq!(before.elapsed(), Duration::from_secs(2));
        assert!(remote.is_dropped());
        assert!(conn.close_info().unwrap().is_clean);
    }
}

#[tokio::test(start_paused = true)]
async fn that_never_ends_is_dropped_2_s_after_our_close_was_answered() {
    for (mut conn, remote) in [server(), client()] {
        let closing = tokio::spawn(async move { conn.close(1000, "").await });
        within(remote.expect(close(1000, ""))).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = Instant::now();
        remote.send_frame(close(1000, ""));
        within(closing).await.unwrap().unwrap();
        assert_eq!(before.elapsed(), Duration::from_secs(2));
        assert!(remote.is_dropped());
    }
}

/// Our Close leaves late: the 2 s begin then, and the timer for the whole budget runs already.
#[tokio::test(start_paused = true)]
async fn that_never_ends_is_dropped_2_s_after_our_late_close_has_left() {
    for (conn, remote) in [server(), client()] {
        let (writer, mut reader) = conn.split();
        remote.plan_writes(Plan::new().stall());
        writer.write_message("slow").await.unwrap();
        remote.send_frame(close(1000, ""));
        let reading = tokio::spawn(async move { reader.read_message().await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = Instant::now();
        remote.release_writes();
        assert_eq!(within(reading).await.unwrap().unwrap(), None);
        assert_eq!(before.elapsed(), Duration::from_secs(2));
    }
}

#[tokio::test(start_paused = true)]
async fn that_never_ends_is_dropped_at_the_deadline_if_that_is_sooner() {
    let budget = Duration::from_millis(500);
    let (mut conn, remote) = server_config(|config| config.close_timeout(budget));
    let before = Instant::now();
    remote.send_frame(close(1000, ""));
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(before.elapsed(), budget);
}

#[tokio::test(start_paused = true)]
async fn that_fails_under_a_write_gives_the_close_that_came_before_all_the_same() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().error(std::io::ErrorKind::BrokenPipe));
    // It is accepted, and its write fails.
    let _ = conn.write_message("into the void").await;
    let reading = tokio::spawn(async move { (conn.read_message().await, conn) });
    settle().await;
    assert!(!reading.is_finished());
    remote.send_frame(close(1009, "too much"));
    remote.half_close();
    let (read, conn) = within(reading).await.unwrap();
    assert_eq!(read.unwrap(), None);
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.reason.as_ref(), info.is_clean), (1009, "too much", false));
    assert_eq!(info.initiator, silverback::Initiator::Peer);
}

#[tokio::test(start_paused = true)]
async fn that_fails_under_a_write_is_reported_when_the_peer_says_nothing_more() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().error(std::io::ErrorKind::BrokenPipe));
    let before = Instant::now();
    let _ = conn.write_message("into the void").await;
    let error = within(conn.read_message()).await.unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe), "{error}");
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    assert!(conn.write_message("again").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn that_fails_under_a_write_may_have_a_budget_without_end() {
    let settings = Settings::default().config(Config::default().close_timeout(Duration::MAX));
    let not_utf_8 = text(&b"\xFF"[..]);
    for last_words in [close(1009, "too much"), text("fault").opcode(0x3), not_utf_8] {
        let (mut conn, remote) = server_with(&settings);
        remote.plan_writes(Plan::new().error(std::io::ErrorKind::BrokenPipe));
        let _ = conn.write_message("into the void").await;
        remote.send_frame(last_words);
        remote.half_close();
        let _ = within(conn.read_message()).await;
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
    }
}

/// Floods with everything there is, until the connection is gone.
fn flood(remote: &Remote, frames: &[Frame]) {
    for _ in 0..100 {
        send_together(remote, frames.iter().cloned());
    }
}

async fn check_budget(frames: &[Frame]) {
    let (mut conn, remote) = server_config(|config| config.close_timeout(Duration::from_secs(3)));
    let before = Instant::now();
    let closing = tokio::spawn(async move { conn.close(1000, "").await });
    while !closing.is_finished() {
        flood(&remote, frames);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(before.elapsed() < Duration::from_secs(10), "the budget is extended by traffic");
    }
    let error = closing.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error}");
    assert!(before.elapsed() >= Duration::from_secs(3) && before.elapsed() < Duration::from_millis(3_200));
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn is_given_up_when_nothing_comes_within_the_budget() {
    check_budget(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn is_given_up_within_the_budget_though_messages_keep_coming() {
    check_budget(&[text("more"), binary([7; 2000])]).await;
}

#[tokio::test(start_paused = true)]
async fn is_given_up_within_the_budget_though_pings_keep_coming() {
    check_budget(&[ping("?")]).await;
}

#[tokio::test(start_paused = true)]
async fn is_given_up_within_the_budget_though_bytes_keep_coming_after_the_close() {
    let (mut conn, remote) = server();
    let before = Instant::now();
    remote.send_frame(close(1000, ""));
    let reading = tokio::spawn(async move { conn.read_message().await });
    while !reading.is_finished() {
        remote.send(vec![0x55; 100_000]);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(before.elapsed() < Duration::from_secs(10), "the budget is extended by traffic");
    }
    assert_eq!(reading.await.unwrap().unwrap(), None);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn that_takes_nothing_keeps_no_closing_connection() {
    let (conn, remote) = server();
    remote.plan_writes(Plan::new().stall());
    let (writer, mut reader) = conn.split();
    writer.write_message("stuck").await.unwrap();
    remote.send_frame(close(1000, ""));
    let before = Instant::now();
    let error = within(reader.read_message()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "our Close could not be sent: {error}");
    assert_eq!(before.elapsed(), Config::default().close_timeout);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn that_takes_nothing_is_given_up_within_the_budget_of_our_close() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().stall());
    conn.write_message("stuck").await.unwrap();
    let before = Instant::now();
    let error = within(conn.close(1000, "")).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error}");
    assert_eq!(before.elapsed(), Config::default().close_timeout);
    assert!(remote.is_dropped());
}

/// With the keepalive off the reader has no timer when another task starts to close; with it, one that is too late.
#[tokio::test(start_paused = true)]
async fn is_given_up_within_the_budget_by_a_reader_that_slept_when_the_close_began() {
    check_sleeping_reader(None).await;
    check_sleeping_reader(Some(Duration::from_secs(3600))).await;
}

async fn check_sleeping_reader(ping_interval: Option<Duration>) {
    let (conn, remote) = server_config(|config| config.ping_interval(ping_interval));
    let (writer, mut reader) = conn.split();
    let reading = tokio::spawn(async move { reader.read_message().await });
    settle().await;
    let before = Instant::now();
    writer.start_close(1000, "").unwrap();
    let error = within(reading).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error}");
    assert_eq!(before.elapsed(), Config::default().close_timeout);
    assert_eq!(remote.received_frames(), [close(1000, "")]);
}

/// Much waits before our Close, and the peer takes a little now and then: no write stalls, and yet it is too long.
#[tokio::test(start_paused = true)]
async fn is_given_up_within_the_budget_though_output_trickles() {
    for close_comes_from_us in [true, false] {
        let (conn, remote) = server();
        remote.limit_capacity(10);
        let (writer, mut reader) = conn.split();
        writer.write_message(vec![7; 100_000]).await.unwrap();
        let before = Instant::now();
        if close_comes_from_us {
            writer.start_close(1000, "").unwrap();
        } else {
            remote.send_frame(close(1000, ""));
        }
        let reading = tokio::spawn(async move { reader.read_message().await });
        while !reading.is_finished() {
            drop(remote.received());
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(before.elapsed() < Duration::from_secs(10), "the budget is extended by output");
        }
        let error = reading.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error}");
        assert!(remote.is_dropped());
    }
}
