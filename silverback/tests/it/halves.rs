//! The halves of a connection on tasks and threads of their own.

use std::{collections::HashMap, future::pending};

use silverback::{Conn, Message, MessageKind, Negotiated, Role, Settings, Writer};
use silverback_testkit::{
    pipe::{Plan, pipe},
    wire::{CLIENT_KEY, ping, pong, text},
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
