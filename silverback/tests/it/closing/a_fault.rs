//! Failing the connection (RFC 6455, 7.1.7): reported once, after the valid messages.

use std::time::Duration;

use silverback::{Config, Error};
use silverback_testkit::pipe::Plan;
use silverback_testkit::wire::{Frame, close, continuation, frame, text};
use tokio::time::Instant;

use crate::support::{client, send_together, server, server_config, settle, within};

#[tokio::test(start_paused = true)]
async fn is_told_after_the_messages_before_it_were_handed_out() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("one"), text("two"), frame(0xB, "")]);
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
    let error = within(conn.read_message()).await.unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
    assert_eq!(remote.read_frame().await, None);
}

#[tokio::test(start_paused = true)]
async fn is_reported_once_and_then_the_connection_is_over() {
    let faults = [text([0xFF]), frame(0x3, ""), text("x").rsv1(), continuation("alone")];
    for fault in faults {
        let (mut conn, remote) = server();
        remote.send_frame(fault.clone());
        remote.half_close();
        assert!(within(conn.read_message()).await.is_err(), "{fault:?}");
        assert_eq!(within(conn.read_message()).await.unwrap(), None, "{fault:?}");
        assert!(conn.write_message("late").await.is_err());

        let (mut conn, remote) = server();
        remote.send_frame(fault.clone());
        remote.half_close();
        assert!(within(conn.read_borrowed()).await.is_err(), "{fault:?}, borrowed");
        assert!(within(conn.read_borrowed()).await.unwrap().is_none(), "{fault:?}, borrowed");
        assert!(remote.is_dropped());
    }
}

#[tokio::test(start_paused = true)]
async fn in_masking_is_told_with_1002_both_ways() {
    let (mut conn, remote) = server();
    remote.send(text("not masked").encode());
    remote.half_close();
    assert!(within(conn.read_message()).await.is_err());
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));

    let (mut conn, remote) = client();
    remote.send_frame(text("masked").masked([1, 2, 3, 4]));
    remote.half_close();
    assert!(within(conn.read_message()).await.is_err());
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
}

#[tokio::test(start_paused = true)]
async fn in_size_is_told_with_1009_before_the_payload_has_come() {
    let (mut conn, remote) = server_config(|config| config.max_message_size(1000));
    remote.send(text("").masked([0; 4]).declared_len(1001).encode());
    let reading = tokio::spawn(async move { conn.read_message().await });
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1009));
    remote.half_close();
    let error = within(reading).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Limit(_)), "{error}");
}

/// A fault of the peer after our Close: no second Close is sent.
#[tokio::test(start_paused = true)]
async fn after_our_close_sends_no_second_one() {
    let (mut conn, remote) = server();
    let closing = tokio::spawn(async move { conn.close(1000, "").await });
    within(remote.expect(close(1000, ""))).await;
    remote.send_frame(frame(0xF, ""));
    remote.half_close();
    assert!(matches!(within(closing).await.unwrap(), Err(Error::Protocol(_))));
    assert_eq!(remote.read_frame().await, None);
}

/// The peer keeps the transport open and continues to send. The drain happens in the background, or in the next read.
#[tokio::test(start_paused = true)]
async fn is_reported_as_soon_as_the_peer_is_told() {
    let fault = || frame(0xF, "");
    for ends_by_itself in [true, false] {
        for (mut conn, remote) in [server(), client()] {
            let before = Instant::now();
            remote.send_frame(fault());
            let error = within(conn.read_message()).await.unwrap_err();
            assert!(matches!(error, Error::Protocol(_)), "{error}");
            assert_eq!(before.elapsed(), Duration::ZERO);
            assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
            assert!(remote.is_shut_down() && !remote.is_dropped(), "unread input would reset the connection");
            send_together(&remote, [text("what"), text("nobody reads")]);
            if ends_by_itself {
                remote.half_close();
            }
            assert_eq!(within(conn.read_message()).await.unwrap(), None);
            let waited = if ends_by_itself { Duration::ZERO } else { Config::default().close_timeout };
            assert_eq!(before.elapsed(), waited);
            assert!(remote.is_dropped());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn is_drained_in_the_background_when_the_connection_is_dropped() {
    let (mut conn, remote) = server();
    let before = Instant::now();
    remote.send_frame(frame(0xF, ""));
    within(conn.read_message()).await.unwrap_err();
    drop(conn);
    settle().await;
    assert!(!remote.is_dropped());
    remote.send_frame(text("nobody reads"));
    tokio::time::sleep(Config::default().close_timeout).await;
    settle().await;
    assert!(remote.is_dropped());
    assert_eq!(before.elapsed(), Config::default().close_timeout);
    assert_eq!(remote.received_frames().iter().map(Frame::close_code).collect::<Vec<_>>(), [Some(1002)]);
}

/// RFC 6455, 7.1.7: a client whose server is at fault need not wait for it.
#[tokio::test(start_paused = true)]
async fn of_a_server_makes_the_client_shut_down_first() {
    let (mut conn, remote) = client();
    remote.send_frame(text([0xC0, 0xAF]));
    let read = within(conn.read_message()).await;
    assert!(matches!(read, Err(Error::Protocol(_))), "{read:?}");
    tokio::spawn(async move { conn.read_message().await });
    within(remote.ended()).await;
    assert!(remote.is_shut_down());
}

#[tokio::test(start_paused = true)]
async fn lets_leave_what_the_transport_takes_at_once() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("one"), text("two"), frame(0xF, "")]);
    remote.half_close();
    while let Ok(message) = within(conn.read_message()).await {
        conn.write_message(message.unwrap()).await.unwrap();
    }
    within(remote.expect(text("one"))).await;
    within(remote.expect(text("two"))).await;
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
}

#[tokio::test(start_paused = true)]
async fn drops_what_waits_behind_the_frame_that_has_begun_to_leave() {
    let (conn, remote) = server();
    remote.plan_writes(Plan::new().write_at_most(3).stall());
    let (writer, mut reader) = conn.split();
    writer.write_message("begun").await.unwrap();
    for _ in 0..100 {
        writer.write_message("dropped").await.unwrap();
    }
    let flushing = tokio::spawn(async move { writer.flush().await });
    settle().await;
    remote.send_frame(frame(0xF, ""));
    let reading = tokio::spawn(async move { (reader.read_message().await, reader) });
    settle().await;
    remote.release_writes();
    within(remote.expect(text("begun"))).await;
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
    assert_eq!(remote.received(), b"");
    let flushed = within(flushing).await.unwrap();
    assert!(matches!(&flushed, Err(error) if error.is_closing()), "not all of it has left: {flushed:?}");
    assert!(within(reading).await.unwrap().0.is_err());
}
