//! RFC 9114, 4.1, 4.4 and 7: what may come on a request stream, in which order.

use http::StatusCode;
use silverback_testkit::{cuts::for_each_way, wire::hex};

use super::support::{BOTH, frame, integer, shortest};
use crate::{
    h3::{
        error::{Error, LimitError, Place},
        error_code::ErrorCode,
        frame::{FrameHeader, FrameType, goaway_frame},
        limits::Limits,
        message_fault::MessageFault,
        qpack::{Field, FieldSection},
        request_stream::{RequestStream, StreamEvent},
    },
    wire::role::Role,
};

/// The received events, in words, and the outcome at the end of the stream. Data that came in pieces is joined.
#[derive(Debug, PartialEq)]
struct Seen {
    events: Vec<String>,
    outcome: Result<(), Error>,
    end: Result<(), Error>,
}

fn read_pieces(sender: Role, limits: Limits, pieces: &[&[u8]]) -> Seen {
    let mut stream = RequestStream::new(sender, limits);
    let mut events: Vec<String> = Vec::new();
    let mut outcome = Ok(());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let handled = match stream.handle_input(rest) {
                Ok(handled) => handled,
                Err(error) => {
                    assert_eq!(outcome, Ok(()), "a stream fails once");
                    outcome = Err(error);
                    break;
                }
            };
            match handled.event {
                Some(StreamEvent::Request { request, protocol }) => {
                    events.push(format!("{} {} {protocol:?}", request.method(), request.uri()));
                }
                Some(StreamEvent::Response(response)) => events.push(response.status().as_str().to_owned()),
                Some(StreamEvent::Trailers(trailers)) => events.push(format!("{} trailers", trailers.len())),
                Some(StreamEvent::Data(range)) => {
                    assert!(!range.is_empty() && range.end == handled.consumed);
                    let data = rest[range].escape_ascii().to_string();
                    match events.last_mut().filter(|last| last.starts_with("data ")) {
                        Some(last) => last.push_str(&data),
                        None => events.push(format!("data {data}")),
                    }
                }
                None => {
                    assert_eq!(handled.consumed, rest.len(), "all input is used");
                    break;
                }
            }
            rest = &rest[handled.consumed..];
        }
    }
    Seen { events, outcome, end: stream.handle_end() }
}

/// Reads a stream that is cut in every way. All ways must agree.
#[track_caller]
fn read_with(sender: Role, limits: Limits, wire: &[u8]) -> Seen {
    let seen = read_pieces(sender, limits, &[wire]);
    for_each_way(wire, 3, |pieces| assert_eq!(read_pieces(sender, limits, pieces), seen));
    seen
}

#[track_caller]
fn read(sender: Role, frames: &[Vec<u8>]) -> Seen {
    read_with(sender, Limits::default(), &frames.concat())
}

#[track_caller]
fn check(sender: Role, frames: &[Vec<u8>], events: &[&str]) {
    let seen = read(sender, frames);
    assert_eq!(seen.events, events);
    assert_eq!((seen.outcome, seen.end), (Ok(()), Ok(())));
}

#[track_caller]
fn check_fails(sender: Role, frames: &[Vec<u8>], code: ErrorCode) -> Error {
    let seen = read(sender, frames);
    let error = seen.outcome.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(seen.end, Ok(()), "one error is enough");
    error
}

fn headers(pairs: &[(&'static str, &'static str)]) -> Vec<u8> {
    let section: FieldSection = pairs.iter().map(|(name, value)| Field::new(*name, *value)).collect();
    frame(0x1, &section.encode())
}

fn data(payload: &str) -> Vec<u8> {
    frame(0x0, payload.as_bytes())
}

fn connect() -> Vec<u8> {
    headers(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "a.example"),
        (":path", "/"),
    ])
}

const CONNECT: &str = "CONNECT https://a.example/ Some(\"websocket\")";

fn post(content_length: Option<&'static str>) -> Vec<u8> {
    let request = [(":method", "POST"), (":scheme", "https"), (":authority", "a.example"), (":path", "/")];
    let length = content_length.map(|length| ("content-length", length));
    headers(&request.into_iter().chain(length).collect::<Vec<_>>())
}

const POST: &str = "POST https://a.example/ None";

fn status(status: &'static str) -> Vec<u8> {
    headers(&[(":status", status)])
}

mod tunnels {
    use super::*;

    #[test]
    fn a_server_gets_the_request_and_then_the_bytes() {
        check(Role::Client, &[connect(), data("Hel"), data("lo")], &[CONNECT, "data Hello"]);
    }

    #[test]
    fn a_client_gets_the_response_and_then_the_bytes() {
        for success in ["200", "204", "299"] {
            check(Role::Server, &[status(success), data("Hello")], &[success, "data Hello"]);
        }
    }

    #[test]
    fn an_empty_data_frame_is_nothing_and_not_the_end() {
        check(Role::Client, &[connect(), data(""), data("a"), data(""), data("b")], &[CONNECT, "data ab"]);
    }

    #[test]
    fn data_is_handed_out_before_its_frame_is_complete() {
        let wire = [connect(), integer(0, 1), integer((1 << 62) - 1, 8), b"abc".to_vec()];
        let seen = read(Role::Client, &wire);
        assert_eq!(seen.events, [CONNECT, "data abc"]);
        assert_eq!((seen.outcome, seen.end), (Ok(()), Err(Error::TruncatedFrame)));
    }

    #[test]
    fn unknown_frames_are_skipped_everywhere() {
        let unknown = || frame(0x21, b"\x02 is not read");
        let frames = [unknown(), connect(), unknown(), data("a"), frame(0xF_0700, &[1; 100]), data("b"), unknown()];
        check(Role::Client, &frames, &[CONNECT, "data ab"]);
    }

    #[test]
    fn no_field_section_follows() {
        for (sender, first) in [(Role::Client, connect()), (Role::Server, status("200"))] {
            let frames = [first, data("a"), headers(&[("a", "b")])];
            let error = check_fails(sender, &frames, ErrorCode::FRAME_UNEXPECTED);
            assert_eq!(error, Error::UnexpectedFrame { frame: FrameType::HEADERS, place: Place::Tunnel });
            assert!(error.ends_connection());
        }
    }

    #[test]
    fn content_length_means_nothing() {
        let ok = headers(&[(":status", "200"), ("content-length", "1")]);
        check(Role::Server, &[ok, data("Hello")], &["200", "data Hello"]);
    }

    #[test]
    fn an_ordinary_connect_is_one_too() {
        let wire = headers(&[(":method", "CONNECT"), (":authority", "a.example:443")]);
        check(Role::Client, &[wire, data("x")], &["CONNECT a.example:443 None", "data x"]);
    }

    #[test]
    fn the_header_that_is_written_is_the_one_that_is_read() {
        let wire = [connect(), FrameHeader::data(70_000).encode().to_vec(), vec![b'x'; 70_000]].concat();
        let seen = read_pieces(Role::Client, Limits::default(), &wire.chunks(1000).collect::<Vec<_>>());
        assert_eq!((seen.events[1].len(), seen.end), (70_005, Ok(())));
    }
}

mod other_messages {
    use super::*;

    #[test]
    fn may_have_content_and_trailers() {
        let frames = [post(None), data("abc"), data("def"), headers(&[("a", "b")])];
        check(Role::Client, &frames, &[POST, "data abcdef", "1 trailers"]);
        let frames = [status("404"), data("no"), headers(&[])];
        check(Role::Server, &frames, &["404", "data no", "0 trailers"]);
    }

    #[test]
    fn have_nothing_after_their_trailers() {
        for late in [data("x"), headers(&[("a", "b")])] {
            let frames = [post(None), headers(&[("a", "b")]), late];
            let error = check_fails(Role::Client, &frames, ErrorCode::FRAME_UNEXPECTED);
            assert!(matches!(error, Error::UnexpectedFrame { place: Place::AfterTrailers, .. }));
        }
        check(Role::Client, &[post(None), headers(&[]), frame(0x21, b"x")], &[POST, "0 trailers"]);
    }

    #[test]
    fn a_client_skips_interim_responses() {
        check(Role::Server, &[status("103"), status("100"), status("200")], &["200"]);
    }

    #[test]
    fn too_many_interim_responses_end_the_stream() {
        let mut frames = vec![status("103"); 10];
        frames.push(status("200"));
        check(Role::Server, &frames, &["200"]);
        frames.insert(0, status("103"));
        let error = check_fails(Role::Server, &frames, ErrorCode::EXCESSIVE_LOAD);
        assert_eq!(error, LimitError::InterimResponses { limit: 10 }.into());
        assert!(!error.ends_connection());
    }
}

mod content_length {
    use super::*;

    #[test]
    fn is_the_sum_of_all_data_frames() {
        let frames = [post(Some("5")), data("Hel"), data(""), data("lo"), headers(&[])];
        check(Role::Client, &frames, &[POST, "data Hello", "0 trailers"]);
        check(Role::Client, &[post(Some("0"))], &[POST]);
    }

    #[test]
    fn less_content_is_malformed() {
        let seen = read(Role::Client, &[post(Some("6")), data("Hello")]);
        assert_eq!(seen.end, Err(MessageFault::ContentLengthDiffers { declared: 6 }.into()));
    }

    #[test]
    fn more_content_is_malformed_and_not_handed_out() {
        let seen = read(Role::Client, &[post(Some("5")), data("Hell"), data("oo")]);
        assert_eq!(seen.events, [POST, "data Hell"]);
        assert_eq!(seen.outcome, Err(MessageFault::ContentLengthDiffers { declared: 5 }.into()));
    }

    #[test]
    fn is_one_number() {
        for length in ["", "x", "-1", "+1", "1, 1", "18446744073709551616", "0x1"] {
            let error = check_fails(Role::Client, &[post(Some(length))], ErrorCode::MESSAGE_ERROR);
            assert_eq!(error.to_string(), format!("the Content-Length `{length}` is not one number"));
        }
        let status = (":status", "404");
        let same = headers(&[status, ("content-length", "2"), ("content-length", "2")]);
        check(Role::Server, &[same, data("no")], &["404", "data no"]);
        let differ = headers(&[status, ("content-length", "2"), ("content-length", "3")]);
        check_fails(Role::Server, &[differ], ErrorCode::MESSAGE_ERROR);
    }
}

mod order {
    use super::*;

    #[test]
    fn data_does_not_come_first() {
        for sender in BOTH {
            let error = check_fails(sender, &[data("")], ErrorCode::FRAME_UNEXPECTED);
            assert_eq!(error, Error::UnexpectedFrame { frame: FrameType::DATA, place: Place::BeforeHeaders });
        }
        check_fails(Role::Server, &[status("100"), data("x")], ErrorCode::FRAME_UNEXPECTED);
    }

    #[test]
    fn frames_of_the_control_stream_end_the_connection() {
        for (number, sender) in [0x3, 0x4, 0x7, 0xD].into_iter().flat_map(|n| BOTH.map(|sender| (n, sender))) {
            let error = check_fails(sender, &[frame(number, &[0])], ErrorCode::FRAME_UNEXPECTED);
            let frame = FrameType::new(number);
            assert_eq!(error, Error::UnexpectedFrame { frame, place: Place::RequestStream });
            assert!(error.ends_connection());
        }
        assert_eq!(goaway_frame(0), frame(0x7, &[0]));
    }

    #[test]
    fn frames_of_http2_end_the_connection() {
        for number in [0x2, 0x6, 0x8, 0x9] {
            let error = check_fails(Role::Client, &[connect(), frame(number, &[])], ErrorCode::FRAME_UNEXPECTED);
            assert_eq!(error, Error::UnexpectedFrame { frame: FrameType::new(number), place: Place::Http3 });
        }
    }

    #[test]
    fn nobody_may_promise_a_push() {
        let promise = frame(0x5, &[0, 0, 0]);
        let error = check_fails(Role::Client, std::slice::from_ref(&promise), ErrorCode::FRAME_UNEXPECTED);
        assert_eq!(error, Error::UnexpectedFrame { frame: FrameType::PUSH_PROMISE, place: Place::FromClient });
        assert_eq!(check_fails(Role::Server, &[promise], ErrorCode::ID_ERROR), Error::UninvitedPush);
    }
}

mod ends {
    use super::*;

    #[test]
    fn inside_a_frame_is_an_error_of_the_connection() {
        let wire = [connect(), data("Hello")].concat();
        let whole = [connect().len(), wire.len()];
        for cut in 1..=wire.len() {
            let seen = read_with(Role::Client, Limits::default(), &wire[..cut]);
            let expected = if whole.contains(&cut) { Ok(()) } else { Err(Error::TruncatedFrame) };
            assert_eq!((seen.outcome, seen.end), (Ok(()), expected), "cut at {cut}");
        }
        assert_eq!(Error::TruncatedFrame.code(), ErrorCode::FRAME_ERROR);
        assert!(Error::TruncatedFrame.ends_connection());
    }

    #[test]
    fn before_the_request_is_an_incomplete_request() {
        let seen = read(Role::Client, &[frame(0x21, b"x")]);
        let error = seen.end.unwrap_err();
        assert_eq!(error, Error::IncompleteRequest);
        assert_eq!((error.code(), error.ends_connection()), (ErrorCode::REQUEST_INCOMPLETE, false));
    }

    #[test]
    fn before_the_response_is_an_error_too() {
        for frames in [vec![], vec![status("103")]] {
            assert_eq!(read(Role::Server, &frames).end, Err(MessageFault::NoResponse.into()));
        }
    }
}

mod limits {
    use super::*;

    #[test]
    fn a_large_section_is_refused_before_it_comes() {
        let wire = [shortest(0x1), integer(16_385, 4)];
        let error = check_fails(Role::Client, &wire, ErrorCode::EXCESSIVE_LOAD);
        assert_eq!(error, LimitError::EncodedFieldSection { size: 16_385, limit: 16_384 }.into());
        assert_eq!(error.status(), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        assert!(!error.ends_connection());
    }

    #[test]
    fn a_declared_length_gets_no_memory() {
        let mut stream = RequestStream::new(Role::Client, Limits::default());
        stream.handle_input(&[shortest(0x1), integer(16_384, 4), vec![0; 10]].concat()).unwrap();
        assert!(stream.held() < 100, "{} bytes for 10", stream.held());
    }

    #[test]
    fn nothing_is_held_after_the_section_and_after_a_fault() {
        for (wire, is_fault) in [(connect(), false), (frame(0x1, &[0, 0, 0x80, 0, 0, 0]), true)] {
            let mut stream = RequestStream::new(Role::Client, Limits::default());
            let (first, last) = wire.split_at(wire.len() - 1);
            stream.handle_input(first).unwrap();
            assert!(stream.held() > 0);
            assert_eq!(stream.handle_input(last).is_err(), is_fault);
            assert_eq!(stream.held(), 0);
        }
    }

    #[test]
    fn a_section_that_is_large_only_without_huffman_is_refused_too() {
        let zeros = Field::new("a", vec![b'0'; 20_000]);
        let wire = frame(0x1, &FieldSection::from_iter([zeros]).encode());
        assert!(wire.len() < 16_000);
        let seen = read_pieces(Role::Client, Limits::default(), &[&wire]);
        assert_eq!(seen.outcome, Err(LimitError::FieldSection { size: 20_033, limit: 16_384 }.into()));
    }
}

mod faults {
    use super::*;

    #[test]
    fn a_malformed_request_ends_its_stream_only() {
        let error = check_fails(Role::Client, &[headers(&[(":method", "GET")])], ErrorCode::MESSAGE_ERROR);
        assert_eq!(error, MessageFault::MissingPseudo(":scheme").into());
        assert!(!error.ends_connection());
    }

    #[test]
    fn a_section_that_cannot_be_decoded_ends_the_connection() {
        for payload in ["", "00", "02 00 80", "00 00 80", "00 00 10"] {
            let error = check_fails(Role::Client, &[frame(0x1, &hex(payload))], ErrorCode::QPACK_DECOMPRESSION_FAILED);
            assert!(error.ends_connection());
            assert_eq!(error.status(), None);
        }
    }

    #[test]
    fn input_after_a_fault_is_ignored() {
        let mut stream = RequestStream::new(Role::Client, Limits::default());
        stream.handle_input(&data("x")).unwrap_err();
        let handled = stream.handle_input(&connect()).unwrap();
        assert_eq!((handled.consumed, handled.event.is_none()), (connect().len(), true));
    }
}
