//! A Close from us (RFC 6455, 7.1.2): after the accepted messages, and once.

use std::time::Duration;

use silverback::{Conn, Error, Initiator};
use silverback_testkit::pipe::Plan;
use silverback_testkit::poll::poll_once;
use silverback_testkit::wire::{binary, close, continuation, ping, text};
use tokio::time::Instant;

use super::writer_that_waits_for_room;
use crate::support::{client, send_together, server, settle, within};

async fn close_of_ours(mut conn: Conn) -> (Result<(), Error>, Conn) {
    let closed = conn.close(4000, "enough").await;
    (closed, conn)
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_answer_and_ends_cleanly() {
    let (conn, remote) = server();
    let closing = tokio::spawn(close_of_ours(conn));
    within(remote.expect(close(4000, "enough"))).await;
    settle().await;
    assert!(!closing.is_finished());
    remote.send_frame(close(4000, ""));
    remote.half_close();
    let (closed, conn) = within(closing).await.unwrap();
    closed.unwrap();
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.initiator, info.is_clean), (4000, Initiator::Local, true));
    assert_eq!(info.sent.unwrap().reason, "enough");
    assert_eq!(remote.read_frame().await, None, "the peer's Close is not answered again");
}

#[tokio::test(start_paused = true)]
async fn sends_first_what_was_accepted_before() {
    let (mut conn, remote) = client();
    remote.plan_writes(Plan::new().write_at_most(1).forever());
    conn.write_message("before").await.unwrap();
    let closing = tokio::spawn(close_of_ours(conn));
    within(remote.expect(text("before"))).await;
    within(remote.expect(close(4000, "enough"))).await;
    closing.abort();
}

#[tokio::test(start_paused = true)]
async fn discards_messages_that_still_arrive() {
    let (conn, remote) = server();
    let closing = tokio::spawn(close_of_ours(conn));
    within(remote.expect(close(4000, "enough"))).await;
    send_together(&remote, [text("on its way"), binary([0; 100_000]), ping("?"), close(4000, "")]);
    remote.half_close();
    let (closed, conn) = within(closing).await.unwrap();
    closed.unwrap();
    assert!(conn.close_info().unwrap().is_clean);
    assert_eq!(remote.received_frames(), [], "a ping after our Close is not answered");
}

#[tokio::test(start_paused = true)]
async fn at_the_same_time_as_the_peer_is_clean() {
    let (mut conn, remote) = server();
    remote.send_frame(close(1001, "me too"));
    remote.half_close();
    within(conn.close(1000, "me")).await.unwrap();
    assert_eq!(remote.received_frames(), [close(1000, "me")]);
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.initiator, info.is_clean), (1001, Initiator::Local, true));
}

#[tokio::test(start_paused = true)]
async fn with_a_code_that_must_not_be_sent_is_refused_and_changes_nothing() {
    for code in [0, 999, 1004, 1006, 1015, 1016, 2999, 5000] {
        let (mut conn, remote) = server();
        let error = conn.close(code, "").await.unwrap_err();
        assert!(matches!(error, Error::UnsendableCode(_)), "{error}");
        conn.write_message("still open").await.unwrap();
        assert_eq!(remote.received_frames(), [text("still open")]);
    }
}

#[tokio::test(start_paused = true)]
async fn cuts_a_long_reason_at_a_character() {
    let (conn, remote) = server();
    let (writer, _reader) = conn.split();
    writer.start_close(1000, &"\u{1f98d}".repeat(40)).unwrap();
    within(remote.expect(close(1000, "\u{1f98d}".repeat(30)))).await;
}

#[tokio::test(start_paused = true)]
async fn is_sent_once_however_often_it_is_asked_for() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    writer.start_close(1000, "first").unwrap();
    writer.start_close(1001, "second").unwrap();
    assert!(!writer.is_open());
    assert!(writer.write_message("late").await.unwrap_err().is_closing());
    remote.send_frame(close(1000, ""));
    remote.half_close();
    assert_eq!(within(reader.read_message()).await.unwrap(), None);
    assert_eq!(remote.received_frames(), [close(1000, "first")]);
}

#[tokio::test(start_paused = true)]
async fn can_be_given_up_and_taken_up_again() {
    let (mut conn, remote) = server();
    let second = Duration::from_secs(1);
    assert!(tokio::time::timeout(second, conn.close(1000, "")).await.is_err());
    remote.send_frame(text("on its way"));
    remote.send_frame(close(1000, ""));
    remote.half_close();
    within(conn.close(1000, "")).await.unwrap();
    assert_eq!(remote.received_frames(), [close(1000, "")]);
}

#[tokio::test(start_paused = true)]
async fn is_an_error_when_the_transport_ends_without_an_answer() {
    let (conn, remote) = server();
    let closing = tokio::spawn(close_of_ours(conn));
    within(remote.expect(close(4000, "enough"))).await;
    remote.half_close();
    let (closed, conn) = within(closing).await.unwrap();
    assert!(matches!(closed, Err(Error::Lost)), "{closed:?}");
    assert!(!conn.close_info().unwrap().is_clean);
}

/// A message that the peer had started before it received our Close is still delivered (RFC 6455, 5.5.1: it finishes
/// its message).
#[tokio::test(start_paused = true)]
async fn inside_a_message_of_the_peer_lets_it_end() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    remote.send_frame(text("begun ").not_final());
    assert!(poll_once(reader.read_message()).is_pending());
    writer.start_close(4000, "enough").unwrap();
    within(remote.expect(close(4000, "enough"))).await;
    send_together(
        &remote,
        [continuation("before and ").not_final(), ping("?"), continuation("ended after"), close(4000, "")],
    );
    remote.half_close();
    assert_eq!(within(reader.read_message()).await.unwrap(), Some("begun before and ended after".into()));
    assert_eq!(within(reader.read_message()).await.unwrap(), None);
    assert_eq!(remote.received_frames(), [], "no pong follows a Close");
    assert!(reader.close_info().unwrap().is_clean);
}

#[tokio::test(start_paused = true)]
async fn releases_writers_that_wait_for_room() {
    let (writer, mut reader, remote, waiting) = writer_that_waits_for_room().await;
    writer.start_close(1000, "").unwrap();
    settle().await;
    assert!(waiting.is_finished(), "it will never be sent: there is nothing to wait for");
    assert!(waiting.await.unwrap().unwrap_err().is_closing());
    remote.release_writes();
    remote.send_frame(close(1000, ""));
    remote.half_close();
    assert_eq!(within(reader.read_message()).await.unwrap(), None);
    assert_eq!(remote.received_frames(), [text("x".repeat(20)), close(1000, "")]);
}

/// The transport takes half of a frame, and no more until the Close waits behind it.
#[tokio::test(start_paused = true)]
async fn while_a_write_is_blocked_comes_after_the_whole_frame() {
    let (conn, remote) = server();
    remote.plan_writes(Plan::new().write_at_most(50_000).stall());
    let (writer, mut reader) = conn.split();
    writer.write_message(vec![7; 100_000]).await.unwrap();
    writer.start_close(1000, "").unwrap();
    settle().await;
    remote.release_writes();
    let reading = tokio::spawn(async move { (reader.read_message().await, reader) });
    within(remote.expect(binary([7; 100_000]))).await;
    within(remote.expect(close(1000, ""))).await;
    remote.send_frame(close(1000, ""));
    remote.half_close();
    let (read, reader) = within(reading).await.unwrap();
    assert_eq!(read.unwrap(), None);
    assert!(reader.close_info().unwrap().is_clean);
}

/// A peer that has half-closed before cannot answer; it is told, and we need not wait.
#[tokio::test(start_paused = true)]
async fn after_the_peer_has_half_closed_is_told_and_waits_for_nothing() {
    let (mut conn, remote) = server();
    remote.half_close();
    let begun = Instant::now();
    let closed = within(conn.close(1000, "bye")).await;
    assert!(matches!(closed, Err(Error::Lost)), "{closed:?}");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(remote.received_frames(), [close(1000, "bye")]);
    assert!(!conn.close_info().unwrap().is_clean && remote.is_dropped());
}
