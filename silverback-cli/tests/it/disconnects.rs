//! Clients disconnect in every possible way. The program's output must stay as a person wants it: without errors.
#![cfg(target_os = "linux")]

use std::{io::Write, net::TcpStream, time::Duration};

use crate::support::{Program, RawClient, frame, get, handshake, wait_until};

/// Starts the program, lets clients disconnect, and returns its later output: standard output without the lines for
/// messages, and standard error.
fn printed(options: &[&str], go_away: impl FnOnce(&Program)) -> (String, String) {
    let mut program = Program::start(options);
    let start = program.output();
    let before = program.descriptors();
    go_away(&program);
    // This request comes after the others, so they were handled when it is answered.
    get(program.address, "/healthz");
    wait_until("all are gone", || program.descriptors() == before);
    program.signal(rustix::process::Signal::TERM);
    assert_eq!(program.wait().code(), Some(0));
    let output = program.output();
    let rest = output.strip_prefix(&start).unwrap().lines().filter(|line| !line.contains(" sent: "));
    (rest.collect(), program.errors())
}

#[track_caller]
fn check_silent(options: &[&str], go_away: impl FnOnce(&Program)) {
    assert_eq!(printed(options, go_away), (String::new(), String::new()));
}

#[test]
fn a_connection_that_ends_without_a_close_prints_nothing() {
    check_silent(&[], |program| {
        for _ in 0..10 {
            let mut client = RawClient::connect(program.address);
            client.send(&frame(0x81, b"and away"));
            client.half_close();
            client.read_to_end().unwrap();
            drop(RawClient::connect(program.address));
        }
    });
}

#[test]
fn a_reset_prints_nothing_also_inside_a_frame_and_with_answers_on_their_way() {
    check_silent(&[], |program| {
        for _ in 0..10 {
            RawClient::connect(program.address).reset();
            let mut torn = RawClient::connect(program.address);
            torn.send(&frame(0x81, b"never finished")[..9]);
            torn.reset();
            let mut deaf = RawClient::connect(program.address);
            deaf.send(&frame(0x82, &[7; 10_000]).repeat(20));
            deaf.reset();
        }
    });
}

#[test]
fn a_client_that_leaves_during_its_request_prints_nothing() {
    check_silent(&[], |program| {
        let request = handshake(program.address, &[]);
        for length in [0, 1, 30, request.len() - 1, request.len()] {
            let mut stream = TcpStream::connect(program.address).unwrap();
            stream.write_all(&request.as_bytes()[..length]).unwrap();
        }
    });
}

#[test]
fn a_closing_handshake_prints_nothing_whatever_its_code() {
    check_silent(&[], |program| {
        for code in [1000_u16, 1001, 1008, 1011, 3000, 4999] {
            let mut client = RawClient::connect(program.address);
            client.send(&frame(0x88, &code.to_be_bytes()));
            assert_eq!(client.receive(), (0x88, code.to_be_bytes().to_vec()));
            assert_eq!(client.read_to_end().unwrap(), b"");
        }
    });
}

#[test]
fn a_client_that_breaks_the_rules_is_told_and_nobody_else() {
    check_silent(&[], |program| {
        for (wrong, code) in
            [(frame(0x81, b"\xff"), 1007), (frame(0x83, b""), 1002), (frame(0x82, &[0; 2 << 20]), 1009)]
        {
            let mut client = RawClient::connect(program.address);
            client.send(&wrong);
            let (first, payload) = client.receive();
            assert_eq!((first, &payload[..2]), (0x88, &u16::to_be_bytes(code)[..]));
        }
    });
}

#[test]
fn a_client_that_does_not_answer_a_ping_is_dropped_without_a_word() {
    check_silent(&["--ping-interval", "50ms", "--ping-timeout", "50ms"], |program| {
        let mut dead = RawClient::connect(program.address);
        let begun = std::time::Instant::now();
        let rest = dead.read_to_end().unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(100));
        assert_eq!(rest[0], 0x89, "it was asked");
    });
}
