//! An idle compressor is released, even if other tasks are busy. The size of the next message shows it: it is as large
//! as the first one, because it refers to nothing earlier.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use silverback::{Compression, Conn, MemoryBudget, Negotiated, Role, Settings, Writer, proto::deflate::DeflateParams};
use silverback_testkit::pipe::{Remote, pipe};
use tokio::time::sleep;

use super::{noise, prose};
use crate::support::settle;

/// A server without keepalive pings, and its client.
fn pushing() -> (Conn, Remote) {
    pushing_within(&MemoryBudget::new(usize::MAX))
}

fn pushing_within(budget: &MemoryBudget) -> (Conn, Remote) {
    let (pipe, remote) = pipe();
    let settings = Settings::default().compression(Compression::default()).memory_budget(budget.clone());
    let settings = settings.adjust_config(|it| it.ping_interval(None));
    let mut negotiated = Negotiated::default();
    negotiated.compression = Some(DeflateParams::default());
    (Conn::from_handshake(pipe, Role::Server, negotiated, [], &settings), remote.as_client())
}

/// The wire size of a message that is always the same.
async fn size_of_next(writer: &Writer, remote: &Remote) -> usize {
    writer.write_message(prose(100)).await.unwrap();
    settle().await;
    remote.received().len()
}

/// Pushes with pauses, short ones and long ones.
async fn check_is_given_back(writer: Writer, remote: Remote) {
    let first = size_of_next(&writer, &remote).await;
    for _ in 0..3 {
        sleep(Duration::from_millis(9_900)).await;
        assert!(size_of_next(&writer, &remote).await < first / 2, "it is still there");
    }
    for _ in 0..3 {
        sleep(Duration::from_millis(20_100)).await;
        assert_eq!(size_of_next(&writer, &remote).await, first, "it was given back");
        assert!(size_of_next(&writer, &remote).await < first / 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_pushes_gives_its_compressor_back() {
    let (conn, remote) = pushing();
    let (writer, mut reader) = conn.split();
    let reading = tokio::spawn(async move { reader.read_message().await });
    settle().await;
    check_is_given_back(writer, remote).await;
    assert!(!reading.is_finished());
}

#[tokio::test(start_paused = true)]
async fn so_does_a_writer_whose_reader_has_gone_or_does_not_read() {
    let (conn, remote) = pushing();
    let (writer, reader) = conn.split();
    drop(reader);
    check_is_given_back(writer, remote).await;
    let (conn, remote) = pushing();
    let (writer, _reader) = conn.split();
    check_is_given_back(writer, remote).await;
}

#[tokio::test(start_paused = true)]
async fn connections_that_come_and_go_are_not_kept_until_their_compressors_would_be_given_back() {
    for _ in 0..200 {
        let (mut conn, remote) = pushing();
        conn.write_message(prose(100)).await.unwrap();
        drop(conn);
        settle().await;
        assert!(remote.is_dropped());
    }
}

/// A message that does not shrink has the compressor along while it is copied. Meanwhile the flusher may look for idle
/// compressors and find none.
#[tokio::test(start_paused = true)]
async fn a_large_message_that_is_cancelled_does_not_keep_the_compressor() {
    let budget = MemoryBudget::new(usize::MAX);
    let (conn, _remote) = pushing_within(&budget);
    let (writer, _reader) = conn.split();
    let message = noise(16 * 1024 * 1024);
    // It is cancelled at its beginning, when it is compressed in 64 steps, and when a part of it is copied.
    for steps in [1, 64, 65] {
        writer.write_message(prose(100)).await.unwrap();
        settle().await;
        assert!(budget.used() > 0);
        {
            let mut writing = pin!(writer.write_borrowed(&message[..]));
            for _ in 0..steps {
                assert!(poll_fn(|cx| Poll::Ready(writing.as_mut().poll(cx).is_pending())).await);
            }
            sleep(Duration::from_secs(30)).await;
        }
        sleep(Duration::from_secs(30)).await;
        assert_eq!(budget.used(), 0, "after {steps} steps");
    }
}
