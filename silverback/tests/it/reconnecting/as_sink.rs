//! A reconnecting connection and its writers as streams and sinks, and JSON.

use futures_util::{SinkExt, StreamExt};
use silverback_testkit::poll::poll_once;
use std::task::Poll;

use super::*;
use crate::support::settle;

#[test]
fn connections_and_writers_go_from_thread_to_thread() {
    fn check<T: Send + Sync>() {}
    check::<ReconnectingConn>();
    check::<ReconnectingWriter>();
}

#[tokio::test(start_paused = true)]
async fn a_stream_continues_over_an_outage_and_ends_with_the_connection() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let serving = tokio::spawn(async move {
        let first = server.accept().await;
        first.send_frame(text("one"));
        settle().await;
        first.reset();
        let second = server.accept().await;
        second.send_frame(text("two"));
        second.send_frame(close(1000, ""));
        second
    });
    assert_eq!(within(conn.next()).await.unwrap().unwrap(), "one".into());
    assert_eq!(within(conn.next()).await.unwrap().unwrap(), "two".into());
    let remote = within(serving).await.unwrap();
    remote.half_close();
    assert!(within(conn.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sink_connects_by_itself_and_sends_in_order() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let sending = tokio::spawn(async move {
        // The connection is not up yet, so the first message stays in the sink until it is.
        conn.feed("one".into()).await.unwrap();
        conn.send("two".into()).await.unwrap();
        conn.write_message("three").await.unwrap();
        SinkExt::close(&mut conn).await.unwrap();
        conn
    });
    let remote = server.accept().await;
    for message in ["one", "two", "three"] {
        within(remote.expect(text(message))).await;
    }
    within(remote.expect(close(1000, ""))).await;
    let mut conn = within(sending).await.unwrap();
    remote.send_frame(close(1000, ""));
    remote.half_close();
    assert!(within(conn.next()).await.is_none());
    assert!(server.is_alone(), "a closed sink does not connect again");
    assert!(matches!(within(conn.send("late".into())).await, Err(ReconnectError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_message_in_the_sink_of_a_lost_connection_comes_back_with_the_others() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let (remote, event) = tokio::join!(server.accept(), within(conn.read_event()));
    assert!(matches!(event, Ok(Some(ReconnectEvent::Connected(_)))));
    remote.limit_capacity(0);
    // More than the queue of a connection holds.
    let large = Message::binary(vec![1; 2_000_000]);
    conn.feed(large.clone()).await.unwrap();
    conn.feed("waiting".into()).await.unwrap();
    assert!(matches!(poll_once(conn.flush()), Poll::Pending));
    match conn.start_send_unpin("another".into()) {
        Err(ReconnectError::NotNow(message)) => assert_eq!(message, "another".into()),
        other => panic!("{other:?}"),
    }
    remote.reset();
    match within(conn.flush()).await {
        Err(ReconnectError::Undelivered(outage)) => assert!(outage.undelivered == [large, "waiting".into()]),
        other => panic!("{:?}", other.map_err(|error| error.to_string())),
    }
}

#[tokio::test(start_paused = true)]
async fn the_sink_of_a_writer_waits_for_a_connection() {
    let (client, mut server) = client();
    let conn = client.start();
    let mut writer = conn.writer();
    assert!(matches!(within(SinkExt::flush(&mut writer)).await, Err(ReconnectError::NotConnected)));
    writer.feed("one".into()).await.unwrap();
    assert!(matches!(poll_once(writer.feed("two".into())), Poll::Pending));
    match writer.start_send_unpin("two".into()) {
        Err(ReconnectError::NotNow(message)) => assert_eq!(message, "two".into()),
        other => panic!("{other:?}"),
    }
    let mut events = read_on(conn);
    let remote = server.accept().await;
    events.connected().await;
    within(writer.send("two".into())).await.unwrap();
    within(remote.expect(text("one"))).await;
    within(remote.expect(text("two"))).await;
    within(SinkExt::close(&mut writer)).await.unwrap();
    within(remote.expect(close(1000, ""))).await;
    assert!(matches!(within(writer.send("late".into())).await, Err(ReconnectError::Closed)));
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn json_is_written_and_read() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let serving = tokio::spawn(async move {
        let remote = server.accept().await;
        within(remote.expect(text("[1,2]"))).await;
        within(remote.expect(text("true"))).await;
        for message in ["{\"a\":1}", "no json", "2"] {
            remote.send_frame(text(message));
        }
        remote
    });
    conn.write_json(&[1, 2]).await.unwrap();
    conn.writer().write_json(&true).await.unwrap();
    let value: serde_json::Value = within(conn.read_json()).await.unwrap().unwrap();
    assert_eq!(value["a"], 1);
    match within(conn.read_json::<u8>()).await {
        Err(ReconnectError::Json(error)) => assert_eq!(error.message(), Some(&"no json".into())),
        other => panic!("{other:?}"),
    }
    assert_eq!(within(conn.read_json::<u8>()).await.unwrap(), Some(2));
    let keys_that_are_no_text = std::collections::HashMap::from([([1], 2)]);
    assert!(matches!(conn.write_json(&keys_that_are_no_text).await, Err(ReconnectError::Json(_))));
    drop(within(serving).await.unwrap());
}
