//! A Close of the peer (RFC 6455, 5.5.1): answered once, and taken as the end.

use silverback::{CloseCode, Initiator};
use silverback_testkit::{
    pipe::Plan,
    wire::{close, close_empty, continuation, frame, text},
};

use super::writer_that_waits_for_room;
use crate::support::{send_together, server, settle, within};

#[track_caller]
fn check(info: Option<silverback::CloseInfo>, code: u16, reason: &str) {
    let info = info.expect("the connection has ended");
    assert_eq!((info.code.get(), info.reason.as_ref()), (code, reason));
    assert_eq!(info.initiator, Initiator::Peer);
    assert!(info.is_clean, "{info:?}");
}

#[tokio::test(start_paused = true)]
async fn is_answered_with_the_same_code_and_ends_cleanly() {
    let (mut conn, remote) = server();
    remote.send_frame(close(1000, "good bye"));
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    within(remote.expect(close(1000, ""))).await;
    assert_eq!(remote.read_frame().await, None, "nothing follows our Close");
    check(conn.close_info(), 1000, "good bye");
}

#[tokio::test(start_paused = true)]
async fn without_a_code_is_answered_without_one() {
    let (mut conn, remote) = server();
    remote.send_frame(close_empty());
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    within(remote.expect(close_empty())).await;
    check(conn.close_info(), 1005, "");
}

#[tokio::test(start_paused = true)]
async fn with_every_code_that_may_be_sent_is_clean() {
    for code in [1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        let (mut conn, remote) = server();
        remote.send_frame(close(code, ""));
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        within(remote.expect(close(code, ""))).await;
        check(conn.close_info(), code, "");
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_payload_that_must_not_be_is_a_fault() {
    let (one_byte, reason_not_utf8) = (frame(0x8, [3]), close(1000, [0xC3, 0x28]));
    let mut cases = vec![(one_byte, 1002), (reason_not_utf8, 1007)];
    let forbidden = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535];
    cases.extend(forbidden.map(|code| (close(code, ""), 1002)));
    for (sent, answer) in cases {
        let (mut conn, remote) = server();
        remote.send_frame(sent.clone());
        remote.half_close();
        let error = within(conn.read_message()).await.unwrap_err();
        assert_eq!(error.close_code().map(CloseCode::get), Some(answer), "{sent:?}: {error}");
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(answer), "{sent:?}");
        assert!(!conn.close_info().unwrap().is_clean);
    }
}

#[tokio::test(start_paused = true)]
async fn is_the_end_and_no_error_though_our_answer_finds_nobody() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().error(std::io::ErrorKind::BrokenPipe));
    remote.send_frame(close(1001, "off"));
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.reason.as_ref(), info.is_clean), (1001, "off", false));
}

#[tokio::test(start_paused = true)]
async fn comes_after_the_messages_before_it() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("one"), text("two"), close(1000, "")]);
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn sends_the_answers_first_that_were_accepted_before() {
    let (conn, remote) = server();
    send_together(&remote, [text("one"), text("two"), close(1000, "")]);
    remote.half_close();
    within(crate::support::echo(conn)).await.unwrap();
    assert_eq!(remote.received_frames(), [text("one"), text("two"), close(1000, "")]);
}

#[tokio::test(start_paused = true)]
async fn is_believed_and_what_follows_is_not_looked_at() {
    let (mut conn, remote) = server();
    send_together(&remote, [close(1000, ""), text("late"), frame(0xF, "nonsense")]);
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(remote.received_frames(), [close(1000, "")]);
    check(conn.close_info(), 1000, "");
}

#[tokio::test(start_paused = true)]
async fn between_fragments_ends_the_connection_without_the_message() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("half a").not_final(), close(1001, ""), continuation(" message")]);
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    within(remote.expect(close(1001, ""))).await;
}

#[tokio::test(start_paused = true)]
async fn refuses_what_is_written_afterwards() {
    let (mut conn, remote) = server();
    remote.send_frame(close(1000, ""));
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert!(conn.write_message("late").await.unwrap_err().is_closing());
    assert!(conn.ping(b"late").unwrap_err().is_closing());
    assert!(conn.next_writer(silverback::MessageKind::Text).await.unwrap_err().is_closing());
    // Closing a closed connection is not an error.
    within(conn.close(1000, "")).await.unwrap();
    assert_eq!(remote.received_frames(), [close(1000, "")]);
}

#[tokio::test(start_paused = true)]
async fn releases_writers_that_wait_for_room() {
    let (writer, mut reader, remote, waiting) = writer_that_waits_for_room().await;
    remote.send_frame(close(1000, ""));
    tokio::spawn(async move { reader.read_message().await });
    settle().await;
    assert!(waiting.is_finished(), "it need not wait for the transport to hear that it will never be sent");
    assert!(waiting.await.unwrap().unwrap_err().is_closing());
    drop(writer);
}
