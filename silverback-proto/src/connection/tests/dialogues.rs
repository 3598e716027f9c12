//! Random dialogues of both roles, with and without compression. Every message that one side accepts arrives at the other
//! side complete, in order and once, and both sides know how the connection closed.

use std::{collections::VecDeque, time::Duration};

use proptest::{prelude::*, sample::Index};
use silverback_testkit::cuts::{Random, random_split};

use super::*;
use crate::deflate::Compression;

/// One thing that happens. `Side` is 0 for the client, 1 for the server.
#[derive(Clone, Debug)]
enum Act {
    Send(Side, Way, Body),
    /// Begins a streamed message, to be cut at these places.
    Open(Side, Body, Vec<Index>),
    Fragment(Side),
    Ping(Side),
    UnaskedPong(Side),
    Close(Side, u16, String),
    /// Queued output of the side is carried over: at most this many bytes, in this many pieces. No pieces means byte by
    /// byte.
    Carry(Side, usize, usize),
    /// So much time passes that a compressor is given back.
    Rest,
}

type Side = usize;

#[derive(Clone, Copy, Debug)]
enum Way {
    Owned,
    Lent,
    Uncompressed,
    Prepared,
}

/// A message to be.
#[derive(Clone, Debug)]
enum Body {
    Letters(String),
    Repeating(String, usize),
    Noise(u64, usize),
    /// The message that this conversation sends again and again.
    Refrain,
}

impl Body {
    fn message(&self) -> Message {
        match self {
            Self::Letters(letters) => letters.as_str().into(),
            Self::Repeating(letters, times) => letters.repeat(*times).into(),
            Self::Noise(seed, len) => Message::binary(Random::new(*seed).bytes(*len)),
            Self::Refrain => "{\"refrain\":\"αλφα βητα\",\"number\":[1,2,3,4,5,6,7,8,9]}".repeat(5).into(),
        }
    }
}

fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![
        3 => "[aé€😀]{0,40}".prop_map(Body::Letters),
        3 => ("[a-f€]{1,50}", 1..400_usize).prop_map(|(letters, times)| Body::Repeating(letters, times)),
        2 => (any::<u64>(), prop_oneof![0..300_usize, 0..40_000_usize]).prop_map(|(seed, len)| Body::Noise(seed, len)),
        2 => Just(Body::Refrain),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    let side = || 0..2_usize;
    let way = prop_oneof![4 => Just(Way::Owned), 2 => Just(Way::Lent), 1 => Just(Way::Uncompressed), 2 => Just(Way::Prepared)];
    let most = prop_oneof![1 => 1..40_usize, 2 => 1..100_000_usize, 2 => Just(usize::MAX)];
    let code = prop_oneof![Just(1000_u16), Just(1001), Just(1005), Just(4999)];
    prop_oneof![
        10 => (side(), way, any_body()).prop_map(|(side, way, body)| Act::Send(side, way, body)),
        3 => (side(), any_body(), prop::collection::vec(any::<Index>(), 0..5))
            .prop_map(|(side, body, cuts)| Act::Open(side, body, cuts)),
        9 => side().prop_map(Act::Fragment),
        3 => side().prop_map(Act::Ping),
        1 => side().prop_map(Act::UnaskedPong),
        1 => (side(), code, "[a€]{0,60}").prop_map(|(side, code, reason)| Act::Close(side, code, reason)),
        12 => (side(), most, 0..5_usize).prop_map(|(side, most, pieces)| Act::Carry(side, most, pieces)),
        1 => Just(Act::Rest),
    ]
}

fn any_compression() -> impl Strategy<Value = Option<Compression>> {
    let drawn = (8..=15_u8, 8..=15_u8, any::<(bool, bool)>(), 1..=9_u8, 1..=9_u8, prop_oneof![Just(0_usize), Just(64)]);
    let compression =
        drawn.prop_map(|(server_bits, client_bits, (server_alone, client_alone), level, memory, least)| {
            Compression::default()
                .server_max_window_bits(server_bits)
                .client_max_window_bits(client_bits)
                .server_no_context_takeover(server_alone)
                .client_no_context_takeover(client_alone)
                .level(level)
                .memory_level(memory)
                .threshold(least)
        });
    prop_oneof![1 => Just(None), 4 => compression.prop_map(Some)]
}

/// The expected result of the commands of one side.
#[derive(Default)]
struct Sent {
    /// Accepted and not yet seen by the other side.
    messages: VecDeque<Message>,
    pings: VecDeque<Vec<u8>>,
    /// Pongs that the other side owes, oldest first.
    owed_pongs: VecDeque<Vec<u8>>,
    unasked_pongs: VecDeque<Vec<u8>>,
    /// Fragments that are still to be sent of the message that is open, and the message.
    streaming: Option<(Message, VecDeque<Vec<u8>>)>,
    /// The Close frame of its application, if that came before the peer's.
    close: Option<Option<CloseFrame>>,
    count: usize,
}

struct Dialogue {
    apps: [App; 2],
    sent: [Sent; 2],
    /// The other side may have had so much to send that only its newest pong was kept (5.5.3).
    was_crowded: [bool; 2],
    refrain: PreparedMessage,
}

impl Dialogue {
    fn new(compression: Option<&Compression>) -> Self {
        let config = || Config::default().ping_interval(None);
        let app = |role| match compression {
            Some(compression) => compression::app(role, config(), compression),
            None => App::new(role, config()),
        };
        Self {
            apps: [app(Role::Client), app(Role::Server)],
            sent: Default::default(),
            was_crowded: [false; 2],
            refrain: PreparedMessage::new(Body::Refrain.message()),
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Send(me, way, body) => self.send(me, way, &body),
            Act::Open(me, body, cuts) => self.open(me, &body, &cuts),
            Act::Fragment(me) => self.fragment(me),
            Act::Ping(me) => self.ping(me),
            Act::UnaskedPong(me) => {
                let payload = vec![b'u'; 20];
                if self.apps[me].conn.pong(&payload).is_ok() {
                    self.sent[me].unasked_pongs.push_back(payload);
                }
            }
            Act::Close(me, code, reason) => self.close(me, code, reason),
            Act::Carry(from, most, pieces) => self.carry(from, most, pieces),
            Act::Rest => self.rest(),
        }
    }

    fn send(&mut self, me: Side, way: Way, body: &Body) {
        let message = if matches!(way, Way::Prepared) { self.refrain.message().clone() } else { body.message() };
        let conn = &mut self.apps[me].conn;
        let outcome = match way {
            Way::Owned => conn.send(message.clone()),
            Way::Lent => conn.send_ref(message.as_ref()),
            Way::Uncompressed => {
                conn.set_write_compression(false);
                let outcome = conn.send(message.clone());
                conn.set_write_compression(true);
                outcome
            }
            Way::Prepared => conn.send_prepared(&self.refrain),
        };
        if self.is_accepted(me, outcome) {
            self.sent[me].messages.push_back(message);
        }
    }

    fn open(&mut self, me: Side, body: &Body, cuts: &[Index]) {
        let message = body.message();
        let outcome = self.apps[me].conn.open_message(message.kind());
        if self.is_accepted(me, outcome) {
            let mut places: Vec<_> =
                cuts.iter().map(|cut| cut.index(message.len() + 1)).chain([message.len()]).collect();
            places.sort_unstable();
            let starts = std::iter::once(0).chain(places.iter().copied());
            let fragments = starts.zip(&places).map(|(start, end)| message.as_bytes()[start..*end].to_vec()).collect();
            self.sent[me].streaming = Some((message, fragments));
        }
    }

    fn fragment(&mut self, me: Side) {
        let Some((message, mut fragments)) = self.sent[me].streaming.take() else { return };
        let fragment = fragments.pop_front().unwrap();
        match self.apps[me].conn.send_fragment(&fragment, fragments.is_empty()) {
            Ok(()) if fragments.is_empty() => self.sent[me].messages.push_back(message),
            Ok(()) => self.sent[me].streaming = Some((message, fragments)),
            Err(error) => assert_eq!((error, self.is_closing(me)), (SendError::Closing, true)),
        }
    }

    fn ping(&mut self, me: Side) {
        let payload = format!("{:0>1$}", self.sent[me].count, 1 + self.sent[me].count % 125).into_bytes();
        let outcome = self.apps[me].conn.ping(&payload);
        assert_eq!(outcome.is_err(), self.is_closing(me));
        if outcome.is_ok() {
            self.sent[me].count += 1;
            self.sent[me].pings.push_back(payload);
        }
    }

    fn close(&mut self, me: Side, code: u16, reason: String) {
        if !self.is_closing(me) {
            let close = CloseFrame::new(CloseCode::new(code), reason).ok();
            self.sent[me].close = Some(close.clone());
            let App { conn, clock, .. } = &mut self.apps[me];
            conn.start_close(clock.now(), close);
        }
    }

    /// Does nothing while a side closes, because the closing handshake has a timeout.
    fn rest(&mut self) {
        if self.is_closing(0) || self.is_closing(1) {
            return;
        }
        for app in &mut self.apps {
            app.clock.advance(Duration::from_secs(11));
            assert_eq!(app.conn.handle_timeout(app.clock.now()), None);
        }
    }

    /// Carries bytes, and compares the events of the other side with the expected ones.
    fn carry(&mut self, from: Side, most: usize, pieces: usize) {
        let to = 1 - from;
        let bytes = self.apps[from].sent_up_to(most);
        let pieces = match pieces {
            0 => bytes.chunks(1).collect(),
            some => random_split(&bytes, some, bytes.len() as u64),
        };
        let was_open = !self.is_closing(to);
        pieces.into_iter().for_each(|piece| self.apps[to].input(piece));
        self.was_crowded[to] |= self.apps[to].conn.queued_output() >= PONGS_ARE_DROPPED_FROM;
        for seen in self.apps[to].seen() {
            self.compare(from, seen, was_open);
        }
    }

    fn compare(&mut self, from: Side, seen: Seen, was_open: bool) {
        let to = 1 - from;
        match seen {
            Seen::Message(message) => {
                assert_eq!(Some(Seen::Message(message)), self.sent[from].messages.pop_front().map(Seen::Message))
            }
            Seen::Ping(payload) => {
                assert_eq!(Some(&payload), self.sent[from].pings.pop_front().as_ref());
                if was_open {
                    self.sent[from].owed_pongs.push_back(payload);
                }
            }
            Seen::Pong(payload) if payload.starts_with(b"u") => {
                assert!(self.sent[from].unasked_pongs.pop_front().is_some())
            }
            Seen::Pong(payload) => {
                let owed = &mut self.sent[to].owed_pongs;
                let place = owed.iter().position(|ping| *ping == payload).expect("a pong that was owed, and only once");
                assert!(place == 0 || self.was_crowded[from], "{place} pongs are missing");
                owed.drain(..=place);
            }
            Seen::Close(close) => {
                let reply =
                    self.sent[to].close.clone().flatten().map(|close| CloseFrame { reason: "".into(), ..close });
                let expected = self.sent[from].close.clone().unwrap_or(reply);
                assert_eq!(close, expected);
            }
            Seen::Failed(error) => panic!("{error}"),
        }
    }

    /// Both sides close, if they have not, and the wire carries all that is left.
    fn end(mut self) {
        self.close(0, 1000, "the end".into());
        for from in [0, 1, 0, 1] {
            self.carry(from, usize::MAX, 2);
        }
        for me in [0, 1] {
            assert!(self.sent[me].messages.is_empty(), "{} messages are lost", self.sent[me].messages.len());
            assert!(self.sent[me].pings.is_empty() && self.sent[me].unasked_pongs.is_empty());
            // 5.5.3: those before the newest may be left out, if there was a reason to.
            assert_eq!(self.sent[me].owed_pongs, VecDeque::<Vec<u8>>::new());
            self.check_end(me);
        }
    }

    fn check_end(&mut self, me: Side) {
        let (mine, theirs) = (self.sent[me].close.clone(), self.sent[1 - me].close.clone());
        let reply = |close: &Option<CloseFrame>| close.clone().map(|close| CloseFrame { reason: "".into(), ..close });
        let initiator = if mine.is_some() { Initiator::Local } else { Initiator::Peer };
        let received = theirs.clone().unwrap_or_else(|| reply(mine.as_ref().unwrap()));
        let sent = mine.unwrap_or_else(|| reply(theirs.as_ref().unwrap()));
        let (code, reason) = received.map_or((CloseCode::NO_STATUS, "".into()), |close| (close.code, close.reason));
        assert_eq!(self.apps[me].close_info(), CloseInfo { code, reason, sent, initiator, is_clean: true });
        assert_eq!(self.apps[me].conn.state(), State::Closed);
        self.apps[me].refuses_to_send();
        assert_eq!(self.apps[me].sent(), b"");
    }

    /// A whole message is refused for two reasons only, and both can be known.
    fn is_accepted(&self, me: Side, outcome: Result<(), SendError>) -> bool {
        let expected = match () {
            () if self.is_closing(me) => Err(SendError::Closing),
            () if self.sent[me].streaming.is_some() => Err(SendError::MessageOpen),
            () => Ok(()),
        };
        assert_eq!(outcome, expected);
        outcome.is_ok()
    }

    fn is_closing(&self, me: Side) -> bool {
        self.apps[me].conn.close_info().is_some()
    }
}

/// The value in `send.rs`.
const PONGS_ARE_DROPPED_FROM: usize = 64 * 1024;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn both_roles_understand_each_other(
        compression in any_compression(),
        acts in prop::collection::vec(any_act(), 0..80),
    ) {
        let mut dialogue = Dialogue::new(compression.as_ref());
        acts.into_iter().for_each(|act| dialogue.act(act));
        dialogue.end();
    }
}
