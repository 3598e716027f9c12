//! The application's hooks before an attempt and on each new connection.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use silverback::{Conn, Error, reconnect::Disconnect};

use super::*;
use crate::support::settle;

#[tokio::test(start_paused = true)]
async fn the_hook_subscribes_on_each_connection_before_any_message_goes_out() {
    let (client, mut server) = client();
    let client = client.on_connect(|mut conn, attempt| async move {
        conn.write_message(format!("subscribe from {}", attempt.connections)).await?;
        // Its answer is the hook's, too.
        assert_eq!(conn.read_message().await?, Some("subscribed".into()));
        Ok::<_, Error>(conn)
    });
    let conn = client.start();
    let writer = conn.writer();
    let mut events = read_on(conn);
    for round in 0..2 {
        let writing = tokio::spawn({
            let writer = writer.clone();
            async move { writer.write_message("waits").await }
        });
        let remote = server.accept().await;
        within(remote.expect(text(format!("subscribe from {round}")))).await;
        settle().await;
        assert!(!writing.is_finished() && remote.received().is_empty());
        remote.send_frame(text("subscribed"));
        within(remote.expect(text("waits"))).await;
        events.connected().await;
        remote.half_close();
        assert!(events.outage().await.undelivered.is_empty());
        within(writing).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_is_told_no_ends_it() {
    let (client, mut server) = client();
    let client = client.on_connect(|_conn, _| async { Err::<Conn, _>("wrong password") });
    let mut events = read_on(client.start());
    let _remote = server.accept().await;
    let outage = events.given_up().await;
    assert!(matches!(&*outage.cause, Disconnect::Hook(error) if error.to_string() == "wrong password"), "{outage}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_in_the_hook_is_a_failure_like_any_other() {
    let (client, mut server) = client();
    let client = client.on_connect(|mut conn, _| async move {
        conn.read_message().await?;
        Ok::<_, Error>(conn)
    });
    let mut events = read_on(client.start());
    for wait in [1, 2, 4] {
        server.accept().await.half_close();
        assert_eq!(events.outage().await.retry_in, Some(seconds(wait)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_and_says_nothing_does_not_hold_the_hook_for_ever() {
    let (client, mut server) = client();
    let client = client.hook_timeout(seconds(7)).on_connect(|mut conn, _| async move {
        conn.read_message().await?;
        Ok::<_, Error>(conn)
    });
    let mut events = read_on(client.start());
    let _remote = server.accept().await;
    let (took, outage) = time_of(events.outage()).await;
    assert_eq!(took, seconds(7));
    assert!(matches!(*outage.cause, Disconnect::HookTimeout(_)) && outage.retry_in.is_some(), "{outage}");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_may_go_elsewhere_with_a_fresh_token() {
    let (dialer, mut server) = dialer();
    let client = Reconnect::new(Dialer::new(), "ws://nowhere.example/").prepare(move |attempt| {
        let dialer = dialer.clone().bearer_auth(&format!("token{}", attempt.number));
        async move { Ok::<_, Error>((dialer, format!("ws://server{}.example/", attempt.number))) }
    });
    let _events = read_on(client.start());
    for number in 1..=3 {
        let (head, remote) = server.accept_request().await;
        assert_eq!(head.header("host"), Some(&*format!("server{number}.example")));
        assert_eq!(head.header("authorization"), Some(&*format!("Bearer token{number}")));
        remote.half_close();
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_of_tokens_that_fails_ends_it_unless_it_is_to_be_asked_again() {
    let asked = Arc::new(AtomicU32::new(0));
    let (client, mut server) = client();
    let client = client.prepare({
        let asked = asked.clone();
        move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            async { Err::<(Dialer, String), _>(io::Error::other("no token")) }
        }
    });
    let mut events = read_on(client.clone().start());
    events.given_up().await;
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let mut events = read_on(client.retry_on(|cause| matches!(cause, Disconnect::Hook(_))).max_retries(4).start());
    events.given_up().await;
    assert_eq!(asked.load(Ordering::Relaxed), 6);
    assert!(server.is_alone());
}
