//! Random conversations: against a plain model, and of bytes that mean nothing.

use proptest::prelude::*;
use silverback_testkit::{
    cuts::{Random, random_split},
    wire::{Utf8Prefix, binary, continuation, frame, naive_utf8_prefix, ping, pong, text},
};

use super::*;

const MESSAGE_LIMIT: usize = 250;
const FRAGMENT_LIMIT: usize = 3;

fn config() -> Config {
    Config::default().max_message_size(MESSAGE_LIMIT as u64).max_fragments(FRAGMENT_LIMIT as u32)
}

/// The behaviour that the RFC requires: an event for each message or control frame, or the close code of the fault.
#[derive(Default)]
struct Model {
    open: Option<(u8, Vec<u8>, usize)>,
    seen: Vec<Seen>,
    sent: Vec<Frame>,
}

impl Model {
    /// Runs all frames; the code of the fault that ended it, if one did.
    fn run(&mut self, frames: &[Frame]) -> Option<u16> {
        for frame in frames {
            if frame.rsv1 || frame.rsv2 || frame.rsv3 {
                return Some(1002);
            }
            match frame.opcode {
                0x8 => return self.close(frame),
                0x9 | 0xA if !frame.fin || frame.payload.len() > 125 => return Some(1002),
                0x9 => {
                    self.seen.push(Seen::Ping(frame.payload.clone()));
                    self.sent.push(pong(&frame.payload));
                }
                0xA => self.seen.push(Seen::Pong(frame.payload.clone())),
                0x0..=0x2 => {
                    if let Some(code) = self.data(frame) {
                        return Some(code);
                    }
                }
                _ => return Some(1002),
            }
        }
        None
    }

    fn data(&mut self, frame: &Frame) -> Option<u16> {
        if (frame.opcode == 0x0) != self.open.is_some() {
            return Some(1002);
        }
        let (opcode, mut payload, count) = self.open.take().unwrap_or((frame.opcode, Vec::new(), 0));
        payload.extend(&frame.payload);
        if payload.len() > MESSAGE_LIMIT {
            return Some(1009);
        }
        if count == FRAGMENT_LIMIT {
            return Some(1008);
        }
        match (opcode, naive_utf8_prefix(&payload)) {
            (0x1, Utf8Prefix::Invalid { .. }) => return Some(1007),
            (0x1, Utf8Prefix::Incomplete { .. }) if frame.fin => return Some(1007),
            (0x1, _) if frame.fin => self.seen.push(message(String::from_utf8(payload).unwrap())),
            (_, _) if frame.fin => self.seen.push(message(payload)),
            _ => self.open = Some((opcode, payload, count + 1)),
        }
        None
    }

    fn close(&mut self, frame: &Frame) -> Option<u16> {
        let code = frame.close_code();
        if !frame.fin || frame.payload.len() > 125 || frame.payload.len() == 1 {
            return Some(1002);
        }
        let may_be_sent = |code| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        match (code, frame.payload.get(2..).map(std::str::from_utf8)) {
            (Some(code), _) if !may_be_sent(code) => Some(1002),
            (Some(_), Some(Err(_))) => Some(1007),
            (Some(code), Some(Ok(reason))) => {
                let code = CloseCode::new(code);
                self.seen.push(Seen::Close(Some(CloseFrame { code, reason: reason.to_owned().into() })));
                self.sent.push(close(code.get(), ""));
                None
            }
            _ => {
                self.seen.push(Seen::Close(None));
                self.sent.push(frame.clone());
                None
            }
        }
    }
}

/// Mostly frames that make sense, some that do not.
fn any_frame() -> impl Strategy<Value = Frame> {
    let letters = prop_oneof![
        8 => "[aé€😀]{0,12}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..6),
        1 => (0..400_usize).prop_map(|len| vec![b'x'; len]),
    ];
    let cut = (letters, 0..40_usize).prop_map(|(mut bytes, cut)| {
        if cut < 3 {
            bytes.truncate(bytes.len().saturating_sub(cut));
        }
        bytes
    });
    let data = (prop_oneof![2 => Just(0x0_u8), 3 => Just(0x1), 2 => Just(0x2)], cut, any::<bool>());
    let code = prop_oneof![8 => 1000..1015_u16, 1 => any::<u16>()];
    prop_oneof![
        20 => data.prop_map(|(opcode, payload, fin)| Frame { fin, ..frame(opcode, payload) }),
        4 => prop::collection::vec(any::<u8>(), 0..=125).prop_map(ping),
        2 => prop::collection::vec(any::<u8>(), 0..=125).prop_map(pong),
        1 => (code, "[a€]{0,5}").prop_map(|(code, reason)| close(code, reason)),
        1 => (0..16_u8, prop::collection::vec(any::<u8>(), 0..130), any::<bool>(), 0..8_u8).prop_map(
            |(opcode, payload, fin, bits)| Frame {
                fin,
                rsv1: bits == 1,
                rsv2: bits == 2,
                rsv3: bits == 3,
                ..frame(opcode, payload)
            }
        ),
    ]
}

/// Frame sequences in which messages are often finished: most data frames fit the open message.
fn any_conversation() -> impl Strategy<Value = Vec<Frame>> {
    prop::collection::vec((any_frame(), 0..20_u8), 0..30).prop_map(|frames| {
        let mut is_open = false;
        let repair = |(mut frame, disorder): (Frame, u8)| {
            if frame.opcode <= 0x2 && disorder > 0 {
                frame.opcode = match (is_open, frame.opcode) {
                    (true, _) => 0x0,
                    (false, 0x0) => 0x1,
                    (false, opcode) => opcode,
                };
                is_open = !frame.fin;
            }
            frame
        };
        frames.into_iter().map(repair).collect()
    })
}

fn check_model(role: Role, frames_in: &[Frame], seed: u64) {
    let mut model = Model::default();
    let end = frames_in.iter().position(|frame| frame.opcode == 0x8).map_or(frames_in.len(), |at| at + 1);
    let fault = model.run(&frames_in[..end]);
    let input = wire(role, frames_in);
    for pieces in [1, 2 + seed as usize % 20, input.len().max(1)] {
        let mut app = App::new(role, config());
        let mut sent = Vec::new();
        for piece in random_split(&input, pieces, seed) {
            app.input(piece);
            sent.extend(app.sent());
        }
        let mut seen = app.seen();
        let mut sent = frames(&sent);
        if let Some(code) = fault {
            let Some(Seen::Failed(error)) = seen.pop() else { panic!("a fault with {code}, not {seen:?}") };
            assert_eq!(error.close_code().map(CloseCode::get), Some(code), "{error}");
            assert_eq!(sent.pop(), Some(close(code, error.to_string())));
        }
        assert_eq!((seen, sent), (model.seen.clone(), model.sent.clone()), "in {pieces} pieces");
    }
}

#[test]
fn the_model_itself_reads_a_conversation() {
    let mut model = Model::default();
    let input = [text("hel").not_final(), ping("?"), continuation("lo"), binary([1]), close(1000, "bye")];
    assert_eq!(model.run(&input), None);
    assert_eq!(model.seen.len(), 4);
    assert_eq!(model.sent, [pong("?"), close(1000, "")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn random_conversations_go_as_a_plain_model_says(frames in any_conversation(), seed: u64) {
        check_model(Role::Server, &frames, seed);
        check_model(Role::Client, &frames, seed);
    }

    #[test]
    fn arbitrary_bytes_neither_panic_nor_take_more_memory_than_allowed(
        frames in any_conversation(),
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        seed: u64,
    ) {
        for role in [Role::Server, Role::Client] {
            let mut input = wire(role, &frames);
            input.extend(Random::new(seed).bytes(20));
            for (at, byte) in &noise {
                let at = at.index(input.len());
                input[at] = *byte;
            }
            let mut app = App::new(role, config());
            for piece in random_split(&input, 5, seed) {
                app.input(piece);
                prop_assert!(app.conn.receiver.held() <= 2 * MESSAGE_LIMIT);
                prop_assert!(app.conn.queued_output() <= 2 * input.len() + 127);
            }
            if app.seen().iter().any(|seen| matches!(seen, Seen::Failed(_))) {
                app.sent();
                prop_assert_eq!(app.conn.state(), State::Closed);
            }
        }
    }
}
