//! Output is bounded: a writer to a slow peer waits, and no other task does.

use std::io;

use silverback::{Error, Message, PreparedMessage, Settings, TryWriteError};
use silverback_testkit::pipe::Plan;
use silverback_testkit::poll::{CountingWaker, poll_once};
use silverback_testkit::wire::{binary, close, ping, text};

use crate::support::{client_with, send_together, server, server_config, settle, within};

mod large;
mod pongs;
#[cfg(target_os = "linux")]
mod slow_readers;
mod stalls;
mod waiting;

#[tokio::test(start_paused = true)]
async fn a_writer_waits_when_the_queue_is_full() {
    let (mut conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.plan_writes(Plan::new().stall());
    for _ in 0..3 {
        conn.write_message("x".repeat(30)).await.unwrap();
    }
    assert!(poll_once(conn.write_message("no room")).is_pending());
    assert_eq!(conn.stats().queued_output, 3 * 32, "a future that was dropped has accepted nothing");

    let writing = tokio::spawn(async move {
        conn.write_message("there is room").await.unwrap();
        conn
    });
    settle().await;
    assert!(!writing.is_finished());
    remote.release_writes();
    within(writing).await.unwrap();
    let mut expected = vec![text("x".repeat(30)); 3];
    expected.push(text("there is room"));
    assert_eq!(remote.received_frames(), expected);
}

#[tokio::test(start_paused = true)]
async fn one_message_is_accepted_however_large() {
    let (mut conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.plan_writes(Plan::new().stall());
    conn.write_message(vec![7; 1_000_000]).await.unwrap();
    assert!(poll_once(conn.write_message("second")).is_pending());
    remote.release_writes();
    within(remote.expect(binary(vec![7; 1_000_000]))).await;
}

#[tokio::test(start_paused = true)]
async fn try_write_gives_the_message_back() {
    let (mut conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.plan_writes(Plan::new().stall());
    conn.try_write_message("x".repeat(90)).unwrap();
    let refused = conn.try_write_message("no room for this");
    assert!(
        matches!(&refused, Err(TryWriteError::Full(message)) if *message == Message::from("no room for this")),
        "{refused:?}"
    );
    remote.release_writes();
    within(conn.flush()).await.unwrap();
    conn.try_write_message("room again").unwrap();
    assert_eq!(remote.received_frames(), [text("x".repeat(90)), text("room again")]);
}

#[tokio::test(start_paused = true)]
async fn try_write_refuses_only_what_the_transport_would_not_take() {
    let (mut conn, remote) = server_config(|config| config.max_queued_output(100));
    send_together(&remote, [text("one"), text("two")]);
    within(conn.read_message()).await.unwrap();
    // The output is held back, because a second message has arrived, but it does not block.
    conn.try_write_message("x".repeat(90)).unwrap();
    conn.try_write_message("y".repeat(90)).unwrap();
    conn.flush().await.unwrap();
    assert_eq!(remote.received_frames(), [text("x".repeat(90)), text("y".repeat(90))]);
}

#[tokio::test(start_paused = true)]
async fn try_write_tells_a_connection_that_has_failed_from_one_that_is_full() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().error(io::ErrorKind::BrokenPipe));
    conn.try_write_message("lost").unwrap();
    let refused = conn.try_write_message("late");
    assert!(matches!(refused, Err(TryWriteError::Failed(Error::Io(_)))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn all_waiting_writers_are_woken_when_there_is_room() {
    let (conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.plan_writes(Plan::new().stall());
    let (writer, _reader) = conn.split();
    writer.write_message("x".repeat(90)).await.unwrap();
    let waiting: Vec<_> = (0..10)
        .map(|number| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.write_message(format!("number {number} {}", "z".repeat(60))).await })
        })
        .collect();
    settle().await;
    assert!(waiting.iter().all(|writing| !writing.is_finished()));
    remote.release_writes();
    for writing in waiting {
        within(writing).await.unwrap().unwrap();
    }
    assert_eq!(remote.received_frames().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn flush_waits_until_all_has_left() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().write_at_most(2).stall());
    conn.write_message("hello").await.unwrap();
    let waker = CountingWaker::new();
    {
        let mut flushing = Box::pin(conn.flush());
        assert!(waker.poll(flushing.as_mut()).is_pending());
        remote.release_writes();
        settle().await;
        assert_eq!(waker.count(), 1);
        assert!(waker.poll(flushing.as_mut()).is_ready());
    }
    assert_eq!(remote.received_frames(), [text("hello")]);
}

#[tokio::test(start_paused = true)]
async fn flush_waits_for_a_layer_that_holds_what_it_took() {
    let (mut conn, remote) = server();
    remote.hold_until_flush();
    remote.plan_writes(Plan::new().pass().stall());
    conn.write_message("hello").await.unwrap();
    assert!(poll_once(conn.flush()).is_pending());
    assert_eq!(remote.received_frames(), []);
    remote.release_writes();
    within(conn.flush()).await.unwrap();
    assert_eq!(remote.received_frames(), [text("hello")]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_told_to_reader_and_writers() {
    let (conn, remote) = server();
    remote.plan_writes(Plan::new().error(io::ErrorKind::ConnectionReset));
    let (writer, mut reader) = conn.split();
    let reading = tokio::spawn(async move { reader.read_message().await });
    settle().await;
    // It is accepted, because the transport had not failed before.
    writer.write_message("lost").await.unwrap();
    let error = writer.write_message("late").await.unwrap_err();
    assert!(matches!(&error, Error::Io(source) if source.kind() == io::ErrorKind::ConnectionReset), "{error}");
    assert!(error.is_disconnect());
    let error = within(reading).await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Io(source) if source.kind() == io::ErrorKind::ConnectionReset), "{error}");
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_takes_no_byte_of_a_write_has_failed() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().eof());
    conn.write_message("lost").await.unwrap();
    let error = conn.flush().await.unwrap_err();
    assert!(matches!(&error, Error::Io(source) if source.kind() == io::ErrorKind::WriteZero), "{error}");
}

#[tokio::test(start_paused = true)]
async fn messages_that_came_before_a_failed_write_are_still_handed_out() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().error(io::ErrorKind::BrokenPipe));
    send_together(&remote, [text("one"), text("two"), close(4001, "why")]);
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
    conn.write_message("lost").await.unwrap();
    conn.flush().await.unwrap_err();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(conn.close_info().unwrap().code.get(), 4001);
}

mod many_small_slices {
    use super::*;

    /// More slices wait than one write takes: payloads by reference between small frames.
    #[tokio::test(start_paused = true)]
    async fn leave_in_order_however_little_a_write_takes() {
        for most in [1, 7, 4096, 10_000, usize::MAX] {
            let (conn, remote) = server_config(|config| config.max_queued_output(10_000_000));
            remote.plan_writes(Plan::new().stall().write_at_most(most).forever());
            let (writer, _reader) = conn.split();
            let mut expected = Vec::new();
            for number in 0..50u8 {
                writer.write_message(format!("small {number}")).await.unwrap();
                writer.write_message(vec![number; 5000]).await.unwrap();
                expected.extend([text(format!("small {number}")), binary([number; 5000])]);
            }
            remote.release_writes();
            within(writer.flush()).await.unwrap();
            assert_eq!(remote.received_frames(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn leave_through_a_transport_without_vectored_writes() {
        let (mut conn, remote) = server();
        remote.refuse_vectored_writes();
        conn.write_message(vec![1; 5000]).await.unwrap();
        conn.write_message("small").await.unwrap();
        assert_eq!(remote.received_frames(), [binary([1; 5000]), text("small")]);
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_payload_by_reference_leave_in_one_vectored_write() {
        let (mut conn, remote) = server();
        conn.write_message(vec![1; 5000]).await.unwrap();
        assert_eq!((remote.counters().writes, remote.counters().vectored_writes), (1, 1));
    }
}

mod a_client {
    use super::*;

    /// RFC 6455, 5.3: a key for each frame, and the caller's bytes stay as they are.
    #[tokio::test(start_paused = true)]
    async fn masks_each_frame_anew_and_leaves_the_caller_s_bytes_alone() {
        let (mut conn, remote) = client_with(&Settings::default());
        let payload = bytes::Bytes::from(vec![0x5A; 10_000]);
        let prepared = PreparedMessage::new(payload.clone());
        let mut keys = std::collections::HashSet::new();
        for _ in 0..300 {
            conn.write_message(payload.clone()).await.unwrap();
            conn.write_prepared(&prepared).await.unwrap();
            conn.write_borrowed(silverback::MessageRef::Binary(&payload)).await.unwrap();
            for frame in remote.received_frames() {
                keys.insert(frame.mask.expect("a client masks"));
                assert_eq!(frame.payload, payload);
            }
        }
        assert_eq!(payload, vec![0x5A; 10_000]);
        assert_eq!(prepared.message().as_bytes(), payload);
        assert!(keys.len() > 890, "{} different keys for 900 frames", keys.len());
    }

    #[tokio::test(start_paused = true)]
    async fn masks_control_frames_too() {
        let (mut conn, remote) = client_with(&Settings::default());
        conn.ping(b"?").unwrap();
        remote.send_frame(ping("!"));
        tokio::spawn(async move { conn.close(1000, "").await });
        for expected in [ping("?"), close(1000, "")] {
            within(remote.expect(expected)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn prepared_messages_are_sent_by_many() {
    let news = PreparedMessage::new("one for all");
    for _ in 0..3 {
        let (mut conn, remote) = server();
        conn.write_prepared(&news).await.unwrap();
        assert_eq!(remote.received_frames(), [text("one for all")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_knows_what_the_reader_has_received() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    send_together(&remote, [text("one"), ping("?"), text("two")]);
    for _ in 0..2 {
        within(reader.read_message()).await.unwrap();
    }
    assert!(poll_once(reader.read_message()).is_pending(), "the reader waits, and so the writer is told");
    assert_eq!((writer.stats().messages_received, writer.stats()), (2, reader.stats()));
    send_together(&remote, [text("three")]);
    within(reader.read_message()).await.unwrap();
    let at_the_end = reader.stats();
    drop(reader);
    assert_eq!((at_the_end.messages_received, writer.stats().messages_received), (3, 3));
    assert_eq!(writer.stats().bytes_received, at_the_end.bytes_received);
}
