//! Any messages, compressed with any negotiated parameters (RFC 7692, 7.2.1). A peer reads the original messages, and
//! so does zlib, which also checks that the sender stays within its window.

use std::{
    collections::VecDeque,
    io::IoSlice,
    time::{Duration, Instant},
};

use arbitrary::Arbitrary;
use silverback_proto::{Config, Connection, Event, MaskKey, Message, MessageKind, PreparedMessage, Role};
use silverback_testkit::wire::{Frame, decode_all};

use crate::{
    agreement::Agreement,
    data::Data,
    zlib::{Unpacked, Unpacker},
};

/// The operations of an application that sends.
#[derive(Arbitrary, Debug)]
pub struct Input {
    agreement: Agreement,
    is_client: bool,
    sent: Vec<Sent>,
}

#[derive(Arbitrary, Debug)]
enum Sent {
    Message {
        data: Data,
        is_text: bool,
    },
    Lent {
        data: Data,
    },
    Uncompressed {
        data: Data,
    },
    Prepared {
        data: Data,
        times: u8,
    },
    Streamed {
        data: Data,
        fragment_len: u16,
        pings: bool,
    },
    /// Time passes, long enough to release the compressor.
    Silence,
}

/// Sends everything, and compares the results of both receivers.
pub fn run(input: &Input) {
    let mut conversation = Conversation::new(input);
    for sent in &input.sent {
        conversation.send(sent);
        conversation.check();
    }
}

struct Conversation {
    sender: Connection,
    peer: Connection,
    zlib: Unpacker,
    now: Instant,
    expected: VecDeque<Message>,
    /// The frames of the unfinished message.
    frames: Vec<Frame>,
}

impl Conversation {
    fn new(input: &Input) -> Self {
        let agreement = input.agreement.with_compression();
        let role = if input.is_client { Role::Client } else { Role::Server };
        let (window_bits, has_takeover) = agreement.window(role);
        // The absolute time does not matter.
        let now = Instant::now();
        let conn = |role| {
            let config = agreement.config(Config::default());
            Connection::new(role, agreement.negotiated(), config, now, || MaskKey([1, 2, 3, 4]))
        };
        Self {
            sender: conn(role),
            peer: conn(role.peer()),
            zlib: Unpacker::new(window_bits, has_takeover, if window_bits == 15 { usize::MAX } else { 1 }),
            now,
            expected: VecDeque::new(),
            frames: Vec::new(),
        }
    }

    fn send(&mut self, sent: &Sent) {
        match sent {
            Sent::Message { data, is_text: true } => {
                let message = Message::from(data.text(MOST));
                self.expected.push_back(message.clone());
                self.sender.send(message).expect("an open connection");
            }
            Sent::Message { data, is_text: false } => {
                let message = Message::from(data.bytes(MOST));
                self.expected.push_back(message.clone());
                self.sender.send(message).expect("an open connection");
            }
            Sent::Lent { data } => {
                let message = Message::from(data.bytes(MOST));
                self.sender.send_ref(message.as_ref()).expect("an open connection");
                self.expected.push_back(message);
            }
            Sent::Uncompressed { data } => {
                let message = Message::from(data.bytes(MOST));
                self.expected.push_back(message.clone());
                self.sender.set_write_compression(false);
                self.sender.send(message).expect("an open connection");
                self.sender.set_write_compression(true);
            }
            Sent::Prepared { data, times } => {
                let message = PreparedMessage::new(data.bytes(MOST));
                for _ in 0..=times % 3 {
                    self.expected.push_back(message.message().clone());
                    self.sender.send_prepared(&message).expect("an open connection");
                }
            }
            Sent::Streamed { data, fragment_len, pings } => self.stream(&data.bytes(MOST), *fragment_len, *pings),
            Sent::Silence => {
                for conn in [&mut self.sender, &mut self.peer] {
                    // Each side hears from the other, so the keepalive of neither fails.
                    conn.handle_received(self.now, 1);
                    for seconds in [11, 22, 33] {
                        conn.handle_timeout(self.now + Duration::from_secs(seconds));
                        conn.handle_received(self.now + Duration::from_secs(seconds), 1);
                    }
                }
                self.now += Duration::from_secs(33);
            }
        }
    }

    fn stream(&mut self, payload: &[u8], fragment_len: u16, pings: bool) {
        self.expected.push_back(Message::from(payload.to_vec()));
        self.sender.open_message(MessageKind::Binary).expect("an open connection");
        let fragment_len = usize::from(fragment_len).max(1 + payload.len() / 64);
        for fragment in payload.chunks(fragment_len) {
            self.sender.send_fragment(fragment, false).expect("an open message");
            if pings {
                self.sender.ping(b"between").expect("a short ping");
            }
        }
        self.sender.send_fragment(b"", true).expect("an open message");
    }

    fn check(&mut self) {
        let mut wire = Vec::new();
        loop {
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = self.sender.poll_transmit(&mut slices);
            let before = wire.len();
            slices[..filled].iter().for_each(|slice| wire.extend_from_slice(slice));
            if wire.len() == before {
                break;
            }
            self.sender.handle_transmitted(wire.len() - before);
        }
        self.check_zlib(&wire);
        self.check_peer(&mut wire);
    }

    fn check_zlib(&mut self, wire: &[u8]) {
        let (frames, rest) = decode_all(wire);
        assert!(rest.is_empty(), "only whole frames");
        let mut expected = self.expected.iter();
        for frame in frames.into_iter().filter(|frame| frame.opcode < 8) {
            let is_final = frame.fin;
            self.frames.push(frame);
            if !is_final {
                continue;
            }
            let frames = std::mem::take(&mut self.frames);
            let is_compressed = frames[0].rsv1;
            assert!(frames[1..].iter().all(|frame| !frame.rsv1), "only the first frame has RSV1");
            let payload = frames.into_iter().map(|frame| frame.payload).collect::<Vec<_>>().concat();
            let payload = match is_compressed {
                true => self.zlib.message(&payload, 2 * MOST),
                false => Unpacked::Message(payload),
            };
            let expected = expected.next().expect("no more messages than were sent");
            assert!(
                payload == Unpacked::Message(expected.as_bytes().to_vec()),
                "zlib has {payload:?} for {expected:?}"
            );
        }
        assert!(self.frames.is_empty() && expected.next().is_none(), "every message is sent");
    }

    fn check_peer(&mut self, wire: &mut [u8]) {
        let mut rest = wire;
        loop {
            let progress = self.peer.handle_input(self.now, rest).expect("nothing that a peer could mind");
            let consumed = progress.consumed;
            match progress.event {
                Some(Event::Message(message)) => {
                    let expected = self.expected.pop_front().expect("no more messages than were sent");
                    let message = message.into_ref();
                    assert!(message == expected.as_ref(), "the peer has {message:?} for {expected:?}");
                }
                Some(_) => {}
                None => break,
            }
            rest = &mut rest[consumed..];
        }
        assert!(self.expected.is_empty(), "every message is received");
        while self.peer.queued_output() > 0 {
            let queued = self.peer.queued_output();
            self.peer.handle_transmitted(queued);
        }
    }
}

/// The largest message, in bytes.
const MOST: usize = 50_000;
