//! Servers that are reached as `connect` reaches them: through TLS, proxies and sockets, with credentials.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::net::UnixListener,
    sync::{Arc, Mutex},
    thread,
};

use socket2::{Domain, Socket, Type};

use super::{
    bench, echo,
    servers::{self, Server},
};
use crate::{
    connect::tls::Certificates,
    support::{Program, run},
};

/// A short load of two connections.
const SHORT: [&str; 4] = ["-c", "2", "-n", "20"];

#[track_caller]
fn works(url: &str, options: &[&str]) {
    let words: Vec<_> = SHORT.iter().chain(options).copied().collect();
    let found = bench(url, &words);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert_eq!((found.number("/messages/received"), found.number("/connections/opened")), (20, 2), "{}", found.json);
}

/// A server that hands everything on to another, both ways.
fn relay(to: SocketAddr) -> Server {
    Server::start(move |stream| pipe(stream, to))
}

fn pipe(stream: TcpStream, to: SocketAddr) {
    let other = TcpStream::connect(to).unwrap();
    let (from, into) = (stream.try_clone().unwrap(), other.try_clone().unwrap());
    let there = thread::spawn(move || copy(from, into));
    copy(other, stream);
    there.join().unwrap();
}

fn copy(mut from: TcpStream, mut into: TcpStream) {
    // The end of one direction ends both.
    let _ = io::copy(&mut from, &mut into);
    let _ = into.shutdown(Shutdown::Write);
}

fn sources(peers: &[SocketAddr]) -> Vec<String> {
    let mut found: Vec<_> = peers.iter().map(|peer| peer.ip().to_string()).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn tls_is_verified_as_asked() {
    let certificates = Certificates::make("bench");
    let url = format!("wss://localhost:{}/", certificates.serve(false).port());
    works(&url, &["--cacert", &certificates.path("ca.pem")]);
    works(&url, &["-k"]);
    let found = bench(&url, &SHORT);
    assert_eq!((found.code, found.errors("tls")), (Some(4), 2), "{}", found.json);
}

#[test]
fn a_server_may_ask_for_a_certificate_of_ours() {
    let certificates = Certificates::make("bench-client");
    let url = format!("wss://localhost:{}/", certificates.serve(true).port());
    let (ca, cert, key) = (certificates.path("ca.pem"), certificates.path("client.pem"), certificates.path("key.pem"));
    works(&url, &["--cacert", &ca, "--cert", &cert, "--key", &key]);
}

#[test]
fn connections_over_tls_have_their_source_addresses_too() {
    let certificates = Certificates::make("bench-source");
    let relay = relay(certificates.serve(false));
    let url = relay.url.replace("ws://127.0.0.1", "wss://localhost");
    works(&url, &["-k", "--source", "127.0.0.2,127.0.0.3"]);
    assert_eq!(sources(&relay.peers()), ["127.0.0.2", "127.0.0.3"]);
}

#[test]
fn a_proxy_leads_to_the_server() {
    let program = Program::start(&["--quiet", "--allow-host", "far.example"]);
    let address = program.address;
    let proxy = Server::start(move |mut stream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"CONNECT far.example:80 "));
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        pipe(stream, address);
    });
    works("ws://far.example/ws/echo", &["-x", &proxy.url.replace("ws:", "http:")]);
    assert_eq!(proxy.peers().len(), 2);
}

#[test]
fn a_unix_socket_leads_to_the_server() {
    let (program, _) = echo();
    let address = program.address;
    let path = std::env::temp_dir().join(format!("silverback-bench-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut near, mut far) = (stream.unwrap(), TcpStream::connect(address).unwrap());
            let (mut from, mut into) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut from, &mut into).map(|_| into.shutdown(Shutdown::Write)));
            thread::spawn(move || io::copy(&mut far, &mut near).map(|_| near.shutdown(Shutdown::Write)));
        }
    });
    let path = path.to_str().unwrap().to_owned();
    works("ws://localhost/ws/echo", &["--unix-socket", &path]);
    let (code, _, err) = run(&["bench", "ws://h/", "--unix-socket", &path, "--source", "127.0.0.2"], &[]);
    assert!(code == Some(2) && err.contains("--source"), "{err}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn an_address_that_is_given_is_not_looked_up() {
    let program = Program::start(&["--quiet", "--allow-host", "far.example"]);
    let port = program.address.port();
    works(&format!("ws://far.example:{port}/ws/echo"), &["--resolve", &format!("far.example:{port}:127.0.0.1")]);
}

/// A port that answers on this address only with connections that never come about: its queue is full.
fn silent(address: &str) -> (Socket, Vec<Socket>) {
    let address: SocketAddr = address.parse().unwrap();
    let new = || Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    let listener = new();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let fill = |_| {
        let socket = new();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&listener.local_addr().unwrap());
        socket
    };
    let waiting = (0..4).map(fill).collect();
    (listener, waiting)
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_does_not_answer_costs_a_moment_and_not_a_timeout() {
    let program = Program::start(&["--quiet", "--allow-host", "far.example"]);
    let port = program.address.port();
    let _silent = [silent(&format!("127.0.0.2:{port}")), silent(&format!("127.0.0.3:{port}"))];
    let certificates = Certificates::make("bench-race");
    let secure = certificates.serve(false).port();
    let _silent_secure = silent(&format!("127.0.0.2:{secure}"));
    for addresses in ["127.0.0.2,127.0.0.3,127.0.0.1", "127.0.0.1,127.0.0.2", "127.0.0.9,127.0.0.2,127.0.0.1"] {
        let given = format!("far.example:{port}:{addresses}");
        let url = format!("ws://far.example:{port}/ws/echo");
        // Before it gave up on a silent address, the time for opening a connection was over.
        works(&url, &["--resolve", &given, "--timeout", "20s"]);
        let found = bench(&url, &["-c", "2", "-n", "4", "--handshakes", "--resolve", &given]);
        assert_eq!((found.code, found.number("/connections/opened")), (Some(0), 4), "{}", found.json);
    }
    let given = format!("localhost:{secure}:127.0.0.2,127.0.0.1");
    works(&format!("wss://localhost:{secure}/"), &["-k", "--resolve", &given, "--timeout", "20s"]);
}

#[test]
fn where_no_address_answers_the_first_decides() {
    // No server listens on port 1 of loopback, and a broadcast address accepts no connection.
    for (addresses, words) in [("127.0.0.1,255.255.255.255", "refused"), ("127.0.0.2", "refused")] {
        let given = format!("h.example:1:{addresses}");
        let (code, _, err) = run(&["bench", "ws://h.example:1/", "-n", "1", "--resolve", &given], &[]);
        assert!(code == Some(3) && err.contains(words), "{code:?} {err}");
    }
    let options = ["--resolve", "h.example:1:127.0.0.1", "--source", "::1"];
    let (code, _, err) = run(&[&["bench", "ws://h.example:1/", "-n", "1"][..], &options].concat(), &[]);
    assert!(
        code == Some(3) && err.contains("no address of the server has the IP version of --source"),
        "{code:?} {err}"
    );
}

#[test]
fn redirects_are_followed_if_that_is_wanted() {
    let (_program, url) = echo();
    let first = Server::start(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let answer = format!("HTTP/1.1 307 Go\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        servers::leave(stream);
    });
    works(&first.url, &["-L"]);
    assert_eq!(bench(&first.url, &SHORT).code, Some(5));
}

#[test]
fn credentials_headers_and_subprotocols_are_sent_with_each_handshake() {
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let noted = heads.clone();
    let server = Server::start(move |mut stream| {
        let mut head = [0; 4096];
        let count = stream.read(&mut head).unwrap();
        noted.lock().unwrap().push(String::from_utf8_lossy(&head[..count]).to_ascii_lowercase());
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        servers::leave(stream);
    });
    let options = ["-u", "me:secret", "-H", "X-One: 1", "--origin", "http://o", "-s", "b,a"];
    bench(&server.url, &[&SHORT[..], &options].concat());
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 2);
    for head in heads.iter() {
        for line in
            ["authorization: basic bwu6c2vjcmv0", "x-one: 1", "origin: http://o", "sec-websocket-protocol: b, a"]
        {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
        assert!(!head.contains("permessage-deflate"), "{head}");
    }
}
