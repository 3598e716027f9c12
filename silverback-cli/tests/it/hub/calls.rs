//! The HTTP API, over each version of HTTP.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::{call, connect, frame, start, subscribe};
use crate::support::{Program, ask, read_answer};

#[test]
fn without_a_key_nobody_may_call() {
    let program = start(&[]);
    for key in ["", "key"] {
        assert_eq!(call(program.address, "info", key, "{}").status, 401);
    }
    assert_eq!(ask(program.address, "GET /api/info HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
}

#[tokio::test]
async fn a_service_with_the_key_publishes() {
    let program =
        Program::start_with(&["hub"], &[("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_API_KEY", "the-key")]);
    let mut client = connect(program.address).await;
    subscribe(&mut client, "chat:7").await;
    let answer = call(program.address, "publish", "the-key", r#"{"channel": "chat:7", "data": {"n": 1}}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("\"offset\":1"), "{}", answer.body);
    assert_eq!(frame(&mut client).await["push"]["pub"]["data"]["n"], 1);
    assert_eq!(call(program.address, "publish", "other", "{}").status, 401);
}

#[test]
fn a_body_that_cannot_be_read_gets_a_reason_and_ends_the_connection() {
    let program = start(&[]);
    for (headers, status) in [
        ("Transfer-Encoding: chunked", 411),
        ("Content-Length: x", 400),
        ("Content-Length: ", 400),
        ("Content-Length: +1", 400),
        ("Content-Length: 1\r\nContent-Length: 1", 400),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 4194305", 413),
        ("Content-Length: 99999999999999999999999999", 413),
    ] {
        let mut stream = TcpStream::connect(program.address).unwrap();
        write!(stream, "POST /api/info HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n").unwrap();
        assert_eq!(read_answer(&mut stream, false).status, status, "{headers}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }
}

#[test]
fn a_connection_carries_several_calls_and_their_bodies_may_be_cut_anywhere() {
    let program = start(&[]);
    let mut stream = TcpStream::connect(program.address).unwrap();
    for (before, after) in [("", "{}"), ("{", "}"), ("{}", "")] {
        write!(stream, "POST /api/info HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{before}").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        stream.write_all(after.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream, false).status, 401);
    }
    // A client that waits for room before it sends the body.
    write!(stream, "POST /api/info HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{}").unwrap();
    assert_eq!(read_answer(&mut stream, false).status, 401);
}
