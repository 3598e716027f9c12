//! Servers whose answer to the handshake breaks a rule, never ends or comes slowly; and those that are merely unusual.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{
    check_end, check_said,
    servers::{Server, accepting, close, frame, read_to_close},
    talk,
};
use crate::support::PATIENCE;

/// A server whose answer is the right one after this change.
fn changed(change: impl Fn(&str) -> String + Send + 'static) -> Server {
    Server::start(move |mut stream, head| {
        stream.write_all(change(&accepting(&head)).as_bytes()).unwrap();
        read_to_close(&mut stream);
    })
}

/// A server that answers with one header more.
fn adding(line: &'static str) -> Server {
    changed(move |answer| answer.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n")))
}

/// A server that answers without this header.
fn leaving_out(name: &'static str) -> Server {
    changed(move |answer| {
        let kept: Vec<_> = answer.split("\r\n").filter(|line| !line.starts_with(&format!("{name}:"))).collect();
        kept.join("\r\n")
    })
}

#[track_caller]
fn check(server: &Server, options: &[&str], code: i32, words: &[&str]) {
    check_end(&talk(&[&[&*server.url(), "--wait", "off"], options].concat(), b""), code, words);
}

mod a_101_that_breaks_a_rule_is_7 {
    use super::*;

    #[test]
    fn where_a_header_is_missing() {
        for (name, word) in [
            ("Sec-WebSocket-Accept", "it has no Sec-WebSocket-Accept header"),
            ("Upgrade", "it has no `Upgrade: websocket` header"),
            ("Connection", "it has no `Connection: Upgrade` header"),
        ] {
            check(&leaving_out(name), &[], 7, &[word]);
        }
    }

    #[test]
    fn where_a_header_says_something_else() {
        let other_key = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        let answer = move |answer: &str| {
            let line = answer.lines().find(|line| line.starts_with("Sec-WebSocket-Accept")).unwrap().to_owned();
            answer.replace(&line, other_key)
        };
        check(&changed(answer), &[], 7, &["Sec-WebSocket-Accept", "does not answer the key"]);
        check(&changed(|answer| answer.replace("Upgrade: websocket", "Upgrade: h2c")), &[], 7, &["its Upgrade is"]);
        let kept_alive = |answer: &str| answer.replace("Connection: Upgrade", "Connection: keep-alive");
        check(&changed(kept_alive), &[], 7, &["its Connection is"]);
        check(&changed(|answer| answer.replace("HTTP/1.1", "HTTP/1.0")), &[], 7, &["HTTP/1.0, not HTTP/1.1"]);
    }

    #[test]
    fn where_it_repeats_itself() {
        check(&adding("Sec-WebSocket-Accept: again"), &[], 7, &["several"]);
    }

    #[test]
    fn where_it_chooses_what_was_not_offered() {
        let chosen = "Sec-WebSocket-Protocol: superchat";
        check(&adding(chosen), &[], 7, &["subprotocol `superchat`", "did not offer"]);
        check(&adding(chosen), &["-s", "chat"], 7, &["subprotocol `superchat`", "did not offer"]);
        // Names of subprotocols have a case.
        check(&adding("Sec-WebSocket-Protocol: CHAT"), &["-s", "chat"], 7, &["`CHAT`", "did not offer"]);
        check(&adding("Sec-WebSocket-Extensions: x-webkit-deflate-frame"), &[], 7, &["x-webkit-deflate-frame"]);
        let deflate = "Sec-WebSocket-Extensions: permessage-deflate";
        check(&adding(deflate), &["--no-compression"], 7, &["permessage-deflate", "did not offer"]);
        let window = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16";
        check(&adding(window), &[], 7, &["server_max_window_bits"]);
        let twice = "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate";
        check(&adding(twice), &[], 7, &["twice"]);
    }

    #[test]
    fn where_it_is_no_http() {
        for answer in
            ["\u{16}\u{3}\u{3}\r\n\r\n", "HTTP/9 101 Eh\r\n\r\n", "HTTP/1.1 1 Short\r\n\r\n", "+OK POP3\r\n\r\n"]
        {
            check(&Server::answering(answer), &[], 7, &["did not answer with HTTP"]);
        }
        check(&adding("no colon here"), &[], 7, &["did not answer with HTTP"]);
        check(&adding("Name with blanks: 1"), &[], 7, &["did not answer with HTTP"]);
    }
}

mod a_head_without_end_is_7 {
    use super::*;

    /// The client gives up by itself, and has not taken much more than its own limit and what sockets hold.
    #[track_caller]
    fn check(start: &'static str, again: &'static str) {
        let (told, tell) = mpsc::channel();
        let server = Server::start(move |mut stream, _| {
            let mut written = stream.write(start.as_bytes()).unwrap();
            let again = again.repeat(1000);
            while let Ok(count @ 1..) = stream.write(again.as_bytes()) {
                written += count;
                assert!(written < SOCKETS_HOLD, "the client reads on and on");
            }
            told.send(()).unwrap();
        });
        check_end(&talk(&[&server.url()], b""), 7, &["too large", "16384 bytes", "--max-head-size"]);
        tell.recv_timeout(PATIENCE).unwrap();
    }

    #[test]
    fn of_many_headers() {
        check("HTTP/1.1 101 Switching Protocols\r\n", "X-Filler: and so on\r\n");
    }

    #[test]
    fn of_one_header() {
        check("HTTP/1.1 101 Switching Protocols\r\nX-Filler: ", "and so on ");
    }

    #[test]
    fn of_one_line() {
        check("", "HTTP");
    }

    const SOCKETS_HOLD: usize = 32 << 20;
}

#[test]
fn interim_answers_without_end_are_7() {
    let server = Server::start(|mut stream, _| while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {});
    check_end(&talk(&[&server.url()], b""), 7, &["more than 20 interim responses (1xx)"]);
}

mod a_large_head {
    use super::*;

    /// Accepts the handshake in an answer with so many bytes of cookies, says `hi` and closes.
    fn with_cookies(bytes: usize) -> Server {
        Server::start(move |mut stream, head| {
            let cookies = format!("Set-Cookie: a={}\r\n", "b".repeat(983)).repeat(bytes / 1000);
            let answer = accepting(&head).replace("\r\n\r\n", &format!("\r\n{cookies}\r\n"));
            let _ = stream.write_all(&[answer.as_bytes(), &frame(0x81, b"hi"), &close(1000, "")].concat());
            read_to_close(&mut stream);
        })
    }

    #[test]
    fn is_taken_up_to_the_limit_that_the_option_sets() {
        for (bytes, options) in [(15_000, &[][..]), (20_000, &["--max-head-size", "32k"]), (63_000, LARGEST)] {
            let server = with_cookies(bytes);
            check_said(&talk(&[&[&*server.url(), "--wait", "off"], options].concat(), b""), "hi\n");
        }
    }

    #[test]
    fn beyond_it_is_7_with_the_limit_in_the_text() {
        check(&with_cookies(20_000), &[], 7, &["16384 bytes", "too large", "--max-head-size 64KiB"]);
        check(&with_cookies(20_000), &["--max-head-size", "17k"], 7, &["17408 bytes", "--max-head-size"]);
        let output = talk(&[&[&*with_cookies(70_000).url(), "--wait", "off"], LARGEST].concat(), b"");
        check_end(&output, 7, &["65536 bytes"]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("--max-head-size"), "nothing larger can be set");
    }

    #[test]
    fn of_a_proxy_is_3_with_the_limit_in_the_text() {
        let proxy = Server::answering(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000)));
        let output = talk(&["ws://h.invalid/", "-x", &format!("http://{}", proxy.address)], b"");
        check_end(&output, 3, &["proxy", "too large", "16384 bytes", "--max-head-size 64KiB"]);
    }

    #[test]
    fn of_too_many_lines_is_7_with_the_limit_in_the_text() {
        let server = changed(|answer| answer.replace("\r\n\r\n", &format!("\r\n{}\r\n", "X: y\r\n".repeat(101))));
        check(&server, &[], 7, &["too large", "100 header lines"]);
    }

    const LARGEST: &[&str] = &["--max-head-size", "64KiB"];
}

mod slowness {
    use super::*;

    /// Sends the bytes one by one until the client has gone.
    fn dripping(bytes: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Server {
        Server::start(move |mut stream, head| {
            for byte in bytes(&head) {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
        })
    }

    #[test]
    fn of_a_head_that_comes_byte_by_byte_is_8() {
        // Byte by byte it takes far longer than it may, but there is never a long silence.
        let server = dripping(|_| [b"HTTP/1.1 101 Switching Protocols\r\nX: ", &[b'x'; 10_000][..]].concat());
        let output = talk(&[&server.url(), "--connect-timeout", "1s"], b"");
        check_end(&output, 8, &["handshake", "1s"]);
    }

    #[test]
    fn of_a_head_that_comes_in_time_does_no_harm() {
        let server = dripping(|head| [accepting(head).as_bytes(), &frame(0x81, b"hi"), &close(1000, "")].concat());
        check_said(&talk(&[&server.url(), "--wait", "off"], b""), "hi\n");
    }

    #[test]
    fn of_interim_answers_is_8() {
        let server = Server::start(|mut stream, _| {
            while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {
                thread::sleep(Duration::from_millis(200));
            }
        });
        check_end(&talk(&[&server.url(), "--connect-timeout", "1s"], b""), 8, &["handshake"]);
    }

    #[test]
    fn of_a_refusal_with_a_body_that_never_ends_does_not_matter() {
        let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000000\r\n\r\nno, ";
        let server = Server::start(move |mut stream, _| {
            stream.write_all(refusal.as_bytes()).unwrap();
            while stream.write_all(&[b'n'; 1000]).is_ok() {}
        });
        check(&server, &[], 5, &["403 Forbidden", "no, nnn"]);
        let silent = Server::start(move |mut stream, _| {
            stream.write_all(refusal.as_bytes()).unwrap();
            let _ = stream.read(&mut [0]);
        });
        check(&silent, &["--connect-timeout", "1s"], 5, &["403 Forbidden", "it says: no,"]);
    }

    #[test]
    fn of_a_proxy_is_8() {
        let silent = Server::start(|mut stream, _| _ = stream.read(&mut [0]));
        let proxy = format!("http://{}", silent.address);
        let output = talk(&["ws://h.invalid/", "-x", &proxy, "--connect-timeout", "2s"], b"");
        check_end(&output, 8, &["proxy", "2s"]);
    }

    #[test]
    fn of_tls_is_8() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("wss://{}/", listener.local_addr().unwrap());
        let silent = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.read(&mut [0; 1000]).is_ok_and(|count| count > 0) {}
        });
        check_end(&talk(&[&url, "--connect-timeout", "2s"], b""), 8, &["TLS", "2s"]);
        silent.join().unwrap();
    }
}

mod bytes_behind_the_answer {
    use super::*;

    /// The answer and these bytes in one segment.
    fn together(bytes: Vec<u8>, mut then: impl FnMut(TcpStream) + Send + 'static) -> Server {
        Server::start(move |mut stream, head| {
            stream.write_all(&[accepting(&head).as_bytes(), &bytes].concat()).unwrap();
            then(stream);
        })
    }

    #[test]
    fn are_messages() {
        let frames = [frame(0x81, b"early"), frame(0x89, b"?"), frame(0x82, b"\0bird"), close(1000, "")].concat();
        let server = together(frames, |mut stream| read_to_close(&mut stream));
        check_said(&talk(&[&server.url(), "--wait", "off"], b""), "early\nbase64:AGJpcmQ=\n");
    }

    #[test]
    fn may_be_the_start_of_one() {
        let whole = [frame(0x81, &[b'x'; 300]), close(1000, "")].concat();
        let (start, rest) = (whole[..3].to_vec(), whole[3..].to_vec());
        let server = together(start, move |mut stream| {
            stream.write_all(&rest).unwrap();
            read_to_close(&mut stream);
        });
        check_said(&talk(&[&server.url(), "--wait", "off"], b""), &format!("{}\n", "x".repeat(300)));
    }

    #[test]
    fn may_be_many_and_large() {
        let text = "y".repeat(2_000_000);
        let frames = [frame(0x81, b"a"), frame(0x81, text.as_bytes()), close(4000, "enough")].concat();
        let server = together(frames, |mut stream| read_to_close(&mut stream));
        let output = talk(&[&server.url(), "--wait", "off"], b"");
        check_end(&output, 6, &["4000", "enough"]);
        assert!(output.stdout == format!("a\n{text}\n").as_bytes());
    }

    #[test]
    fn are_judged_as_any_others() {
        let server = together(frame(0x83, b""), |mut stream| read_to_close(&mut stream));
        check(&server, &[], 7, &["opcode"]);
    }

    #[test]
    fn are_messages_even_if_the_answer_announces_a_body() {
        for line in ["Content-Length: 0", "Content-Length: 5", "Transfer-Encoding: chunked"] {
            let server = Server::start(move |mut stream, head| {
                let answer = accepting(&head).replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
                stream.write_all(&[answer.as_bytes(), &frame(0x81, b"early"), &close(1000, "")].concat()).unwrap();
                read_to_close(&mut stream);
            });
            check_said(&talk(&[&server.url(), "--wait", "off"], b""), "early\n");
        }
    }

    #[test]
    fn may_come_after_interim_answers() {
        let server = Server::start(|mut stream, head| {
            let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n";
            let answer = accepting(&head);
            let all = [interim.as_bytes(), answer.as_bytes(), &frame(0x81, b"hi"), &close(1000, "")];
            stream.write_all(&all.concat()).unwrap();
            read_to_close(&mut stream);
        });
        check_said(&talk(&[&server.url(), "--wait", "off"], b""), "hi\n");
    }
}

mod a_refusal {
    use super::*;

    /// The bytes of a gzip file, in a body that the program shall not print.
    const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\xc9W(\xcf/\xcaI\x01\0\x85\x11J\x0d\x0b\0\0\0";

    #[track_caller]
    fn check_body(headers: &str, body: &[u8], said: &str) {
        let head = format!("HTTP/1.1 403 Forbidden\r\n{headers}\r\n");
        let output = talk(&[&Server::answering([head.as_bytes(), body].concat()).url()], b"");
        check_end(&output, 5, &["403", said]);
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("it says") == said.starts_with("it says"), "{err}");
        assert!(!err.contains("\\u{") && !err.contains('\u{fffd}'), "{err}");
    }

    #[test]
    fn that_is_compressed_is_not_printed_as_text() {
        check_body("Content-Encoding: gzip\r\n", GZIP, "its body is compressed (gzip)");
        check_body("content-encoding: identity, BR\r\n", b"abc", "its body is compressed (BR)");
        check_body("Content-Encoding: x-gzip\r\nContent-Encoding: zstd\r\n", GZIP, "compressed (x-gzip, zstd)");
        let chunked = [format!("{:x}\r\n", GZIP.len()).as_bytes(), GZIP, b"\r\n0\r\n\r\n"].concat();
        check_body("Transfer-Encoding: gzip, chunked\r\n", &chunked, "its body is compressed (gzip)");
    }

    #[test]
    fn whose_body_is_not_text_is_not_printed_either() {
        check_body("Content-Type: application/gzip\r\n", GZIP, "its body is not text");
    }

    #[test]
    fn whose_body_is_text_is_printed() {
        check_body("Content-Encoding: identity\r\n", "not für you\r\n".as_bytes(), "it says: not für you");
        check_body("Transfer-Encoding: chunked\r\n", b"2\r\nno\r\n0\r\n\r\n", "it says: no");
    }
}
