//! Output is bounded: who writes to a slow peer waits, and nobody else does.

use std::{io, time::Duration};

use silverback::{Config, Error, Message, PreparedMessage, Settings, Timeout, TryWriteError};
use silverback_testkit::{
    pipe::Plan,
    poll::{CountingWaker, poll_once},
    wire::{binary, close, ping, pong, text},
};
use tokio::time::Instant;

use crate::support::{client_with, echo, send_together, server, server_config, settle, within};

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
    // Held back, because a second message is in hand, and yet not in the way.
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
async fn a_flush_that_had_to_wait_is_no_stall_afterwards() {
    let (mut conn, remote) = server_config(|config| config.write_stall_timeout(Duration::from_secs(5)));
    remote.hold_until_flush();
    remote.plan_writes(Plan::new().pass().stall());
    conn.write_message("hello").await.unwrap();
    settle().await;
    remote.release_writes();
    within(conn.flush()).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(15), conn.read_message()).await;
    assert!(read.is_err(), "the connection is idle and well: {read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_waits_for_too_long_is_a_stall() {
    let stall = Duration::from_secs(5);
    let (mut conn, remote) = server_config(|config| config.write_stall_timeout(stall));
    remote.hold_until_flush();
    remote.plan_writes(Plan::new().pass().stall());
    conn.write_message("held").await.unwrap();
    let before = Instant::now();
    let error = within(conn.flush()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::WriteStall(after)) if after == stall), "{error}");
    assert_eq!(before.elapsed(), stall);
    drop(conn);
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_stall_fails_the_connection_and_wakes_everybody() {
    let stall = Duration::from_secs(8);
    let (conn, remote) = server_config(|config| config.max_queued_output(10).write_stall_timeout(stall));
    remote.plan_writes(Plan::new().write_at_most(5).stall());
    let (writer, mut reader) = conn.split();
    writer.write_message("x".repeat(100)).await.unwrap();
    let before = Instant::now();
    let writing = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("waits").await }
    });
    let flushing = tokio::spawn({
        let writer = writer.clone();
        async move { writer.flush().await }
    });
    let reading = tokio::spawn(async move { reader.read_message().await });
    let results = [
        within(writing).await.unwrap().unwrap_err(),
        within(flushing).await.unwrap().unwrap_err(),
        within(reading).await.unwrap().unwrap_err(),
    ];
    for error in results {
        assert!(matches!(error, Error::Timeout(Timeout::WriteStall(after)) if after == stall), "{error}");
    }
    assert_eq!(before.elapsed(), stall);
    assert!(remote.is_dropped(), "the descriptor goes though a writer is still there");
    assert!(writer.write_message("late").await.is_err());
}

/// Nobody reads: the reader's timer is not what finds the stall.
#[tokio::test(start_paused = true)]
async fn a_stall_is_found_though_nobody_reads() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10).ping_interval(None));
    remote.plan_writes(Plan::new().stall());
    let (writer, reader) = conn.split();
    writer.write_message("x".repeat(100)).await.unwrap();
    let before = Instant::now();
    let error = within(writer.write_message("waits")).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::WriteStall(_))), "{error}");
    assert_eq!(before.elapsed(), Config::default().write_stall_budget());
    drop((writer, reader));
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_now_and_then_is_no_stall() {
    let (conn, remote) = server_config(|config| config.write_stall_timeout(Duration::from_secs(5)));
    remote.limit_capacity(1);
    let (writer, _reader) = conn.split();
    writer.write_message("slow").await.unwrap();
    let mut taken = Vec::new();
    while taken.len() < 6 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        taken.extend(remote.received());
    }
    assert_eq!(taken, text("slow").encode());
    writer.write_message("still open").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_for_nothing_does_not_extend_a_stall() {
    let stall = Duration::from_secs(5);
    let (mut conn, remote) = server_config(|config| config.write_stall_timeout(stall).max_queued_output(1));
    remote.plan_writes(Plan::new().stall());
    conn.write_message("stuck").await.unwrap();
    let before = Instant::now();
    let writing = tokio::spawn(async move { conn.write_message("waits").await });
    while !writing.is_finished() {
        remote.wake_for_nothing();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(before.elapsed() < 2 * stall);
    }
    assert!(writing.await.unwrap().is_err());
    assert!(before.elapsed() >= stall);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_connection_does_not_disturb_others() {
    let (mut stalled, stalled_remote) = server_config(|config| config.max_queued_output(10));
    stalled_remote.plan_writes(Plan::new().stall());
    stalled.write_message("x".repeat(100)).await.unwrap();
    let stuck = tokio::spawn(async move { stalled.write_message("waits").await });
    let (conn, remote) = server();
    tokio::spawn(echo(conn));
    let before = Instant::now();
    for number in 0..100 {
        remote.send_frame(text(format!("{number}")));
        within(remote.expect(text(format!("{number}")))).await;
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(!stuck.is_finished());
    stuck.abort();
}

#[tokio::test(start_paused = true)]
async fn a_stalled_receiver_does_not_hold_up_a_broadcast() {
    let connections: Vec<_> = (0..3).map(|_| server_config(|config| config.max_queued_output(10))).collect();
    let (mut conns, remotes): (Vec<_>, Vec<_>) = connections.into_iter().unzip();
    remotes[1].plan_writes(Plan::new().stall());
    let mut slow = 0;
    for number in 0..10 {
        for conn in &mut conns {
            slow += usize::from(conn.try_write_message(format!("news {number}")).is_err());
        }
    }
    assert_eq!(slow, 9, "the first fits in the queue of the stalled one");
    let all: Vec<_> = (0..10).map(|number| text(format!("news {number}"))).collect();
    assert_eq!((remotes[0].received_frames(), remotes[2].received_frames()), (all.clone(), all));
}

#[tokio::test(start_paused = true)]
async fn an_echo_to_a_peer_that_does_not_read_stops_reading_too() {
    let (conn, remote) = server_config(|config| config.max_queued_output(1000));
    remote.plan_writes(Plan::new().stall());
    tokio::spawn(echo(conn));
    for _ in 0..1000 {
        remote.send_frame(text("x".repeat(1000)));
        settle().await;
    }
    let read = remote.counters().read_bytes;
    assert!(read < 100_000, "{read} bytes were read although no answer could leave");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_told_to_reader_and_writers() {
    let (conn, remote) = server();
    remote.plan_writes(Plan::new().error(io::ErrorKind::ConnectionReset));
    let (writer, mut reader) = conn.split();
    let reading = tokio::spawn(async move { reader.read_message().await });
    settle().await;
    // Accepted: the transport had not failed before.
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

mod pongs {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn do_not_wait_behind_a_large_message_that_waits() {
        let (conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        let (writer, mut reader) = conn.split();
        writer.write_message(vec![1; 30_000]).await.unwrap();
        writer.write_message(vec![2; 30_000]).await.unwrap();
        tokio::spawn(async move { reader.read_message().await });
        remote.send_frame(ping("urgent"));
        settle().await;
        remote.release_writes();
        within(remote.expect(binary([1; 30_000]))).await;
        within(remote.expect(pong("urgent"))).await;
        within(remote.expect(binary([2; 30_000]))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn to_a_flood_of_pings_are_bounded_and_the_newest_is_among_them() {
        let (conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        let (writer, mut reader) = conn.split();
        writer.write_message("before").await.unwrap();
        tokio::spawn(async move { reader.read_message().await });
        for number in 0..100_000 {
            remote.send_frame(ping(format!("{number}")));
        }
        settle().await;
        assert!(writer.stats().queued_output < 200_000, "{} bytes wait", writer.stats().queued_output);
        remote.release_writes();
        let mut pongs = Vec::new();
        while pongs.last() != Some(&pong("99999")) {
            match within(remote.read_frame()).await.unwrap() {
                frame if frame == text("before") => {}
                frame => pongs.push(frame),
            }
        }
        assert!(pongs.len() < 50_000);
    }

    #[tokio::test(start_paused = true)]
    async fn that_nobody_asked_for_are_sent_and_ignored() {
        let (conn, remote) = server();
        let (writer, mut reader) = conn.split();
        writer.pong(b"unasked").unwrap();
        within(remote.expect(pong("unasked"))).await;
        send_together(&remote, [pong("unasked"), pong(""), text("fine")]);
        assert_eq!(within(reader.read_message()).await.unwrap(), Some("fine".into()));
        assert_eq!(remote.received_frames(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn carry_every_payload_up_to_125_bytes() {
        let (mut conn, remote) = server();
        tokio::spawn(async move { conn.read_message().await });
        for len in [0, 1, 124, 125] {
            let payload = vec![len as u8; len];
            remote.send_frame(ping(&payload));
            within(remote.expect(pong(&payload))).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn and_pings_of_more_than_125_bytes_are_refused_on_our_side() {
        let (mut conn, remote) = server();
        assert!(matches!(conn.ping(&[0; 126]), Err(Error::Send(_))));
        conn.ping(&[0; 125]).unwrap();
        assert_eq!(remote.received_frames(), [ping([0; 125])]);
    }

    #[tokio::test(start_paused = true)]
    async fn are_on_the_wire_before_the_message_behind_their_ping_is_handed_out() {
        let (mut conn, remote) = server();
        send_together(&remote, [ping("first"), text("then")]);
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("then".into()));
        assert_eq!(remote.received_frames(), [pong("first")]);
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
