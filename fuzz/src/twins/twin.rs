//! One connection, which records the events that it read and the output that it accepted.

use std::{
    io::IoSlice,
    time::{Duration, Instant},
};

use silverback_proto::{
    CloseCode, CloseFrame, Config, Connection, Event, MaskKey, Message, MessageKind, PreparedMessage, Role, SendError,
};
use silverback_testkit::wire::{CLIENT_KEY, Frame, continuation, frame};

use super::*;
use crate::{cuts::cut, zlib::Packer};

pub(super) struct Twin {
    role: Role,
    pub(super) conn: Connection,
    now: Instant,
    /// The lengths of the input's pieces.
    piece: usize,
    pub(super) seen: Vec<Seen>,
    /// Messages accepted for sending.
    pub(super) accepted: Vec<Message>,
    /// The accepted part of a message that is sent in fragments.
    open: Option<(MessageKind, Vec<u8>)>,
    /// Whether queued output was discarded.
    pub(super) is_lost: bool,
    /// Compresses the peer's messages; created on first use.
    packer: Option<Packer>,
    window: (u8, bool),
    has_compression: bool,
    /// Whether the peer has sent only whole messages so far.
    is_orderly: bool,
}

#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Message(Message),
    Control(Vec<u8>),
    Close(Option<CloseFrame>),
    Failed(ConnectionError),
}

impl Twin {
    pub(super) fn new(role: Role, agreement: &Agreement, config: Config, piece: usize) -> Self {
        // The absolute time does not matter; both twins only add to it.
        let now = Instant::now();
        let mask_source = || MaskKey([1, 2, 3, 4]);
        let conn = Connection::new(role, agreement.negotiated(), agreement.config(config), now, mask_source);
        Self {
            role,
            conn,
            now,
            piece,
            seen: Vec::new(),
            accepted: Vec::new(),
            open: None,
            is_lost: false,
            packer: None,
            window: agreement.window(role.peer()),
            has_compression: agreement.has_compression(),
            is_orderly: true,
        }
    }

    /// Runs one action, and returns the output that it caused.
    pub(super) fn apply(&mut self, op: &Op) -> Vec<u8> {
        match op {
            Op::Input(bytes) => {
                self.is_orderly = false;
                self.input(bytes);
            }
            Op::Frame { fin, opcode, reserved, payload, declared } => {
                let mut frame = frame(opcode & 0xF, payload);
                (frame.fin, frame.declared_len) = (*fin, *declared);
                (frame.rsv1, frame.rsv2, frame.rsv3) = (*reserved == 1, *reserved == 2, *reserved == 3);
                self.is_orderly = false;
                self.frames(&[frame]);
            }
            Op::Repeat { opcode, payload, count } => {
                let frame = frame(opcode & 0xF, vec![b'x'; usize::from(*payload)]);
                self.is_orderly &= matches!(frame.opcode, 0x1 | 0x2 | 0x9 | 0xA) && frame.payload.len() <= 125;
                self.frames(&vec![frame; (*count).into()]);
            }
            Op::Packed { is_text, data, frames, flipped } => self.packed(*is_text, data, *frames, *flipped),
            Op::Write { most } => return self.write(most.get()),
            Op::Close { code, reason } => {
                let close = CloseFrame { code: CloseCode::new(*code), reason: reason.clone().into() };
                self.conn.start_close(self.now, Some(close));
            }
            Op::Pass { seconds } => {
                self.now += Duration::from_secs((*seconds).into());
                self.is_lost |= self.conn.handle_timeout(self.now).is_some();
            }
            Op::Blocked => self.conn.handle_blocked(self.now),
            Op::Lost => {
                self.is_lost = true;
                self.conn.handle_lost();
            }
            command => self.command(command),
        }
        assert!(self.conn.state() != State::Closed || self.conn.queued_output() == 0, "bytes wait after the end");
        Vec::new()
    }

    /// Sends for an application. A refusal is a valid result.
    fn command(&mut self, command: &Op) {
        let outcome = match command {
            Op::Send { way, data } => self.send(*way, Message::from(data.bytes(MOST_SENT))),
            Op::SendText(text) => self.send(Way::Owned, text.clone().into()),
            Op::OpenMessage { is_text } => {
                let kind = if *is_text { MessageKind::Text } else { MessageKind::Binary };
                self.conn.open_message(kind).inspect(|()| self.open = Some((kind, Vec::new())))
            }
            Op::Fragment { data, is_final } => self.fragment(&data.bytes(MOST_SENT), *is_final),
            Op::Ping(payload) => self.conn.ping(payload),
            Op::Pong(payload) => self.conn.pong(payload),
            _ => Ok(()),
        };
        let is_open = self.conn.state() == State::Open && self.conn.close_info().is_none();
        assert!(is_open || outcome.is_err() || matches!(command, Op::Send { .. } | Op::SendText(_)), "while closing");
    }

    fn send(&mut self, way: Way, message: Message) -> Result<(), SendError> {
        if !self.conn.has_room_for(message.len()) {
            return Ok(());
        }
        let sent = match way {
            Way::Owned => self.conn.send(message.clone()),
            Way::Lent => self.conn.send_ref(message.as_ref()),
            Way::Uncompressed => {
                self.conn.set_write_compression(false);
                let sent = self.conn.send(message.clone());
                self.conn.set_write_compression(true);
                sent
            }
            Way::Prepared => self.conn.send_prepared(&PreparedMessage::new(message.clone())),
        };
        sent.inspect(|()| self.accepted.push(message))
    }

    fn fragment(&mut self, payload: &[u8], is_final: bool) -> Result<(), SendError> {
        self.conn.send_fragment(payload, is_final)?;
        let (_, bytes) = self.open.as_mut().expect("a fragment was accepted");
        bytes.extend_from_slice(payload);
        if is_final {
            self.accepted.push(match self.open.take().expect("a fragment was accepted") {
                (MessageKind::Text, bytes) => Message::from(String::from_utf8(bytes).expect("text was accepted")),
                (MessageKind::Binary, bytes) => Message::from(bytes),
            });
        }
        Ok(())
    }

    /// Checks that the twin reads the message that a peer compressed, unless a fault came earlier.
    fn packed(&mut self, is_text: bool, data: &Data, frames: u8, flipped: Option<u16>) {
        let payload = if is_text { data.text(MOST_SENT).into_bytes() } else { data.bytes(MOST_SENT) };
        let (window_bits, has_takeover) = self.window;
        let packer = self.packer.get_or_insert_with(|| Packer::new(6, window_bits, has_takeover));
        let mut packed = packer.message(&payload);
        if let Some(bit) = flipped {
            let place = usize::from(bit) % (packed.len() * 8);
            packed[place / 8] ^= 1 << (place % 8);
            self.is_orderly = false;
        }
        let frame_len = 1 + packed.len() / (1 + usize::from(frames % 16));
        let mut frames: Vec<Frame> = packed.chunks(frame_len).map(|piece| continuation(piece).not_final()).collect();
        frames[0] = frames[0].clone().opcode(if is_text { 0x1 } else { 0x2 }).rsv1();
        frames.last_mut().expect("there is a first").fin = true;
        let is_read = self.is_orderly && self.has_compression && self.is_reading();
        self.is_orderly &= self.has_compression;
        self.frames(&frames);
        if is_read {
            let message = self.seen.last();
            let is_same = matches!(message, Some(Seen::Message(message)) if message.as_bytes() == payload);
            assert!(is_same, "{message:?} is not the message that the peer compressed");
        }
    }

    /// Whether input is still processed.
    fn is_reading(&self) -> bool {
        matches!(self.conn.state(), State::Open | State::CloseSent)
    }

    fn frames(&mut self, frames: &[Frame]) {
        let mut wire = Vec::new();
        for frame in frames {
            wire.extend(match self.role {
                Role::Server => frame.clone().masked(CLIENT_KEY).encode(),
                Role::Client => frame.encode(),
            });
        }
        self.input(&wire);
    }

    pub(super) fn input(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        for piece in cut(&mut bytes, self.piece) {
            self.handle(piece);
        }
    }

    fn handle(&mut self, mut rest: &mut [u8]) {
        loop {
            let progress = match self.conn.handle_input(self.now, rest) {
                Ok(progress) => progress,
                Err(error) => return self.seen.push(Seen::Failed(error)),
            };
            let consumed = progress.consumed;
            let Some(event) = progress.event else { return };
            self.seen.push(match event {
                Event::Message(message) => Seen::Message(message.into_message()),
                Event::Ping(payload) | Event::Pong(payload) => Seen::Control(payload.as_slice().to_vec()),
                Event::Close(close) => Seen::Close(close),
            });
            rest = &mut rest[consumed..];
        }
    }

    /// Lets the transport take up to `most` bytes.
    pub(super) fn write(&mut self, most: usize) -> Vec<u8> {
        let was_closed = self.conn.state() == State::Closed;
        let mut sent = Vec::new();
        loop {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = self.conn.poll_transmit(&mut slices);
            let before = sent.len();
            slices[..filled].iter().for_each(|slice| sent.extend_from_slice(slice));
            sent.truncate(most);
            if sent.len() == before {
                break;
            }
            self.conn.handle_transmitted(sent.len() - before);
        }
        assert!(!was_closed || sent.is_empty(), "bytes leave after the end");
        sent
    }
}

/// The largest message or fragment, in bytes.
const MOST_SENT: usize = 30_000;
