//! The PROXY protocol: who must send a header, who may not, and what the address in it decides. The headers are written by
//! hand; `fronts` has those of real proxies.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
};

use tokio::io::AsyncWriteExt as _;

use crate::{
    admin::{admin_address, listed, metric, start},
    http2::open_on,
    support::{PATIENCE, Program, connect_tls_on, handshake, read_answer, run, wait_until, within},
};

const V1: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\x12\x67\x01\xbb";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const V2_UNSPECIFIED: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0";
const CLIENT: &str = "203.0.113.9:4711";
const REFUSED: &str = "websocket_handshakes_total{role=\"server\",result=\"proxy_header\"}";

/// Connections of this machine need a header.
const TRUSTING: [&str; 4] = ["--quiet", "--proxy-protocol", "--trusted-proxy", "127.0.0.1"];

/// Connects, sends these bytes before a handshake, and returns the socket and the status.
fn connect(address: SocketAddr, header: &[u8], more: &[(&str, &str)]) -> (TcpStream, u16) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[header, handshake(address, more).as_bytes()].concat()).unwrap();
    let status = read_answer(&mut stream, false).status;
    (stream, status)
}

/// Sends these bytes, and checks that the program ends the connection without an answer.
#[track_caller]
fn check_refused(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert_eq!(String::from_utf8_lossy(&answer), "");
}

#[test]
fn a_trusted_proxy_tells_the_address_of_its_client_in_both_versions() {
    let (program, admin) = start(&TRUSTING);
    for header in [V1, V2] {
        let (_stream, status) = connect(program.address, header, &[]);
        assert_eq!(status, 101);
        assert_eq!(listed(admin, "", 1)[0]["peer"], CLIENT);
        drop(_stream);
        listed(admin, "", 0);
    }
    // A proxy that speaks for itself, and one that does not know: the address is that of the proxy.
    for header in [V2_LOCAL, b"PROXY UNKNOWN\r\n"] {
        let (stream, status) = connect(program.address, header, &[]);
        assert_eq!(status, 101);
        assert_eq!(listed(admin, "", 1)[0]["peer"], stream.local_addr().unwrap().to_string());
        drop(stream);
        listed(admin, "", 0);
    }
    assert_eq!(program.errors(), "");
}

#[test]
fn a_trusted_proxy_without_a_header_is_refused() {
    let (program, admin) = start(&TRUSTING);
    check_refused(program.address, handshake(program.address, &[]).as_bytes());
    check_refused(program.address, b"PROXY TCP4 203.0.113.9 192.0.2.1 4711\r\n");
    // A load balancer that only looks whether the port is open is nothing to report.
    drop(TcpStream::connect(program.address).unwrap());
    wait_until("both are reported", || program.errors().matches("refused a connection of the proxy").count() == 2);
    assert!(program.errors().contains("it did not begin with a PROXY header"), "{}", program.errors());
    assert!(program.errors().contains("its PROXY header is malformed"), "{}", program.errors());
    assert_eq!(metric(admin, REFUSED), Some(2.0));
}

#[test]
fn half_a_header_is_waited_for_no_longer_than_for_a_request() {
    let program = Program::start(&[&TRUSTING[..], &["--handshake-timeout", "200ms"]].concat());
    for header in [V1, V2] {
        check_refused(program.address, &header[..header.len() - 1]);
    }
    wait_until("both are reported", || program.errors().matches("did not come in time").count() == 2);
}

#[test]
fn a_stranger_cannot_say_who_it_is_and_needs_no_header() {
    // Another machine is trusted, and this one is not.
    let elsewhere = ["--quiet", "--proxy-protocol", "--trusted-proxy", "192.0.2.7"];
    for options in [&elsewhere[..], &["--quiet"], &["--quiet", "--trusted-proxy", "127.0.0.1"]] {
        let (program, admin) = start(options);
        // The line of version 1 looks like a request of an unknown version of HTTP.
        for (header, status) in [(V1, 505), (V2, 400)] {
            assert_eq!(connect(program.address, header, &[]).1, status, "{options:?}");
        }
        wait_until("both are reported", || program.errors().matches("it sent a PROXY header").count() == 2);
        assert_eq!(metric(admin, REFUSED), Some(2.0));
        let (stream, status) = connect(program.address, b"", &[]);
        assert_eq!(status, 101);
        assert_eq!(listed(admin, "", 1)[0]["peer"], stream.local_addr().unwrap().to_string());
    }
}

#[test]
fn a_header_of_requests_counts_only_if_the_address_before_them_is_that_of_a_trusted_proxy() {
    let (program, admin) = start(&[&TRUSTING[..], &["--trusted-proxy", "203.0.113.0/24"]].concat());
    let forwarded = [("X-Forwarded-For", "198.51.100.7")];
    // The client of the first proxy is a second one.
    let through_two = connect(program.address, V1, &forwarded);
    assert_eq!((through_two.1, &listed(admin, "", 1)[0]["peer"]), (101, &"198.51.100.7".into()));
    drop(through_two);
    listed(admin, "", 0);
    // The client of the first proxy is a stranger, who has written the header.
    let stranger = connect(program.address, b"PROXY TCP4 198.51.100.99 192.0.2.1 4711 443\r\n", &forwarded);
    assert_eq!((stranger.1, &listed(admin, "", 1)[0]["peer"]), (101, &"198.51.100.99:4711".into()));
}

/// A proxy that passes bytes on does not look at the headers of requests.
#[test]
fn a_client_that_its_proxy_does_not_know_cannot_say_who_it_is() {
    let (program, admin) = start(&TRUSTING);
    let forwarded = [("X-Forwarded-For", "198.51.100.7")];
    for header in [&b"PROXY UNKNOWN\r\n"[..], V2_UNSPECIFIED] {
        let (stream, status) = connect(program.address, header, &forwarded);
        assert_eq!(status, 101);
        assert_eq!(listed(admin, "", 1)[0]["peer"], stream.local_addr().unwrap().to_string());
        drop(stream);
        listed(admin, "", 0);
    }
    // Here the proxy itself has written the request.
    let (_stream, status) = connect(program.address, V2_LOCAL, &forwarded);
    assert_eq!((status, &listed(admin, "", 1)[0]["peer"]), (101, &"198.51.100.7".into()));
}

#[test]
fn the_limit_for_each_address_goes_by_the_header() {
    let program = Program::start(&[&TRUSTING[..], &["--max-connections-per-address", "1"]].concat());
    let first = connect(program.address, V1, &[]);
    let second = connect(program.address, V2, &[]);
    let other = connect(program.address, b"PROXY TCP4 203.0.113.10 192.0.2.1 4711 443\r\n", &[]);
    assert_eq!([first.1, second.1, other.1], [101, 503, 101]);
}

#[tokio::test]
async fn the_header_comes_before_tls_and_before_http_2() {
    let (program, admin) = start(&[&TRUSTING[..], &["--tls-self-signed"]].concat());
    let mut stream = within(tokio::net::TcpStream::connect(program.address)).await.unwrap();
    within(stream.write_all(V2)).await.unwrap();
    let stream = connect_tls_on(stream, &["h2"]).await;
    let _open = open_on(stream).await;
    let one = listed(admin, "", 1).remove(0);
    assert_eq!((&one["peer"], &one["http"]), (&CLIENT.into(), &"2".into()));
    // Without a header, and with one from a client that is not a proxy.
    let hello = [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
    check_refused(program.address, &hello);
    let (strict, admin) = start(&["--tls-self-signed", "--proxy-protocol", "--trusted-proxy", "192.0.2.7"]);
    for header in [V1, V2] {
        check_refused(strict.address, &[header, &hello].concat());
    }
    wait_until("both are reported", || strict.errors().matches("it sent a PROXY header").count() == 2);
    assert_eq!(metric(admin, REFUSED), Some(2.0));
}

#[test]
fn a_proxy_may_connect_to_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("silverback-it-proxy-header-{}.sock", std::process::id()));
    let socket = format!("unix:{}", path.display());
    let options = ["--quiet", "--listen", "127.0.0.1:0", "--listen", &socket, "--admin", "127.0.0.1:0"];
    let program = Program::start_with(&[&options[..], &["--proxy-protocol", "--trusted-proxy", "unix"]].concat(), &[]);
    let admin = admin_address(&program);
    let mut stream = UnixStream::connect(&path).unwrap();
    // Pages cannot reach a Unix socket, so the host may have any name, whatever the header says.
    let request = handshake(program.address, &[]).replace(&program.address.to_string(), "echo.example.com");
    stream.write_all(&[V1, request.as_bytes()].concat()).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 101");
    assert_eq!(listed(admin, "", 1)[0]["peer"], CLIENT);
    drop(stream);
    listed(admin, "", 0);
    // The TCP address takes clients without a header, because it is not a Unix socket.
    let (_direct, status) = connect(program.address, b"", &[]);
    assert_eq!(status, 101);
    let mut without = UnixStream::connect(&path).unwrap();
    without.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = without.read_to_end(&mut answer);
    assert!(answer.is_empty());
}

#[test]
fn the_hub_reads_the_header_too() {
    let environment = [
        ("SILVERBACK_LISTEN", "127.0.0.1:0"),
        ("SILVERBACK_PROXY_PROTOCOL", "true"),
        ("SILVERBACK_TRUSTED_PROXY", "127.0.0.1"),
    ];
    let program = Program::start_with(&["hub", "--admin", "127.0.0.1:0"], &environment);
    let admin = admin_address(&program);
    let mut stream = TcpStream::connect(program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = handshake(program.address, &[]).replace("/ws/echo", "/ws/topic/a");
    stream.write_all(&[V2, request.as_bytes()].concat()).unwrap();
    assert_eq!(read_answer(&mut stream, false).status, 101);
    assert_eq!(listed(admin, "", 1)[0]["peer"], CLIENT);
    check_refused(program.address, request.as_bytes());
}

#[test]
fn the_option_needs_a_proxy() {
    for (options, environment, words) in [
        (&["--proxy-protocol"][..], &[][..], "--proxy-protocol needs --trusted-proxy"),
        (&["hub"], &[("SILVERBACK_PROXY_PROTOCOL", "true")], "SILVERBACK_PROXY_PROTOCOL: needs trusted_proxy"),
    ] {
        let (code, _, errors) = run(options, environment);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
}
