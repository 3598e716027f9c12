//! The peer: a connection of the core that follows the scenario, and checks everything that it receives.

use std::{io::IoSlice, time::Instant};

use silverback_proto::{
    CloseCode, CloseFrame, Config, Connection, Event, MaskKey, Message, MessageKind, PreparedMessage, Role, State,
};
use silverback_testkit::{
    pipe::Remote,
    wire::{Frame, decode},
};

use crate::agreement::Agreement;

pub(super) struct Peer {
    conn: Connection,
    pub(super) remote: Remote,
    role: Role,
    now: Instant,
    /// Complete messages that it has sent.
    pub(super) sent: Vec<Message>,
    /// The part of an unfinished message that it has sent.
    pub(super) open: Option<(MessageKind, Vec<u8>)>,
    /// Number of messages received.
    pub(super) received: usize,
    /// The bytes of an incomplete frame.
    wire: Vec<u8>,
    has_seen_close: bool,
    /// Whether it has stopped sending.
    has_ended: bool,
}

impl Peer {
    pub(super) fn new(role: Role, agreement: &Agreement, remote: Remote) -> Self {
        let config = agreement.config(Config::default());
        // Any time will do, because this side has no deadlines.
        let now = Instant::now();
        Self {
            conn: Connection::new(role, agreement.negotiated(), config, now, || MaskKey([1, 2, 3, 4])),
            remote,
            role,
            now,
            sent: Vec::new(),
            open: None,
            received: 0,
            wire: Vec::new(),
            has_seen_close: false,
            has_ended: false,
        }
    }

    /// Reads everything that has arrived. Returns whether there was anything.
    pub(super) fn read(&mut self, accepted: &[Message]) -> bool {
        let mut bytes = self.remote.received();
        self.check_frames(&bytes);
        let has_news = !bytes.is_empty();
        let mut rest = bytes.as_mut_slice();
        loop {
            let progress = self.conn.handle_input(self.now, rest).expect("nothing that a peer could mind");
            let consumed = progress.consumed;
            match progress.event {
                Some(Event::Message(message)) => {
                    let message = message.into_message();
                    assert!(accepted.get(self.received) == Some(&message), "{message:?} is not the accepted message");
                    self.received += 1;
                }
                Some(_) => {}
                None => return has_news,
            }
            rest = &mut rest[consumed..];
        }
    }

    /// Whether the input ends between two frames.
    pub(super) fn is_between_frames(&self) -> bool {
        self.wire.is_empty()
    }

    fn check_frames(&mut self, bytes: &[u8]) {
        self.wire.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((frame, used)) = decode(&self.wire[at..]) {
            self.check_frame(&frame);
            at += used;
        }
        self.wire.drain(..at);
        assert!(!self.has_seen_close || self.wire.is_empty(), "bytes follow a Close frame");
    }

    fn check_frame(&mut self, frame: &Frame) {
        assert!(!self.has_seen_close, "{frame:?} follows a Close frame");
        assert_eq!(frame.mask.is_some(), self.role == Role::Server, "{frame:?}");
        self.has_seen_close = frame.opcode == 0x8;
    }

    /// Writes up to `most` bytes to the transport. Returns whether there was anything.
    pub(super) fn write(&mut self, most: usize) -> bool {
        let mut left = most;
        while left > 0 && self.conn.queued_output() > 0 {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = self.conn.poll_transmit(&mut slices);
            let mut bytes: Vec<u8> = Vec::new();
            slices[..filled].iter().for_each(|slice| bytes.extend_from_slice(slice));
            bytes.truncate(left);
            left -= bytes.len();
            if !self.has_ended {
                self.remote.send(&bytes);
            }
            self.conn.handle_transmitted(bytes.len());
        }
        left < most
    }

    /// Sends raw bytes around its own connection, after all queued output.
    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        self.write(usize::MAX);
        if !self.has_ended {
            self.remote.send(bytes);
        }
    }

    pub(super) fn send(&mut self, message: Message, way: u8) {
        let sent = match way % 3 {
            0 => self.conn.send(message.clone()),
            1 => {
                self.conn.set_write_compression(false);
                let sent = self.conn.send(message.clone());
                self.conn.set_write_compression(true);
                sent
            }
            _ => self.conn.send_prepared(&PreparedMessage::new(message.clone())),
        };
        if sent.is_ok() {
            self.sent.push(message);
        }
    }

    /// Sends a fragment. Starts a message if none is open.
    pub(super) fn send_fragment(&mut self, payload: &[u8], is_text: bool, is_final: bool) {
        let kind = if is_text { MessageKind::Text } else { MessageKind::Binary };
        if self.conn.open_message(kind).is_ok() {
            self.open = Some((kind, Vec::new()));
        }
        if self.conn.send_fragment(payload, is_final).is_err() {
            return;
        }
        let (_, bytes) = self.open.as_mut().expect("a fragment was sent");
        bytes.extend_from_slice(payload);
        if is_final {
            self.sent.push(match self.open.take().expect("a fragment was sent") {
                (MessageKind::Text, bytes) => Message::from(String::from_utf8(bytes).expect("it was sent as text")),
                (MessageKind::Binary, bytes) => Message::from(bytes),
            });
        }
    }

    pub(super) fn ping(&mut self, payload: &[u8], is_pong: bool) {
        // A ping that is too long or too late has no effect.
        let _ = if is_pong { self.conn.pong(payload) } else { self.conn.ping(payload) };
    }

    pub(super) fn start_close(&mut self, code: u16, reason: &str) {
        let close = CloseFrame { code: CloseCode::new(code), reason: reason.to_owned().into() };
        self.conn.start_close(self.now, Some(close));
    }

    /// Stops sending.
    pub(super) fn half_close(&mut self) {
        self.has_ended = true;
        self.remote.half_close();
    }

    /// Behaves like a peer that sends no messages: it sends due replies, and closes the transport when it is its turn.
    /// Returns whether it made progress.
    pub(super) fn exchange(&mut self, accepted: &[Message]) -> bool {
        let has_read = self.read(accepted);
        let has_written = self.write(usize::MAX);
        let ends = !self.has_ended
            && (self.conn.state() == State::Closed || self.remote.is_shut_down() || self.remote.is_dropped());
        if ends {
            self.half_close();
        }
        has_read || has_written || ends
    }
}
