//! The replies to a burst leave together, and no reply waits for a handler that waits for something else.

use std::{sync::Arc, time::Duration};

use silverback::{Conn, Dialer, Error, Message, Settings, Upgrader};
use silverback_testkit::{
    pipe::Remote,
    wire::{ping, pong, text},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::{Instant, sleep},
};

use crate::support::{echo, send_together, server, server_with, settle, within};

#[tokio::test(start_paused = true)]
async fn one_message_costs_one_read_and_one_write() {
    let (conn, remote) = server();
    tokio::spawn(echo(conn));
    for round in 1..=3 {
        remote.send_frame(text("hello"));
        within(remote.expect(text("hello"))).await;
        settle().await;
        let counters = remote.counters();
        assert_eq!((counters.reads, counters.writes), (round, round));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_arrive_together_cost_one_read_and_one_write() {
    let (conn, remote) = server();
    tokio::spawn(echo(conn));
    for round in 1..=3 {
        send_together(&remote, (0..32).map(|number| text(format!("message {number}"))));
        for number in 0..32 {
            within(remote.expect(text(format!("message {number}")))).await;
        }
        settle().await;
        let counters = remote.counters();
        assert_eq!((counters.reads, counters.writes), (round, round));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_lent_are_answered_together_too() {
    let (mut conn, remote) = server();
    tokio::spawn(async move {
        let (writer, reader) = conn.halves();
        while let Some(message) = reader.read_borrowed().await? {
            writer.write_borrowed(message).await?;
        }
        Ok::<_, Error>(())
    });
    send_together(&remote, (0..32).map(|number| text(format!("message {number}"))));
    for number in 0..32 {
        within(remote.expect(text(format!("message {number}")))).await;
    }
    settle().await;
    assert_eq!((remote.counters().reads, remote.counters().writes), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pong_leaves_with_the_answers_before_it() {
    let (conn, remote) = server();
    tokio::spawn(echo(conn));
    send_together(&remote, [text("one"), ping("?"), text("two")]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(within(remote.read_frame()).await.unwrap());
    }
    settle().await;
    assert!(seen.contains(&pong("?")) && seen.contains(&text("one")) && seen.contains(&text("two")), "{seen:?}");
    // The pong leaves before the message behind its ping is delivered, in the same write as `one`.
    assert_eq!((remote.counters().reads, remote.counters().writes), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn output_that_fills_the_write_buffer_does_not_wait_for_the_rest() {
    let (conn, remote) = server_with(&Settings::default().write_buffer_size(1000));
    tokio::spawn(echo(conn));
    send_together(&remote, (0..32).map(|_| text("x".repeat(100))));
    for _ in 0..32 {
        within(remote.expect(text("x".repeat(100)))).await;
    }
    settle().await;
    assert_eq!((remote.counters().reads, remote.counters().writes), (1, 4));
}

/// Answers the first message at once, and the second after having waited.
async fn slow_second<W: Future<Output = ()>>(mut conn: Conn, wait: impl FnOnce() -> W) -> Result<(), Error> {
    let first = conn.read_message().await?.unwrap();
    conn.write_message(first).await?;
    let second = conn.read_message().await?.unwrap();
    wait().await;
    conn.write_message(second).await
}

async fn expect_first_at_once(remote: &Remote) {
    let before = Instant::now();
    within(remote.expect(text("first"))).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_a_handler_that_sleeps() {
    let (conn, remote) = server();
    tokio::spawn(slow_second(conn, || sleep(Duration::from_millis(200))));
    send_together(&remote, [text("first"), text("second")]);
    expect_first_at_once(&remote).await;
    let before = Instant::now();
    within(remote.expect(text("second"))).await;
    assert_eq!(before.elapsed(), Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_a_handler_that_waits_for_another_task() {
    let (conn, remote) = server();
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    tokio::spawn(slow_second(conn, move || async move { opened.notified().await }));
    send_together(&remote, [text("first"), text("second")]);
    expect_first_at_once(&remote).await;
    gate.notify_one();
    within(remote.expect(text("second"))).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_when_the_handler_is_not_a_task_of_its_own() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("first"), text("second")]);
    let first = within(conn.read_message()).await.unwrap().unwrap();
    conn.write_message(first).await.unwrap();
    // The connection is not touched any more.
    expect_first_at_once(&remote).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_by_try_write_does_not_wait_either() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("first"), text("second")]);
    let first = within(conn.read_message()).await.unwrap().unwrap();
    conn.try_write_message(first).unwrap();
    assert_eq!(remote.counters().writes, 0, "it is held back while the second message is in hand");
    expect_first_at_once(&remote).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_another_task_does_not_wait_for_the_reader() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    send_together(&remote, [text("one"), text("two")]);
    within(reader.read_message()).await.unwrap();
    // The reader has received a message and then waits for something else.
    tokio::spawn(async move { writer.write_message("first").await });
    expect_first_at_once(&remote).await;
    drop(reader);
}

#[tokio::test(start_paused = true)]
async fn flush_sends_what_is_held_back_at_once() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("first"), text("second")]);
    let first = within(conn.read_message()).await.unwrap().unwrap();
    conn.write_message(first).await.unwrap();
    assert_eq!(remote.counters().writes, 0);
    conn.flush().await.unwrap();
    assert_eq!(remote.received_frames(), [text("first")]);
}

/// The same on threads and sockets: the client gets the first answer while the handler is held for as long as it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_does_not_wait_on_threads_and_sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let conn = Upgrader::new().accept(stream).await.unwrap();
        slow_second(conn, move || async move { opened.notified().await }).await
    });
    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    for _ in 0..2 {
        conn.try_write_message("together").unwrap();
    }
    let answer = within(conn.read_message()).await.unwrap();
    assert_eq!(answer, Some(Message::from("together")));
    gate.notify_one();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some(Message::from("together")));
}

/// Many connections on few threads, each with a handler that never reads its second message: every connection gets its
/// reply.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_many_connections_is_forgotten() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let conn = Upgrader::new().accept(stream).await.unwrap();
                slow_second(conn, std::future::pending).await
            });
        }
    });
    let clients = (0..100).map(|number| {
        tokio::spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut conn = Dialer::new().dial_on(stream, &format!("ws://{address}/")).await.unwrap();
            let message = Message::from(format!("{number}"));
            conn.try_write_message(message.clone()).unwrap();
            conn.try_write_message("second").unwrap();
            assert_eq!(within(conn.read_message()).await.unwrap(), Some(message));
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}
