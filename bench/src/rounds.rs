//! A load that always runs the same instructions, so that valgrind can count them: the client is a task on the server's
//! own thread, has one connection at a time, and runs an exact number of rounds. The first of them fill buffers and
//! caches and are not counted.

use std::{
    hint::black_box,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream as StdTcpStream},
};

use tokio::task::yield_now;

/// A load and how often it is repeated: so many times to warm up, and then twice as often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// A name that [`run`](Self::run) knows.
    pub load: String,
    pub count: usize,
}

impl Rounds {
    /// Runs the load against the server at this address.
    ///
    /// # Panics
    /// If the load is unknown, or if the server does not return what it gets.
    pub async fn run(&self, address: SocketAddr) {
        let rounds = self.count;
        match self.load.as_str() {
            "handshake" => handshakes(address, rounds).await,
            "small" => messages(address, BINARY, 16, 1, rounds).await,
            "batch" => messages(address, BINARY, 16, 32, rounds).await,
            "text" => messages(address, TEXT, 1024, 1, rounds).await,
            "text-batch" => messages(address, TEXT, 1024, 32, rounds).await,
            "large" => messages(address, BINARY, 64 * 1024, 1, rounds).await,
            _ => panic!("the loads are handshake, small, batch, text, text-batch and large"),
        }
    }
}

async fn handshakes(address: SocketAddr, rounds: usize) {
    for round in 0..3 * rounds {
        if round == rounds {
            counting_starts();
        }
        open(address).await;
    }
    counting_ends();
}

/// Opens one connection and runs this many rounds of a burst and its echo.
async fn messages(address: SocketAddr, opcode: u8, size: usize, batch: usize, rounds: usize) {
    let mut stream = open(address).await;
    let burst = burst(opcode, size, batch);
    let mut echo = vec![0; 2 * burst.len()];
    for round in 0..3 * rounds {
        if round == rounds {
            counting_starts();
        }
        stream.write_all(&burst).expect("the burst fits into the socket");
        // A server's frames have no mask key; TCP alone returns the same bytes.
        let (whole, unmasked) = (burst.len(), burst.len() - 4 * batch);
        let got = receive(&mut stream, &mut echo, |got| got == whole || got == unmasked).await;
        assert!(got == whole || got == unmasked);
    }
    counting_ends();
}

/// Callgrind sets its counts to zero before this function. It and the next differ, so that the compiler keeps both.
#[inline(never)]
fn counting_starts() {
    black_box("starts");
}

/// Callgrind writes its counts before this function.
#[inline(never)]
fn counting_ends() {
    black_box("ends");
}

/// Opens a connection and completes its handshake.
async fn open(address: SocketAddr) -> StdTcpStream {
    let mut stream = StdTcpStream::connect(address).expect("the listener's queue has room");
    stream.set_nonblocking(true).expect("a socket can be made non-blocking");
    stream.set_nodelay(true).expect("a socket takes the option");
    stream.write_all(REQUEST.as_bytes()).expect("a request fits into the socket");
    let mut answer = [0; 2048];
    receive(&mut stream, &mut answer, |got| got > 4).await;
    stream
}

/// Reads this many bytes, and lets the server run in between.
async fn receive(stream: &mut StdTcpStream, into: &mut [u8], is_enough: impl Fn(usize) -> bool) -> usize {
    let mut got = 0;
    while !is_enough(got) {
        yield_now().await;
        match stream.read(&mut into[got..]) {
            Ok(0) => panic!("the server has closed"),
            Ok(taken) => got += taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    got
}

/// Frames of a client, one behind the other. No library encodes them, because a server is built with its own alone.
fn burst(opcode: u8, size: usize, batch: usize) -> Vec<u8> {
    let key = [0x9b, 0x21, 0x5e, 0xc4];
    let mut frame = vec![0x80 | opcode];
    match size {
        0..126 => frame.push(0x80 | size as u8),
        126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((size as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(key.iter().cycle().take(size).map(|mask| mask ^ b'x'));
    frame.repeat(batch)
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;

const REQUEST: &str = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
