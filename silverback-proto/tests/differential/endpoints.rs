//! The same stream, read by our connection and by tungstenite's: what each makes of it, in one form.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice, Read, Write};

use silverback_proto::{CloseFrame, Config, Connection, ConnectionError, Event, MaskKey, Message, Negotiated, Role};
use silverback_testkit::clock::FakeClock;
use silverback_testkit::cuts::random_split;
use silverback_testkit::wire::decode_all;
use tungstenite::protocol::WebSocketConfig;

/// The limits, which are the same for both implementations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) frame: u64,
    pub(crate) message: u64,
}

/// The result of a stream at one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) seen: Vec<Seen>,
    pub(crate) end: End,
    /// The payloads of its pongs.
    pub(crate) pongs: Vec<Vec<u8>>,
}

/// An event for the application.
#[derive(Clone, PartialEq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// How it ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// It waits for more.
    Open,
    /// By the peer's Close frame, with its code and reason.
    Close(Option<(u16, String)>),
    /// By a fault of the peer.
    Fault(Fault),
}

/// The kind of a fault, which decides the code of our Close frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Protocol,
    Text,
    TooBig,
}

impl Fault {
    const fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Text => 1007,
            Self::TooBig => 1009,
        }
    }
}

/// Passes the stream to a silverback connection, cut by the seed, and returns the result.
pub(crate) fn ours(role: Role, limits: Limits, wire: &[u8], seed: u64) -> Outcome {
    let config = Config::default().max_message_size(limits.message).max_frame_size(limits.frame);
    let now = FakeClock::new().now();
    let mut conn = Connection::new(role, Negotiated::default(), config, now, || MaskKey([1, 2, 3, 4]));
    let mut outcome = Outcome { seen: Vec::new(), end: End::Open, pongs: Vec::new() };
    let mut sent = Vec::new();
    for piece in pieces(wire, seed) {
        let mut piece = piece.to_vec();
        let mut rest = piece.as_mut_slice();
        while outcome.end == End::Open {
            let consumed = match conn.handle_input(now, rest) {
                Ok(progress) => {
                    let Some(event) = progress.event else { break };
                    outcome.note(event);
                    progress.consumed
                }
                Err(error) => {
                    outcome.end = End::Fault(kind(&error));
                    rest.len()
                }
            };
            rest = &mut rest[consumed..];
            drain(&mut conn, &mut sent);
        }
    }
    drain(&mut conn, &mut sent);
    outcome.judge_answers(&sent);
    outcome
}

/// What tungstenite makes of it, cut as the seed says.
pub(crate) fn theirs(role: Role, limits: Limits, wire: &[u8], seed: u64) -> Outcome {
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_message_size(usize::try_from(limits.message).ok())
        .max_frame_size(usize::try_from(limits.frame).ok());
    let role = match role {
        Role::Server => tungstenite::protocol::Role::Server,
        Role::Client => tungstenite::protocol::Role::Client,
    };
    let stream = Stream { input: pieces(wire, seed).into_iter().map(<[u8]>::to_vec).collect(), output: Vec::new() };
    let mut socket = tungstenite::WebSocket::from_raw_socket(stream, role, Some(config));
    let mut outcome = Outcome { seen: Vec::new(), end: End::Open, pongs: Vec::new() };
    while outcome.end == End::Open {
        match socket.read() {
            Ok(message) => outcome.note_theirs(message),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(tungstenite::Error::Protocol(_)) => outcome.end = End::Fault(Fault::Protocol),
            Err(tungstenite::Error::Utf8(_)) => outcome.end = End::Fault(Fault::Text),
            Err(tungstenite::Error::Capacity(_)) => outcome.end = End::Fault(Fault::TooBig),
            Err(other) => panic!("not expected of it here: {other}"),
        }
    }
    // A server says that it is done by an error. A fault it leaves to the application to tell.
    let _ = socket.flush();
    outcome.judge_answers(&socket.get_ref().output);
    outcome
}

impl Outcome {
    fn note(&mut self, event: Event<'_>) {
        match event {
            Event::Message(message) => self.seen.push(match message.into_message() {
                Message::Text(text) => Seen::Text(text.to_string()),
                Message::Binary(bytes) => Seen::Binary(bytes.to_vec()),
            }),
            Event::Ping(payload) => self.seen.push(Seen::Ping(payload.as_slice().to_vec())),
            Event::Pong(payload) => self.seen.push(Seen::Pong(payload.as_slice().to_vec())),
            Event::Close(close) => {
                let said = |close: CloseFrame| (close.code.get(), close.reason.into_owned());
                self.end = End::Close(close.map(said));
            }
        }
    }

    fn note_theirs(&mut self, message: tungstenite::Message) {
        use tungstenite::Message as Theirs;

        match message {
            Theirs::Text(text) => self.seen.push(Seen::Text(text.to_string())),
            Theirs::Binary(bytes) => self.seen.push(Seen::Binary(bytes.to_vec())),
            Theirs::Ping(payload) => self.seen.push(Seen::Ping(payload.to_vec())),
            Theirs::Pong(payload) => self.seen.push(Seen::Pong(payload.to_vec())),
            Theirs::Close(close) => {
                self.end = End::Close(close.map(|close| (close.code.into(), close.reason.to_string())));
            }
            Theirs::Frame(frame) => panic!("a frame is never read: {frame}"),
        }
    }

    /// Keeps the pongs among the sent frames. The only other frame must be the Close frame that fits the end.
    fn judge_answers(&mut self, sent: &[u8]) {
        let (frames, rest) = decode_all(sent);
        assert!(rest.is_empty(), "half a frame was sent");
        let mut closes = Vec::new();
        for frame in frames {
            match frame.opcode {
                0xA => self.pongs.push(frame.payload),
                _ => closes.push(frame),
            }
        }
        let codes: Vec<_> = closes.iter().map(|close| (close.opcode, close.close_code())).collect();
        match &self.end {
            End::Open => assert_eq!(codes, []),
            End::Close(close) => assert_eq!(codes, [(0x8, close.as_ref().map(|(code, _)| *code))]),
            End::Fault(fault) => assert!(codes.is_empty() || codes == [(0x8, Some(fault.code()))], "{codes:?}"),
        }
    }
}

fn kind(error: &ConnectionError) -> Fault {
    match error.close_code().map(|code| code.get()) {
        Some(1002) => Fault::Protocol,
        Some(1007) => Fault::Text,
        Some(1009) => Fault::TooBig,
        _ => panic!("not expected of us here: {error}"),
    }
}

fn drain(conn: &mut Connection, sent: &mut Vec<u8>) {
    loop {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = conn.poll_transmit(&mut slices);
        let before = sent.len();
        slices[..filled].iter().for_each(|slice| sent.extend_from_slice(slice));
        match sent.len() - before {
            0 => return,
            count => conn.handle_transmitted(count),
        }
    }
}

fn pieces(wire: &[u8], seed: u64) -> Vec<&[u8]> {
    let count = match seed % 4 {
        0 => 1,
        1 => wire.len().clamp(1, 300),
        _ => 1 + (seed / 4 % 12) as usize,
    };
    random_split(wire, count, seed).into_iter().filter(|piece| !piece.is_empty()).collect()
}

/// A transport that gives one piece at each read, and at the end has nothing more for now.
#[derive(Debug)]
struct Stream {
    input: VecDeque<Vec<u8>>,
    output: Vec<u8>,
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.input.front_mut() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let count = piece.len().min(room.len());
        room[..count].copy_from_slice(&piece[..count]);
        piece.drain(..count);
        if piece.is_empty() {
            self.input.pop_front();
        }
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes) = match self {
            Self::Text(text) => ("Text", text.as_bytes()),
            Self::Binary(bytes) => ("Binary", bytes.as_slice()),
            Self::Ping(payload) => ("Ping", payload.as_slice()),
            Self::Pong(payload) => ("Pong", payload.as_slice()),
        };
        write!(f, "{name}({} bytes: {}..)", bytes.len(), bytes[..bytes.len().min(20)].escape_ascii())
    }
}
