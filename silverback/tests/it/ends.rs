//! A clean end, a close with a code, a transport that just ends and one that fails: each is told from the others.

use std::io;

use futures_util::{SinkExt, StreamExt};
use silverback::{CloseCode, Error, Initiator, Message};
use silverback_testkit::{
    pipe::Plan,
    wire::{CLIENT_KEY, close, text},
};

use crate::support::{client, send_together, server, settle, within};

#[tokio::test(start_paused = true)]
async fn the_end_of_the_transport_without_a_close_is_an_error_of_its_own() {
    for (mut conn, remote) in [server(), client()] {
        remote.half_close();
        let error = within(conn.read_message()).await.unwrap_err();
        assert!(matches!(error, Error::Lost), "{error}");
        assert!(error.is_disconnect() && !error.is_timeout() && error.close_code().is_none());
        let info = conn.close_info().unwrap();
        assert_eq!((info.code, info.initiator, info.is_clean), (CloseCode::ABNORMAL, Initiator::Nobody, false));
        assert_eq!(within(conn.read_message()).await.unwrap(), None, "it is reported once");
        assert_eq!(remote.received(), [], "there is nobody to say anything to");
        assert!(remote.is_dropped());
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_inside_a_frame_or_a_message_is_the_same_error() {
    let frame = text("cut").masked(CLIENT_KEY).encode();
    let fragment = text("cut").not_final().masked(CLIENT_KEY).encode();
    for bytes in [&frame[..1], &frame[..5], &frame[..frame.len() - 1], &fragment[..]] {
        let (mut conn, remote) = server();
        remote.send(bytes);
        remote.half_close();
        assert!(matches!(within(conn.read_message()).await, Err(Error::Lost)));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_before_the_end_are_handed_out() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("one"), text("two")]);
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
    assert!(matches!(within(conn.read_message()).await, Err(Error::Lost)));
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_an_error_of_the_transport() {
    let (mut conn, remote) = server();
    let reading = tokio::spawn(async move { (conn.read_message().await, conn) });
    settle().await;
    remote.reset();
    let (read, mut conn) = within(reading).await.unwrap();
    let error = read.unwrap_err();
    assert!(matches!(&error, Error::Io(source) if source.kind() == io::ErrorKind::ConnectionReset), "{error}");
    assert!(error.is_disconnect());
    let error = conn.write_message("late").await.unwrap_err();
    assert!(error.is_disconnect(), "{error}");
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_no_disconnect_is_told_as_it_is() {
    let (mut conn, remote) = server();
    remote.plan_reads(Plan::new().error(io::ErrorKind::PermissionDenied));
    let error = within(conn.read_message()).await.unwrap_err();
    assert!(matches!(&error, Error::Io(source) if source.kind() == io::ErrorKind::PermissionDenied), "{error}");
    assert!(!error.is_disconnect());
}

#[tokio::test(start_paused = true)]
async fn closing_after_any_end_is_no_error() {
    let (mut conn, remote) = server();
    remote.half_close();
    within(conn.read_message()).await.unwrap_err();
    within(conn.close(1000, "")).await.unwrap();

    let (mut conn, remote) = server();
    remote.send_frame(text([0xFF]));
    remote.half_close();
    within(conn.read_message()).await.unwrap_err();
    within(conn.close(1000, "")).await.unwrap();
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1007));
    assert_eq!(remote.read_frame().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_as_the_connection_does() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("one"), close(1000, "")]);
    remote.half_close();
    assert_eq!(within(conn.next()).await.unwrap().unwrap(), Message::from("one"));
    assert!(within(conn.next()).await.is_none());

    let (mut conn, remote) = server();
    remote.half_close();
    assert!(matches!(within(conn.next()).await, Some(Err(Error::Lost))));
    assert!(within(conn.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sink_feeds_flushes_and_closes() {
    let (mut conn, remote) = server();
    conn.feed("one".into()).await.unwrap();
    conn.send("two".into()).await.unwrap();
    assert_eq!(remote.received_frames(), [text("one"), text("two")]);
    remote.send_frame(close(1000, ""));
    remote.half_close();
    within(SinkExt::close(&mut conn)).await.unwrap();
    within(remote.expect(close(1000, ""))).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_can_be_forwarded_to_its_own_sink() {
    let (conn, remote) = server();
    send_together(&remote, [text("one"), text("two")]);
    tokio::spawn(async move {
        let (sink, stream) = StreamExt::split::<Message>(conn);
        stream.forward(sink).await
    });
    for expected in ["one", "two"] {
        within(remote.expect(text(expected))).await;
    }
    remote.send_frame(close(1000, ""));
    remote.half_close();
    within(remote.expect(close(1000, ""))).await;
}
