//! Each exit code, provoked by a server that behaves so.

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::process::ExitStatusExt,
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use socket2::SockRef;

use super::{
    check_end, command,
    servers::{Server, accepting, close, frame},
    start, talk, wait_for,
};
use crate::support::wait_until;

/// Connects without anything to send, for as long as the server wants.
#[track_caller]
fn check(server: &Server, code: i32, words: &[&str]) {
    check_end(&talk(&[&server.url(), "--wait", "off"], b""), code, words);
}

#[test]
fn what_the_system_refuses_is_1() {
    let server = Server::sending([frame(0x81, b"hi"), close(1000, "")].concat());
    let mut command = command(&["connect", &server.url()]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped());
    check_end(&wait_for(command.spawn().unwrap()), 1, &["standard output", "No space left"]);
}

mod usage_is_2 {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        for (options, word) in [
            (&["ws://h/", "--wait", "soon"][..], "--wait"),
            (&["ws://h/", "--until", "("], "--until"),
            (&["ws://h/", "--resolve", "h"], "--resolve"),
            (&["ws://h/", "--format", "xml"], "--format"),
            (&["ws://h/", "--chunk", "1k"], "--format raw"),
            (&["ws://h/", "--cacert", "/nowhere"], "/nowhere"),
            (&["ws://h/", "-H", "nonsense"], "--header"),
            (&["ws://h/", "-u", "me"], "SILVERBACK_PASSWORD"),
            (&["ws://h/", "-x", "ftp://h"], "proxy"),
            (&["ws://h/#part"], "fragment"),
            (&["ftp://h/"], "ws"),
            (&["ws://h/", "--key", "k"], "--cert"),
            (&["ws://h/", "-q", "-v"], "--verbose"),
            (&[], "URL"),
        ] {
            check_end(&talk(options, b""), 2, &[word]);
        }
    }

    #[test]
    fn input_that_is_no_text_is_named_by_its_line() {
        let server = Server::sending(b"");
        check_end(&talk(&[&server.url(), "--close-timeout", "10ms"], b"a\n\xff\n"), 2, &["line 2", "--binary"]);
    }
}

mod no_connection_is_3 {
    use super::*;

    #[test]
    fn where_nobody_listens() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        check_end(&talk(&[&format!("ws://{address}/")], b""), 3, &[&address.to_string(), "refused"]);
    }

    #[test]
    fn where_there_is_no_such_name() {
        check_end(&talk(&["ws://nowhere.invalid/"], b""), 3, &["nowhere.invalid"]);
    }

    #[test]
    fn where_a_proxy_refuses() {
        let proxy = Server::answering("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        check_end(&talk(&["ws://h/", "-x", &format!("http://{}", proxy.address)], b""), 3, &["proxy", "407"]);
    }

    #[test]
    fn where_there_is_no_such_socket() {
        check_end(&talk(&["ws://h/", "--unix-socket", "/nowhere/socket"], b""), 3, &["/nowhere/socket"]);
    }
}

mod a_failed_dial_points_to_the_command_that_looks_closer {
    use super::*;

    #[track_caller]
    fn check_advice(url: &str, options: &[&str], code: i32, shown: &str) {
        let advice = format!("; try `silverback check {shown}`\n");
        check_end(&talk(&[&[url], options].concat(), b""), code, &[&advice]);
        let (status, _, err) = crate::support::run(&[&["bench", url, "-c", "1", "-n", "1"], options].concat(), &[]);
        assert!(status == Some(code) && err.ends_with(&advice), "{err}");
    }

    #[test]
    fn whatever_it_failed_of() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = format!("127.0.0.1:{}", silent.local_addr().unwrap().port());
        for (url, options, code) in [
            ("ws://nowhere.invalid/".to_owned(), &[][..], 3),
            (format!("ws://{silent}/"), &["--connect-timeout", "200ms"], 8),
            ("ws://h/".to_owned(), &["-x", "http://127.0.0.1:1"], 3),
            ("ws://h/".to_owned(), &["--unix-socket", "/nowhere/socket"], 3),
        ] {
            check_advice(&url, options, code, &url);
        }
        for (answer, code) in [("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 5), ("", 5), ("hi\r\n\r\n", 7)] {
            let server = Server::answering(answer);
            check_advice(&server.url(), &[], code, &server.url());
        }
    }

    #[test]
    fn without_what_may_be_secret() {
        let url = "ws://me:secret@nowhere.invalid/path?token=secret";
        check_advice(url, &[], 3, "ws://nowhere.invalid/path?…");
    }

    #[test]
    fn but_not_where_no_server_has_a_part_in_it() {
        let output = talk(&["ws://h/#part"], b"");
        assert!(!String::from_utf8(output.stderr).unwrap().contains("silverback check"));
    }
}

mod a_refusal_is_5 {
    use super::*;

    #[test]
    fn with_the_status_and_what_the_server_says() {
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\n\r\nno\x1b[2J chat";
        check(&Server::answering(answer), 5, &["404 Not Found", "no\\u{1b}[2J chat"]);
        check(&Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 5, &["200 OK"]);
        let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
        check(&Server::answering(busy), 5, &["503", "retry-after: 7"]);
    }

    #[test]
    fn also_a_redirect_that_is_not_followed_or_leads_nowhere() {
        let moved = "HTTP/1.1 302 Found\r\nLocation: ws://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n";
        check(&Server::answering(moved), 5, &["302", "ws://elsewhere.invalid/"]);
        let round = "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
        check_end(&talk(&[&Server::answering(round).url(), "-L"], b""), 5, &["302"]);
    }

    #[test]
    fn also_an_end_without_an_answer() {
        check(&Server::answering(""), 5, &["handshake"]);
    }
}

mod another_code_is_6 {
    use super::*;

    #[test]
    fn of_the_servers() {
        for (code, reason) in [(1008, "not\u{7} you"), (1011, ""), (4001, "log in first"), (1009, "")] {
            let mut words = vec![code.to_string()];
            words.extend((!reason.is_empty()).then(|| reason.escape_debug().to_string()));
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            check(&Server::sending(close(code, reason)), 6, &words);
        }
    }

    #[test]
    fn but_the_usual_ones_are_0() {
        for frames in [close(1000, "bye"), close(1001, ""), frame(0x88, b"")] {
            check(&Server::sending(frames), 0, &[]);
        }
    }

    #[test]
    fn so_is_an_end_without_a_close() {
        check(&Server::talking(drop), 6, &["lost"]);
        let resetting = Server::talking(|stream| {
            SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        });
        check_end(&talk(&[&resetting.url(), "--wait", "off"], b""), 6, &["lost"]);
    }

    #[test]
    fn so_is_an_error_before_what_was_waited_for() {
        for frames in [close(1011, "bug"), close(4000, "")] {
            let server = Server::sending([frame(0x81, b"one"), frames].concat());
            check_end(&talk(&[&server.url(), "--count", "2"], b""), 6, &["received 1 of 2 messages (--count)"]);
            check_end(&talk(&[&server.url(), "--until", "two"], b""), 6, &["no message matched --until `two`"]);
        }
    }
}

mod a_broken_rule_is_7 {
    use super::*;

    #[test]
    fn in_the_answer() {
        let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
        check(&Server::answering(wrong), 7, &["Accept"]);
        let unoffered = |stream: std::net::TcpStream, head: String| {
            let answer = accepting(&head).replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
            (&stream).write_all(answer.as_bytes()).unwrap();
        };
        check(&Server::start(unoffered), 7, &["subprotocol"]);
        check(&Server::answering("SSH-2.0-OpenSSH_9.2\r\n\r\n"), 7, &["HTTP"]);
    }

    #[test]
    fn in_a_frame() {
        check(&Server::sending(b"\x81\x81\0\0\0\0x"), 7, &["protocol"]);
        check(&Server::sending(frame(0x81, b"\xff")), 7, &["UTF-8"]);
        check(&Server::sending(frame(0x83, b"")), 7, &["opcode"]);
    }

    #[test]
    fn so_is_a_message_larger_than_allowed() {
        let server = Server::sending(frame(0x82, &[0; 1000]));
        let output = talk(&[&server.url(), "--wait", "off", "--max-message-size", "999"], b"");
        check_end(&output, 7, &["1000", "999"]);
    }
}

mod too_long_is_8 {
    use super::*;

    #[test]
    fn for_the_handshake() {
        let silent = Server::start(|mut stream, _| _ = stream.read(&mut [0]));
        check_end(&talk(&[&silent.url(), "--connect-timeout", "50ms"], b""), 8, &["handshake", "50ms"]);
    }

    #[test]
    fn for_messages_that_were_asked_for() {
        let silent = Server::sending(b"");
        let url = silent.url();
        let options = [&*url, "--wait", "50ms", "--close-timeout", "10ms"];
        check_end(&talk(&[&options[..], &["--count", "1"]].concat(), b""), 8, &["0 of 1", "--count", "50ms"]);
        check_end(&talk(&[&options[..], &["--until", "x"]].concat(), b"hi\n"), 8, &["--until `x`", "50ms"]);
    }

    #[test]
    fn for_messages_that_do_not_come_before_the_server_closes() {
        for (frames, word) in [(close(1000, ""), "1000"), (close(1001, "bye"), "bye"), (frame(0x88, b""), "1005")] {
            let server = Server::sending([frame(0x81, b"one"), frames].concat());
            let output = talk(&[&server.url(), "--count", "2"], b"");
            check_end(&output, 8, &[word, "received 1 of 2 messages (--count)"]);
            assert_eq!(output.stdout, b"one\n");
            check_end(&talk(&[&server.url(), "--until", "two"], b""), 8, &["no message matched --until `two`"]);
        }
    }

    #[test]
    fn but_a_server_that_never_replies_is_no_failure_if_nothing_was_asked_for() {
        let silent = Server::sending(b"");
        check_end(&talk(&[&silent.url(), "--wait", "50ms", "--close-timeout", "10ms"], b"hi\n"), 0, &[]);
    }

    #[test]
    fn for_a_sign_of_life() {
        let silent = Server::sending(b"");
        let options = [&*silent.url(), "--wait", "off", "--ping-interval", "10ms", "--ping-timeout", "50ms"];
        check_end(&talk(&options, b""), 8, &["ping"]);
    }
}

mod a_signal {
    use super::*;

    #[track_caller]
    fn check_signal(signal: Signal, code: i32) {
        let server = Server::sending(frame(0x81, b"here"));
        let mut child = start(&[&server.url()]);
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 5]).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = wait_for(child);
        assert_eq!(output.status.signal(), None);
        check_end(&output, code, &[]);
    }

    #[test]
    fn from_ctrl_c_is_130() {
        check_signal(Signal::INT, 130);
    }

    #[test]
    fn from_a_supervisor_is_143() {
        check_signal(Signal::TERM, 143);
    }

    #[test]
    fn from_a_terminal_that_goes_away_is_129() {
        check_signal(Signal::HUP, 129);
    }

    #[test]
    fn while_connecting_is_130_too() {
        let (told, tell) = std::sync::mpsc::channel();
        let silent = Server::start(move |mut stream, _| {
            told.send(()).unwrap();
            let _ = stream.read(&mut [0]);
        });
        let child = start(&[&silent.url()]);
        tell.recv_timeout(crate::support::PATIENCE).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        check_end(&wait_for(child), 130, &[]);
    }
}

#[test]
fn a_closed_output_ends_quietly() {
    let server = Server::talking(|mut stream| while stream.write_all(&frame(0x81, &[b'x'; 1000])).is_ok() {});
    let mut child = start(&[&server.url(), "--wait", "off"]);
    child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
    let mut status = None;
    wait_until("it ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((status.unwrap().code(), err.as_str()), (Some(0), ""));
}
