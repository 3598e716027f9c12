//! Misuse that the types allow: wrong arguments, wrong order, the wrong connection, calls after the end. It is an error
//! or does nothing; it never panics, and after `Closed` no byte leaves.

use std::time::Duration;

use bytes::BufMut;
use proptest::{
    prelude::*,
    sample::{Index, select},
};
use silverback_testkit::wire::{binary, close_empty, continuation, ping, pong, text};

use super::{
    compression::{json, pair},
    *,
};
use crate::{
    connection::event::PayloadLocation,
    deflate::{Compression, DeflateParams},
    wire::error::{LimitError, ProtocolError},
};

const LARGE: usize = 20_000;

fn halves() -> (Receiver, Transmitter, Instant) {
    let App { conn, clock, .. } = App::new(Role::Server, Config::default());
    let (receiver, transmitter) = conn.split();
    (receiver, transmitter, clock.now())
}

mod places {
    use super::*;

    #[test]
    fn of_another_input_are_an_error() {
        for frame in [text("hello"), binary("hello")] {
            let (mut receiver, mut transmitter, now) = halves();
            let mut input = wire(Role::Server, &[frame]);
            let handled = receiver.handle_input(&mut input, ReadMode::Whole).unwrap();
            let Some(ReceivedEvent::Message(location)) = handled.received else { panic!("a message") };
            for other in [&b""[..], b"short"] {
                let error = receiver.message(other, location.clone()).unwrap_err();
                assert_eq!(error, ConnectionError::StaleLocation);
                assert_eq!(receiver.piece(other, location.clone()), Err(ConnectionError::StaleLocation));
            }
            assert_eq!(receiver.message(&input, location).unwrap().into_message().as_bytes(), b"hello");
            transmitter.handle_received(now, handled.consumed);
            assert_eq!(transmitter.state(), State::Open, "the connection is as it was");
        }
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges, reason = "that is the misuse")]
    fn that_were_made_up_are_an_error() {
        let (mut receiver, ..) = halves();
        for range in [5..6, 3..2, 0..usize::MAX, usize::MAX..usize::MAX] {
            for kind in [MessageKind::Text, MessageKind::Binary] {
                let location = PayloadLocation::Input { kind, range: range.clone() };
                assert_eq!(receiver.message(b"abc", location.clone()).unwrap_err(), ConnectionError::StaleLocation);
                assert_eq!(receiver.piece(b"abc", location), Err(ConnectionError::StaleLocation));
            }
        }
        assert_eq!(receiver.message(b"abc", PayloadLocation::Assembled).unwrap_err(), ConnectionError::StaleLocation);
    }

    #[test]
    fn whose_message_was_taken_are_an_error() {
        let (mut receiver, ..) = halves();
        let mut input = wire(Role::Server, &[text("hel").not_final(), continuation("lo")]);
        let handled = receiver.handle_input(&mut input, ReadMode::Whole).unwrap();
        assert_eq!(handled.received, Some(ReceivedEvent::Message(PayloadLocation::Assembled)));
        assert_eq!(receiver.message(&input, PayloadLocation::Assembled).unwrap().into_message(), "hello".into());
        assert_eq!(receiver.message(&input, PayloadLocation::Assembled).unwrap_err(), ConnectionError::StaleLocation);
    }
}

mod direct_reads {
    use super::*;

    /// A client in the middle of a large message, and the rest of the stream.
    fn begun() -> (App, Vec<u8>) {
        let mut app = App::new(Role::Server, Config::default());
        let payload: Vec<u8> = (0..LARGE).map(|i| i as u8).collect();
        let stream = wire(Role::Server, &[binary(payload), text("next")]);
        app.input(&stream[..10]);
        (app, stream[10..].to_vec())
    }

    fn read_directly(app: &mut App, stream: &mut Vec<u8>, most: usize) {
        let mut target = app.conn.receiver.payload_target().unwrap();
        let len = most.min(target.remaining_mut());
        target.put_slice(&stream[..len]);
        stream.drain(..len);
    }

    /// The events must not depend on which method took the bytes.
    #[track_caller]
    fn check_rest(mut app: App, stream: &[u8]) {
        app.input(stream);
        let payload: Vec<u8> = (0..LARGE).map(|i| i as u8).collect();
        assert_eq!(app.seen(), [message(payload), message("next")]);
    }

    #[test]
    fn are_handled_by_the_next_input_at_the_latest() {
        for first in [1, 1000, 3000] {
            let (mut app, mut stream) = begun();
            read_directly(&mut app, &mut stream, first);
            check_rest(app, &stream);
        }
    }

    #[test]
    fn may_follow_each_other_and_never_pass_the_end_of_their_frame() {
        let (mut app, mut stream) = begun();
        while let Some(room) = app.conn.receiver.payload_target().map(|target| target.remaining_mut()) {
            assert!(room > 0 && room <= stream.len() - wire(Role::Server, &[text("next")]).len());
            read_directly(&mut app, &mut stream, 1000);
        }
        check_rest(app, &stream);
    }

    #[test]
    fn are_part_of_the_pieces_of_a_streamed_message() {
        let (mut app, mut stream) = begun();
        read_directly(&mut app, &mut stream, 3000);
        let pieces = ReadMode::Pieces { limit: u64::MAX };
        let (mut rest, mut payload) = (stream.as_mut_slice(), Vec::new());
        loop {
            let receiver = &mut app.conn.receiver;
            let handled = receiver.handle_input(rest, pieces).unwrap();
            let Some(ReceivedEvent::Piece { location, is_last, .. }) = handled.received else { panic!("{handled:?}") };
            payload.extend_from_slice(receiver.piece(rest, location).unwrap());
            if is_last {
                break;
            }
            rest = &mut rest[handled.consumed..];
        }
        assert!(payload.iter().enumerate().all(|(i, &byte)| byte == i as u8) && payload.len() == LARGE);
    }

    #[test]
    fn that_did_not_happen_are_nothing() {
        let (mut receiver, ..) = halves();
        assert_eq!(receiver.handle_payload(), Ok(None));
        receiver.handle_input(&mut wire(Role::Server, &[text("open").not_final()]), ReadMode::Whole).unwrap();
        assert_eq!(receiver.handle_payload(), Ok(None));
        receiver.handle_input(&mut wire(Role::Server, &[close_empty()]), ReadMode::Whole).unwrap();
        assert_eq!(receiver.handle_payload(), Ok(None));
        assert!(receiver.payload_target().is_none());
    }
}

mod large_messages {
    use super::*;

    fn source() -> LargeSource<'static> {
        LargeSource::Owned(json(1).repeat(60).into())
    }

    fn finished(from: &mut App) -> LargeMessage<'static> {
        let mut large = from.conn.begin_large(source()).unwrap();
        while !large.work() {}
        large
    }

    #[test]
    fn of_another_connection_are_refused_and_bring_no_compressor() {
        let (mut server, _) = pair(&Compression::default());
        let mut plain = App::new(Role::Server, Config::default());
        assert_eq!(plain.conn.finish_large(finished(&mut server)), Err(SendError::NoMessageOpen));
        plain.conn.send(json(1).into()).unwrap();
        assert!(plain.sent_frames().iter().all(|frame| *frame == text(json(1))), "nothing is compressed");
    }

    #[test]
    fn of_another_connection_do_not_stand_for_our_own() {
        let ((mut one, mut peer), (mut other, _)) = (pair(&Compression::default()), pair(&Compression::default()));
        let (ours, theirs) = (finished(&mut one), finished(&mut other));
        assert_eq!(one.conn.finish_large(theirs), Err(SendError::NoMessageOpen));
        one.conn.finish_large(ours).unwrap();
        one.conn.send(json(2).into()).unwrap();
        peer.input(&one.sent());
        assert_eq!(peer.seen(), [message(source().as_ref().to_message()), message(json(2))]);
    }

    #[test]
    fn that_are_not_done_are_refused_and_leave_the_window_as_it_was() {
        let text = json(1).repeat(400);
        let (mut from, mut to) = pair(&Compression::default());
        from.conn.send(json(1).into()).unwrap();
        let mut large = from.conn.begin_large(LargeSource::Owned(text.into())).unwrap();
        assert!(!large.work());
        assert_eq!(from.conn.finish_large(large), Err(SendError::NoMessageOpen));
        let next = json(2).repeat(60);
        from.conn.send(next.clone().into()).unwrap();
        to.input(&from.sent());
        assert_eq!(to.seen(), [message(json(1)), message(next)]);
    }

    #[test]
    fn that_were_reset_are_not_sent_whatever_follows() {
        for role in [Role::Server, Role::Client] {
            for works in 0..4 {
                let (server, client) = pair(&Compression::default());
                let mut from = if role == Role::Server { server } else { client };
                let mut large = from.conn.begin_large(LargeSource::Owned(json(1).repeat(400).into())).unwrap();
                (0..works).for_each(|_| _ = large.work());
                large.reset();
                assert!(large.work() && large.work(), "there is nothing to do");
                assert_eq!(from.conn.finish_large(large), Err(SendError::NoMessageOpen));
                assert_eq!(from.conn.queued_output(), 0);
            }
        }
    }
}

#[test]
fn more_than_waited_cannot_have_left() {
    let mut app = App::new(Role::Server, Config::default());
    for _ in 0..3 {
        app.conn.send("hello".into()).unwrap();
        app.conn.handle_received(app.clock.now(), usize::MAX);
        app.conn.handle_transmitted(usize::MAX);
        assert_eq!(app.conn.queued_output(), 0);
    }
    assert_eq!(app.conn.stats().bytes_sent, 3 * 7);
    app.conn.send("still right".into()).unwrap();
    assert_eq!(app.sent_frames(), [text("still right")]);
}

#[test]
fn parameters_out_of_range_are_clamped() {
    for bits in [0, 7, 16, 31, 32, 64, 127, 128, 255] {
        let params = DeflateParams { server_max_window_bits: bits, client_max_window_bits: bits, ..Default::default() };
        let negotiated = || Negotiated { compression: Some(params), ..Negotiated::default() };
        let mut from = App::negotiated(Role::Server, Config::default(), negotiated());
        let mut to = App::negotiated(Role::Client, Config::default(), negotiated());
        for number in 0..3 {
            from.conn.send(json(number).into()).unwrap();
            to.input(&from.sent());
            assert_eq!(to.seen(), [message(json(number))], "{bits} bits");
        }
    }
}

#[test]
fn a_clock_at_the_end_of_time_causes_no_panic() {
    let mut end = FakeClock::new().now();
    for bit in (0..63).rev() {
        end = end.checked_add(Duration::from_secs(1 << bit)).unwrap_or(end);
    }
    for config in [Config::default(), Config::default().ping_interval(Duration::MAX).close_timeout(Duration::MAX)] {
        let mut conn = Connection::new(Role::Server, Negotiated::default(), config, end, counted_keys);
        conn.handle_blocked(end);
        conn.start_close(end, None);
        assert!(conn.poll_timeout().is_some());
        conn.handle_timeout(end);
    }
}

#[test]
fn memory_that_is_not_there_is_an_error_of_its_own() {
    let error = LimitError::OutOfMemory { size: 3 << 30 };
    assert_eq!(error.close_code(), CloseCode::TRY_AGAIN_LATER);
    assert_eq!(error.to_string(), "there is no memory for a message of 3221225472 bytes or more");
}

/// One call, of any method, with any arguments.
#[derive(Clone, Debug)]
enum Call {
    Input(Vec<Frame>, Vec<u8>, ReadMode),
    TakeMessage(Vec<Frame>),
    Fetch { location: PlaceOf, input: InputOf, piece: bool },
    ReadDirectly(usize),
    HandlePayload,
    SetMaxMessageSize(u64),
    Send(usize, Way),
    Open(bool, MessageKind),
    Fragment(Vec<u8>, bool),
    Control(bool, usize),
    Close(Option<(u16, usize)>),
    BeginLarge(usize, bool),
    Work(Index, usize),
    Reset(Index),
    Finish(Index, bool),
    Prepare,
    ReleaseCompressor,
    Received(usize),
    ReceivedEvent(ReceivedEvent),
    Fault(ConnectionError),
    Lost,
    Timeout(u64),
    Transmitted(usize),
    Transmit(usize),
    Blocked,
    Flushed,
    HoldBack(usize),
    Acknowledged(u64),
    Shutdown,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Owned,
    Uncompressed,
    Lent,
    Prepared,
}

/// A location that either connection returned, or an invented one.
#[derive(Clone, Debug)]
enum PlaceOf {
    Handled(Index),
    Any(PayloadLocation),
}

#[derive(Clone, Debug)]
enum InputOf {
    Handled(Index),
    Any(Vec<u8>),
}

/// Two connections, and everything that their methods ever gave: each of it may be used with the other.
struct World {
    receivers: [Receiver; 2],
    transmitters: [Transmitter; 2],
    roles: [Role; 2],
    now: Instant,
    inputs: Vec<Vec<u8>>,
    places: Vec<PayloadLocation>,
    large: Vec<LargeMessage<'static>>,
    prepared: PreparedMessage,
    preparations: Vec<LargePreparation>,
}

impl World {
    fn new(roles: [Role; 2], params: [Option<DeflateParams>; 2], config: &Config) -> Self {
        let now = FakeClock::new().now();
        let connection = |side: usize| {
            let negotiated = Negotiated { compression: params[side], ..Negotiated::default() };
            let mut conn = Connection::new(roles[side], negotiated, config.clone(), now, counted_keys);
            conn.track_output();
            conn.split()
        };
        let ((first, one), (second, two)) = (connection(0), connection(1));
        Self {
            receivers: [first, second],
            transmitters: [one, two],
            roles,
            now,
            inputs: vec![Vec::new()],
            places: vec![PayloadLocation::Assembled],
            large: Vec::new(),
            prepared: PreparedMessage::new(json(7).repeat(60)),
            preparations: Vec::new(),
        }
    }

    fn call(&mut self, side: usize, call: Call) {
        let Self { receivers, transmitters, roles, now, inputs, places, large, prepared, preparations } = self;
        let (receiver, transmitter, role, now) = (&mut receivers[side], &mut transmitters[side], roles[side], *now);
        let at = |index: &Index, len: usize| if len == 0 { 0 } else { index.index(len) };
        match call {
            Call::Input(frames, garbage, mode) => {
                let mut input = wire(role, &frames);
                input.extend(garbage);
                if let Ok(handled) = receiver.handle_input(&mut input, mode) {
                    assert!(handled.consumed <= input.len());
                    if let Some(ReceivedEvent::Message(location) | ReceivedEvent::Piece { location, .. }) =
                        handled.received
                    {
                        places.push(location);
                    }
                }
                inputs.push(input);
            }
            Call::TakeMessage(frames) => {
                let mut input = wire(role, &frames);
                receiver.take_message(&mut input);
                inputs.push(input);
            }
            Call::Fetch { location, input, piece } => {
                let location = match location {
                    PlaceOf::Handled(index) => places[at(&index, places.len())].clone(),
                    PlaceOf::Any(location) => location,
                };
                let input = match &input {
                    InputOf::Handled(index) => &inputs[at(index, inputs.len())],
                    InputOf::Any(input) => input,
                };
                if piece {
                    let _ = receiver.piece(input, location);
                } else {
                    let _ = receiver.message(input, location).map(|message| message.into_message());
                }
            }
            Call::ReadDirectly(most) => {
                if let Some(mut target) = receiver.payload_target() {
                    let len = most.min(target.remaining_mut());
                    target.put_bytes(7, len);
                }
            }
            Call::HandlePayload => {
                if let Ok(Some(ReceivedEvent::Message(location))) = receiver.handle_payload() {
                    places.push(location);
                }
            }
            Call::SetMaxMessageSize(bytes) => receiver.set_max_message_size(bytes),
            Call::Send(len, way) => {
                let message = Message::from("a".repeat(len));
                let _ = match way {
                    Way::Owned => transmitter.send(message),
                    Way::Uncompressed => {
                        transmitter.set_write_compression(!transmitter.write_compression());
                        transmitter.send(message)
                    }
                    Way::Lent => transmitter.send_ref(message.as_ref()),
                    Way::Prepared => transmitter.send_prepared(prepared),
                };
            }
            Call::Open(may_compress, kind) => {
                transmitter.set_write_compression(may_compress);
                let _ = transmitter.open_message(kind);
            }
            Call::Fragment(payload, is_final) => _ = transmitter.send_fragment(&payload, is_final),
            Call::Control(is_ping, len) => {
                let payload = vec![1; len];
                let _ = if is_ping { transmitter.ping(&payload) } else { transmitter.pong(&payload) };
            }
            Call::Close(close) => {
                let close =
                    close.map(|(code, len)| CloseFrame { code: CloseCode::new(code), reason: "é".repeat(len).into() });
                transmitter.start_close(now, close);
            }
            Call::BeginLarge(len, may_compress) => {
                let source = LargeSource::Owned(json(len).repeat(1 + len / 2).into());
                transmitter.set_write_compression(may_compress);
                transmitter.encodes(&source);
                large.extend(transmitter.begin_large(source));
            }
            Call::Work(index, times) => {
                if let Some(large) = large.get_mut(index.index(usize::MAX) % 3) {
                    (0..times).for_each(|_| _ = large.work());
                }
                preparations.iter_mut().for_each(|preparation| _ = preparation.work());
            }
            Call::Reset(index) => large.iter_mut().skip(index.index(4)).take(1).for_each(LargeMessage::reset),
            Call::Finish(index, is_wanted) => {
                if !large.is_empty() {
                    let large = large.swap_remove(at(&index, large.len()));
                    if is_wanted {
                        let _ = transmitter.finish_large(large);
                    } else {
                        transmitter.abandon_large(large);
                    }
                }
            }
            Call::Prepare => preparations.extend(transmitter.preparation(prepared)),
            Call::ReleaseCompressor => transmitter.release_compressor(),
            Call::Received(count) => transmitter.handle_received(now, count),
            Call::ReceivedEvent(received) => transmitter.handle_event(now, &received),
            Call::Fault(error) => transmitter.handle_fault(now, &error),
            Call::Lost => transmitter.handle_lost(),
            Call::Timeout(after) => {
                // Also backwards, and further than an instant goes.
                self.now = now.checked_add(Duration::from_secs(after)).unwrap_or(now - Duration::from_secs(1));
                transmitter.handle_timeout(self.now);
            }
            Call::Transmitted(count) => transmitter.handle_transmitted(count),
            Call::Transmit(most) => {
                let mut slices = [IoSlice::new(&[]); 4];
                let filled = transmitter.poll_transmit(&mut slices[..most % 5]);
                let count = slices[..filled].iter().map(|slice| slice.len()).sum::<usize>();
                transmitter.handle_transmitted(count.min(most));
            }
            Call::Blocked => transmitter.handle_blocked(now),
            Call::Flushed => transmitter.handle_flushed(),
            Call::HoldBack(limit) => _ = transmitter.hold_back(true, limit),
            Call::Acknowledged(count) => transmitter.handle_acknowledged(now, count, 10),
            Call::Shutdown => transmitter.handle_shutdown(),
        }
        self.check(side);
    }

    /// Calls all queries, and checks the invariants.
    fn check(&self, side: usize) {
        let transmitter = &self.transmitters[side];
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = transmitter.poll_transmit(&mut slices);
        assert_eq!(filled == 0, transmitter.queued_output() == 0);
        assert!(transmitter.state() != State::Closed || filled == 0, "after `Closed` no byte leaves");
        assert_eq!(transmitter.poll_transmit(&mut []), 0);
        let progress = transmitter.output_progress().unwrap();
        assert!(progress.left <= progress.accepted, "{progress:?}");
        match transmitter.output_state() {
            OutputState::Held | OutputState::Queued => assert!(filled > 0 && transmitter.has_output()),
            OutputState::Blocked { .. } => assert!(transmitter.has_output()),
            OutputState::Idle | OutputState::Closing | OutputState::Closed => {
                assert!(filled == 0 && !transmitter.has_output());
            }
        }
        assert!(transmitter.has_room_for(usize::MAX) || transmitter.queued_output() > 0);
        let _ = (transmitter.poll_timeout(), transmitter.stats(), transmitter.close_info());
        let _ = (transmitter.close_deadline(), transmitter.blocked_until(), transmitter.has_dropped_output());
        let _ = (transmitter.has_open_message(), transmitter.holds_compressor(), self.receivers[side].open_message());
    }
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        "\\PC{0,10}".prop_map(String::into_bytes),
        (0..40_000_usize).prop_map(|len| vec![b'a'; len]),
    ]
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let of_kind = (0..6_u8, any_payload()).prop_map(|(kind, payload)| match kind {
        0 => text(payload),
        1 => binary(payload),
        2 => continuation(payload),
        3 => ping(payload),
        4 => pong(payload),
        _ => close_empty(),
    });
    let declared = select(vec![0, 1, 100_000, 1 << 20, 1 << 33, u64::MAX >> 1, u64::MAX]);
    (of_kind, any::<(bool, bool, bool)>(), declared).prop_map(|(frame, (is_final, is_rsv1, is_cut), declared)| {
        let frame = if is_final { frame } else { frame.not_final() };
        let frame = if is_rsv1 { frame.rsv1() } else { frame };
        if is_cut { frame.declared_len(declared) } else { frame }
    })
}

/// Mostly what makes sense: a connection that has failed takes nothing more.
fn frames_in_order() -> impl Strategy<Value = Vec<Frame>> {
    let good = prop_oneof![
        any_payload().prop_map(binary),
        any_payload().prop_map(|payload| binary(payload).not_final()),
        any_payload().prop_map(continuation),
        Just(binary(vec![7; 100]).declared_len(50_000)),
        Just(binary(vec![7; 100]).declared_len(16 * 1024)),
        "\\PC{0,10}".prop_map(text),
        Just(ping("?")),
    ];
    prop_oneof![3 => prop::collection::vec(good, 0..3), 1 => prop::collection::vec(any_frame(), 0..4)]
}

fn any_kind() -> impl Strategy<Value = MessageKind> {
    prop_oneof![Just(MessageKind::Text), Just(MessageKind::Binary)]
}

fn any_place() -> impl Strategy<Value = PayloadLocation> {
    let bound = || prop_oneof![0..20_usize, any::<usize>()];
    prop_oneof![
        Just(PayloadLocation::Assembled),
        (any_kind(), bound(), bound())
            .prop_map(|(kind, start, end)| PayloadLocation::Input { kind, range: start..end }),
    ]
}

fn any_delivery() -> impl Strategy<Value = ReadMode> {
    prop_oneof![3 => Just(ReadMode::Whole), 1 => any::<u64>().prop_map(|limit| ReadMode::Pieces { limit })]
}

fn any_arrival() -> impl Strategy<Value = ReceivedEvent> {
    prop_oneof![
        any_place().prop_map(ReceivedEvent::Message),
        (any_kind(), any_place(), any::<bool>()).prop_map(|(kind, location, is_last)| ReceivedEvent::Piece {
            kind,
            location,
            is_last
        }),
        Just(ReceivedEvent::Ping(ControlPayload::default())),
        (0..4_u32).prop_map(|number| ReceivedEvent::Pong(ControlPayload::new(&number.to_be_bytes()).unwrap())),
        Just(ReceivedEvent::Close(None)),
        (any::<u16>(), 0..100_usize).prop_map(|(code, len)| {
            ReceivedEvent::Close(Some(CloseFrame { code: CloseCode::new(code), reason: "é".repeat(len).into() }))
        }),
    ]
}

fn any_call() -> impl Strategy<Value = Call> {
    let count = || prop_oneof![0..100_usize, any::<usize>(), Just(usize::MAX)];
    let input = (frames_in_order(), prop::collection::vec(any::<u8>(), 0..3), any_delivery());
    let location = prop_oneof![any::<Index>().prop_map(PlaceOf::Handled), any_place().prop_map(PlaceOf::Any)];
    let of = prop_oneof![any::<Index>().prop_map(InputOf::Handled), any_payload().prop_map(InputOf::Any)];
    let way = select(vec![Way::Owned, Way::Uncompressed, Way::Lent, Way::Prepared]);
    let faults = vec![
        ConnectionError::Protocol(ProtocolError::InvalidUtf8),
        ConnectionError::Limit(LimitError::Fragments { limit: 1 }),
        ConnectionError::Lost,
        ConnectionError::StaleLocation,
    ];
    let receiving = prop_oneof![
        4 => input.prop_map(|(frames, garbage, mode)| {
            // The bytes after a cut frame count as its payload, so garbage comes rarely.
            Call::Input(frames, if garbage.len() == 2 { garbage } else { Vec::new() }, mode)
        }),
        1 => frames_in_order().prop_map(Call::TakeMessage),
        2 => (location, of, any::<bool>()).prop_map(|(location, input, piece)| Call::Fetch { location, input, piece }),
        4 => prop_oneof![0..20_000_usize, Just(usize::MAX)].prop_map(Call::ReadDirectly),
        2 => Just(Call::HandlePayload),
        1 => any::<u64>().prop_map(Call::SetMaxMessageSize),
    ];
    let sending = prop_oneof![
        3 => (0..10_000_usize, way).prop_map(|(len, way)| Call::Send(len, way)),
        2 => (any::<bool>(), any_kind()).prop_map(|(may_compress, kind)| Call::Open(may_compress, kind)),
        3 => (any_payload(), any::<bool>()).prop_map(|(payload, is_final)| Call::Fragment(payload, is_final)),
        2 => (any::<bool>(), 0..200_usize).prop_map(|(is_ping, len)| Call::Control(is_ping, len)),
        1 => prop::option::of((any::<u16>(), 0..100_usize)).prop_map(Call::Close),
        2 => (0..60_usize, any::<bool>()).prop_map(|(len, may_compress)| Call::BeginLarge(len, may_compress)),
        2 => (any::<Index>(), 0..4_usize).prop_map(|(index, times)| Call::Work(index, times)),
        1 => any::<Index>().prop_map(Call::Reset),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(index, is_wanted)| Call::Finish(index, is_wanted)),
        1 => Just(Call::Prepare),
        1 => Just(Call::ReleaseCompressor),
    ];
    let happening = prop_oneof![
        2 => count().prop_map(Call::Received),
        2 => any_arrival().prop_map(Call::ReceivedEvent),
        1 => select(faults).prop_map(Call::Fault),
        1 => Just(Call::Lost),
        2 => prop_oneof![0..60_u64, any::<u64>()].prop_map(Call::Timeout),
        2 => count().prop_map(Call::Transmitted),
        6 => (0..30_000_usize).prop_map(Call::Transmit),
        3 => Just(Call::Blocked),
        1 => Just(Call::Flushed),
        2 => (0..200_usize).prop_map(Call::HoldBack),
        1 => any::<u64>().prop_map(Call::Acknowledged),
        1 => Just(Call::Shutdown),
    ];
    prop_oneof![3 => receiving, 3 => sending, 2 => happening]
}

fn any_params() -> impl Strategy<Value = Option<DeflateParams>> {
    let bits = || prop_oneof![Just(15_u8), 0..20_u8, any::<u8>()];
    prop::option::of((any::<(bool, bool)>(), bits(), bits()).prop_map(|(takeover, server, client)| DeflateParams {
        server_no_context_takeover: takeover.0,
        client_no_context_takeover: takeover.1,
        server_max_window_bits: server,
        client_max_window_bits: client,
    }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_calls_panics(
        servers in any::<[bool; 2]>(),
        params in [any_params(), any_params()],
        calls in prop::collection::vec((0..2_usize, any_call()), 1..60),
    ) {
        let roles = servers.map(|is_server| if is_server { Role::Server } else { Role::Client });
        let mut world = World::new(roles, params, &Config::default().max_message_size(200_000));
        for (side, call) in calls {
            world.call(side, call);
        }
    }
}
