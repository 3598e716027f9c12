//! Scripted servers on a socket, without a library.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use silverback::proto::handshake::accept_key;

use crate::support::PATIENCE;

/// A server whose connections are handled by a function, one after the other.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
}

impl Server {
    /// `serve` gets each connection after its request, and the request.
    pub(crate) fn start(mut serve: impl FnMut(TcpStream, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let head = read_head(&mut stream);
                serve(stream, head);
            }
        });
        Self { address }
    }

    /// Answers the request with these bytes, and ends.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream, _| stream.write_all(&answer).unwrap())
    }

    /// Does the handshake, and hands the connection to a function.
    pub(crate) fn talking(mut serve: impl FnMut(TcpStream) + Send + 'static) -> Self {
        Self::start(move |mut stream, head| {
            stream.write_all(accepting(&head).as_bytes()).unwrap();
            serve(stream);
        })
    }

    /// Does the handshake, sends these frames, and reads until the client closes or has gone.
    pub(crate) fn sending(frames: impl Into<Vec<u8>>) -> Self {
        let frames = frames.into();
        Self::talking(move |mut stream| {
            stream.write_all(&frames).unwrap();
            read_to_close(&mut stream);
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }
}

/// A server that answers each message with the same in upper case, as often as it is told to.
pub(crate) fn answering_when_told() -> (Server, mpsc::Sender<()>, mpsc::Receiver<String>) {
    let (told, tell) = mpsc::channel();
    let (heard, hear) = mpsc::channel();
    let server = Server::talking(move |mut stream| {
        loop {
            let (opcode, payload) = read_frame(&mut stream);
            match opcode {
                1 => {
                    let text = String::from_utf8(payload).unwrap();
                    heard.send(text.clone()).unwrap();
                    let () = tell_me(&tell);
                    stream.write_all(&frame(0x81, text.to_uppercase().as_bytes())).unwrap();
                }
                8 => return stream.write_all(&frame(0x88, &payload)).unwrap(),
                GONE => return,
                _ => {}
            }
        }
    });
    (server, told, hear)
}

fn tell_me(tell: &mpsc::Receiver<()>) {
    tell.recv_timeout(PATIENCE).unwrap();
}

/// The answer that accepts a request.
pub(crate) fn accepting(head: &str) -> String {
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    });
    let accept = accept_key(key.unwrap().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept.as_str()
    )
}

/// A frame from a server.
pub(crate) fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match payload.len() {
        len @ ..=125 => frame.push(len as u8),
        len @ ..=65_535 => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Instead of an opcode, when the client has gone without a close.
pub(crate) const GONE: u8 = 0xff;

/// A short frame from a client, unmasked.
pub(crate) fn read_frame(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 6];
    if stream.read_exact(&mut head).is_err() {
        return (GONE, Vec::new());
    }
    let mut payload = vec![0; usize::from(head[1] & 0x7f)];
    assert!(payload.len() < 126, "short frames only");
    stream.read_exact(&mut payload).unwrap();
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= head[2 + at % 4];
    }
    (head[0] & 0x0f, payload)
}

/// Reads on until the client closes or has gone.
pub(crate) fn read_to_close(stream: &mut impl Read) {
    while !matches!(read_frame(stream), (8 | GONE, _)) {}
}

pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8(head).unwrap()
}
