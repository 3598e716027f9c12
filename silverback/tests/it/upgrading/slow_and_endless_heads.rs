//! Heads that come slowly, never end, or end too soon.

use std::time::Duration;

use silverback::proto::handshake::{HeadError, Rejection};
use silverback::{UpgradeError, Upgrader};
use silverback_testkit::cuts::one_byte_at_a_time;
use tokio::time::{Instant, sleep};

use super::{accept, refusal};
use crate::support::{request, settle, within};

#[tokio::test(start_paused = true)]
async fn are_turned_away_when_the_time_is_over() {
    let begun = Instant::now();
    let (accepting, remote) = accept(Upgrader::new().handshake_timeout(Duration::from_secs(3)));
    remote.send("GET / HTTP/1.1\r\nHost");
    let (head, _) = refusal(&remote).await;
    assert_eq!(head.status(), 408);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    remote.half_close();
    let error = within(accepting).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && silverback::Error::from(error).is_timeout());
}

#[tokio::test(start_paused = true)]
async fn are_turned_away_though_they_drip() {
    let begun = Instant::now();
    let (accepting, remote) = accept(Upgrader::new());
    for byte in one_byte_at_a_time(b"GET / HTTP/1.1\r\nX: ").chain(std::iter::repeat(&b"x"[..])) {
        if remote.is_shut_down() {
            break;
        }
        remote.send(byte);
        sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(10) && begun.elapsed() < Duration::from_millis(10_300));
    remote.half_close();
    assert!(within(accepting).await.unwrap().unwrap_err().is_timeout());
}

#[tokio::test(start_paused = true)]
async fn of_refused_clients_are_kept_no_longer_than_the_one_timeout() {
    let begun = Instant::now();
    let (accepting, remote) = accept(Upgrader::new().handshake_timeout(Duration::from_secs(3)));
    sleep(Duration::from_secs(2)).await;
    remote.send(request("Origin: http://attacker.example\r\n"));
    assert_eq!(refusal(&remote).await.0.status(), 403);
    // The client does not close.
    assert!(within(accepting).await.unwrap().is_err());
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn may_take_as_long_as_the_application_likes() {
    let (accepting, remote) = accept(Upgrader::new().handshake_timeout(Duration::MAX));
    remote.send(request(""));
    within(accepting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn may_drip_within_the_time() {
    let (accepting, remote) = accept(Upgrader::new());
    for byte in one_byte_at_a_time(request("").as_bytes()) {
        remote.send(byte);
        sleep(Duration::from_millis(10)).await;
    }
    within(accepting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn are_turned_away_at_the_limit() {
    for limit in [1000, 16 * 1024] {
        let (accepting, remote) = accept(Upgrader::new().max_head_size(limit));
        remote.send(format!("GET / HTTP/1.1\r\nCookie: {}", "x".repeat(100_000)));
        remote.half_close();
        let (head, body) = refusal(&remote).await;
        assert_eq!(head.status(), 431, "{body}");
        let error = within(accepting).await.unwrap().unwrap_err();
        let expected = HeadError::TooLarge { limit };
        assert!(matches!(error, UpgradeError::Rejected(Rejection::Head(found)) if found == expected));
    }
}

#[tokio::test(start_paused = true)]
async fn up_to_the_limit_are_fine() {
    let cookie = "x".repeat(16 * 1024 - request("Cookie: \r\n").len());
    let (accepting, remote) = accept(Upgrader::new());
    remote.send(request(&format!("Cookie: {cookie}\r\n")));
    within(accepting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn that_end_are_disconnects() {
    for sent in ["", "GET / HTT"] {
        let (accepting, remote) = accept(Upgrader::new());
        remote.send(sent);
        remote.half_close();
        let error = within(accepting).await.unwrap().unwrap_err();
        assert!(matches!(error, UpgradeError::Disconnected), "{error}");
        assert_eq!(remote.received(), b"", "no client is left to answer");
    }
    let (accepting, remote) = accept(Upgrader::new());
    settle().await;
    remote.reset();
    let error = within(accepting).await.unwrap().unwrap_err();
    assert!(matches!(error, UpgradeError::Io(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn leave_nothing_when_the_application_gives_up() {
    let (accepting, remote) = accept(Upgrader::new());
    remote.send("GET / HTT");
    settle().await;
    accepting.abort();
    settle().await;
    assert!(remote.is_dropped());
}
