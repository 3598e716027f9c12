//! Twins: two connections with the same input, one gets it whole and the other in small pieces. Both must read and send
//! the same. A peer must find no fault in their output and read every message.

mod twin;

use arbitrary::Arbitrary;
use silverback_proto::{Config, ConnectionError, Message, Role, State};

use self::twin::{Seen, Twin};
use crate::{
    agreement::Agreement,
    data::{Data, Len},
};

/// The negotiated parameters of two endpoints, and the events after that.
#[derive(Arbitrary, Debug)]
pub struct Conversation {
    agreement: Agreement,
    ops: Vec<Op>,
}

/// One action of a network, a clock or an application.
#[derive(Arbitrary, Debug)]
enum Op {
    Input(Vec<u8>),
    Frame {
        fin: bool,
        opcode: u8,
        reserved: u8,
        payload: Vec<u8>,
        declared: Option<u64>,
    },
    Repeat {
        opcode: u8,
        payload: u8,
        count: u8,
    },
    /// A message compressed by zlib, in this many frames, perhaps with one flipped bit.
    Packed {
        is_text: bool,
        data: Data,
        frames: u8,
        flipped: Option<u16>,
    },
    Write {
        most: Len,
    },
    Send {
        way: Way,
        data: Data,
    },
    SendText(String),
    OpenMessage {
        is_text: bool,
    },
    Fragment {
        data: Data,
        is_final: bool,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close {
        code: u16,
        reason: String,
    },
    Pass {
        seconds: u8,
    },
    Blocked,
    Lost,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Way {
    Owned,
    Lent,
    Uncompressed,
    Prepared,
}

/// Runs a conversation and checks the properties after each step.
pub fn run(role: Role, conversation: &Conversation) {
    let Conversation { agreement, ops } = conversation;
    let config = Config::default().max_message_size(MOST_RECEIVED).max_fragments(100).max_queued_output(200_000);
    let mut twins = [usize::MAX, 1].map(|piece| Twin::new(role, agreement, config.clone(), piece));
    let mut peer = Peer::new(role.peer(), agreement);
    for op in ops.iter().take(MOST_OPS) {
        let sent = twins.each_mut().map(|twin| twin.apply(op));
        let [whole, cut] = &twins;
        assert_eq!(whole.seen, cut.seen);
        assert_eq!(whole.conn.state(), cut.conn.state());
        assert!(sent[0] == sent[1], "{:?} and {:?}", sent[0], sent[1]);
        peer.receive(&sent[0], &whole.accepted);
        if peer.is_full() {
            return;
        }
    }
    let [whole, _] = &mut twins;
    peer.receive(&whole.write(usize::MAX), &whole.accepted);
    // After a fault of the peer, a full transport gets only the rest of the current frame.
    let arrives = !whole.is_lost && !whole.conn.has_dropped_output() && whole.conn.queued_output() == 0;
    assert!(!arrives || peer.messages == whole.accepted.len(), "an accepted message is missing");
}

/// The peer, which gets all output.
struct Peer {
    twin: Twin,
    /// Number of messages received.
    messages: usize,
    bytes: usize,
}

impl Peer {
    fn new(role: Role, agreement: &Agreement) -> Self {
        Self { twin: Twin::new(role, agreement, Config::default(), usize::MAX), messages: 0, bytes: 0 }
    }

    fn receive(&mut self, bytes: &[u8], accepted: &[Message]) {
        self.bytes += bytes.len();
        self.twin.input(bytes);
        for seen in self.twin.seen.drain(..) {
            match seen {
                Seen::Message(message) => {
                    assert!(accepted.get(self.messages) == Some(&message), "{message:?} is not the sent message");
                    self.messages += 1;
                }
                Seen::Failed(error) => panic!("the peer found {error}"),
                Seen::Control(_) | Seen::Close(_) => {}
            }
        }
    }

    /// More steps would only take time.
    fn is_full(&self) -> bool {
        self.bytes > 1 << 20
    }
}

/// The largest message of a peer.
const MOST_RECEIVED: u64 = 100_000;

const MOST_OPS: usize = 200;
