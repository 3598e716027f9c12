//! Differential runs (RFC 6455): random streams, valid and broken, read by a
//! [`Connection`](silverback_proto::Connection) and by tungstenite, which shares no code with it. Both must deliver the
//! same messages, pings and pongs, answer them the same, and end the same way. Where they are known not to is listed in
//! `exceptions`, and shown here one by one.

mod endpoints;
mod exceptions;
mod streams;

use proptest::prelude::*;
use proptest::sample::Index;
use silverback_proto::{Config, Connection, ConnectionError, LimitError, MaskKey, Negotiated, Role};
use silverback_testkit::clock::FakeClock;
use silverback_testkit::wire::{CLIENT_KEY, Frame, LengthForm, binary, close, continuation, ping, text};

use endpoints::{End, Fault, Limits, Outcome, Seen};
use exceptions::{Exception, check, check_truncated, read_by_them, read_by_us};
use streams::{Stream, any_stream};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_streams_have_the_same_result(stream in any_stream()) {
        check(&stream);
    }

    #[test]
    fn random_streams_that_end_early_have_the_same_result(stream in any_stream(), at: Index) {
        let len = at.index(stream.wire().len() + 1);
        check_truncated(&stream, len);
    }
}

/// Each exception, and what either side says of it.
mod known_differences {
    use super::*;

    #[test]
    fn tungstenite_takes_lengths_in_longer_forms() {
        for form in [LengthForm::U16, LengthForm::U64] {
            let stream = to_a_server(&[text("hello").length_form(form)]);
            assert_known(&stream, Exception::Overlong);
            assert_eq!(read_by_us(&stream), ended(End::Fault(Fault::Protocol)));
            assert_eq!(read_by_them(&stream).seen, [Seen::Text("hello".to_owned())]);
        }
    }

    #[test]
    fn tungstenite_does_not_know_close_code_1014() {
        let stream = to_a_server(&[close(1014, "gateway")]);
        assert_known(&stream, Exception::CloseCode);
        assert_eq!(read_by_us(&stream), ended(End::Close(Some((1014, "gateway".to_owned())))));
        assert_eq!(read_by_them(&stream), protocol_violation());
    }

    #[test]
    fn tungstenite_delivers_a_code_that_must_not_be_sent_as_1002() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            let stream = to_a_server(&[close(code, "")]);
            assert_known(&stream, Exception::CloseCode);
            assert_eq!(read_by_us(&stream), ended(End::Fault(Fault::Protocol)));
            assert_eq!(read_by_them(&stream), protocol_violation());
        }
    }

    #[test]
    fn tungstenite_looks_at_the_reason_of_a_close_before_its_code() {
        let stream = to_a_server(&[close(1005, b"\xff")]);
        assert_known(&stream, Exception::CloseCode);
        assert_eq!(read_by_us(&stream), ended(End::Fault(Fault::Protocol)));
        assert_eq!(read_by_them(&stream), ended(End::Fault(Fault::Text)));
    }

    #[test]
    fn tungstenite_looks_at_the_limit_on_frames_before_other_rules() {
        let large = vec![b'x'; 301];
        for frame in [binary(&large).rsv2(), continuation(&large), ping(&large), binary("").declared_len(u64::MAX)] {
            let mut stream = to_a_server(&[frame]);
            stream.limits.frame = 300;
            assert_known(&stream, Exception::OverLimit);
            assert_eq!(read_by_us(&stream), ended(End::Fault(Fault::Protocol)));
            assert_eq!(read_by_them(&stream), ended(End::Fault(Fault::TooBig)));
        }
    }

    #[test]
    fn tungstenite_finds_a_fault_when_the_frame_is_whole() {
        let stream = to_a_server(&[binary("payload").rsv1()]);
        let wire = stream.wire();
        let half = &wire[..wire.len() - 1];
        let Stream { role, limits, cuts, .. } = stream;
        assert_eq!(endpoints::ours(role, limits, half, cuts[0]), ended(End::Fault(Fault::Protocol)));
        assert_eq!(endpoints::theirs(role, limits, half, cuts[1]), ended(End::Open));
        check(&stream);
    }

    #[test]
    fn tungstenite_counts_no_fragments() {
        let fragments = [binary("").not_final(), continuation("").not_final(), continuation("")];
        let stream = to_a_server(&fragments);
        assert_eq!(read_by_them(&stream).seen, [Seen::Binary(Vec::new())]);
        let now = FakeClock::new().now();
        let config = Config::default().max_fragments(2);
        let mut conn = Connection::new(Role::Server, Negotiated::default(), config, now, || MaskKey([0; 4]));
        let refused = conn.handle_input(now, &mut stream.wire()).map(drop);
        assert_eq!(refused, Err(ConnectionError::Limit(LimitError::Fragments { limit: 2 })));
    }

    #[test]
    fn tungstenite_repeats_the_reason_of_a_close_in_its_answer_and_we_the_code_alone() {
        // Only the code of the answer is compared. Both reasons are allowed (5.5.1).
        let stream = to_a_server(&[close(1000, "bye")]);
        assert_eq!(read_by_us(&stream), read_by_them(&stream));
    }
}

#[track_caller]
fn assert_known(stream: &Stream, exception: Exception) {
    assert_eq!(Exception::of(&stream.frames[0], stream.role, stream.limits), Some(exception));
    check(stream);
}

fn to_a_server(frames: &[Frame]) -> Stream {
    let limits = Limits { frame: 1 << 20, message: 1 << 20 };
    let frames = frames.iter().map(|frame| frame.clone().masked(CLIENT_KEY)).collect();
    Stream { role: Role::Server, limits, frames, cuts: [0, 0] }
}

fn ended(end: End) -> Outcome {
    Outcome { seen: Vec::new(), end, pongs: Vec::new() }
}

fn protocol_violation() -> Outcome {
    ended(End::Close(Some((1002, "Protocol violation".to_owned()))))
}
