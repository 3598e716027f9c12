//! `--reconnect`: messages that had not left when a connection broke are reported, and sent on the next one.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use super::{
    servers::{Server, close},
    talk,
};
use crate::support::PATIENCE;

/// In all, more than the system takes for a server that does not read; the first line alone is less.
const LINES: usize = 40;
const LINE: usize = 128 * 1024;

fn lines() -> Vec<u8> {
    let line = |number: usize| format!("{number:02}{}\n", "x".repeat(LINE - 2));
    (0..LINES).flat_map(|number| line(number).into_bytes()).collect()
}

/// Waits until nothing more comes because all buffers are full, and resets the connection.
fn reset_when_full(stream: TcpStream) {
    let mut buffer = vec![0; LINES * LINE];
    let (mut waiting, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_secs(1) || waiting == 0 {
        let now = stream.peek(&mut buffer).unwrap();
        if now != waiting {
            (waiting, since) = (now, Instant::now());
        }
        thread::sleep(Duration::from_millis(20));
    }
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// The numbers of the lines that come until the client closes.
fn read_numbers(stream: &mut TcpStream) -> Vec<usize> {
    let mut numbers = Vec::new();
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).unwrap();
        let len = match head[1] & 0x7f {
            127 => {
                let mut len = [0; 8];
                stream.read_exact(&mut len).unwrap();
                u64::from_be_bytes(len) as usize
            }
            len => usize::from(len),
        };
        let mut rest = vec![0; 4 + len];
        stream.read_exact(&mut rest).unwrap();
        if head[0] & 0x0f == 8 {
            stream.write_all(&close(1000, "")).unwrap();
            return numbers;
        }
        let digit = |at: usize| usize::from(rest[4 + at] ^ rest[at] ^ b'0');
        numbers.push(digit(0) * 10 + digit(1));
    }
}

#[test]
fn what_had_not_left_when_the_connection_broke_is_told_and_goes_with_the_next_one() {
    let (told, tell) = mpsc::channel();
    let mut is_first = true;
    let server = Server::talking(move |mut stream| match std::mem::take(&mut is_first) {
        true => reset_when_full(stream),
        false => told.send(read_numbers(&mut stream)).unwrap(),
    });
    let output = talk(&[&server.url(), "--reconnect", "--count", "0", "--no-compression"], &lines());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("not sent and go") && err.contains("connecting again in"), "{err}");
    // The first of them is the first that cannot have arrived; from there on nothing is missing, and nothing comes twice.
    let numbers = tell.recv_timeout(PATIENCE).unwrap();
    assert!(!numbers.is_empty() && numbers[0] > 0, "{numbers:?}");
    assert_eq!(numbers, (numbers[0]..LINES).collect::<Vec<_>>());
}

#[test]
fn without_it_what_was_not_sent_is_told_at_the_end() {
    let server = Server::talking(reset_when_full);
    let output = talk(&[&server.url(), "--no-compression"], &lines());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{err}");
    assert!(err.contains("not sent"), "{err}");
}
