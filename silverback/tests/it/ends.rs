//! The API tells apart a clean end, a close with a code, a transport that ends and one that fails.

use std::io;

use futures_util::{SinkExt, StreamExt};
use silverback::{CloseCode, Error, Initiator, Message};
use silverback_testkit::{
    pipe::{Plan, Remote},
    wire::{CLIENT_KEY, Frame, close, close_empty, frame, text},
};

use crate::support::{client, send_together, server, server_config, settle, within};

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
        assert_eq!(remote.received(), b"", "nothing is sent to a peer that is gone");
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

/// The reported end: the result of the read, and `close_info`.
#[derive(Debug, PartialEq)]
struct End {
    read: &'static str,
    code: u16,
    by: Initiator,
    is_clean: bool,
}

/// Plays the peer's part on a fresh connection and reads to the end.
async fn end_of(play: impl FnOnce(&Remote)) -> End {
    let (mut conn, remote) = server_config(|config| config.max_message_size(100));
    tokio::task::yield_now().await;
    play(&remote);
    let read = loop {
        match within(conn.read_message()).await {
            Ok(Some(_)) => {}
            Ok(None) => break "none",
            Err(error) if error.is_timeout() => break "timeout",
            Err(Error::Lost) => break "lost",
            Err(error) if error.is_disconnect() => break "failed",
            Err(error) if error.close_code().is_some() => break "fault of the peer",
            Err(error) => panic!("{error}"),
        }
    };
    let info = conn.close_info().expect("it has ended");
    End { read, code: info.code.get(), by: info.initiator, is_clean: info.is_clean }
}

/// A clean end, one with a code, a drop, a reset, a timeout and each kind of fault: no two are the same to an application.
#[tokio::test(start_paused = true)]
async fn every_end_is_told_from_the_others() {
    let close_with = |code| move |remote: &Remote| send_together_and_end(remote, [text("hi"), close(code, "")]);
    let clean = |code| End { read: "none", code, by: Initiator::Peer, is_clean: true };
    assert_eq!(end_of(close_with(1000)).await, clean(1000));
    assert_eq!(end_of(close_with(1001)).await, clean(1001));
    assert_eq!(end_of(close_with(4321)).await, clean(4321));
    assert_eq!(end_of(|remote| send_together_and_end(remote, [close_empty()])).await, clean(1005));

    let unclean = |read, code, by| End { read, code, by, is_clean: false };
    assert_eq!(end_of(Remote::half_close).await, unclean("lost", 1006, Initiator::Nobody));
    assert_eq!(end_of(Remote::reset).await, unclean("failed", 1006, Initiator::Nobody));
    assert_eq!(end_of(|_| {}).await, unclean("timeout", 1006, Initiator::Nobody), "no pong comes");
    for (fault, code) in [(frame(0xF, ""), 1002), (text([0xFF]), 1007), (text("x".repeat(101)), 1009)] {
        let end = end_of(|remote| send_together_and_end(remote, [fault])).await;
        assert_eq!((end.read, end.is_clean), ("fault of the peer", false), "{code}");
    }
}

fn send_together_and_end<const N: usize>(remote: &Remote, frames: [Frame; N]) {
    send_together(remote, frames);
    remote.half_close();
}
