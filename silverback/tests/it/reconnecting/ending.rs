//! It ends in any state when the application says so, and stays ended.

use silverback::reconnect::ReconnectState;

use super::*;
use crate::support::settle;

#[track_caller]
fn check_closed(conn: &ReconnectingConn) {
    assert!(matches!(conn.state(), ReconnectState::Closed), "{:?}", conn.state());
}

#[tokio::test(start_paused = true)]
async fn closing_an_open_connection_does_the_closing_handshake() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let (remote, _) = tokio::join!(server.accept(), within(conn.read_event()));
    conn.write_message("last").await.unwrap();
    let closing = tokio::spawn(async move { (conn.close(1001, "bye").await, conn) });
    within(remote.expect(text("last"))).await;
    within(remote.expect(close(1001, "bye"))).await;
    remote.send_frame(close(1001, ""));
    remote.half_close();
    let (closed, mut conn) = within(closing).await.unwrap();
    closed.unwrap();
    check_closed(&conn);
    assert!(matches!(within(conn.read_message()).await, Ok(None)));
    assert!(matches!(within(conn.write_message("more")).await, Err(ReconnectError::Closed)));
    assert!(server.is_alone());
}

#[tokio::test(start_paused = true)]
async fn closing_while_it_waits_ends_at_once() {
    let (client, mut server) = client();
    let mut conn = client.initial_backoff(seconds(25)).start();
    let ((), outage) = tokio::join!(server.refuse("503 Busy", ""), within(conn.read_event()));
    assert!(matches!(outage, Ok(Some(ReconnectEvent::Disconnected(_)))));
    let (took, closed) = time_of(conn.close(1000, "")).await;
    closed.unwrap();
    assert_eq!(took, Duration::ZERO);
    check_closed(&conn);
    tokio::time::sleep(seconds(100)).await;
    assert!(server.is_alone());
}

#[tokio::test(start_paused = true)]
async fn another_task_may_end_a_wait() {
    let (client, mut server) = client();
    let conn = client.initial_backoff(seconds(25)).start();
    let writer = conn.writer();
    let events = read_on(conn);
    server.refuse("503 Busy", "").await;
    within(writer.states().wait_for(|state| matches!(state, ReconnectState::Waiting { .. }))).await.unwrap();
    let waiting = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("never").await }
    });
    settle().await;
    let begun = Instant::now();
    writer.start_close(1000, "").unwrap();
    within(events.reading).await.unwrap();
    assert!(matches!(within(waiting).await.unwrap(), Err(ReconnectError::Closed)));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn another_task_may_end_an_attempt() {
    let (client, mut server) = client();
    let conn = client.start();
    let writer = conn.writer();
    let events = read_on(conn);
    let remote = server.connection().await;
    writer.start_close(1000, "").unwrap();
    within(events.reading).await.unwrap();
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_close_that_finds_the_connection_broken_says_so_and_does_not_come_back() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let (remote, _) = tokio::join!(server.accept(), within(conn.read_event()));
    remote.limit_capacity(0);
    conn.write_message("unsent").await.unwrap();
    remote.reset();
    let error = within(conn.close(1000, "")).await.unwrap_err();
    assert!(matches!(&error, ReconnectError::GivenUp(_)), "{error}");
    assert_eq!(error.undelivered(), ["unsent".into()]);
    assert!(server.is_alone());
}

#[tokio::test(start_paused = true)]
async fn a_close_with_a_code_that_must_not_be_sent_does_nothing() {
    let (client, mut server) = client();
    let mut conn = client.start();
    assert!(matches!(within(conn.close(1006, "")).await, Err(ReconnectError::UnsendableCode(_))));
    let (_remote, event) = tokio::join!(server.accept(), within(conn.read_event()));
    assert!(matches!(event, Ok(Some(ReconnectEvent::Connected(_)))));
}

#[tokio::test(start_paused = true)]
async fn dropping_it_lets_waiting_writers_go() {
    let (client, _server) = client();
    let conn = client.start();
    let writer = conn.writer();
    let waiting = tokio::spawn(async move { writer.write_message("never").await });
    settle().await;
    assert!(!waiting.is_finished());
    drop(conn);
    assert!(matches!(within(waiting).await.unwrap(), Err(ReconnectError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn dropping_it_still_sends_what_was_accepted() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let (remote, _) = tokio::join!(server.accept(), within(conn.read_event()));
    remote.limit_capacity(3);
    conn.write_message("accepted").await.unwrap();
    drop(conn);
    remote.limit_capacity(usize::MAX);
    within(remote.expect(text("accepted"))).await;
}
