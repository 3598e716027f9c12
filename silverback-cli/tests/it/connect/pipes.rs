//! Input and output that are not a terminal: nothing is lost, and the bytes are the same.

use std::{
    io::{BufRead, Read, Write},
    time::Duration,
};

use super::{
    check_end, check_said,
    servers::{Server, answering_when_told, close, frame, read_frame, read_to_close},
    start, talk, wait_for,
};
use crate::support::{PATIENCE, Program};

fn echo() -> (Program, String) {
    let program = Program::start(&["--quiet", "--max-message-size", "4MiB"]);
    let url = format!("ws://{}/ws/echo", program.address);
    (program, url)
}

#[test]
fn a_reply_is_printed_however_late_it_comes_and_the_connection_closed_in_order() {
    let (server, tell, hear) = answering_when_told();
    let mut child = start(&[&server.url(), "--wait", "off", "--count", "1"]);
    child.stdin.take().unwrap().write_all(b"hi\n").unwrap();
    assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), "hi");
    assert_eq!(child.try_wait().unwrap(), None);
    tell.send(()).unwrap();
    check_said(&wait_for(child), "HI\n");
}

#[test]
fn without_options_a_reply_has_seconds_after_the_end_of_the_input() {
    let server = Server::talking(|mut stream| {
        let (_, text) = read_frame(&mut stream);
        std::thread::sleep(LONGER_THAN_QUIET);
        stream.write_all(&frame(0x81, &text)).unwrap();
        let (opcode, payload) = read_frame(&mut stream);
        assert_eq!((opcode, payload), (8, 1000_u16.to_be_bytes().to_vec()));
        stream.write_all(&close(1000, "")).unwrap();
    });
    check_said(&talk(&[&server.url()], b"hi\n"), "hi\n");
}

#[test]
fn a_greeting_is_not_taken_for_the_reply() {
    let server = Server::talking(|mut stream| {
        stream.write_all(&frame(0x81, b"welcome")).unwrap();
        let (_, text) = read_frame(&mut stream);
        std::thread::sleep(LONGER_THAN_QUIET);
        stream.write_all(&frame(0x81, &text)).unwrap();
        read_to_close(&mut stream);
    });
    let mut child = start(&[&server.url(), "--close-timeout", "50ms"]);
    let mut greeting = [0; 8];
    child.stdout.as_mut().unwrap().read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"welcome\n");
    child.stdin.take().unwrap().write_all(b"hi\n").unwrap();
    check_said(&wait_for(child), "hi\n");
}

#[test]
fn one_reply_to_all_that_was_sent_is_not_waited_for_again() {
    let server = Server::talking(|mut stream| {
        let texts = [read_frame(&mut stream).1, read_frame(&mut stream).1].concat();
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(&frame(0x81, &texts)).unwrap();
        let since = std::time::Instant::now();
        read_to_close(&mut stream);
        stream.write_all(&frame(0x81, format!("{}", since.elapsed().as_secs()).as_bytes())).unwrap();
        stream.write_all(&close(1000, "")).unwrap();
    });
    let output = talk(&[&server.url()], b"a\nb\n");
    check_end(&output, 0, &[]);
    let out = String::from_utf8(output.stdout).unwrap();
    let seconds = out.strip_prefix("ab\n").unwrap().trim().parse::<u64>().unwrap();
    assert!(seconds < 8, "it waited for {seconds} s");
}

#[test]
fn lines_come_back_as_they_were() {
    let (_program, url) = echo();
    check_said(&talk(&[&url, "-n", "4"], b"a\n\n b \nlast"), "a\n\n b \nlast\n");
    check_said(&talk(&[&url, "-n", "1", "--binary"], b"\0\xff\n"), "base64:AP8=\n");
}

#[test]
fn raw_bytes_come_back_as_they_were() {
    let (_program, url) = echo();
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(3_000_001).collect();
    let output = talk(&[&url, "--format", "raw", "--count", "1"], &bytes);
    check_end(&output, 0, &[]);
    assert!(output.stdout == bytes);
    let chunked = talk(&[&url, "--format", "raw", "--chunk", "100kB", "--wait", "2s"], &bytes);
    check_end(&chunked, 0, &[]);
    assert!(chunked.stdout == bytes);
}

#[test]
fn hex_goes_both_ways() {
    let (_program, url) = echo();
    check_said(&talk(&[&url, "--format", "hex", "-n", "2"], b"00ff\n61 62\n"), "00ff\n6162\n");
}

#[test]
fn json_is_a_line_for_each_message() {
    let server = Server::sending([frame(0x81, b"a\nb\x1b"), frame(0x82, b"\0\xff"), close(1000, "")].concat());
    let output = talk(&[&server.url(), "--format", "json"], b"");
    check_end(&output, 0, &[]);
    let lines: Vec<serde_json::Value> =
        output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["data"], &lines[0]["size"]),
        (&"text".into(), &"a\nb\u{1b}".into(), &4.into())
    );
    assert_eq!((&lines[1]["type"], &lines[1]["base64"]), (&"binary".into(), &"AP8=".into()));
    assert!(lines[0]["time"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn what_is_piped_is_not_escaped_and_not_coloured() {
    let server = Server::sending([frame(0x81, b"\x1b[31m{\"a\":1}"), close(1000, "")].concat());
    check_said(&talk(&[&server.url()], b""), "\x1b[31m{\"a\":1}\n");
}

#[test]
fn a_count_ends_it_while_there_is_still_input() {
    let server = Server::sending([frame(0x81, b"1"), frame(0x81, b"2"), frame(0x81, b"3")].concat());
    let mut child = start(&[&server.url(), "--count", "2", "--close-timeout", "50ms"]);
    let stdin = child.stdin.take().unwrap();
    check_said(&wait_for(child), "1\n2\n");
    drop(stdin);
}

#[test]
fn a_count_of_0_waits_for_nothing() {
    let (server, _tell, hear) = answering_when_told();
    // The server does not answer the close either. That is not a failure, because all messages were sent.
    let output = talk(&[&server.url(), "--count", "0", "--close-timeout", "50ms"], b"hi\n");
    check_said(&output, "");
    assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), "hi");
}

#[test]
fn no_time_at_all_is_waited_if_that_is_wanted() {
    for time in ["0", "0s"] {
        let (server, _tell, hear) = answering_when_told();
        check_said(&talk(&[&server.url(), "--wait", time, "--close-timeout", "50ms"], b"hi\n"), "");
        assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), "hi");
    }
}

#[test]
fn until_ends_it_with_the_message_that_matches() {
    let server = Server::sending([frame(0x81, b"one"), frame(0x81, b"all done!"), frame(0x81, b"more")].concat());
    let output = talk(&[&server.url(), "--until", "do+ne", "--wait", "off", "--close-timeout", "50ms"], b"");
    check_said(&output, "one\nall done!\n");
}

#[test]
fn texts_to_send_go_first_in_their_order() {
    let (_program, url) = echo();
    check_said(&talk(&[&url, "--send", "a", "--send", "b", "-n", "3"], b"c\n"), "a\nb\nc\n");
}

#[test]
fn a_lost_connection_is_made_again_and_the_first_texts_sent_again() {
    let mut count = 0;
    let server = Server::talking(move |mut stream| {
        count += 1;
        let (_, text) = read_frame(&mut stream);
        assert_eq!(text, b"subscribe");
        stream.write_all(&frame(0x81, format!("{count}").as_bytes())).unwrap();
        if count == 3 {
            stream.write_all(&close(1000, "")).unwrap();
            read_to_close(&mut stream);
        }
    });
    let options = [&*server.url(), "--send", "subscribe", "--wait", "off", "--reconnect", "--quiet"];
    check_said(&talk(&options, b""), "1\n2\n3\n");
}

#[test]
fn attempts_in_a_row_are_limited() {
    let server = Server::answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    let output = talk(&[&server.url(), "--reconnect=1"], b"");
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{err}");
    assert_eq!(err.matches("again in").count(), 1, "{err}");
}

#[test]
fn a_refusal_that_will_not_pass_is_not_tried_again() {
    let server = Server::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    check_end(&talk(&[&server.url(), "--reconnect"], b""), 5, &["403"]);
}

#[test]
fn nothing_but_messages_is_on_standard_output_however_much_is_told() {
    let (_program, url) = echo();
    let output = talk(&[&url, "-v", "-n", "1", "-H", "X-Key: secret1", "-u", "me:secret2"], b"hi\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"hi\n");
    let err = String::from_utf8(output.stderr).unwrap();
    for word in [
        "connected to",
        "> GET /ws/echo HTTP/1.1",
        "> Sec-WebSocket-Key: ",
        "> X-Key: (hidden)",
        "> Authorization: (hidden)",
        "< 101",
        "sec-websocket-accept",
    ] {
        assert!(err.contains(word), "{word}: {err}");
    }
    assert!(!err.contains("secret"), "{err}");
}

#[test]
fn the_clients_end_waits_for_what_was_sent() {
    let server = Server::talking(|mut stream| {
        let mut received = Vec::new();
        loop {
            let (opcode, payload) = read_frame(&mut stream);
            if opcode == 8 {
                break;
            }
            received.extend(payload);
        }
        assert_eq!(received.len(), 10_000);
        stream.write_all(&close(1000, "")).unwrap();
    });
    let lines = format!("{}\n", "x".repeat(99)).replace('\n', "y\n").repeat(100);
    check_said(&talk(&[&server.url(), "--count", "0"], lines.as_bytes()), "");
}

/// Longer than the silence after a last message, shorter than that before a first one.
const LONGER_THAN_QUIET: Duration = Duration::from_millis(1500);
