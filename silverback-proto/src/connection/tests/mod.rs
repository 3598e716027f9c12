//! Conversations with one connection: the scripted peer plays the other side, the clock moves only when told.

#![allow(clippy::unwrap_used)]

mod closing;
mod compression;
mod control;
mod conversations;
mod cuts;
mod dialogues;
mod failing;
mod fragmentation;
mod framing;
mod idle_compressor;
mod keepalive;
mod large;
mod limits;
mod low_level;
mod misuse;
mod sending;
mod streaming;

use std::{cell::Cell, fmt, io::IoSlice};

use silverback_testkit::{
    clock::FakeClock,
    cuts::for_each_way,
    peer::{Endpoint, Peer},
    wire::{CLIENT_KEY, Frame, close, decode_all},
};

use super::*;
use crate::{
    message::{Message, MessageRef, prepared::PreparedMessage},
    wire::{close_code::CloseCode, error::SendError, opcode::MessageKind},
};

/// An application with one connection. It records the events, and sends only on the test's request.
#[derive(Debug)]
struct App {
    conn: Connection,
    clock: FakeClock,
    seen: Vec<Seen>,
}

/// An event that the application saw.
#[derive(Clone, PartialEq)]
enum Seen {
    Message(Message),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseFrame>),
    Failed(ConnectionError),
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) if message.len() > 200 => {
                write!(f, "{} of {} bytes: {:?}..", message.kind(), message.len(), &message.as_bytes()[..50])
            }
            Self::Message(message) => message.fmt(f),
            Self::Ping(payload) => write!(f, "Ping({})", payload.escape_ascii()),
            Self::Pong(payload) => write!(f, "Pong({})", payload.escape_ascii()),
            Self::Close(close) => write!(f, "Close({close:?})"),
            Self::Failed(error) => write!(f, "Failed({error:?})"),
        }
    }
}

impl App {
    fn new(role: Role, config: Config) -> Self {
        Self::negotiated(role, config, Negotiated::default())
    }

    fn negotiated(role: Role, config: Config, negotiated: Negotiated) -> Self {
        let clock = FakeClock::new();
        let conn = Connection::new(role, negotiated, config, clock.now(), counted_keys);
        Self { conn, clock, seen: Vec::new() }
    }

    /// Returns the events since the last call.
    fn seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    /// Hands everything that waits to the transport.
    fn sent(&mut self) -> Vec<u8> {
        self.sent_up_to(usize::MAX)
    }

    /// Sends up to `most` queued bytes, in vectored writes of up to three slices.
    fn sent_up_to(&mut self, most: usize) -> Vec<u8> {
        let mut sent = Vec::new();
        loop {
            let before = sent.len();
            let mut slices = [IoSlice::new(&[]); 3];
            let filled = self.conn.poll_transmit(&mut slices);
            for slice in &slices[..filled] {
                assert!(!slice.is_empty(), "no write is wasted on nothing");
                sent.extend_from_slice(&slice[..slice.len().min(most - sent.len())]);
            }
            if sent.len() == before {
                assert!(filled == 0 || sent.len() == most);
                return sent;
            }
            self.conn.handle_transmitted(sent.len() - before);
        }
    }

    /// Every frame that waits, in clear.
    #[track_caller]
    fn sent_frames(&mut self) -> Vec<Frame> {
        frames(&self.sent())
    }
}

/// Closing.
impl App {
    /// Starts the closing handshake.
    fn close(&mut self, code: u16, reason: &'static str) {
        self.conn.start_close(self.clock.now(), closed(code, reason));
    }

    fn close_info(&self) -> CloseInfo {
        self.conn.close_info().unwrap()
    }

    /// Every way to send something is refused.
    #[track_caller]
    fn refuses_to_send(&mut self) {
        let queued = self.conn.queued_output();
        let refused = Err(SendError::Closing);
        assert_eq!(self.conn.send("late".into()), refused);
        assert_eq!(self.conn.send_ref(MessageRef::Text("late")), refused);
        assert_eq!(self.conn.send_prepared(&PreparedMessage::new("late")), refused);
        assert_eq!(self.conn.open_message(MessageKind::Text), refused);
        assert_eq!(self.conn.send_fragment(b"late", true), refused);
        assert_eq!(self.conn.ping(b"late"), refused);
        assert_eq!(self.conn.pong(b"late"), refused);
        assert_eq!(self.conn.queued_output(), queued);
    }
}

impl Endpoint for App {
    fn input(&mut self, bytes: &[u8]) {
        let mut input = bytes.to_vec();
        let mut rest = input.as_mut_slice();
        loop {
            let progress = match self.conn.handle_input(self.clock.now(), rest) {
                Ok(progress) => progress,
                Err(error) => return self.seen.push(Seen::Failed(error)),
            };
            let consumed = progress.consumed;
            let seen = progress.event.map(|event| match event {
                Event::Message(message) => Seen::Message(message.into_message()),
                Event::Ping(payload) => Seen::Ping(payload.as_slice().to_vec()),
                Event::Pong(payload) => Seen::Pong(payload.as_slice().to_vec()),
                Event::Close(close) => Seen::Close(close),
            });
            rest = &mut rest[consumed..];
            let Some(seen) = seen else {
                assert!(rest.is_empty(), "without an event all of the input is used");
                return;
            };
            self.seen.push(seen);
        }
    }

    fn output(&mut self) -> Vec<u8> {
        self.sent()
    }
}

/// A server under test; the peer plays its client.
fn server() -> Peer<App> {
    Peer::client(App::new(Role::Server, Config::default()))
}

/// A client under test; the peer plays its server.
fn client() -> Peer<App> {
    Peer::server(App::new(Role::Client, Config::default()))
}

/// Sends `input` to a new connection in each role, cut in every way. The events and the bytes that are sent must always
/// be the same.
#[track_caller]
fn check(input: &[Frame], seen: &[Seen], sent: &[Frame]) {
    for role in [Role::Server, Role::Client] {
        check_bytes(role, Config::default(), &wire(role, input), seen, sent);
    }
}

#[track_caller]
fn check_bytes(role: Role, config: Config, input: &[u8], seen: &[Seen], sent: &[Frame]) {
    for_each_way(input, 1, |pieces| {
        let mut app = App::new(role, config.clone());
        let mut output = Vec::new();
        for piece in pieces {
            app.input(piece);
            output.extend(app.sent());
        }
        assert_eq!(app.seen, seen, "{role:?}");
        assert_eq!(frames(&output), sent, "{role:?}");
    });
}

/// Checks that the last frame of `input` is at fault: the events before it are reported, and the Close frame to the peer
/// has `code` and the text of the error.
#[track_caller]
fn check_fails(input: &[Frame], before: &[Seen], error: impl Into<ConnectionError>, code: CloseCode) {
    let error = error.into();
    let seen = [before, &[Seen::Failed(error.clone())]].concat();
    check(input, &seen, &[close(code.get(), error.to_string())]);
}

/// Frames as `receiver`'s peer sends them: masked to servers, unless they have a key of their own.
fn wire(receiver: Role, frames: &[Frame]) -> Vec<u8> {
    let encode = |frame: &Frame| match (receiver, frame.mask) {
        (Role::Server, None) => frame.clone().masked(CLIENT_KEY).encode(),
        _ => frame.encode(),
    };
    frames.iter().flat_map(encode).collect()
}

/// All frames in `bytes`, without their keys.
#[track_caller]
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let (frames, rest) = decode_all(bytes);
    assert_eq!(rest, b"", "only whole frames");
    frames.into_iter().map(Frame::unmasked).collect()
}

fn message(message: impl Into<Message>) -> Seen {
    Seen::Message(message.into())
}

fn closed(code: u16, reason: &'static str) -> Option<CloseFrame> {
    Some(CloseFrame::new(CloseCode::new(code), reason).unwrap())
}

/// A new key for each frame, the same ones in each test: [1, 0, 0, 7], [2, 0, 0, 7] ...
fn counted_keys() -> MaskKey {
    thread_local!(static COUNT: Cell<u8> = const { Cell::new(0) });
    let count = COUNT.get().wrapping_add(1);
    COUNT.set(count);
    MaskKey([count, 0, 0, 7])
}
