//! Twins: two connections that live through the same, but one gets its input whole and the other byte by byte. They
//! must see the same and send the same, and a peer must find no fault in what they send.

use std::{
    io::IoSlice,
    time::{Duration, Instant},
};

use arbitrary::Arbitrary;
use silverback_proto::{
    CloseCode, CloseFrame, Config, Connection, ConnectionError, Event, MaskKey, Message, MessageKind, Negotiated,
    PreparedMessage, Role, State,
};
use silverback_testkit::wire::{CLIENT_KEY, frame};

/// One thing that a network, a clock or an application does.
#[derive(Arbitrary, Debug)]
pub enum Op {
    Input(Vec<u8>),
    Frame { fin: bool, opcode: u8, reserved: u8, payload: Vec<u8>, declared: Option<u64> },
    Repeat { opcode: u8, payload: u8, count: u8 },
    Write { most: u16 },
    Send { len: u16, prepared: bool },
    SendText(String),
    OpenMessage { is_text: bool },
    Fragment { payload: Vec<u8>, is_final: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close { code: u16, reason: String },
    Pass { seconds: u8 },
    Blocked,
    Lost,
}

/// Runs `ops` on twins and checks what must hold after each.
pub fn run(role: Role, ops: Vec<Op>) {
    let mut twins = [Twin::new(role, usize::MAX), Twin::new(role, 1)];
    let mut peer = Twin::new(role.peer(), usize::MAX);
    for op in ops {
        let sent = twins.each_mut().map(|twin| twin.apply(&op));
        let [whole, bytewise] = &twins;
        assert_eq!(whole.seen, bytewise.seen);
        assert_eq!(whole.conn.state(), bytewise.conn.state());
        assert_eq!(sent[0], sent[1]);
        peer.input(&sent[0]);
        assert!(!peer.seen.iter().any(|seen| matches!(seen, Seen::Failed(_))), "the peer found {:?}", peer.seen);
        peer.seen.clear();
    }
}

struct Twin {
    role: Role,
    conn: Connection,
    now: Instant,
    /// How the input is cut.
    piece: usize,
    seen: Vec<Seen>,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Message(Message),
    Control(Vec<u8>),
    Close(Option<CloseFrame>),
    Failed(ConnectionError),
}

impl Twin {
    fn new(role: Role, piece: usize) -> Self {
        let config = Config::default().max_message_size(100_000).max_fragments(100).max_queued_output(200_000);
        // What the clock says matters to nothing; both twins only ever add to it.
        let now = Instant::now();
        let mask_source = || MaskKey([1, 2, 3, 4]);
        let conn = Connection::new(role, Negotiated::default(), config, now, mask_source);
        Self { role, conn, now, piece, seen: Vec::new() }
    }

    /// Does one thing, and returns what was sent for it.
    fn apply(&mut self, op: &Op) -> Vec<u8> {
        match op {
            Op::Input(bytes) => self.input(bytes),
            Op::Frame { fin, opcode, reserved, payload, declared } => {
                let mut frame = frame(opcode & 0xF, payload);
                (frame.fin, frame.declared_len) = (*fin, *declared);
                (frame.rsv1, frame.rsv2, frame.rsv3) = (*reserved == 1, *reserved == 2, *reserved == 3);
                self.frame(frame);
            }
            Op::Repeat { opcode, payload, count } => {
                for _ in 0..*count {
                    self.frame(frame(opcode & 0xF, vec![b'x'; usize::from(*payload)]));
                }
            }
            Op::Write { most } => return self.write(usize::from(*most)),
            Op::Close { code, reason } => {
                let close = CloseFrame { code: CloseCode::new(*code), reason: reason.clone().into() };
                self.conn.start_close(self.now, Some(close));
            }
            Op::Pass { seconds } => {
                self.now += Duration::from_secs((*seconds).into());
                self.conn.handle_timeout(self.now);
            }
            Op::Blocked => self.conn.handle_blocked(self.now),
            Op::Lost => self.conn.handle_lost(),
            command => self.send(command),
        }
        assert!(self.conn.state() != State::Closed || self.conn.queued_output() == 0, "bytes wait after the end");
        Vec::new()
    }

    /// What an application sends. A refusal is an answer like any other.
    fn send(&mut self, command: &Op) {
        let outcome = match command {
            Op::Send { len, prepared: false } if self.conn.has_room_for((*len).into()) => {
                self.conn.send(Message::binary(vec![7; (*len).into()]))
            }
            Op::Send { len, prepared: true } if self.conn.has_room_for((*len).into()) => {
                self.conn.send_prepared(&PreparedMessage::new(vec![7; (*len).into()]))
            }
            Op::SendText(text) => self.conn.send(text.clone().into()),
            Op::OpenMessage { is_text: true } => self.conn.open_message(MessageKind::Text),
            Op::OpenMessage { is_text: false } => self.conn.open_message(MessageKind::Binary),
            Op::Fragment { payload, is_final } => self.conn.send_fragment(payload, *is_final),
            Op::Ping(payload) => self.conn.ping(payload),
            Op::Pong(payload) => self.conn.pong(payload),
            _ => Ok(()),
        };
        let is_open = self.conn.state() == State::Open && self.conn.close_info().is_none();
        assert!(is_open || outcome.is_err() || matches!(command, Op::Send { .. }), "{command:?} while closing");
    }

    fn frame(&mut self, frame: silverback_testkit::wire::Frame) {
        let frame = if self.role == Role::Server { frame.masked(CLIENT_KEY) } else { frame };
        self.input(&frame.encode());
    }

    fn input(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            let mut piece = piece.to_vec();
            let mut rest = piece.as_mut_slice();
            loop {
                let progress = match self.conn.handle_input(self.now, rest) {
                    Ok(progress) => progress,
                    Err(error) => {
                        self.seen.push(Seen::Failed(error));
                        break;
                    }
                };
                let consumed = progress.consumed;
                let Some(event) = progress.event else { break };
                self.seen.push(match event {
                    Event::Message(message) => Seen::Message(message.into_message()),
                    Event::Ping(payload) | Event::Pong(payload) => Seen::Control(payload.as_slice().to_vec()),
                    Event::Close(close) => Seen::Close(close),
                });
                rest = &mut rest[consumed..];
            }
        }
    }

    /// The transport takes up to `most` bytes.
    fn write(&mut self, most: usize) -> Vec<u8> {
        let was_closed = self.conn.state() == State::Closed;
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = self.conn.poll_transmit(&mut slices);
        let mut sent: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
        sent.truncate(most);
        assert!(!was_closed || sent.is_empty(), "bytes leave after the end");
        self.conn.handle_transmitted(sent.len());
        sent
    }
}
