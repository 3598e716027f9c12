//! The end in order, of the hub and of the echo service: who is told what, and who is let in meanwhile.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use http::Method;
use rustix::process::Signal;
use silverback_testkit::http2::Client;

use crate::{
    hub::{closed_with, connect, dial, start, subscribe},
    support::{Program, RawClient, ask, frame, get, handshake, read_answer, wait_until, within},
};

#[tokio::test]
async fn each_client_is_told_to_come_back_with_the_code_of_its_protocol() {
    let mut program = start(&[]);
    let mut client = connect(program.address).await;
    subscribe(&mut client, "chat:7").await;
    let mut raw = dial(program.address, "/ws/topic/chat:7").await;
    program.signal(Signal::TERM);
    assert_eq!(closed_with(&mut client).await, 3001);
    assert_eq!(closed_with(&mut raw).await, 1012);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
    assert!(program.errors().contains("closing 2 connections; a second signal ends at once"), "{}", program.errors());
}

#[tokio::test]
async fn the_echo_closes_with_1001_and_with_1012_if_it_has_a_window() {
    for (options, code) in [(&[][..], 1001), (&["--drain", "1s"], 1012)] {
        let mut program = Program::start(options);
        let mut conn = dial(program.address, "/ws/echo").await;
        program.signal(Signal::INT);
        assert_eq!(closed_with(&mut conn).await, code);
        assert_eq!(program.wait().code(), Some(0));
    }
}

#[tokio::test]
async fn many_members_are_all_told_and_the_hub_ends_by_itself() {
    const MEMBERS: usize = 300;
    let mut program = start(&["--drain", "2s"]);
    let mut members = Vec::new();
    for number in 0..MEMBERS {
        let path = format!("/ws/topic/room:{}", number % 10);
        members.push(tokio::spawn({
            let mut conn = dial(program.address, &path).await;
            async move { closed_with(&mut conn).await }
        }));
    }
    program.signal(Signal::TERM);
    for member in members {
        assert_eq!(within(member).await.unwrap(), 1012);
    }
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

/// A client that never answers the Close frame keeps a drain going, and its code is the first one that it gets.
#[test]
fn while_it_drains_probes_are_answered_and_new_websockets_are_refused() {
    // Many silent clients, so that the window is long: 20 of them are closed each second.
    let mut program = start(&["--drain", "1h"]);
    let connect_raw = || {
        let mut stream = TcpStream::connect(program.address).unwrap();
        let request = handshake(program.address, &[]).replace("/ws/echo", "/ws/topic/a");
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream, false).status, 101);
        stream
    };
    let silent: Vec<_> = (0..400).map(|_| connect_raw()).collect();
    assert_eq!(get(program.address, "/readyz").status, 200);
    program.signal(Signal::TERM);
    wait_until("it is not ready", || get(program.address, "/readyz").status == 503);
    assert_eq!(get(program.address, "/healthz").status, 200);
    for path in ["/connection/websocket", "/ws/topic/a"] {
        let answer = ask(program.address, &handshake(program.address, &[]).replace("/ws/echo", path));
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.header("retry-after").is_some());
    }
    // It does not end before a signal says so.
    assert!(program.is_running());
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(143));
    drop(silent);
}

#[tokio::test]
async fn over_http_2_new_websockets_are_refused_on_a_connection_that_is_open() {
    let mut program = start(&["--drain", "1h"]);
    let client = within(Client::connect(within(tokio::net::TcpStream::connect(program.address)).await.unwrap())).await;
    let mut open = Vec::new();
    for _ in 0..60 {
        let request = extended(&program, "/ws/topic/a");
        let stream = within(client.send(request, Some("websocket"), false)).await.unwrap();
        assert_eq!(stream.status(), 200);
        open.push(stream);
    }
    program.signal(Signal::TERM);
    let mut ready = 200;
    while ready == 200 {
        let request = http::Request::builder().method(Method::GET).uri(format!("http://{}/readyz", program.address));
        let asked = within(client.send(request.body(()).unwrap(), None, true)).await.unwrap();
        ready = asked.status();
    }
    assert_eq!(ready, 503);
    let refused = within(client.send(extended(&program, "/ws/topic/a"), Some("websocket"), false)).await.unwrap();
    assert_eq!(refused.status(), 503);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(143));
}

/// As long as it waits for the answers, the listener is closed.
#[test]
fn clients_that_do_not_answer_delay_the_end_no_longer_than_the_close_timeout() {
    let folder = std::env::temp_dir().join(format!("silverback-drain-{}", std::process::id()));
    std::fs::write(&folder, "close_timeout = \"1s\"\nopen = true\n").unwrap();
    let mut program = start(&["--config", folder.to_str().unwrap()]);
    let mut silent = TcpStream::connect(program.address).unwrap();
    silent.write_all(handshake(program.address, &[]).replace("/ws/echo", "/ws/topic/a").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut silent, false).status, 101);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
    let mut rest = Vec::new();
    match silent.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert_eq!(rest[..4], [0x88, rest[1], 0x03, 0xf4], "1012 is the first that it gets");
    std::fs::remove_file(folder).unwrap();
}

#[test]
fn without_members_the_hub_ends_at_once_and_says_nothing() {
    start(&["--drain", "1h"]).check_stops_empty();
}

#[test]
fn the_echo_with_a_window_ends_when_its_last_client_has_left() {
    let mut program = Program::start(&["--drain", "1h", "--close-timeout", "1h"]);
    let mut client = RawClient::connect(program.address);
    program.signal(Signal::TERM);
    let (first, close) = client.receive();
    assert_eq!((first, &close[..2]), (0x88, &1012_u16.to_be_bytes()[..]));
    client.send(&frame(0x88, &close));
    drop(client);
    assert_eq!(program.wait().code(), Some(0));
}

fn extended(program: &Program, path: &str) -> http::Request<()> {
    http::Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://{}{path}", program.address))
        .header("sec-websocket-version", "13")
        .body(())
        .unwrap()
}
