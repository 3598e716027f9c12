//! HTTP/2 of the service: how it is chosen, the routes, and the limits and the shutdown over it.

use std::{
    io::{Read, Write},
    time::Duration,
};

use http::{Method, Request};
use rustix::process::Signal;
use silverback::Dialer;
use silverback_testkit::{
    http2::{Client, Stream},
    wire::{close, text},
};
use tokio::net::TcpStream;

use crate::support::{
    PATIENCE, Program, TlsClient, ask, check_burst, check_echo, connect_tls, dial, get, handshake, read_answer,
    wait_until, within,
};

/// Connects by the preface of HTTP/2.
async fn client(program: &Program) -> Client {
    within(Client::connect(within(TcpStream::connect(program.address)).await.unwrap())).await
}

/// Connects by TLS and ALPN.
async fn tls_client(program: &Program) -> Client {
    let stream = connect_tls(program.address, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    within(Client::connect(stream)).await
}

fn request(program: &Program, method: Method, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let uri = format!("http://{}{path}", program.address);
    let request = Request::builder().method(method).uri(uri);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
}

async fn open(program: &Program, client: &Client, headers: &[(&str, &str)]) -> Stream {
    let headers = [&[("sec-websocket-version", "13")], headers].concat();
    let request = request(program, Method::CONNECT, "/ws/echo", &headers);
    within(client.send(request, Some("websocket"), false)).await.unwrap()
}

/// Opens a WebSocket on a new connection, which lasts as long as the result.
pub(crate) async fn open_on(stream: TlsClient) -> (Client, Stream) {
    let client = within(Client::connect(stream)).await;
    let request = Request::builder().method(Method::CONNECT).uri("https://localhost/ws/echo");
    let request = request.header("sec-websocket-version", "13").body(()).unwrap();
    let opened = within(client.send(request, Some("websocket"), false)).await.unwrap();
    assert_eq!(opened.status(), 200);
    (client, opened)
}

async fn check_echo_of(stream: &mut Stream, message: &str) {
    stream.send_frame(text(message));
    within(stream.expect(text(message))).await;
}

#[tokio::test]
async fn each_websocket_over_http_2_counts_for_its_address() {
    let program = Program::start(&["--max-connections-per-address", "2"]);
    let (first, second) = (client(&program).await, client(&program).await);
    let mut streams = vec![open(&program, &first, &[]).await, open(&program, &second, &[]).await];
    assert!(streams.iter().all(|stream| stream.status() == 200));
    for client in [&first, &second] {
        assert_eq!(open(&program, client, &[]).await.status(), 503);
    }
    // HTTP/1.1 counts for the same address.
    assert_eq!(ask(program.address, &handshake(program.address, &[])).status, 503);
    streams[0].send_frame(close(1000, ""));
    within(streams[0].expect(close(1000, ""))).await;
    let mut status = 503;
    while status == 503 {
        let next = open(&program, &second, &[]).await;
        status = next.status();
        streams.push(next);
    }
    assert_eq!(status, 200);
}

#[tokio::test]
async fn websockets_over_http_2_share_a_port_with_those_over_http_1_1() {
    let program = Program::start(&[]);
    let mut upgraded = dial(program.address).await;
    check_echo(&mut upgraded, "upgraded").await;
    let client = client(&program).await;
    let mut streams = Vec::new();
    for number in 0..10 {
        let mut stream = open(&program, &client, &[]).await;
        assert_eq!(stream.status(), 200);
        check_echo_of(&mut stream, &format!("number {number}")).await;
        streams.push(stream);
    }
    // The operator sees the version, except the usual one.
    program.wait_for_output(" sent: upgraded\n");
    assert!(!program.output().contains("HTTP/1.1"));
    program.wait_for_output(" over HTTP/2 sent: number 9\n");
    for mut stream in streams {
        stream.send_frame(close(1000, ""));
        within(stream.expect(close(1000, ""))).await;
        assert_eq!(within(stream.receive()).await.unwrap(), None);
    }
    assert_eq!(get(program.address, "/healthz").status, 200);
}

#[test]
fn the_preface_of_http_2_behind_a_request_is_refused() {
    let program = Program::start(&[]);
    let mut stream = std::net::TcpStream::connect(program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let health = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", program.address);
    stream.write_all(format!("{health}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream, false).body, "ok");
    assert_eq!(read_answer(&mut stream, false).status, 505);
}

#[tokio::test]
async fn http_2_is_chosen_by_alpn() {
    let program = Program::start(&["--tls-self-signed"]);
    let client = tls_client(&program).await;
    let mut stream = open(&program, &client, &[("sec-websocket-protocol", "any, other")]).await;
    assert_eq!(stream.response.headers()["sec-websocket-protocol"], "any");
    check_echo_of(&mut stream, "hello").await;
    program.wait_for_output(" over HTTP/2 sent: hello\n");
}

#[tokio::test]
async fn every_route_answers_over_http_2() {
    let program = Program::start(&["--quiet"]);
    let client = client(&program).await;
    let page = get(program.address, "/ws/echo_display").body;
    let version = ("sec-websocket-version", "13");
    let rebinding = ("host", "attacker.example");
    let foreign = ("origin", "https://attacker.example");
    for (method, path, protocol, headers, status, body) in [
        (Method::GET, "/ws/echo_display", None, &[][..], 200, &*page),
        (Method::HEAD, "/ws/echo_display", None, &[], 200, ""),
        (Method::GET, "/", None, &[], 307, ""),
        (Method::GET, "/healthz", None, &[], 200, "ok"),
        (Method::GET, "/nothing", None, &[], 404, "There is nothing"),
        (Method::GET, "/ws/echo", None, &[], 405, "open /ws/echo_display instead"),
        (Method::POST, "/healthz", None, &[], 405, "This path takes GET, HEAD, OPTIONS.\n"),
        (Method::OPTIONS, "/", None, &[], 204, ""),
        (Method::OPTIONS, "/ws/echo", None, &[foreign], 403, "--allow-origin"),
        (Method::CONNECT, "/nothing", Some("websocket"), &[version], 404, "There is nothing"),
        (Method::CONNECT, "/ws/echo", Some("connect-udp"), &[version], 501, "connect-udp"),
        (Method::CONNECT, "/ws/echo", Some("websocket"), &[], 400, "Sec-WebSocket-Version"),
        (Method::CONNECT, "/ws/echo", Some("websocket"), &[version, foreign], 403, "--allow-origin"),
        (Method::CONNECT, "/ws/echo", Some("websocket"), &[version, rebinding], 400, "attacker.example"),
        (Method::CONNECT, "/", Some("websocket"), &[version], 200, ""),
    ] {
        let context = format!("{method} {path} {protocol:?} {headers:?}");
        let is_open = (method == Method::CONNECT && status == 200) || method == Method::POST;
        let asked = request(&program, method, path, headers);
        let mut answer = within(client.send(asked, protocol, !is_open && protocol.is_none())).await.unwrap();
        assert_eq!(answer.status(), status, "{context}");
        assert!(!answer.response.headers().contains_key("connection"), "{context}");
        if !(is_open && protocol.is_some()) {
            assert!(answer.response.headers().contains_key("date"), "{context}");
            let found = within(answer.body()).await;
            assert!(if body.is_empty() { found.is_empty() } else { found.contains(body) }, "{context}: {found}");
        }
    }
    assert!(!program.output().contains("sent"), "{}", program.output());
}

#[tokio::test]
async fn a_page_learns_the_version_of_its_websocket() {
    let program = Program::start(&["--threads", "2"]);
    let client = client(&program).await;
    let tag = |number: u128| format!("tag={number:032x}");
    let headers = [("sec-websocket-version", "13")];
    let over_http2 = request(&program, Method::CONNECT, &format!("/ws/echo?{}", tag(1)), &headers);
    let stream = within(client.send(over_http2, Some("websocket"), false)).await.unwrap();
    assert_eq!(stream.status(), 200);
    let url = format!("ws://{}/ws/echo?{}", program.address, tag(2));
    let upgraded = within(Dialer::new().dial(&url)).await.unwrap();
    for (number, status, version) in [(1, 200, "HTTP/2"), (2, 200, "HTTP/1.1"), (3, 404, "There is nothing")] {
        let answer = get(program.address, &format!("/ws/version?{}", tag(number)));
        assert_eq!(answer.status, status);
        assert!(answer.body.starts_with(version), "{}", answer.body);
    }
    drop((stream, upgraded));
}

/// Behind a proxy, requests of many people may share a connection. A bad one must not end the WebSockets of the others.
#[tokio::test]
async fn requests_that_are_not_handshakes_are_refused_alone() {
    let program = Program::start(&["--quiet"]);
    let client = client(&program).await;
    let mut neighbour = open(&program, &client, &[]).await;
    let version = ("sec-websocket-version", "13");
    let authority = |authority: &str| {
        let uri = format!("http://{authority}/ws/echo");
        Request::builder().method(Method::CONNECT).uri(uri).header(version.0, version.1).body(()).unwrap()
    };
    let connect = |headers: &[(&str, &str)]| request(&program, Method::CONNECT, "/ws/echo", headers);
    let websocket = Some("websocket");
    for (asked, protocol, ends, status) in [
        // It ends its stream, so it could not send a frame.
        (connect(&[version]), websocket, true, 400),
        (connect(&[version, ("content-length", "5")]), websocket, false, 400),
        (connect(&[("sec-websocket-version", "8")]), websocket, false, 400),
        (authority(&format!("user:secret@{}", program.address)), websocket, false, 400),
        (Request::connect(program.address.to_string()).body(()).unwrap(), None, false, 405),
    ] {
        let shown = format!("{asked:?}");
        match within(client.send(asked, protocol, ends)).await {
            Ok(answer) => assert_eq!(answer.status(), status, "{shown}"),
            // h2 resets the stream for a body that does not come.
            Err(error) => assert!(error.is_reset(), "{shown}: {error}"),
        }
        check_echo_of(&mut neighbour, "still here").await;
    }
}

/// Connections are reset before their answers, again and again (CVE-2023-44487).
#[tokio::test]
async fn requests_that_are_reset_do_not_pile_up() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let mut other = dial(program.address).await;
    check_echo(&mut other, "before").await;
    for _ in 0..20 {
        let client = client(&program).await;
        for _ in 0..200 {
            let asked = client.send(request(&program, Method::GET, "/ws/echo_display", &[]), None, true);
            // Dropping the request after it is sent resets it.
            if tokio::time::timeout(Duration::from_millis(1), asked).await.is_ok_and(|answer| answer.is_err()) {
                break;
            }
        }
        check_echo(&mut other, "meanwhile").await;
    }
    drop(other);
    program.check_stops_empty();
}

/// DNS rebinding: the page's own name leads to this machine.
#[tokio::test]
async fn a_foreign_authority_gets_421_on_every_route_but_the_health_check() {
    let program = Program::start(&[]);
    let client = client(&program).await;
    for (method, path, protocol, status) in [
        (Method::GET, "/ws/echo_display", None, 421),
        (Method::GET, "/nothing", None, 421),
        (Method::CONNECT, "/ws/echo", Some("websocket"), 421),
        (Method::GET, "/healthz", None, 200),
    ] {
        let uri = format!("http://attacker.example:{}{path}", program.address.port());
        let foreign = Request::builder().method(method).uri(uri).header("sec-websocket-version", "13");
        let foreign = foreign.header("origin", format!("http://attacker.example:{}", program.address.port()));
        let answer = within(client.send(foreign.body(()).unwrap(), protocol, protocol.is_none())).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    wait_until("the operator is told", || program.errors().contains(" over HTTP/2 with 421 (host: `attacker.example:"));
}

#[tokio::test]
async fn each_websocket_over_http_2_counts_for_the_limit() {
    let program = Program::start(&["--quiet", "--threads", "2", "--max-connections", "3"]);
    let client = client(&program).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let stream = open(&program, &client, &[]).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = open(&program, &client, &[]).await;
    assert_eq!((refused.status(), &refused.response.headers()["retry-after"]), (503, &"10".parse().unwrap()));
    wait_until("the operator is told", || {
        program.errors().contains("as many WebSockets are open as --max-connections allows")
    });
    check_echo_of(&mut streams[0], "those who are connected go on").await;
    streams.pop();
    within(async { while open(&program, &client, &[]).await.status() != 200 {} }).await;
    // Once all WebSockets have gone, the connection takes no place.
    drop(streams);
    let (dialer, url) = (Dialer::new(), format!("ws://{}/ws/echo", program.address));
    let _all = within(async {
        loop {
            if let Ok(all) = tokio::try_join!(dialer.dial(&url), dialer.dial(&url), dialer.dial(&url)) {
                return all;
            }
        }
    })
    .await;
    assert_eq!(ask(program.address, &handshake(program.address, &[])).status, 503);
}

#[tokio::test]
async fn a_burst_over_http_2_fills_all_places() {
    for options in [&[][..], &["--tls-self-signed"]] {
        let program = Program::start(&[&["--quiet", "--threads", "2", "--max-connections", "20"], options].concat());
        let mut clients = Vec::new();
        for _ in 0..25 {
            clients.push(if options.is_empty() { client(&program).await } else { tls_client(&program).await });
        }
        let opening = clients.iter().map(async |client| {
            let stream = open(&program, client, &[]).await;
            (stream.status(), stream)
        });
        check_burst(200, opening).await;
    }
}

#[tokio::test]
async fn a_signal_closes_websockets_over_http_2_with_1001_and_ends_with_0() {
    for options in [&[][..], &["--tls-self-signed", "--threads", "2"]] {
        let mut program = Program::start(options);
        let client = if options.is_empty() { client(&program).await } else { tls_client(&program).await };
        let mut streams = vec![open(&program, &client, &[]).await, open(&program, &client, &[]).await];
        for stream in &mut streams {
            check_echo_of(stream, "before").await;
        }
        program.signal(Signal::TERM);
        for stream in &mut streams {
            within(stream.expect(close(1001, "the server is shutting down"))).await;
            stream.send_frame(close(1001, ""));
            assert_eq!(within(stream.receive()).await.unwrap(), None);
        }
        assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
        assert!(program.errors().contains("closing 2 connections"), "{}", program.errors());
    }
}

/// The client answers nothing, and the streams stay open.
#[tokio::test]
async fn a_client_over_http_2_that_does_not_react_delays_the_end_no_longer_than_the_close_timeout() {
    let mut program = Program::start(&["--close-timeout", "1s"]);
    let client = client(&program).await;
    let mut stream = open(&program, &client, &[]).await;
    check_echo_of(&mut stream, "before").await;
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

#[tokio::test]
async fn a_connection_over_http_2_that_carries_nothing_is_ended() {
    let program = Program::start(&["--handshake-timeout", "1s"]);
    // One says nothing after the preface, and one has had a page.
    let silent = client(&program).await;
    let visitor = client(&program).await;
    let asked = request(&program, Method::GET, "/ws/echo_display", &[]);
    within(within(visitor.send(asked, None, true)).await.unwrap().body()).await;
    program.check_stops_empty();
    drop((silent, visitor));
}

#[tokio::test]
async fn a_page_that_is_not_taken_does_not_disturb_the_websockets_beside_it() {
    let program = Program::start(&["--quiet"]);
    let client = client(&program).await;
    let mut stream = open(&program, &client, &[]).await;
    let mut untaken = Vec::new();
    // Their windows of 64 KiB fit in that of the connection, which the client has set to 1 MiB.
    for _ in 0..10 {
        let asked = request(&program, Method::GET, "/ws/echo_display", &[]);
        untaken.push(within(client.send(asked, None, true)).await.unwrap());
    }
    check_echo_of(&mut stream, "meanwhile").await;
    let mut taken = untaken.pop().unwrap();
    drop(untaken);
    assert!(within(taken.body()).await.contains("</html>"));
}

/// A client that has sent its request but not its body has the response.
fn upload(program: &Program) -> std::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    send_frame(&mut stream, SETTINGS, 0, 0, &[]);
    // POST, http, and /healthz and localhost as literals.
    let head = [&[0x83, 0x86, 0x44, 8][..], b"/healthz", &[0x41, 9], b"localhost"].concat();
    send_frame(&mut stream, HEADERS, END_HEADERS, 1, &head);
    loop {
        match receive_frame(&mut stream) {
            (SETTINGS, 0, _) => send_frame(&mut stream, SETTINGS, ACK, 0, &[]),
            (HEADERS | DATA, flags, _) if flags & END_STREAM != 0 => return stream,
            (RST_STREAM, ..) => panic!("a reset"),
            _ => {}
        }
    }
}

fn send_frame(stream: &mut std::net::TcpStream, frame_type: u8, flags: u8, id: u8, payload: &[u8]) {
    let length = (payload.len() as u32).to_be_bytes();
    let header = [&length[1..], &[frame_type, flags, 0, 0, 0, id]].concat();
    stream.write_all(&[&header, payload].concat()).unwrap();
}

/// The type, the flags and the payload.
fn receive_frame(stream: &mut std::net::TcpStream) -> (u8, u8, Vec<u8>) {
    let mut header = [0; 9];
    stream.read_exact(&mut header).unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize];
    stream.read_exact(&mut payload).unwrap();
    (header[3], header[4], payload)
}

/// curl 7.88 takes the reset for a failure and loses the response.
#[test]
fn a_request_with_a_body_is_not_reset_after_its_response() {
    let program = Program::start(&["--handshake-timeout", "1h"]);
    let mut stream = upload(&program);
    send_frame(&mut stream, DATA, END_STREAM, 1, b"x=1");
    send_frame(&mut stream, PING, 0, 0, &[0; 8]);
    loop {
        match receive_frame(&mut stream) {
            (RST_STREAM, ..) => panic!("a reset"),
            (PING, ..) => break,
            _ => {}
        }
    }
}

#[test]
fn a_body_is_read_up_to_a_limit() {
    let program = Program::start(&["--handshake-timeout", "1h"]);
    let mut stream = upload(&program);
    for _ in 0..4 {
        send_frame(&mut stream, DATA, 0, 1, &[0; 16 * 1024]);
    }
    loop {
        if let (RST_STREAM, _, code) = receive_frame(&mut stream) {
            // NO_ERROR.
            assert_eq!(code, [0; 4]);
            break;
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
