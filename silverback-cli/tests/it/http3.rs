//! HTTP/3 of the service: on the UDP port beside its TCP port, if it has TLS.

use std::net::{TcpListener, UdpSocket};

use rustix::process::Signal;
use silverback_testkit::{
    http3::{Connection, Stream, headers},
    wire::{close, text},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    admin::{listed, start},
    support::{Program, TlsClient, check_burst, connect_tls, connect_tls_on, get, wait_until, within},
};

async fn client(program: &Program) -> Connection {
    client_like(program, &connect_tls(program.address, &[]).await).await
}

/// A client that trusts the certificate of a connection over TLS.
async fn client_like(program: &Program, stream: &TlsClient) -> Connection {
    let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    within(Connection::connect(program.address, &certificate)).await
}

async fn ask(client: &Connection, method: &str, authority: &str, path: &str) -> Stream {
    let fields = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)];
    let mut stream = client.open(&headers(&fields)).await;
    stream.finish();
    stream
}

async fn open(client: &Connection, authority: &str) -> Stream {
    open_with(client, authority, &[]).await
}

async fn open_with(client: &Connection, authority: &str, more: &[(&str, &str)]) -> Stream {
    let fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", authority)];
    let fields = [&fields[..], &[(":path", "/ws/echo"), ("sec-websocket-version", "13")], more].concat();
    client.open(&headers(&fields)).await
}

/// The `Alt-Svc` of a response over HTTP/1.1 and TLS.
async fn alternative(program: &Program) -> Option<String> {
    let mut client = connect_tls(program.address, &[]).await;
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within(client.read_to_string(&mut answer)).await.unwrap();
    answer.lines().find_map(|line| line.strip_prefix("Alt-Svc: ")).map(str::to_owned)
}

#[tokio::test]
async fn the_routes_and_websockets_are_the_same_over_http_3() {
    let program = Program::start(&["--tls-self-signed", "--threads", "2"]);
    let client = client(&program).await;
    let host = program.address.to_string();
    for (method, authority, path, status, body) in [
        ("GET", &*host, "/ws/echo_display", 200, "</html>"),
        ("HEAD", &*host, "/ws/echo_display", 200, ""),
        ("GET", &*host, "/healthz", 200, "ok"),
        ("GET", &*host, "/nothing", 404, "There is nothing"),
        ("GET", &*host, "/ws/echo", 405, "open /ws/echo_display instead"),
        ("GET", "attacker.example", "/ws/echo_display", 421, "--allow-host"),
    ] {
        let mut answer = ask(&client, method, authority, path).await;
        assert_eq!(within(answer.status()).await, Ok(status), "{method} {path}");
        let found = within(answer.body()).await.unwrap();
        assert!(found.contains(body) && found.is_empty() == body.is_empty(), "{method} {path}: {found}");
    }
    wait_until("the operator is told", || program.errors().contains(" over HTTP/3 with 421 (host: `attacker.example`"));
    for number in 0..10 {
        let mut stream = open(&client, &host).await;
        assert_eq!(within(stream.status()).await, Ok(200));
        stream.send_frame(text(format!("number {number}"))).await;
        within(stream.expect(text(format!("number {number}")))).await;
        stream.send_frame(close(1000, "")).await;
        within(stream.expect(close(1000, ""))).await;
    }
    program.wait_for_output(" over HTTP/3 sent: number 9\n");
}

/// A proxy that passes bytes on has no PROXY header over HTTP/3, and does not look at the headers of requests.
#[tokio::test]
async fn with_the_proxy_protocol_no_header_tells_an_address_over_http_3() {
    for (options, header, expected) in
        [(&[][..], "", "198.51.100.7"), (&["--proxy-protocol"], "PROXY UNKNOWN\r\n", "127.0.0.1:")]
    {
        let (program, admin) = start(&[&["--tls-self-signed", "--trusted-proxy", "127.0.0.1"], options].concat());
        let mut stream = within(TcpStream::connect(program.address)).await.unwrap();
        within(stream.write_all(header.as_bytes())).await.unwrap();
        let client = client_like(&program, &connect_tls_on(stream, &[]).await).await;
        let forwarded = [("x-forwarded-for", "198.51.100.7")];
        let mut stream = open_with(&client, &program.address.to_string(), &forwarded).await;
        assert_eq!(within(stream.status()).await, Ok(200));
        let peer = listed(admin, "", 1)[0]["peer"].to_string();
        assert!(peer.contains(expected), "{peer}");
    }
}

#[tokio::test]
async fn responses_over_tls_tell_clients_about_http_3() {
    let program = Program::start(&["--tls-self-signed"]);
    let expected = format!("h3=\":{}\"; ma=3600", program.address.port());
    assert_eq!(alternative(&program).await, Some(expected));
    // Without TLS there is no HTTP/3.
    let plain = Program::start(&[]);
    assert_eq!(get(plain.address, "/healthz").header("alt-svc"), None);
}

#[tokio::test]
async fn without_its_udp_port_the_service_goes_without_http_3() {
    // A UDP port may be free whose TCP port another program has.
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let _taken = UdpSocket::bind(&address).unwrap();
    drop(tcp);
    let program = Program::start_with(&["--tls-self-signed", "--listen", &address], &[]);
    assert_eq!(alternative(&program).await, None);
    let expected = format!("cannot listen on UDP {address}, serving without HTTP/3 there");
    wait_until("the operator is told", || program.errors().contains(&expected));
}

#[tokio::test]
async fn a_signal_closes_websockets_over_http_3_with_1001_and_ends_with_0() {
    let mut program = Program::start(&["--tls-self-signed"]);
    let client = client(&program).await;
    let host = program.address.to_string();
    let mut streams = vec![open(&client, &host).await, open(&client, &host).await];
    for stream in &mut streams {
        assert_eq!(within(stream.status()).await, Ok(200));
        stream.send_frame(text("before")).await;
        within(stream.expect(text("before"))).await;
    }
    program.signal(Signal::TERM);
    for stream in &mut streams {
        within(stream.expect(close(1001, "the server is shutting down"))).await;
        stream.send_frame(close(1001, "")).await;
        assert_eq!(within(stream.receive()).await, Ok(None));
    }
    // H3_NO_ERROR.
    assert_eq!(within(client.closed()).await, 0x100);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
    assert!(program.errors().contains("closing 2 connections"), "{}", program.errors());
}

#[tokio::test]
async fn a_client_over_http_3_that_does_not_react_delays_the_end_no_longer_than_the_close_timeout() {
    let mut program = Program::start(&["--tls-self-signed", "--close-timeout", "1s"]);
    let client = client(&program).await;
    let mut stream = open(&client, &program.address.to_string()).await;
    assert_eq!(within(stream.status()).await, Ok(200));
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

#[tokio::test]
async fn each_websocket_over_http_3_counts_for_the_limit() {
    let program = Program::start(&["--tls-self-signed", "--max-connections", "2"]);
    let client = client(&program).await;
    let host = program.address.to_string();
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = open(&client, &host).await;
        assert_eq!(within(stream.status()).await, Ok(200));
        streams.push(stream);
    }
    let mut refused = open(&client, &host).await;
    assert_eq!(within(refused.status()).await, Ok(503));
}

#[tokio::test]
async fn each_websocket_over_http_3_counts_for_its_address() {
    let program = Program::start(&["--tls-self-signed", "--max-connections-per-address", "2"]);
    let host = program.address.to_string();
    let (first, second) = (client(&program).await, client(&program).await);
    let mut streams = Vec::new();
    for client in [&first, &second] {
        let mut stream = open(client, &host).await;
        assert_eq!(within(stream.status()).await, Ok(200));
        streams.push(stream);
    }
    for client in [&first, &second] {
        let mut refused = open(client, &host).await;
        assert_eq!(within(refused.status()).await, Ok(503));
    }
    // One that ends makes room for one on the other connection.
    streams[0].send_frame(close(1000, "")).await;
    within(streams[0].expect(close(1000, ""))).await;
    assert_eq!(within(streams[0].receive()).await, Ok(None));
    let mut status = 503;
    while status == 503 {
        let mut next = open(&second, &host).await;
        status = within(next.status()).await.unwrap();
        streams.push(next);
    }
    assert_eq!(status, 200);
}

/// 20 connections are closed each second, so the drain of 60 takes three.
#[tokio::test]
async fn a_drain_with_a_window_closes_websockets_over_http_3_one_by_one_and_refuses_new_ones() {
    let mut program = Program::start(&["--tls-self-signed", "--quiet", "--drain", "1h"]);
    let client = client(&program).await;
    let host = program.address.to_string();
    let mut streams = Vec::new();
    for _ in 0..60 {
        let mut stream = open(&client, &host).await;
        assert_eq!(within(stream.status()).await, Ok(200));
        streams.push(stream);
    }
    program.signal(Signal::TERM);
    let mut ready = 200;
    while ready == 200 {
        let mut probe = ask(&client, "GET", &host, "/readyz").await;
        ready = within(probe.status()).await.unwrap();
    }
    assert_eq!(ready, 503);
    let mut refused = open(&client, &host).await;
    assert_eq!(within(refused.status()).await, Ok(503));
    for stream in &mut streams {
        // What a client says before it is told to go is answered.
        stream.send_frame(text("still here")).await;
        let mut answer = within(stream.receive()).await.unwrap().unwrap();
        if answer == text("still here") {
            answer = within(stream.receive()).await.unwrap().unwrap();
        }
        assert_eq!(answer, close(1012, "the server is shutting down"));
        stream.send_frame(close(1012, "")).await;
        assert_eq!(within(stream.receive()).await, Ok(None));
    }
    // H3_NO_ERROR.
    assert_eq!(within(client.closed()).await, 0x100);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

#[tokio::test]
async fn a_burst_over_http_3_fills_all_places() {
    let program = Program::start(&["--tls-self-signed", "--quiet", "--threads", "2", "--max-connections", "20"]);
    let host = program.address.to_string();
    let mut clients = Vec::new();
    for _ in 0..25 {
        clients.push(client(&program).await);
    }
    let opening = clients.iter().map(async |client| {
        let mut stream = open(client, &host).await;
        (within(stream.status()).await.unwrap(), stream)
    });
    check_burst(200, opening).await;
}

/// Handshakes whose clients never hear from the service, as from invented addresses.
#[tokio::test]
async fn senders_with_invented_addresses_keep_nobody_out() {
    let program = Program::start(&["--tls-self-signed", "--max-connections", "1", "--handshake-timeout", "1h"]);
    let certificate = connect_tls(program.address, &[]).await;
    let certificate = certificate.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let mut begun = Vec::new();
    for _ in 0..20 {
        for _ in 0..10 {
            begun.push(Connection::begin_deaf(program.address, &certificate));
        }
        assert!(alternative(&program).await.is_some());
    }
    let client = client(&program).await;
    let mut stream = open(&client, &program.address.to_string()).await;
    assert_eq!(within(stream.status()).await, Ok(200));
}
