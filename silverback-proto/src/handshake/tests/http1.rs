//! RFC 9112: heads in bytes, cut anywhere; RFC 6455, 4.1 and 4.2: what may come before and after.

use http::{Method, Request, Response, StatusCode, Uri, Version};

use super::support::{request, response};
use crate::handshake::http1::{
    encode::{encode_request, encode_response, encode_response_head},
    error::HeadError,
    parse::{parse_request, parse_response},
    reader::{HeadReader, Progress},
};

const LIMIT: usize = 16 * 1024;

mod reading {
    use super::*;

    /// Feeds pieces until the head is complete, and says how many bytes of all input it took.
    fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<(Vec<u8>, usize), HeadError> {
        let mut reader = HeadReader::new(LIMIT);
        let mut taken = 0;
        for piece in pieces {
            match reader.handle_input(piece)? {
                Progress::NeedMore => taken += piece.len(),
                Progress::Complete { consumed } => return Ok((reader.head().to_vec(), taken + consumed)),
            }
        }
        Err(HeadError::UnexpectedEnd)
    }

    #[test]
    fn a_head_cut_at_any_byte_reads_the_same_and_leaves_the_bytes_behind_it() {
        for head in [request().bytes(), response().bytes()] {
            let frames = b"\x81\x85\r\n\r\n\x00GET";
            let input = [&head[..], frames].concat();
            for cut in 0..=input.len() {
                let (left, right) = input.split_at(cut);
                let read = feed([left, right].into_iter()).expect("a head");
                assert_eq!(read, (head.clone(), head.len()), "cut at {cut}");
            }
            assert_eq!(feed(input.chunks(1)).expect("a head"), (head.clone(), head.len()));
        }
    }

    #[test]
    fn a_head_without_its_empty_line_is_not_complete() {
        let head = request().bytes();
        for length in 0..head.len() {
            let progress = HeadReader::new(LIMIT).handle_input(&head[..length]);
            assert_eq!(progress, Ok(Progress::NeedMore), "{length} bytes");
        }
    }

    #[test]
    fn after_the_head_nothing_more_is_taken() {
        let mut reader = HeadReader::new(LIMIT);
        let head = request().bytes();
        assert_eq!(reader.handle_input(&head), Ok(Progress::Complete { consumed: head.len() }));
        assert_eq!(reader.handle_input(b"\x81\x00"), Ok(Progress::Complete { consumed: 0 }));
        assert_eq!(reader.head(), head);
    }

    #[test]
    fn the_limit_counts_only_the_head() {
        let head = request().bytes();
        let input = [&head[..], &[0x82; 1000]].concat();
        assert_eq!(HeadReader::new(head.len()).handle_input(&input), Ok(Progress::Complete { consumed: head.len() }));
        let limit = head.len() - 1;
        let mut reader = HeadReader::new(limit);
        assert_eq!(reader.handle_input(&input), Err(HeadError::TooLarge { limit }));
        assert_eq!(reader.handle_input(b"\n"), Err(HeadError::TooLarge { limit }), "an error stays");
    }

    #[test]
    fn an_endless_head_is_refused_at_the_limit_and_holds_no_more() {
        let mut reader = HeadReader::new(100);
        let mut dripped = 0;
        let error = loop {
            match reader.handle_input(b"a") {
                Ok(_) => dripped += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((dripped, error), (100, HeadError::TooLarge { limit: 100 }));
        assert_eq!(reader.head().len(), 100);
    }

    /// A reader that starts over on each read needs 2 * 10^12 steps here and never gets done.
    #[test]
    fn a_dripping_head_costs_each_byte_once() {
        let head = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 2_000_000], b"\r\n\r\n".to_vec()].concat();
        let mut reader = HeadReader::new(head.len());
        let (last, dripping) = head.split_last().expect("not empty");
        for byte in dripping {
            assert_eq!(reader.handle_input(&[*byte]), Ok(Progress::NeedMore));
        }
        assert_eq!(reader.handle_input(&[*last]), Ok(Progress::Complete { consumed: 1 }));
    }

    #[test]
    fn line_ends_are_cr_lf_and_nothing_else() {
        for input in ["GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\n", "GET /\rx", "GET /\r\r\n", "\n"] {
            assert_eq!(HeadReader::new(LIMIT).handle_input(input.as_bytes()), Err(HeadError::LineEnding), "{input:?}");
        }
        let mut reader = HeadReader::new(LIMIT);
        assert_eq!(reader.handle_input(b"GET / HTTP/1.1\r"), Ok(Progress::NeedMore));
        assert_eq!(reader.handle_input(b"Host"), Err(HeadError::LineEnding));
    }

    #[test]
    fn control_bytes_are_refused_as_soon_as_they_come() {
        let tls_client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        assert_eq!(HeadReader::new(LIMIT).handle_input(tls_client_hello), Err(HeadError::ControlByte(0x16)));
        assert!(HeadError::ControlByte(0x16).to_string().contains("TLS"));
        for byte in (0..32).filter(|byte| !b"\t\r\n".contains(byte)).chain([127]) {
            let input = [b"GET / HTTP/1.1\r\nX: ", &[byte][..]].concat();
            assert_eq!(HeadReader::new(LIMIT).handle_input(&input), Err(HeadError::ControlByte(byte)));
        }
    }

    #[test]
    fn an_error_stays_whatever_comes_after_it() {
        let mut reader = HeadReader::new(LIMIT);
        assert_eq!(reader.handle_input(b"\x16\x03\x01"), Err(HeadError::ControlByte(0x16)));
        assert_eq!(reader.handle_input(&request().bytes()), Err(HeadError::ControlByte(0x16)));
    }

    #[test]
    fn empty_lines_before_the_head_are_skipped() {
        let input = [b"\r\n\r\n".to_vec(), request().bytes()].concat();
        let (head, consumed) = feed(std::iter::once(&input[..])).expect("a head");
        assert_eq!(consumed, input.len());
        assert_eq!(parse_request(&head).expect("a request").uri(), "/chat");
    }
}

mod parsing {
    use super::*;

    fn request_error(head: &str) -> HeadError {
        parse_request(head.as_bytes()).expect_err("malformed")
    }

    #[test]
    fn a_request_becomes_its_parts() {
        let head = request().with("X-Note:  a \t").with("x-note: b").with("X-Raw: \u{e9}").parse_request();
        assert_eq!((head.method(), head.version()), (&Method::GET, Version::HTTP_11));
        assert_eq!(head.uri(), "/chat");
        let notes: Vec<_> = head.headers().get_all("X-Note").iter().collect();
        assert_eq!(notes, ["a", "b"]);
        assert_eq!(head.headers()["X-Raw"].as_bytes(), "\u{e9}".as_bytes());
    }

    #[test]
    fn a_response_becomes_its_parts() {
        let head = response().start("HTTP/1.1 404 Nobody Here").parse_response();
        assert_eq!((head.status(), head.version()), (StatusCode::NOT_FOUND, Version::HTTP_11));
        assert_eq!(head.headers()["Upgrade"], "websocket");
        assert_eq!(response().start("HTTP/1.1 200").parse_response().status(), StatusCode::OK);
        assert_eq!(response().start("HTTP/1.0 200 OK").parse_response().version(), Version::HTTP_10);
    }

    #[test]
    fn targets_are_paths_or_absolute_uris() {
        for target in ["/", "/a?b=c", "//a", "/%C3%A9?q", "http://example.com/a", "ws://example.com"] {
            parse_request(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes()).expect(target);
        }
        for target in ["example.com:80", "example.com", "*", "/a#b", "http://example.com/#b", "?x", "/a\u{7f}"] {
            parse_request(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes()).expect_err(target);
        }
        assert_eq!(parse_request(b"OPTIONS * HTTP/1.1\r\n\r\n").expect("a request").uri(), "*");
        assert_eq!(parse_request(b"CONNECT a:80 HTTP/1.1\r\n\r\n").expect("a request").uri(), "a:80");
        assert_eq!(request_error("CONNECT /a HTTP/1.1\r\n\r\n"), HeadError::Target);
    }

    #[test]
    fn malformed_heads_are_refused() {
        for (head, error) in [
            ("", HeadError::UnexpectedEnd),
            ("GET / HTTP/1.1\r\nHost: a\r\n", HeadError::UnexpectedEnd),
            ("GET /\r\n\r\n", HeadError::StartLine),
            ("GET  / HTTP/1.1\r\n\r\n", HeadError::StartLine),
            ("G(T / HTTP/1.1\r\n\r\n", HeadError::StartLine),
            ("GET / HTTP/2.0\r\n\r\n", HeadError::Version),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::Version),
            ("GET / HTTP/1.2\r\n\r\n", HeadError::Version),
            ("GET / http/1.1\r\n\r\n", HeadError::Version),
            ("GET / HTTP/1.1\r\nHost\r\n\r\n", HeadError::Header),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", HeadError::Header),
            ("GET / HTTP/1.1\r\n: a\r\n\r\n", HeadError::Header),
            ("GET / HTTP/1.1\r\nX: a\r\n folded\r\n\r\n", HeadError::Header),
            ("GET / HTTP/1.1\r\n X: a\r\n\r\n", HeadError::Header),
            ("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", HeadError::Header),
            ("GET / HTTP/1.1\r\nX\u{e9}: a\r\n\r\n", HeadError::Header),
        ] {
            assert_eq!(request_error(head), error, "{head:?}");
        }
        for head in ["HTTP/1.1\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 abc x\r\n\r\n", "HTTP/2 200 OK\r\n\r\n"] {
            parse_response(head.as_bytes()).expect_err(head);
        }
    }

    #[test]
    fn a_hundred_headers_are_fine_but_not_more() {
        let head = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a:\r\n".repeat(count));
        for count in [0, 63, 64, 65, 100] {
            let parsed = parse_request(head(count).as_bytes()).expect("a request");
            assert_eq!(parsed.headers().len(), count);
        }
        assert_eq!(request_error(&head(101)), HeadError::TooManyHeaders { limit: 100 });
        let answer = head(101).replace("GET / HTTP/1.1", "HTTP/1.1 101 x");
        assert_eq!(parse_response(answer.as_bytes()).expect_err("too many"), HeadError::TooManyHeaders { limit: 100 });
    }
}

mod writing {
    use super::*;

    #[test]
    fn a_request_has_a_path_and_the_names_their_usual_capitals() {
        let head = Request::get("ws://example.com?x=1")
            .header("sec-websocket-key", "k")
            .header("x-forwarded-for", "a")
            .header("www-authenticate", "b")
            .body(())
            .expect("a request");
        let expected =
            "GET /?x=1 HTTP/1.1\r\nSec-WebSocket-Key: k\r\nX-Forwarded-For: a\r\nWWW-Authenticate: b\r\n\r\n";
        assert_eq!(String::from_utf8(encode_request(&head)).expect("ASCII"), expected);
    }

    #[test]
    fn every_header_of_rfc_6455_is_written_as_there() {
        for name in [
            "Host",
            "Upgrade",
            "Connection",
            "Origin",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Version",
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
        ] {
            let head = Request::get("/").header(name, "v").body(()).expect("a request");
            let text = String::from_utf8(encode_request(&head)).expect("ASCII");
            assert_eq!(text, format!("GET / HTTP/1.1\r\n{name}: v\r\n\r\n"));
        }
    }

    #[test]
    fn a_connect_request_names_the_authority() {
        let head = Request::connect(Uri::from_static("example.com:443")).body(()).expect("a request");
        assert_eq!(encode_request(&head), b"CONNECT example.com:443 HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn a_response_counts_its_body_itself() {
        let full = Response::builder()
            .status(403)
            .header("Content-Length", "999")
            .header("Transfer-Encoding", "chunked")
            .header("X", "y")
            .body("no")
            .expect("a response");
        assert_eq!(encode_response(&full), b"HTTP/1.1 403 Forbidden\r\nX: y\r\nContent-Length: 2\r\n\r\nno");
        let empty = Response::new("");
        assert_eq!(encode_response(&empty), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let unnamed = Response::builder().status(599).body("").expect("a response");
        assert_eq!(encode_response(&unnamed), b"HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn a_status_without_a_body_sends_none() {
        for status in [101, 204, 304] {
            let full = Response::builder().status(status).body("never sent").expect("a response");
            assert_eq!(encode_response(&full), encode_response_head(&full));
            assert!(encode_response(&full).ends_with(b"\r\n\r\n"));
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let head = request().with("X-Note: a").with("X-Note: b");
        assert_eq!(encode_request(&head.parse_request()), head.bytes());
        assert_eq!(encode_response_head(&response().parse_response()), response().bytes());
    }

    #[test]
    fn a_value_never_ends_a_line() {
        let mut out = Vec::new();
        crate::handshake::http1::encode::push_value(&mut out, b"a\r\nEvil: b\0\x7f\tc\xc3");
        assert_eq!(out, b"a  Evil: b  \tc\xc3");
    }
}
