//! Connections that open, and fail later.

use std::{io::Write, time::Duration};

use socket2::SockRef;

use super::finds;
use crate::connect::servers::{GONE, Server, close, frame, read_frame, read_to_close};

/// A server that answers pings, and does this with the first text.
fn at_the_text(then: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> Server {
    Server::talking(move |mut stream| {
        loop {
            match read_frame(&mut stream) {
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (1, _) => return then(&mut stream),
                (GONE, _) => return,
                _ => {}
            }
        }
    })
}

#[test]
fn a_server_that_does_not_answer_pings() {
    let deaf = Server::talking(|mut stream| read_to_close(&mut stream));
    finds(&[&deaf.url(), "--wait", "100ms"], 8, "no-pong", &["5.5.2"]);
}

#[test]
fn a_server_that_closes_with_a_code_of_its_own() {
    let strict = Server::talking(|mut stream| {
        stream.write_all(&close(1008, "log in")).unwrap();
        read_to_close(&mut stream);
    });
    let object = finds(&[&strict.url()], 6, "closed", &["--bearer"]);
    assert_eq!((&object["close"]["code"], &object["close"]["reason"]), (&1008.into(), &"log in".into()));
}

#[test]
fn a_server_that_takes_offence_at_a_text() {
    let strict = at_the_text(|stream| {
        stream.write_all(&close(1003, "")).unwrap();
        read_to_close(stream);
    });
    finds(&[&strict.url()], 6, "closed", &["--no-echo"]);
}

#[test]
fn a_connection_that_is_cut() {
    let cutting = at_the_text(|_| {});
    finds(&[&cutting.url()], 6, "lost", &["--no-echo"]);
    let resetting = at_the_text(|stream| SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap());
    finds(&[&resetting.url()], 6, "lost", &[]);
}

#[test]
fn frames_that_break_the_rules() {
    let masked = at_the_text(|stream| stream.write_all(b"\x81\x81\0\0\0\0x").unwrap());
    finds(&[&masked.url()], 7, "broken-frames", &[]);
    let reserved = at_the_text(|stream| stream.write_all(&frame(0xf1, b"")).unwrap());
    finds(&[&reserved.url()], 7, "broken-frames", &["--no-compression"]);
}

#[test]
fn a_server_that_does_not_answer_the_close() {
    let deaf = Server::talking(|mut stream| {
        loop {
            match read_frame(&mut stream) {
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (GONE, _) => return,
                _ => {}
            }
        }
    });
    finds(&[&deaf.url(), "--no-echo", "--wait", "200ms"], 8, "no-close", &["7.1.2"]);
}
