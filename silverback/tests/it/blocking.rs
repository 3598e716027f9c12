//! `silverback::blocking` on real sockets: our asynchronous server and plain peers on the other side.
//!
//! The tests do not wait for time to pass, except for time limits that only time can reach.

mod conversations;
mod serving;
mod tasks;
mod threads;
mod time;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use silverback::{
    Compression, Dialer, Upgrader,
    blocking::{self, Conn},
    proto::handshake::Nonce,
};
use silverback_testkit::wire::{CLIENT_KEY, Frame, decode, decode_all};
use tokio::runtime::{Builder, Runtime};

use crate::support::{Head, PATIENCE, echo};

/// Our async echo, in a separate runtime.
struct AsyncEcho {
    url: String,
    runtime: Option<Runtime>,
}

impl AsyncEcho {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let upgrader = Upgrader::new().subprotocols(["chat"]).compression(Compression::default());
                tokio::spawn(async move { echo(upgrader.accept(stream).await?).await });
            }
        });
        Self { url, runtime: Some(runtime) }
    }

    fn dial(&self) -> Conn {
        patient(blocking::dial(&self.url).unwrap())
    }
}

impl Drop for AsyncEcho {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// Sets time limits, so that a test fails instead of waiting without end.
fn patient(mut conn: Conn) -> Conn {
    conn.set_read_timeout(Some(PATIENCE));
    conn.set_write_timeout(Some(PATIENCE));
    conn
}

/// The test's end of a connection: a plain socket, and frames as the kit reads and writes them.
struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
    is_client: bool,
}

impl Peer {
    fn new(stream: TcpStream, is_client: bool) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, unread: Vec::new(), is_client }
    }

    fn encode(&self, frame: Frame) -> Vec<u8> {
        if self.is_client { frame.masked(CLIENT_KEY).encode() } else { frame.encode() }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn send_frame(&mut self, frame: Frame) {
        let bytes = self.encode(frame);
        self.send(&bytes);
    }

    fn head(&mut self) -> Head {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        Head::parse(&head)
    }

    /// The next frame, without its mask.
    fn frame(&mut self) -> Frame {
        loop {
            if let Some((frame, used)) = decode(&self.unread) {
                self.unread.drain(..used);
                return frame.unmasked();
            }
            let mut buffer = [0; 64 * 1024];
            let count = self.stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the connection ended before a frame that was expected");
            self.unread.extend(&buffer[..count]);
        }
    }

    /// All frames until the other side has closed; a reset is a failure.
    fn rest(mut self) -> Vec<Frame> {
        self.stream.read_to_end(&mut self.unread).expect("the connection ends in order");
        let (frames, rest) = decode_all(&self.unread);
        assert!(rest.is_empty(), "a frame was torn");
        frames.into_iter().map(Frame::unmasked).collect()
    }
}

/// A blocking client, and its server.
fn client() -> (Conn, Peer) {
    client_of(Dialer::new())
}

fn client_of(dialer: Dialer) -> (Conn, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let dialling = thread::spawn(move || blocking::dial_with(&dialer, &url).unwrap());
    let mut peer = Peer::new(listener.accept().unwrap().0, false);
    let nonce = Nonce::parse(peer.head().header("sec-websocket-key").unwrap().as_bytes()).unwrap();
    let accept = nonce.accept_key();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    peer.send(answer.as_bytes());
    (patient(dialling.join().unwrap()), peer)
}

/// A blocking server, and its client.
fn server() -> (Conn, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = Peer::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap(), true);
    peer.send(crate::support::request("").as_bytes());
    let conn = blocking::accept(&Upgrader::new(), listener.accept().unwrap().0).unwrap();
    assert_eq!(peer.head().status(), 101);
    (patient(conn), peer)
}
