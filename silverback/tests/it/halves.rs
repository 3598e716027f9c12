//! The halves of a connection on tasks and threads of their own.

use std::{collections::HashMap, future::pending, pin::pin};

use futures_util::{SinkExt, StreamExt};
use silverback::{Conn, Message, MessageKind, Negotiated, PreparedMessage, Role, Settings, TryWriteError, Writer};
use silverback_testkit::{
    pipe::{Plan, pipe},
    poll::poll_once,
    wire::{CLIENT_KEY, close, ping, pong, text},
};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::support::{echo, server, server_config, settle, within};

#[tokio::test(start_paused = true)]
async fn each_is_woken_for_its_own_direction() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    let (writer, mut reader) = conn.split();
    let reading = tokio::spawn(async move { (reader.read_message().await, reader) });
    writer.write_message("x".repeat(10)).await.unwrap();
    let writing = tokio::spawn(async move { (writer.write_message("then").await, writer) });
    settle().await;
    remote.send_frame(text("read while a write waits"));
    let (message, mut reader) = within(reading).await.unwrap();
    assert_eq!(message.unwrap(), Some("read while a write waits".into()));
    let reading = tokio::spawn(async move { (reader.read_message().await, reader) });
    settle().await;
    assert!(!writing.is_finished());
    remote.release_writes();
    within(writing).await.unwrap().0.unwrap();
    assert!(!reading.is_finished());
    remote.send_frame(text("read after it"));
    assert_eq!(within(reading).await.unwrap().0.unwrap(), Some("read after it".into()));
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_change_its_task() {
    let (conn, remote) = server();
    let (_writer, mut reader) = conn.split();
    for number in 0..10 {
        let reading = tokio::spawn(async move { (reader.read_message().await, reader) });
        settle().await;
        remote.send_frame(text(format!("{number}")));
        let message;
        (message, reader) = within(reading).await.unwrap();
        assert_eq!(message.unwrap(), Some(format!("{number}").into()));
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_came_with_the_handshake_are_kept() {
    let early = [text("early").masked(CLIENT_KEY).encode(), ping("?").masked(CLIENT_KEY).encode()].concat();
    for cut in 0..=early.len() {
        let (pipe, remote) = pipe();
        let (with_handshake, afterwards) = early.split_at(cut);
        let settings = Settings::default();
        let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), with_handshake, &settings);
        remote.send(afterwards);
        let (_writer, mut reader) = conn.split();
        assert_eq!(within(reader.read_message()).await.unwrap(), Some("early".into()), "cut at {cut}");
        tokio::spawn(async move { reader.read_message().await });
        within(remote.expect(pong("?"))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tell_how_the_connection_ended() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    assert!(writer.is_open() && writer.close_info().is_none() && reader.close_info().is_none());
    remote.half_close();
    assert!(matches!(within(reader.read_message()).await, Err(silverback::Error::Lost)));
    assert!(!writer.is_open());
    for info in [writer.close_info(), reader.close_info()] {
        assert_eq!(info.unwrap().code.get(), 1006);
    }
    let error = writer.write_message("late").await.unwrap_err();
    assert!(error.is_disconnect(), "{error}");
}

fn pair(capacity: usize) -> (Conn, Conn) {
    let (near, far): (DuplexStream, DuplexStream) = duplex(capacity);
    let settings = Settings::default();
    let server = Conn::from_handshake(near, Role::Server, Negotiated::default(), [], &settings);
    let client = Conn::from_handshake(far, Role::Client, Negotiated::default(), [], &settings);
    (server, client)
}

async fn tcp_pair() -> (Conn, Conn) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    let settings = Settings::default();
    let server = Conn::from_handshake(near, Role::Server, Negotiated::default(), [], &settings);
    let client = Conn::from_handshake(far, Role::Client, Negotiated::default(), [], &settings);
    (server, client)
}

const WRITERS: usize = 8;
const MESSAGES: usize = 300;

/// `WHO:NUMBER:` and padding of a length that follows from both.
fn numbered(who: usize, number: usize) -> String {
    let len = [0, 10, 116, 130, 3000, 5000, 66_000][(who * 7 + number * 3) % 7];
    format!("{who}:{number}:{}", "x".repeat(len))
}

async fn write_all_numbers(writer: Writer, who: usize) {
    for number in 0..MESSAGES {
        let message = numbered(who, number);
        match number % 10 {
            0 => {
                let mut streaming = writer.next_writer(MessageKind::Text).await.unwrap();
                for piece in message.as_bytes().chunks(1000) {
                    streaming.write_all(piece).await.unwrap();
                }
                streaming.finish().await.unwrap();
            }
            1 => writer.write_borrowed(silverback::MessageRef::Text(&message)).await.unwrap(),
            2 => {
                writer.ping(b"between").unwrap();
                writer.write_message(message).await.unwrap();
            }
            3 => {
                writer.write_message(message).await.unwrap();
                writer.flush().await.unwrap();
            }
            _ => writer.write_message(message).await.unwrap(),
        }
    }
}

/// Every writer's messages arrive whole and in its order.
async fn check_writers(sender: Conn, mut receiver: Conn) {
    let (writer, mut reader) = sender.split();
    let mut tasks = JoinSet::new();
    for who in 0..WRITERS {
        tasks.spawn(write_all_numbers(writer.clone(), who));
    }
    // Pongs to the pings must be read too.
    let reading = tokio::spawn(async move { reader.read_message().await });
    let mut next = HashMap::new();
    for read in 0..WRITERS * MESSAGES {
        let message = within(receiver.read_message()).await.unwrap().unwrap();
        let text = message.as_text().unwrap();
        let who: usize = text.split(':').next().unwrap().parse().unwrap();
        if read % 10 == 0 {
            // Its pong is written by the sender's reading side, between the frames of its writers.
            receiver.ping(b"from the other side").unwrap();
        }
        let number = next.entry(who).or_insert(0);
        assert!(text == numbered(who, *number), "writer {who}, message {number}");
        *number += 1;
    }
    within(tasks.join_all()).await;
    let closing = tokio::spawn(async move { receiver.read_message().await });
    writer.start_close(1000, "").unwrap();
    assert_eq!(within(closing).await.unwrap().unwrap(), None);
    assert_eq!(within(reading).await.unwrap().unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_on_many_threads_do_not_mix_their_frames() {
    let (server, client) = pair(10_000);
    check_writers(server, client).await;
    let (server, client) = pair(10_000);
    check_writers(client, server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_on_sockets_do_not_mix_their_frames() {
    let (server, client) = tcp_pair().await;
    check_writers(server, client).await;
    let (server, client) = tcp_pair().await;
    check_writers(client, server).await;
}

/// Both sides write before they read, more than fits between them: only who waits for room may wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_floods_towards_each_other_pass() {
    let (server, client) = tcp_pair().await;
    let mut tasks = JoinSet::new();
    for conn in [server, client] {
        let (writer, mut reader) = conn.split();
        tasks.spawn(async move {
            for _ in 0..100 {
                writer.write_message(vec![7; 100_000]).await.unwrap();
            }
            writer.flush().await.unwrap();
            // It stays until the other side has read everything.
            pending::<()>().await;
        });
        tasks.spawn(async move {
            for _ in 0..100 {
                assert_eq!(reader.read_message().await.unwrap().map(|message| message.len()), Some(100_000));
            }
        });
    }
    for _ in 0..2 {
        within(tasks.join_next()).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_may_move_between_threads_with_output_held_back() {
    let (server, mut client) = tcp_pair().await;
    tokio::spawn(echo(server));
    for round in 0..200 {
        let burst: Vec<Message> = (0..10).map(|number| format!("{round}:{number}").into()).collect();
        for message in &burst {
            client.write_message(message.clone()).await.unwrap();
        }
        for message in burst {
            assert_eq!(within(client.read_message()).await.unwrap(), Some(message));
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn are_a_stream_and_a_sink() {
    let (conn, remote) = server();
    let (mut writer, mut reader) = conn.split();
    remote.send_frame(text("hello"));
    assert_eq!(within(reader.next()).await.unwrap().unwrap(), "hello".into());
    within(writer.send("answer".into())).await.unwrap();
    within(writer.close()).await.unwrap();
    within(remote.expect(text("answer"))).await;
    within(remote.expect(close(1000, ""))).await;
    remote.send_frame(close(1000, ""));
    assert!(within(reader.next()).await.is_none());
    assert!(reader.close_info().unwrap().is_clean);
}

#[tokio::test(start_paused = true)]
async fn forward_from_one_connection_to_another_with_the_combinators_of_futures() {
    let (conn, remote) = server();
    let (target, target_remote) = server();
    let (_writer, reader) = conn.split();
    let (writer, _reader) = target.split();
    let forwarding = tokio::spawn(reader.forward(writer));
    for number in 0..10 {
        remote.send_frame(text(format!("{number}")));
        within(target_remote.expect(text(format!("{number}")))).await;
    }
    remote.send_frame(close(1000, ""));
    within(forwarding).await.unwrap().unwrap();
    within(target_remote.expect(close(1000, ""))).await;
}

/// Two sinks of one connection: each has its own place in the queue, and each message leaves once.
#[tokio::test(start_paused = true)]
async fn each_clone_of_a_writer_is_a_sink_of_its_own() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    let (mut first, _reader) = conn.split();
    first.write_message("x".repeat(10)).await.unwrap();
    let mut second = first.clone();
    let first = tokio::spawn(async move { first.send("first".into()).await });
    settle().await;
    let second = tokio::spawn(async move { second.send("second".into()).await });
    settle().await;
    assert!(!first.is_finished() && !second.is_finished());
    remote.release_writes();
    within(first).await.unwrap().unwrap();
    within(second).await.unwrap().unwrap();
    for message in ["xxxxxxxxxx", "first", "second"] {
        within(remote.expect(text(message))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_dropped_while_it_waits_lets_the_next_one_go() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    let (writer, _reader) = conn.split();
    writer.write_message("x".repeat(10)).await.unwrap();
    let mut vanishes = writer.clone();
    assert!(poll_once(pin!(vanishes.feed("never".into()))).is_pending());
    assert!(poll_once(pin!(SinkExt::<Message>::flush(&mut vanishes))).is_pending());
    let waits = writer.clone();
    let waits = tokio::spawn(async move { waits.write_message("next").await });
    settle().await;
    drop(vanishes);
    remote.release_writes();
    within(waits).await.unwrap().unwrap();
    within(remote.expect(text("x".repeat(10)))).await;
    within(remote.expect(text("next"))).await;
    assert_eq!(remote.received(), b"");
}

#[tokio::test(start_paused = true)]
async fn are_joined_again_if_they_belong_together() {
    let (conn, remote) = server();
    let (other, _other_remote) = server();
    let (writer, reader) = conn.split();
    let (other_writer, other_reader) = other.split();
    let error = reader.reunite(other_writer).unwrap_err();
    assert_eq!(error.to_string(), "the writer and the reader belong to different connections");
    assert!(other_reader.reunite(error.writer).is_ok());
    let mut conn = error.reader.reunite(writer).unwrap();
    remote.send_frame(text("together"));
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("together".into()));
    conn.write_message("again").await.unwrap();
    within(remote.expect(text("again"))).await;
}

#[tokio::test(start_paused = true)]
async fn the_reader_closes_and_waits_for_the_answer() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    writer.write_message("before").await.unwrap();
    let closing = tokio::spawn(async move { (reader.close(1001, "bye").await, reader) });
    within(remote.expect(text("before"))).await;
    within(remote.expect(close(1001, "bye"))).await;
    assert!(!closing.is_finished());
    remote.send_frame(text("discarded"));
    remote.send_frame(close(1001, ""));
    let (closed, reader) = within(closing).await.unwrap();
    closed.unwrap();
    assert!(reader.close_info().unwrap().is_clean);
}

#[test]
fn connections_and_halves_go_from_thread_to_thread() {
    fn check<T: Send + Sync>() {}
    check::<Conn>();
    check::<silverback::Reader>();
    check::<Writer>();
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_leaves_in_one_write() {
    let (conn, remote) = server();
    let (writer, _reader) = conn.split();
    let prepared = PreparedMessage::new("prepared");
    let before = remote.counters().writes;
    let held = writer.hold();
    writer.try_write_message("one").unwrap();
    writer.try_write_prepared(&prepared).unwrap();
    assert_eq!(writer.queued_bytes(), 2 + 3 + 2 + 8);
    assert_eq!(remote.counters().writes, before);
    drop(held);
    assert_eq!(remote.counters().writes, before + 1);
    assert_eq!(writer.queued_bytes(), 0);
    within(remote.expect(text("one"))).await;
    within(remote.expect(text("prepared"))).await;
    // A task that yields with a guard delays nothing.
    let _held = writer.hold();
    writer.try_write_message("late").unwrap();
    settle().await;
    within(remote.expect(text("late"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_prepared_message_that_finds_no_room_comes_back_and_room_can_be_waited_for() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    let (writer, _reader) = conn.split();
    writer.write_message("x".repeat(10)).await.unwrap();
    let prepared = PreparedMessage::new("prepared");
    match writer.try_write_prepared(&prepared) {
        Err(TryWriteError::Full(message)) => assert_eq!(message, "prepared".into()),
        other => panic!("{other:?}"),
    }
    let waiter = writer.clone();
    let waiting = tokio::spawn(async move { waiter.wait_for_room(8).await });
    settle().await;
    assert!(!waiting.is_finished());
    remote.release_writes();
    within(waiting).await.unwrap().unwrap();
    writer.try_write_prepared(&prepared).unwrap();
    within(remote.expect(text("x".repeat(10)))).await;
    within(remote.expect(text("prepared"))).await;
}
