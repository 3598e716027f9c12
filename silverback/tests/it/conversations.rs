//! Random conversations: both roles talk to each other over a network with short reads, stalls and full buffers, and
//! every future is cancelled at random places. Accepted messages arrive whole, in order and once. A message that was
//! cancelled before it was accepted does not arrive. No frame is cut off.

mod acts;
mod network;
mod patience;
mod reading;
mod speaking;

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use silverback::{Compression, Conn, Message, Negotiated, Role, Settings};
use silverback_testkit::pipe::{Remote, pipe};
use tokio::{runtime, task::yield_now};

use self::{
    network::{Journey, Network, any_journey},
    speaking::{Speech, any_speech},
};

/// The log of one side's conversation.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Story>>);

#[derive(Debug, Default)]
struct Story {
    /// The messages accepted for sending, in order.
    accepted: Vec<Message>,
    /// The message that was being streamed when the other side closed.
    cut_short: Option<Message>,
    /// The messages received from the other side, in order.
    seen: Vec<Seen>,
}

/// A message, or the start of one whose reader was cancelled.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Whole(Message),
    Beginning(silverback::MessageKind, Vec<u8>),
}

impl Log {
    fn note(&self, change: impl FnOnce(&mut Story)) {
        change(&mut self.0.lock().unwrap());
    }

    fn take(&self) -> Story {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Seen {
    fn is_of(&self, message: &Message) -> bool {
        match self {
            Self::Whole(whole) => whole == message,
            Self::Beginning(kind, bytes) => *kind == message.kind() && message.as_bytes().starts_with(bytes),
        }
    }
}

/// One side's settings and actions.
#[derive(Clone, Debug)]
struct Party {
    queue: usize,
    read_buffer: usize,
    write_buffer: usize,
    speech: Speech,
}

fn any_party() -> impl Strategy<Value = Party> {
    let sizes = || prop_oneof![Just(256_usize), Just(4096), Just(64 * 1024)];
    (prop_oneof![0..2000_usize, Just(1 << 20)], sizes(), sizes(), any_speech())
        .prop_map(|(queue, read_buffer, write_buffer, speech)| Party { queue, read_buffer, write_buffer, speech })
}

fn any_compression() -> impl Strategy<Value = Option<Compression>> {
    let compression = (8..=15_u8, 8..=15_u8, any::<(bool, bool)>()).prop_map(|(server, client, alone)| {
        let windows = Compression::default().server_max_window_bits(server).client_max_window_bits(client);
        windows.server_no_context_takeover(alone.0).client_no_context_takeover(alone.1).threshold(0)
    });
    prop_oneof![1 => Just(None), 2 => compression.prop_map(Some)]
}

impl Party {
    fn connect(&self, role: Role, compression: Option<&Compression>) -> (Conn, Remote) {
        let mut agreed = Negotiated::default();
        agreed.compression = compression.and_then(|wanted| Some(wanted.answer(&[wanted.offer()])?.1));
        let settings = Settings::default()
            .adjust_config(|config| config.max_queued_output(self.queue).ping_interval(None))
            .compression(compression.cloned())
            .read_buffer_size(self.read_buffer)
            .write_buffer_size(self.write_buffer);
        let (pipe, remote) = pipe();
        (Conn::from_handshake(pipe, role, agreed, [], &settings), remote)
    }
}

async fn converse(parties: [Party; 2], compression: Option<Compression>, journeys: [Journey; 2]) {
    let [(client, client_side), (server, server_side)] = [
        parties[0].connect(Role::Client, compression.as_ref()),
        parties[1].connect(Role::Server, compression.as_ref()),
    ];
    let logs = [Log::default(), Log::default()];
    let [client_says, server_says] = parties.map(|party| party.speech);
    let discards = [client_says.discards(true), server_says.discards(false)];
    let speaking = [
        tokio::spawn(client_says.hold(client, logs[0].clone(), true)),
        tokio::spawn(server_says.hold(server, logs[1].clone(), false)),
    ];
    let mut network = Network::new([client_side, server_side], journeys);
    let mut turns = 0;
    while !network.is_over() {
        network.carry();
        yield_now().await;
        turns += 1;
        assert!(turns < MOST_TURNS, "no side makes progress: {:?}", logs.map(|log| log.take()));
        if speaking.iter().any(|side| side.is_finished()) && network.is_dropped() {
            break;
        }
    }
    for side in speaking {
        side.await.unwrap();
    }
    network.check_frames();
    let [client, server] = logs.map(|log| log.take());
    compare(&client, &server.seen, discards[1]);
    compare(&server, &client.seen, discards[0]);
}

/// A side that closes with `Conn::close` discards what still arrives.
#[track_caller]
fn compare(sender: &Story, seen: &[Seen], may_end_early: bool) {
    let sent = sender.accepted.iter().chain(&sender.cut_short);
    for (number, (message, seen)) in sent.zip(seen).enumerate() {
        assert!(seen.is_of(message), "message {number} of {} bytes is not {seen:?}", message.len());
    }
    let whole = sender.accepted.len();
    let is_cut_short = |rest: &[Seen]| matches!((rest, &sender.cut_short), ([Seen::Beginning(..)], Some(_)));
    match seen.get(whole..) {
        Some(more) => assert!(more.is_empty() || is_cut_short(more), "more was seen than sent: {more:?}"),
        None => assert!(may_end_early, "{} of {whole} messages", seen.len()),
    }
}

/// Far more turns than a conversation takes.
const MOST_TURNS: usize = 500_000;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn nothing_is_lost_doubled_or_torn_though_every_future_is_given_up(
        parties in [any_party(), any_party()],
        compression in any_compression(),
        journeys in [any_journey(), any_journey()],
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(converse(parties, compression, journeys));
    }
}
