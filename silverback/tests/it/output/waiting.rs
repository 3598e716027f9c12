//! Writers wait for room, first come, first served, and a cancelled writer leaves the queue.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Wake, Waker},
};

use futures_util::{Sink, SinkExt};
use silverback::{Conn, Message, MessageKind, TryWriteError, Writer};
use silverback_testkit::{
    pipe::{Plan, Remote},
    poll::{CountingWaker, poll_once},
    wire::{binary, text},
};
use tokio::{io::AsyncWriteExt, task::JoinHandle};

use crate::support::{server_config, settle, within};

/// A connection whose queue of 100 bytes is full, on a transport that takes nothing.
async fn full() -> (Conn, Remote) {
    let (mut conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.plan_writes(Plan::new().stall());
    conn.write_message("x".repeat(98)).await.unwrap();
    (conn, remote)
}

/// A task that writes as soon as it is its turn.
async fn writes(writer: &Writer, message: impl Into<Message>) -> JoinHandle<()> {
    let (writer, message) = (writer.clone(), message.into());
    let task = tokio::spawn(async move { writer.write_message(message).await.unwrap() });
    settle().await;
    task
}

#[tokio::test(start_paused = true)]
async fn write_in_the_order_in_which_they_came() {
    let (conn, remote) = full().await;
    let (writer, _reader) = conn.split();
    let mut expected = vec![text("x".repeat(98))];
    for number in 0..50 {
        let message = format!("{number}").repeat(1 + number % 40);
        writes(&writer, message.clone()).await;
        expected.push(text(message));
    }
    remote.limit_capacity(40);
    remote.release_writes();
    for frame in expected {
        within(remote.expect(frame)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn are_not_overtaken_by_those_who_only_try() {
    let (conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.limit_capacity(10);
    let (writer, _reader) = conn.split();
    for _ in 0..3 {
        writer.write_message("x".repeat(30)).await.unwrap();
    }
    let waiting = writes(&writer, "y".repeat(90)).await;
    let mut tries = 0;
    while !waiting.is_finished() {
        // There is always room for this message, but another writer waits for all of the room.
        let tried = writer.try_write_message("z");
        assert!(matches!(tried, Err(TryWriteError::Full(_))) || waiting.is_finished(), "{tried:?}");
        let _ = remote.received();
        settle().await;
        tries += 1;
        assert!(tries < 100, "it starves");
    }
    writer.try_write_message("z").unwrap();
    assert!(writer.stats().queued_output > 0, "the queue was never empty");
}

#[tokio::test(start_paused = true)]
async fn go_on_when_there_is_room_for_them_and_not_only_when_half_has_left() {
    let (conn, remote) = full().await;
    let (writer, _reader) = conn.split();
    let waiting = writes(&writer, "y".repeat(8)).await;
    remote.plan_writes(Plan::new().write_at_most(10).stall());
    remote.release_writes();
    settle().await;
    assert!(waiting.is_finished());
}

#[tokio::test(start_paused = true)]
async fn pass_their_turn_on_when_they_are_dropped() {
    let (conn, remote) = full().await;
    let (writer, _reader) = conn.split();
    let first = CountingWaker::new();
    let mut given_up = Box::pin(writer.write_message("given up"));
    assert!(first.poll(given_up.as_mut()).is_pending());
    let waiting = writes(&writer, "waiting").await;
    remote.release_writes();
    settle().await;
    assert_eq!((first.count(), waiting.is_finished()), (1, false), "it is the turn of the first");
    drop(given_up);
    within(waiting).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wait_for_a_streamed_message_in_the_same_order() {
    let (conn, remote) = server_config(|config| config);
    let (writer, _reader) = conn.split();
    let mut streaming = writer.next_writer(MessageKind::Binary).await.unwrap();
    let first = writes(&writer, "first").await;
    let second = {
        let writer = writer.clone();
        tokio::spawn(async move { writer.next_writer(MessageKind::Text).await.unwrap().finish().await.unwrap() })
    };
    settle().await;
    let third = writes(&writer, "third").await;
    assert!(matches!(writer.try_write_message("try"), Err(TryWriteError::Full(_))));
    streaming.write_all(b"streamed").await.unwrap();
    streaming.finish().await.unwrap();
    for task in [first, second, third] {
        within(task).await.unwrap();
    }
    for frame in [binary("streamed"), text("first"), text(""), text("third")] {
        within(remote.expect(frame)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn do_not_stand_behind_a_sink_that_gave_up() {
    let (mut conn, remote) = full().await;
    let writer = conn.halves().0.clone();
    assert!(poll_once(SinkExt::<Message>::feed(&mut conn, "given up".into())).is_pending());
    let waiting = writes(&writer, "waiting").await;
    remote.release_writes();
    within(waiting).await.unwrap();
    within(conn.write_message("from the same connection")).await.unwrap();
    within(SinkExt::<Message>::send(&mut conn, "by the sink again".into())).await.unwrap();
    for message in ["x".repeat(98).as_str(), "waiting", "from the same connection", "by the sink again"] {
        within(remote.expect(text(message))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn leave_nothing_behind_when_they_give_up() {
    let (mut conn, remote) = server_config(|config| config.max_queued_output(100));
    remote.plan_writes(Plan::new().stall());
    conn.write_message("x".repeat(200)).await.unwrap();
    let writer = conn.halves().0.clone();
    let prepared = silverback::PreparedMessage::new("prepared");
    for _ in 0..3 {
        leaves_no_waker(writer.write_message("message"));
        leaves_no_waker(writer.write_borrowed(silverback::MessageRef::Text("borrowed")));
        leaves_no_waker(writer.write_prepared(&prepared));
        leaves_no_waker(writer.next_writer(MessageKind::Text));
        leaves_no_waker(writer.flush());
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_sink_are_one_however_often_it_is_polled() {
    let (mut conn, _remote) = full().await;
    let wakers: Vec<_> = (0..10).map(|_| Arc::new(Held)).collect();
    for held in &wakers {
        let waker = Waker::from(held.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(Sink::<Message>::poll_ready(Pin::new(&mut conn), &mut cx).is_pending());
        assert!(Sink::<Message>::poll_flush(Pin::new(&mut conn), &mut cx).is_pending());
    }
    let held: Vec<_> = wakers.iter().map(|held| Arc::strong_count(held) - 1).collect();
    assert_eq!(held, [0, 0, 0, 0, 0, 0, 0, 0, 0, 2], "the last poll's alone, for room and for the flush");
}

#[tokio::test(start_paused = true)]
async fn are_told_when_there_will_be_no_room() {
    let (conn, _remote) = full().await;
    let (writer, _reader) = conn.split();
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.write_message("no room").await })
        })
        .collect();
    settle().await;
    writer.start_close(1000, "").unwrap();
    for writing in waiting {
        assert!(within(writing).await.unwrap().unwrap_err().is_closing());
    }
}

struct Held;

impl Wake for Held {
    fn wake(self: Arc<Self>) {}
}

#[track_caller]
fn leaves_no_waker(future: impl Future) {
    let held = Arc::new(Held);
    let waker = Waker::from(held.clone());
    {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(&waker);
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert!(Arc::strong_count(&held) > 2, "it waits");
    }
    assert_eq!(Arc::strong_count(&held), 2, "the waker was left behind");
}
