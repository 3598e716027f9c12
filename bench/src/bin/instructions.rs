//! A load that always runs the same instructions, so that valgrind can count them: one thread, one connection at a
//! time, an exact number of rounds. A plain TCP echo runs the same rounds, so that the cost of the load and the runtime
//! can be subtracted.

use std::{
    env,
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream as StdTcpStream},
};

use silverback::{
    Upgrader,
    proto::{FrameHeader, MaskKey, Opcode},
};
use silverback_bench::Failure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime,
    task::yield_now,
};

fn main() {
    let words: Vec<_> = env::args().skip(1).collect();
    let [subject, load, rounds] = words.as_slice() else { panic!("{USAGE}") };
    let rounds = rounds.parse().expect(USAGE);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        tokio::spawn(accept(listener, subject.clone()));
        match load.as_str() {
            "handshake" => handshakes(address, rounds).await,
            "small" => messages(address, Opcode::BINARY, 16, 1, rounds).await,
            "batch" => messages(address, Opcode::BINARY, 16, 32, rounds).await,
            "text" => messages(address, Opcode::TEXT, 1024, 1, rounds).await,
            "text-batch" => messages(address, Opcode::TEXT, 1024, 32, rounds).await,
            "large" => messages(address, Opcode::BINARY, 64 * 1024, 1, rounds).await,
            _ => panic!("{USAGE}"),
        }
    });
}

async fn accept(listener: TcpListener, subject: String) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).expect("a socket takes the option");
        match subject.as_str() {
            "raw" => _ = tokio::spawn(raw(stream)),
            "plain" => _ = tokio::spawn(plain(stream)),
            "lending" => _ = tokio::spawn(lending(stream)),
            _ => panic!("{USAGE}"),
        }
    }
}

/// TCP alone: it sends the request back. It does not zero the buffer, because that would cost more than the echo.
async fn raw(mut stream: TcpStream) -> Result<(), Failure> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    while stream.read_buf(&mut buffer).await? > 0 {
        stream.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}

async fn plain(stream: TcpStream) -> Result<(), Failure> {
    let mut conn = Upgrader::new().accept(stream).await?;
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

async fn lending(stream: TcpStream) -> Result<(), Failure> {
    let mut conn = Upgrader::new().accept(stream).await?;
    let (writer, reader) = conn.halves();
    while let Some(message) = reader.read_borrowed().await? {
        writer.write_borrowed(message).await?;
    }
    Ok(())
}

async fn handshakes(address: SocketAddr, rounds: usize) {
    for _ in 0..rounds {
        open(address).await;
    }
}

/// Opens one connection and runs this many rounds of a burst and its echo.
async fn messages(address: SocketAddr, opcode: Opcode, size: usize, batch: usize, rounds: usize) {
    let mut stream = open(address).await;
    let burst = burst(opcode, size, batch);
    let mut echo = vec![0; 2 * burst.len()];
    for _ in 0..rounds {
        stream.write_all(&burst).expect("the burst fits into the socket");
        // A server's frames have no mask key; TCP alone returns the same bytes.
        let (whole, unmasked) = (burst.len(), burst.len() - 4 * batch);
        let got = receive(&mut stream, &mut echo, |got| got == whole || got == unmasked).await;
        assert!(got == whole || got == unmasked);
    }
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

fn burst(opcode: Opcode, size: usize, batch: usize) -> Vec<u8> {
    let key = MaskKey([0x9b, 0x21, 0x5e, 0xc4]);
    let mut frame = FrameHeader::new(opcode, size as u64).with_mask(Some(key)).encode().to_vec();
    let payload = frame.len();
    frame.resize(payload + size, b'x');
    key.apply(0, &mut frame[payload..]);
    frame.repeat(batch)
}

const REQUEST: &str = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const USAGE: &str = "raw|plain|lending handshake|small|batch|text|text-batch|large ROUNDS";
