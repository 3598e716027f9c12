//! When it comes back.

use silverback::reconnect::{Disconnect, ReconnectState};

use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_attempt_is_made_at_once_and_each_failure_doubles_the_wait() {
    let (client, mut server) = client();
    let mut events = read_on(client.start());
    let (took, ()) = time_of(server.refuse("503 Busy", "")).await;
    assert_eq!(took, Duration::ZERO);
    for wait in [1, 2, 4, 8, 16, 30, 30] {
        let (took, ()) = time_of(server.refuse("503 Busy", "")).await;
        assert_eq!((took, events.outage().await.retry_in), (seconds(wait), Some(seconds(wait))));
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_lose_their_server_together_do_not_come_back_together() {
    let mut waits = Vec::new();
    for _ in 0..20 {
        let (dialer, mut server) = dialer();
        let mut events = read_on(Reconnect::new(dialer, URL).initial_backoff(seconds(10)).start());
        server.accept().await.send_frame(close(1012, ""));
        waits.push(events.outage().await.retry_in.unwrap());
    }
    assert!(waits.iter().all(|wait| (seconds(1)..=seconds(10)).contains(wait)), "{waits:?}");
    waits.sort();
    assert!(waits[19] - waits[0] > seconds(2), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_and_closes_at_once_is_not_hammered() {
    let (client, mut server) = client();
    let _events = read_on(client.start());
    server.accept().await.half_close();
    for wait in [1, 2, 4, 8] {
        let (took, remote) = time_of(server.accept()).await;
        assert_eq!(took, seconds(wait));
        remote.half_close();
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_connection_that_has_held_begins_the_waits_anew() {
    let (client, mut server) = client();
    let _events = read_on(client.stable_after(seconds(30)).start());
    let mut remote = server.accept().await;
    for (held, wait) in [(0, 1), (0, 2), (29, 4), (30, 1), (0, 2)] {
        tokio::time::sleep(seconds(held)).await;
        remote.half_close();
        let took;
        (took, remote) = time_of(server.accept()).await;
        assert_eq!(took, seconds(wait), "after it has held {held} s");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_is_honoured_and_the_jitter_comes_on_top() {
    let (client, mut server) = client();
    let _events = read_on(client.start());
    server.refuse("503 Busy", "Retry-After: 20\r\n").await;
    assert_eq!(time_of(server.connection()).await.0, seconds(21));
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_counted_by_the_servers_clock() {
    let (client, mut server) = client();
    let _events = read_on(client.start());
    let headers = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:57 GMT\r\n";
    server.refuse("429 Too Many Requests", headers).await;
    assert_eq!(time_of(server.connection()).await.0, seconds(21));
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_is_no_fault() {
    let (client, mut server) = client();
    let mut events = read_on(client.max_retry_after(Duration::MAX).start());
    server.refuse("503 Busy", "Retry-After: 99999999999999999999\r\n").await;
    assert!(events.outage().await.retry_in.unwrap() >= seconds(u64::MAX));
    tokio::time::sleep(seconds(1_000_000)).await;
    assert!(server.is_alone());
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_without_measure_is_cut() {
    let (client, mut server) = client();
    let _events = read_on(client.max_retry_after(seconds(40)).start());
    server.refuse("503 Busy", "Retry-After: 99999999999999999999\r\n").await;
    assert_eq!(time_of(server.connection()).await.0, seconds(41));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_no_is_not_asked_again() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "200 OK"] {
        let (client, mut server) = client();
        let mut events = read_on(client.start());
        server.refuse(status, "").await;
        let outage = events.given_up().await;
        assert!(matches!(*outage.cause, Disconnect::Dial(_)) && outage.retry_in.is_none(), "{outage}");
        assert!(events.next().await.is_none() && server.is_alone());
    }
}

#[tokio::test(start_paused = true)]
async fn close_codes_are_answered_by_coming_back_or_by_staying_away() {
    for (code, comes_back) in [(1000, false), (1001, true), (1008, false), (1011, true), (1013, true), (4000, false)] {
        let (client, mut server) = client();
        let mut conn = client.start();
        let reading = tokio::spawn(async move { (conn.read_message().await, conn.state()) });
        server.accept().await.send_frame(close(code, ""));
        if comes_back {
            server.accept().await;
            reading.abort();
        } else {
            let (end, state) = within(reading).await.unwrap();
            assert!(matches!((end, state), (Ok(None), ReconnectState::Closed)), "{code}");
            assert!(server.is_alone());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_application_may_know_better_what_to_retry() {
    let (client, mut server) = client();
    let client = client.retry_on(|cause| matches!(cause, Disconnect::Closed(info) if info.code == 4000));
    let mut events = read_on(client.start());
    server.accept().await.send_frame(close(4000, ""));
    server.accept().await.half_close();
    events.outage().await;
    events.given_up().await;
}

#[tokio::test(start_paused = true)]
async fn retries_in_a_row_are_limited_if_that_is_wanted() {
    let (client, mut server) = client();
    let mut events = read_on(client.max_retries(2).start());
    for _ in 0..3 {
        server.refuse("503 Busy", "").await;
    }
    assert_eq!(events.given_up().await.failures, 3);
    assert!(events.next().await.is_none() && server.is_alone());
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_instead_of_waiting_for_an_attempt_that_comes_too_late() {
    let (client, mut server) = client();
    let mut events = read_on(client.give_up_after(seconds(5)).start());
    for _ in 0..3 {
        server.refuse("503 Busy", "").await;
    }
    // After 1 s and 2 s more it would be 4 s more.
    let (took, _) = time_of(events.given_up()).await;
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_interrupted_goes_on_where_it_was() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let begun = Instant::now();
    let serving = tokio::spawn(async move {
        server.refuse("503 Busy", "").await;
        server.refuse("503 Busy", "").await;
        let remote = server.accept().await;
        remote.send_frame(text("here"));
        remote
    });
    // A loop that always has something else to do, more often than any of the waits is long.
    let message = loop {
        match tokio::time::timeout(Duration::from_millis(70), conn.read_message()).await {
            Ok(message) => break message,
            Err(_) => assert!(begun.elapsed() < seconds(4)),
        }
    };
    assert_eq!(message.unwrap(), Some("here".into()));
    assert_eq!(begun.elapsed().as_secs(), 3);
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_state_is_seen_from_elsewhere() {
    let (client, mut server) = client();
    let conn = client.start();
    let (mut states, writer) = (conn.states(), conn.writer());
    assert!(matches!(writer.state(), ReconnectState::Connecting { attempt: 1 }));
    let mut events = read_on(conn);
    let remote = server.accept().await;
    within(states.wait_for(ReconnectState::is_connected)).await.unwrap();
    remote.half_close();
    events.outage().await;
    match writer.state() {
        ReconnectState::Waiting { until, attempt: 2, cause } => {
            assert_eq!(Instant::from_std(until) - Instant::now(), seconds(1));
            assert!(matches!(&*cause, Disconnect::Failed(_)), "{cause}");
        }
        state => panic!("{state:?}"),
    }
    server.refuse("403 Forbidden", "").await;
    events.given_up().await;
    assert!(matches!(writer.state(), ReconnectState::GivenUp { .. }) && writer.state().is_final());
}
