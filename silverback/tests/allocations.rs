//! Allocations of connections, counted on their thread. The peer runs on another thread.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream as PlainStream,
    thread::{self, JoinHandle},
};

use allocation_counter::{AllocationInfo, measure};
use silverback::{Config, Conn, Error, MessageKind, MessageRef, Negotiated, Role, Settings};
use silverback_testkit::wire::{CLIENT_KEY, Frame, binary, continuation, ping, text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A connection on this thread and the plain end of its socket.
fn server(settings: &Settings) -> (Conn, PlainStream) {
    let (near, far) = PlainStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let near = UnixStream::from_std(near).unwrap();
    (Conn::from_handshake(near, Role::Server, Negotiated::default(), [], settings), far)
}

fn wire(frames: impl IntoIterator<Item = Frame>) -> Vec<u8> {
    frames.into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode()).collect()
}

/// Sends the same burst again and again, each time after the answers to the one before have come: as many bytes, less
/// the four of each mask.
fn ask(mut stream: PlainStream, burst: Vec<u8>, messages: usize) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut answers = vec![0; burst.len() - 4 * messages];
        while stream.write_all(&burst).and_then(|()| stream.read_exact(&mut answers)).is_ok() {}
    })
}

async fn echo_owned(conn: &mut Conn, messages: usize) {
    for _ in 0..messages {
        let message = conn.read_message().await.unwrap().unwrap();
        conn.write_message(message).await.unwrap();
    }
}

async fn echo_lent(conn: &mut Conn, messages: usize) {
    let (writer, reader) = conn.halves();
    for _ in 0..messages {
        let message = reader.read_borrowed().await.unwrap().unwrap();
        writer.write_borrowed(message).await.unwrap();
    }
}

/// Counts the allocations of `echo` for this many bursts, in steady state.
fn count(rounds: usize, burst: Vec<Frame>, mut echo: impl AsyncFnMut(&mut Conn, usize)) -> AllocationInfo {
    let runtime = runtime();
    let messages = burst.len();
    let (mut conn, peer) = runtime.block_on(async { server(&Settings::default()) });
    let peer = ask(peer, wire(burst), messages);
    runtime.block_on(echo(&mut conn, rounds / 4 * messages));
    let info = measure(|| runtime.block_on(echo(&mut conn, rounds * messages)));
    drop(conn);
    drop(runtime);
    peer.join().unwrap();
    info
}

/// Bursts of small and large messages, of both kinds.
fn bursts() -> Vec<Vec<Frame>> {
    vec![
        vec![text("x".repeat(16))],
        (0..32).map(|_| text("x".repeat(16))).collect(),
        (0..32).map(|_| binary(vec![7; 1000])).collect(),
        vec![text("\u{e9}".repeat(2000))],
        vec![binary(vec![7; 16_000])],
    ]
}

#[test]
fn a_message_that_is_lent_and_answered_allocates_nothing() {
    for burst in bursts() {
        let name = format!("{} times {:?}", burst.len(), burst[0]);
        let info = count(200, burst, echo_lent);
        assert_eq!(info.count_total, 0, "{name}");
    }
}

#[test]
fn a_message_that_is_owned_and_answered_allocates_once_at_most() {
    for burst in bursts() {
        let messages = 200 * burst.len() as u64;
        let name = format!("{} times {:?}", burst.len(), burst[0]);
        let info = count(200, burst, echo_owned);
        assert!(info.count_total <= messages, "{} allocations for {messages} messages, {name}", info.count_total);
    }
}

/// Small messages in bursts, read by small reads and by large ones, and as streams of bytes of their own.
#[test]
fn a_tunnel_and_streamed_messages_allocate_nothing_for_each_message() {
    let runtime = runtime();
    let (conn, mut peer) = runtime.block_on(async { server(&Settings::default()) });
    let burst = wire((0..100).map(|_| binary([7; 10])));
    // A message of one byte asks for the next burst.
    let feeding =
        thread::spawn(move || while peer.write_all(&burst).and_then(|()| peer.read_exact(&mut [0; 3])).is_ok() {});
    let mut tunnel = conn.into_tunnel();
    let mut room = [0; 4096];
    let mut read_bursts = |bursts: usize, at_once: usize| {
        runtime.block_on(async {
            for _ in 0..bursts {
                let mut left = 1000;
                while left > 0 {
                    left -= tunnel.read(&mut room[..at_once.min(left)]).await.unwrap();
                }
                tunnel.write_all(b"!").await.unwrap();
            }
        });
    };
    read_bursts(20, 3);
    for at_once in [1, 3, 10, 64, 4096] {
        let info = measure(|| read_bursts(100, at_once));
        assert_eq!(info.count_total, 0, "{at_once} bytes at once");
    }
    let mut conn = tunnel.into_conn();
    let mut stream_bursts = |bursts: usize| {
        runtime.block_on(async {
            for _ in 0..100 * bursts {
                let mut message = conn.next_reader().await.unwrap().unwrap();
                message.read_exact(&mut room[..10]).await.unwrap();
                if conn.stats().messages_received % 100 == 0 {
                    conn.write_borrowed(MessageRef::Binary(b"!")).await.unwrap();
                }
            }
        });
    };
    stream_bursts(2);
    assert_eq!(measure(|| stream_bursts(100)).count_total, 0);
    drop(conn);
    drop(runtime);
    feeding.join().unwrap();
}

/// The pieces of a large message are random, and so is whether a pooled buffer fits a piece. But no message costs an
/// allocation of its size.
#[test]
fn large_binary_messages_reuse_their_buffers() {
    for size in [100_000, 1_000_000] {
        for (name, info) in [
            ("borrowed", count(40, vec![binary(vec![7; size])], echo_lent)),
            ("owned", count(40, vec![binary(vec![7; size])], echo_owned)),
        ] {
            let each = info.bytes_total / 40;
            assert!(each < size as u64 / 4, "{each} bytes for each message of {size}, {name}");
        }
    }
}

#[test]
fn control_frames_allocate_little() {
    let runtime = runtime();
    let (mut conn, mut peer) = runtime.block_on(async { server(&Settings::default()) });
    let burst = wire([ping("0123456789"), ping(""), text("x")]);
    let answers = burst.len() - 3 * 4;
    let peer = thread::spawn(move || {
        let mut answers = vec![0; answers];
        while peer.write_all(&burst).and_then(|()| peer.read_exact(&mut answers)).is_ok() {}
    });
    runtime.block_on(echo_lent(&mut conn, 50));
    let info = measure(|| runtime.block_on(echo_lent(&mut conn, 200)));
    // Control frames are rare, so they are boxed to keep the type of every message small.
    let pings = 2 * 200;
    assert!(info.count_total <= 2 * pings, "{} allocations for {pings} pings", info.count_total);
    assert!(info.bytes_total <= 300 * pings, "{} bytes for {pings} pings", info.bytes_total);
    drop(conn);
    drop(runtime);
    peer.join().unwrap();
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    const CONNECTIONS: usize = 64;
    let runtime = runtime();
    let burst = wire([text("x".repeat(3000)), binary(vec![7; 30_000]), text("last")]);
    let mut answers = vec![0; burst.len() - 3 * 4];
    let mut traffic = |rounds: usize| {
        runtime.block_on(async {
            let mut idle: Vec<_> = (0..rounds).map(|_| server(&Settings::default())).collect();
            for (conn, far) in &mut idle {
                far.write_all(&burst).unwrap();
                echo_owned(conn, 3).await;
                far.read_exact(&mut answers).unwrap();
                // It now waits for more input, so this is the memory of a waiting connection.
                tokio::select! {
                    biased;
                    message = conn.read_message() => panic!("{message:?}"),
                    () = std::future::ready(()) => {}
                }
            }
            idle
        })
    };
    // The thread's buffers exist already.
    let warm = traffic(4);
    let mut idle = Vec::new();
    let info = measure(|| idle = traffic(CONNECTIONS));
    let each = info.bytes_current / CONNECTIONS as i64;
    assert!(each < 2500, "{each} bytes for each idle connection");
    drop((warm, idle));
}

#[test]
fn a_declared_length_gets_no_memory() {
    let runtime = runtime();
    let settings = Settings::default().config(Config::default().max_message_size(1 << 40));
    for opcode in [0x1, 0x2] {
        let info = measure(|| {
            runtime.block_on(async {
                let (mut conn, mut peer) = server(&settings);
                let header = text("").opcode(opcode).masked(CLIENT_KEY).declared_len(1 << 39).encode();
                peer.write_all(&header).unwrap();
                peer.write_all(&[0x55; 100]).unwrap();
                drop(peer);
                assert!(matches!(conn.read_message().await, Err(Error::Lost | Error::Protocol(_))));
            });
        });
        assert!(info.bytes_max < 500_000, "{} bytes for a message of which 100 came", info.bytes_max);
    }
}

#[test]
fn many_tiny_fragments_and_pings_stay_small() {
    let runtime = runtime();
    let mut frames = vec![binary([1]).not_final()];
    for _ in 0..20_000 {
        frames.push(continuation([2]).not_final());
        frames.push(continuation("").not_final());
        frames.push(ping("?"));
    }
    frames.push(continuation([3]));
    let wire = wire(frames);
    let info = measure(|| {
        let (mut conn, mut peer) = runtime.block_on(async { server(&Settings::default()) });
        let mut pongs = peer.try_clone().unwrap();
        let reading = thread::spawn(move || std::io::copy(&mut pongs, &mut std::io::sink()));
        let writing = thread::spawn(move || peer.write_all(&wire));
        let message = runtime.block_on(conn.read_message()).unwrap().unwrap();
        assert_eq!(message.len(), 20_002);
        drop(conn);
        writing.join().unwrap().unwrap();
        reading.join().unwrap().unwrap();
    });
    assert!(info.bytes_max < 1_000_000, "{} bytes", info.bytes_max);
}

/// 256 MiB from one side to the other, both on this thread.
#[test]
fn a_streamed_message_needs_little_memory_on_either_side() {
    const SIZE: u64 = 256 * 1024 * 1024;
    let runtime = runtime();
    let info = measure(|| {
        runtime.block_on(async {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let settings = Settings::default();
            let sender = Conn::from_handshake(near, Role::Server, Negotiated::default(), [], &settings);
            let mut receiver = Conn::from_handshake(far, Role::Client, Negotiated::default(), [], &settings);
            let (writer, _reader) = sender.split();
            let mut writing = writer.next_writer(MessageKind::Binary).await.unwrap();
            let sending = async {
                copy(&mut tokio::io::repeat(7).take(SIZE), &mut writing).await.unwrap();
                writing.shutdown().await.unwrap();
            };
            let receiving = async {
                let mut reading = receiver.next_reader_up_to(SIZE).await.unwrap().unwrap();
                copy(&mut reading, &mut sink()).await.unwrap()
            };
            let ((), count) = tokio::join!(sending, receiving);
            assert_eq!(count, SIZE);
        });
    });
    assert!(info.bytes_max < 4 * 1024 * 1024, "{} bytes at most", info.bytes_max);
}

/// Checks that counting works at all.
#[test]
fn allocations_are_counted() {
    let info = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!((info.count_total, info.bytes_total), (1, 100));
}
