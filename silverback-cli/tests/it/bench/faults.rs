//! Servers that behave badly: the counted faults, and the end of the program.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use super::{
    bench,
    servers::{self, Server},
};
use crate::support::run;

#[track_caller]
fn check(server: &Server, options: &[&str], code: i32, cause: &str) {
    let options = [&["-c", "3", "-n", "30"], options].concat();
    let found = bench(&server.url, &options);
    assert_eq!(found.errors(cause), 3, "{}", found.json);
    assert_eq!(found.code, Some(code), "{}", found.err);
    assert_eq!(found.err.lines().count(), 1, "{}", found.err);
}

#[test]
fn nobody_there_is_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    let found = bench(&url, &["-c", "3"]);
    assert_eq!((found.code, found.errors("connect_refused")), (Some(3), 3), "{}", found.err);
}

#[test]
fn a_host_that_does_not_exist_is_3() {
    let found = bench("ws://no-such-host.invalid/", &["-c", "3"]);
    assert_eq!((found.code, found.errors("resolve")), (Some(3), 1), "{}", found.err);
}

#[test]
fn a_refusal_is_5_and_counted_by_its_status() {
    check(&Server::start(|stream| servers::refuse(stream, "403 Forbidden")), &[], 5, "refused_403");
    check(&Server::start(|stream| servers::refuse(stream, "503 Busy")), &[], 5, "refused_503");
}

#[test]
fn something_that_is_no_http_is_7() {
    let server = Server::start(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, b"220 mail.example ESMTP\r\n\r\n");
        servers::ignore(stream);
    });
    check(&server, &[], 7, "handshake");
}

#[test]
fn a_close_is_6_and_counted_by_its_code() {
    check(&Server::after_handshake(|stream| servers::close(stream, 1008)), &[], 6, "closed_1008");
    check(&Server::after_handshake(|stream| servers::close(stream, 1000)), &[], 6, "closed_1000");
}

#[test]
fn an_end_without_a_close_is_6() {
    check(&Server::after_handshake(servers::leave), &[], 6, "lost");
}

#[test]
fn a_reset_is_6() {
    check(&Server::after_handshake(servers::reset), &[], 6, "reset");
}

#[test]
fn a_broken_protocol_is_7() {
    // A masked frame from a server.
    let server = Server::after_handshake(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, &[0x82, 0x81, 0, 0, 0, 0, 0]);
        servers::ignore(stream);
    });
    check(&server, &[], 7, "protocol");
}

#[test]
fn an_answer_that_differs_is_7_if_it_is_looked_at() {
    let server = || {
        Server::after_handshake(|stream| {
            servers::echo(stream, |mut payload| {
                payload[5] ^= 1;
                payload
            });
        })
    };
    let found = bench(&server().url, &["-c", "3", "-n", "30", "--verify"]);
    assert_eq!((found.errors("mismatch"), found.number("/connections/lost")), (3, 3), "{}", found.json);
    let words = found.json["errors"]["mismatch"]["example"].as_str().unwrap().to_owned();
    assert!(words.contains("from byte 5 on"), "{words}");
    let unseen = bench(&server().url, &["-c", "3", "-n", "30"]);
    assert_eq!((unseen.code, unseen.number("/messages/received")), (Some(0), 30));
}

#[test]
fn no_answer_to_the_handshake_is_8() {
    check(&Server::start(servers::ignore), &["--timeout", "200ms"], 8, "handshake_timeout");
}

#[test]
fn no_answer_to_a_message_is_8() {
    check(&Server::after_handshake(servers::ignore), &["--timeout", "200ms"], 8, "timeout");
}

#[test]
fn messages_that_nobody_asked_for_are_counted_and_answer_nothing() {
    let server = Server::after_handshake(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, &servers::frame(0x81, b"welcome"));
        servers::echo(stream, |payload| payload);
    });
    // Opening the last takes longer than a greeting to the first.
    let found = bench(&server.url, &["-c", "3", "-n", "30", "--ramp", "10/s", "--verify"]);
    let (unasked, mismatches) = (found.number("/messages/unasked"), found.errors("mismatch"));
    assert!(unasked >= 2 && unasked + mismatches == 3, "{}", found.json);
}

#[test]
fn those_that_fail_do_not_stop_the_others() {
    let count = AtomicUsize::new(0);
    let server = Server::after_handshake(move |stream| match count.fetch_add(1, Ordering::Relaxed) {
        0 => servers::reset(stream),
        _ => servers::echo(stream, |payload| payload),
    });
    let found = bench(&server.url, &["-c", "3", "-n", "30"]);
    assert_eq!((found.code, found.errors("reset")), (Some(0), 1), "{}", found.json);
    assert_eq!(found.number("/messages/received"), 20);
    let server = Server::after_handshake(|stream| servers::close(stream, 1011));
    let url = &server.url;
    let (code, _, err) = run(&["bench", url, "-c", "1", "-n", "3", "--fail-if", "errors>0"], &[]);
    assert_eq!(code, Some(6), "a failed load takes precedence over a matched condition: {err}");
}

#[test]
fn options_that_make_no_sense_are_2() {
    for options in [
        &["bench"][..],
        &["bench", "localhost"],
        &["bench", "ws://localhost/", "--size", "huge"],
        &["bench", "ws://localhost/", "--fail-if", "p99>fast"],
        &["bench", "ws://localhost/", "--rate", "0"],
        &["bench", "ws://localhost/", "--broadcast=99"],
    ] {
        let (code, out, err) = run(options, &[]);
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(2), "", 1), "{options:?}: {err}");
    }
}

#[test]
fn a_server_that_goes_away_in_the_middle_is_counted_and_6() {
    let server = Server::after_handshake(|stream| {
        let other = stream.try_clone().unwrap();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            servers::reset(other.try_clone().unwrap());
            let _ = other.shutdown(std::net::Shutdown::Both);
        });
        servers::echo(stream, |payload| payload);
    });
    let found = bench(&server.url, &["-c", "2", "--duration", "1min", "--warmup", "off"]);
    assert!(found.number("/messages/received") > 0);
    assert_eq!((found.code, found.number("/connections/lost")), (Some(6), 2), "{}", found.json);
    assert!(found.err.contains("every connection was lost"), "{}", found.err);
}

#[test]
fn no_answer_by_the_end_is_8_though_no_time_is_up() {
    let server = Server::after_handshake(servers::ignore);
    for options in [&["-d", "200ms", "--warmup", "off"][..], &["-d", "100ms", "--warmup", "300ms"]] {
        let found = bench(&server.url, &[options, &["-c", "2", "--timeout", "900ms"]].concat());
        assert_eq!((found.code, found.number("/messages/received")), (Some(8), 0), "{} {}", found.err, found.json);
    }
}
