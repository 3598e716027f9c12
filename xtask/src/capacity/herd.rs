//! Many WebSocket clients in one thread, as little as each can be: a socket, and the few frames that this needs.

use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, OrFailed as _};

/// Open connections.
pub(crate) struct Herd {
    streams: Vec<TcpStream>,
}

/// Frames that arrived while the clients sent nothing.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    pub(crate) pings: usize,
    /// Connections that the server has ended.
    pub(crate) lost: usize,
}

impl Herd {
    /// Opens connections to the echo, so many handshakes at a time.
    pub(crate) fn open(server: SocketAddr, count: usize) -> Result<Self, Error> {
        let mut streams: Vec<TcpStream> = Vec::with_capacity(count);
        while streams.len() < count {
            let first = streams.len();
            for index in first..count.min(first + AT_ONCE) {
                let mut stream = connect(server, index)?;
                stream.write_all(request(server).as_bytes()).or_failed("a request")?;
                streams.push(stream);
            }
            streams[first..].iter_mut().try_for_each(read_answer)?;
        }
        Ok(Self { streams })
    }

    /// All send the same message, and get it back. How long that takes.
    pub(crate) fn echo_at_once(&mut self, message: &[u8]) -> Result<Duration, Error> {
        let frame = masked(BINARY, message);
        let start = Instant::now();
        for stream in &mut self.streams {
            stream.write_all(&frame).or_failed("a message")?;
        }
        for stream in &mut self.streams {
            let (mut first, mut answer) = read_frame(stream).or_failed("an echo")?;
            // A connection that was opened early may already have received a ping.
            while first == PING {
                stream.write_all(&masked(PONG, &answer)).or_failed("a pong")?;
                (first, answer) = read_frame(stream).or_failed("an echo")?;
            }
            if (first, answer.as_slice()) != (BINARY, message) {
                return Err(Error::Failed("an echo differs from its message".to_owned()));
            }
        }
        Ok(start.elapsed())
    }

    /// Answers pings for a while.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<Idle, Error> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC).or_failed("epoll")?;
        for (index, stream) in self.streams.iter().enumerate() {
            epoll::add(&queue, stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)
                .or_failed("epoll")?;
        }
        let (mut idle, end) = (Idle::default(), Instant::now() + time);
        let mut events = Vec::with_capacity(1024);
        while Instant::now() < end {
            epoll::wait(&queue, rustix::buffer::spare_capacity(&mut events), Some(&POLL)).or_failed("epoll")?;
            for event in events.drain(..) {
                let stream = &mut self.streams[event.data.u64() as usize];
                match answer_pings(stream) {
                    Ok(pings) => idle.pings += pings,
                    Err(_) => {
                        idle.lost += 1;
                        epoll::delete(&queue, &*stream).or_failed("epoll")?;
                    }
                }
            }
        }
        Ok(idle)
    }

    /// Every other one says goodbye and waits for the answer, the others just go.
    pub(crate) fn leave(mut self) -> Result<(), Error> {
        let mut polite: Vec<_> = self.streams.drain(..).step_by(2).collect();
        let frame = masked(CLOSE, &1000_u16.to_be_bytes());
        polite.iter_mut().try_for_each(|stream| stream.write_all(&frame)).or_failed("a Close frame")?;
        for stream in &mut polite {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).or_failed("an end")?;
            if !rest.ends_with(&unmasked(CLOSE, &1000_u16.to_be_bytes())) {
                return Err(Error::Failed("a Close frame was not answered".to_owned()));
            }
        }
        Ok(())
    }
}

/// How many descriptors this process may have, after asking for more.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// From several addresses of the loopback: each has some 28,000 ports.
fn connect(server: SocketAddr, index: usize) -> Result<TcpStream, Error> {
    let last = 2 + index / PORTS_OF_A_SOURCE;
    let source = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, u8::try_from(last).or_failed("sources")?), 0);
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).or_failed("a socket")?;
    rustix::net::bind(&socket, &source).or_failed("a source address")?;
    rustix::net::connect(&socket, &server).or_failed("a connection")?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).or_failed("a connection")?;
    stream.set_read_timeout(Some(PATIENCE)).or_failed("a connection")?;
    Ok(stream)
}

pub(crate) fn request(server: SocketAddr) -> String {
    format!(
        "GET /ws/echo HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

fn read_answer(stream: &mut TcpStream) -> Result<(), Error> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 512];
        let count = stream.read(&mut piece).or_failed("an answer")?;
        head.extend_from_slice(&piece[..count]);
        if count == 0 || !head.starts_with(b"HTTP/1.1 101") {
            return Err(Error::Failed(format!("not accepted: {}", String::from_utf8_lossy(&head))));
        }
    }
    Ok(())
}

/// A whole frame of a server: its first byte and its payload.
fn read_frame(stream: &mut impl Read) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let length = match head[1] {
        126 => u64::from(u16::from_be_bytes(read_array(stream)?)),
        127 => u64::from_be_bytes(read_array(stream)?),
        length => u64::from(length),
    };
    let mut payload = Vec::new();
    stream.take(length).read_to_end(&mut payload)?;
    Ok((head[0], payload))
}

fn read_array<const N: usize>(stream: &mut impl Read) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

/// An error when the connection has ended.
fn answer_pings(stream: &mut TcpStream) -> std::io::Result<usize> {
    let mut bytes = [0; 512];
    let count = stream.read(&mut bytes)?;
    let (mut rest, mut pings) = (&bytes[..count], 0);
    while let [PING, length, ..] = rest {
        let (payload, after) = rest[2..].split_at(usize::from(*length));
        stream.write_all(&masked(PONG, payload))?;
        rest = after;
        pings += 1;
    }
    if pings == 0 { Err(std::io::ErrorKind::ConnectionAborted.into()) } else { Ok(pings) }
}

/// A whole frame of a client. The key is all zeros, which is a key like any other.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = unmasked(first, payload);
    let header = frame.len() - payload.len();
    frame[1] |= 0x80;
    frame.splice(header..header, [0; 4]);
    frame
}

fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(length as u8),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
const AT_ONCE: usize = 64;
const PORTS_OF_A_SOURCE: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

#[cfg(test)]
#[path = "herd_tests.rs"]
mod tests;
