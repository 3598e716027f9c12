//! `Sink::poll_close`: one Close frame, flushed. It never reads; the reading side finishes the handshake.

use std::{future::poll_fn, pin::Pin, time::Duration};

use futures_util::{Sink, SinkExt, StreamExt};
use silverback::{Conn, Error, Message, Timeout};
use silverback_testkit::{
    pipe::{Plan, Remote},
    poll::{CountingWaker, poll_once},
    wire::{close, text},
};
use tokio::time::Instant;

use crate::support::{server, server_config, settle, within};

/// A task that counts how often it is polled until the sink is closed.
async fn close_counted(conn: &mut (impl Sink<Message, Error = Error> + Unpin), polls: &mut usize) -> Result<(), Error> {
    poll_fn(|cx| {
        *polls += 1;
        Pin::new(&mut *conn).poll_close(cx)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn is_ready_when_the_close_frame_has_left_whatever_the_peer_does() {
    let (mut conn, remote) = server();
    conn.write_message("before").await.unwrap();
    let mut polls = 0;
    within(close_counted(&mut conn, &mut polls)).await.unwrap();
    assert_eq!(polls, 1);
    within(close_counted(&mut conn, &mut polls)).await.unwrap();
    within(remote.expect(text("before"))).await;
    within(remote.expect(close(1000, ""))).await;
    assert_eq!(remote.received(), b"", "one Close frame is enough");
    assert_eq!(remote.counters().reads, 0);
}

#[tokio::test(start_paused = true)]
async fn is_polled_no_more_than_there_is_progress() {
    let (mut conn, remote) = server();
    remote.plan_writes(Plan::new().stall());
    let closing = tokio::spawn(async move {
        let mut polls = 0;
        close_counted(&mut conn, &mut polls).await.unwrap();
        (polls, conn)
    });
    settle().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!closing.is_finished());
    remote.release_writes();
    let (polls, _conn) = within(closing).await.unwrap();
    assert_eq!(polls, 2);
    within(remote.expect(close(1000, ""))).await;
}

#[tokio::test(start_paused = true)]
async fn wakes_the_reader_once_however_often_it_is_polled() {
    let (conn, _remote) = server();
    let (writer, mut reader) = conn.split();
    let wakes = CountingWaker::new();
    assert!(wakes.poll(std::pin::pin!(reader.read_message())).is_pending());
    for _ in 0..10 {
        writer.start_close(1000, "").unwrap();
        assert!(wakes.poll(std::pin::pin!(reader.read_message())).is_pending());
    }
    assert_eq!(wakes.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn leaves_every_message_to_the_task_that_reads() {
    let (conn, remote) = server();
    let (mut sink, mut stream) = StreamExt::split(conn);
    let reading = tokio::spawn(async move {
        let mut read = Vec::new();
        while let Some(message) = stream.next().await {
            read.push(message.unwrap());
        }
        read
    });
    settle().await;
    within(sink.close()).await.unwrap();
    within(remote.expect(close(1000, ""))).await;
    let messages: Vec<_> = (0..20).map(|number| format!("message {number}")).collect();
    for message in &messages {
        remote.send_frame(text(message));
        // Polled again and again, as some combinators do.
        within(sink.close()).await.unwrap();
    }
    remote.send_frame(close(1000, ""));
    remote.half_close();
    let read = within(reading).await.unwrap();
    assert_eq!(read, messages.into_iter().map(Message::from).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn goes_on_in_the_background_when_the_connection_is_dropped() {
    let (mut conn, remote) = server();
    within(conn.close_as_a_sink()).await.unwrap();
    drop(conn);
    within(remote.expect(close(1000, ""))).await;
    remote.send_frame(text("still on its way"));
    remote.send_frame(close(1000, ""));
    within(remote.ended()).await;
    assert!(remote.is_shut_down() && !remote.is_dropped(), "the peer's end is waited for");
    remote.half_close();
    settle().await;
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn ends_with_the_budget_of_the_close_when_the_peer_takes_nothing() {
    for fills_first in [false, true] {
        let (mut conn, remote) = server_config(|config| config.close_timeout(Duration::from_secs(3)));
        remote.plan_writes(Plan::new().stall());
        if fills_first {
            // The flusher looks after it from now on, for a stall of 30 s.
            conn.write_message("stuck").await.unwrap();
            settle().await;
        }
        let begun = Instant::now();
        let error = within(conn.close_as_a_sink()).await.unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error:?}");
        assert_eq!(begun.elapsed().as_secs(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn has_nothing_to_do_after_the_peer_has_closed() {
    let (mut conn, remote) = server();
    remote.send_frame(close(1001, ""));
    remote.half_close();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert!(matches!(poll_once(conn.close_as_a_sink()), std::task::Poll::Ready(Ok(()))));
    check_answered(&remote).await;
}

async fn check_answered(remote: &Remote) {
    within(remote.expect(close(1001, ""))).await;
    assert_eq!(remote.received(), b"");
}

/// `Conn` has an inherent `close`, which a method call finds before the trait's.
trait CloseAsASink {
    fn close_as_a_sink(&mut self) -> impl Future<Output = Result<(), Error>>;
}

impl CloseAsASink for Conn {
    fn close_as_a_sink(&mut self) -> impl Future<Output = Result<(), Error>> {
        SinkExt::<Message>::close(self)
    }
}
