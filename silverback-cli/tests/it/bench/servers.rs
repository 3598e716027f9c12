//! Servers that do one thing, and not always the right one.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use silverback::proto::handshake::accept_key;
use socket2::SockRef;

/// A server with a thread for each connection.
pub(super) struct Server {
    pub(super) url: String,
    peers: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Server {
    /// `serve` gets the socket before anything was read from it.
    pub(super) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let serve = Arc::new(serve);
        let peers = Arc::<Mutex<Vec<_>>>::default();
        let known = peers.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                known.lock().unwrap().push(stream.peer_addr().unwrap());
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
        Self { url, peers }
    }

    /// `serve` gets the socket after the opening handshake.
    pub(super) fn after_handshake(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::start(move |mut stream| {
            shake_hands(&mut stream);
            serve(stream);
        })
    }

    /// Everybody who has connected.
    pub(super) fn peers(&self) -> Vec<SocketAddr> {
        self.peers.lock().unwrap().clone()
    }
}

/// An answer other than 101.
pub(super) fn refuse(mut stream: TcpStream, status: &str) {
    read_head(&mut stream);
    let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    leave(stream);
}

/// Sends a Close frame, and leaves when the client has answered.
pub(super) fn close(mut stream: TcpStream, code: u16) {
    let _ = stream.write_all(&[&[0x88, 2][..], &code.to_be_bytes()].concat());
    leave(stream);
}

pub(super) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Keeps the connection and does nothing, until the client leaves.
pub(super) fn ignore(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Echoes each message as `change` makes it, until the client closes.
pub(super) fn echo(mut stream: TcpStream, mut change: impl FnMut(Vec<u8>) -> Vec<u8>) {
    while let Some((first, payload)) = read_frame(&mut stream) {
        let is_close = first & 0x0F == 8;
        let answer = frame(first, &if is_close { payload } else { change(payload) });
        if stream.write_all(&answer).is_err() || is_close {
            break;
        }
    }
    leave(stream);
}

/// A frame as a server sends it, of less than 126 bytes.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, payload.len() as u8], payload].concat()
}

/// The next frame, of less than 126 bytes: its first byte and its payload. `None` at the end.
pub(super) fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 6];
    stream.read_exact(&mut header).ok()?;
    let len = usize::from(header[1] & 0x7F);
    assert!(len < 126);
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(header[2..].iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Some((header[0], payload))
}

/// Ends the connection in order, as far as TCP goes.
pub(super) fn leave(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

fn shake_hands(stream: &mut TcpStream) {
    let head = read_head(stream);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_else(|| {
        let lower = head.to_ascii_lowercase();
        let start = lower.find("sec-websocket-key: ").unwrap() + "sec-websocket-key: ".len();
        head[start..].lines().next().unwrap()
    });
    let accept = accept_key(key.as_bytes());
    let accept = std::str::from_utf8(accept.as_bytes()).unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let _ = stream.write_all(answer.as_bytes());
}

pub(super) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}
