//! The answer to each kind of request.
#![allow(clippy::unwrap_used)]

use http::Version;
use silverback::{
    HostPolicy, Upgrader,
    proto::handshake::{Rejection, http1::parse_request},
};

use super::*;
use crate::serving::{
    routes::{Answer, Hosts, Routes, is_of_interest},
    sockets::{Peer, Socket},
    trust::Trust,
};

fn routes() -> Routes {
    let hosts = Hosts { tcp: HostPolicy::LoopbackOr(vec!["proxy.example".parse().unwrap()]), unix: HostPolicy::Any };
    let site = EchoSite { printer: Printer::silent(), page_sockets: Arc::default(), goodbye: CloseCode::GOING_AWAY };
    Routes { upgrader: Upgrader::new(), hosts, trust: Trust::default(), places: Arc::default(), site: Arc::new(site) }
}

fn socket() -> Socket {
    let peer = Peer::Ip(([127, 0, 0, 1], 1).into());
    Socket::of(peer)
}

/// The status and the body. A handshake that is accepted has 101.
fn ask(head: &str) -> (u16, String) {
    let request = parse_request(format!("{head}\r\n").as_bytes()).unwrap();
    match routes().answer(&request, || ServerHandshake::from_request(&request), socket()) {
        Answer::Upgrade(_) => (101, String::new()),
        Answer::Call { .. } => (100, String::new()),
        Answer::Response(response) => {
            (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
        }
    }
}

fn handshake(path: &str, host: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    )
}

#[test]
fn a_foreign_host_gets_403_wherever_there_is_something_to_read() {
    for path in ["/", "/ws/echo", "/ws/echo_display", "/nothing"] {
        for host in ["attacker.example", "attacker.example:8000", "localhost.attacker.example", "192.168.0.1"] {
            for request in [format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n"), handshake(path, host)] {
                let (status, body) = ask(&request);
                assert_eq!(status, 403, "{request}");
                assert!(body.contains("--allow-host"), "{body}");
            }
        }
        let absolute = format!("GET http://attacker.example{path} HTTP/1.1\r\nHost: localhost\r\n");
        assert_eq!(ask(&absolute).0, 403, "{absolute}");
    }
}

#[test]
fn names_of_loopback_and_allowed_hosts_are_served() {
    for host in
        ["localhost", "LocalHost.:1", "app.localhost:8000", "127.0.0.1", "127.9.9.9:80", "[::1]:8000", "proxy.example"]
    {
        assert_eq!(ask(&handshake("/ws/echo", host)).0, 101, "{host}");
        assert_eq!(ask(&format!("GET /ws/echo_display HTTP/1.1\r\nHost: {host}\r\n")).0, 200, "{host}");
    }
}

#[test]
fn health_checks_may_send_any_host() {
    assert_eq!(ask("GET /healthz HTTP/1.1\r\nHost: check.example\r\n").0, 200);
    assert_eq!(ask("GET /readyz HTTP/1.1\r\nHost: check.example\r\n").0, 200);
    assert_eq!(ask("OPTIONS / HTTP/1.1\r\nHost: check.example\r\n").0, 204);
}

#[test]
fn a_handshake_at_the_root_is_for_the_echo_and_a_visit_leads_to_the_page() {
    assert_eq!(ask(&handshake("/", "localhost")).0, 101);
    assert_eq!(ask(&handshake("/?room=1", "localhost")).0, 101);
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: localhost\r\n").0, 307);
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n").0, 307);
    // The root path also explains a wrong handshake.
    assert_eq!(ask(&handshake("/", "localhost").replace("Version: 13", "Version: 8")).0, 426);
    assert_eq!(ask(&handshake("/", "localhost").replace("dGhlIHN", "!")).0, 400);
    let without_upgrade = handshake("/", "localhost").replace("Upgrade: websocket\r\nConnection: Upgrade\r\n", "");
    assert_eq!(ask(&without_upgrade).0, 426, "a proxy may have removed the hop-by-hop headers");
    assert_eq!(ask(&without_upgrade.replace("HTTP/1.1", "HTTP/1.0")).0, 505);
}

#[test]
fn options_succeeds_wherever_there_is_something() {
    for target in ["/", "*", "/healthz", "/ws/echo", "/ws/echo_display"] {
        for rest in ["HTTP/1.0\r\n", "HTTP/1.1\r\nHost: localhost\r\n"] {
            assert_eq!(ask(&format!("OPTIONS {target} {rest}")).0, 204, "{target}");
        }
    }
    assert_eq!(ask("OPTIONS /nothing HTTP/1.0\r\n").0, 404);
}

#[test]
fn a_missing_repeated_or_broken_host_gets_400_on_every_route() {
    for path in ["/", "/ws/echo", "/ws/echo_display", "/healthz", "/nothing"] {
        for hosts in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host:\r\n", "Host: a/b\r\n", "Host: u@a\r\n"] {
            for method in ["GET", "OPTIONS", "POST"] {
                let head = format!("{method} {path} HTTP/1.1\r\n{hosts}");
                assert_eq!(ask(&head).0, 400, "{head}");
            }
        }
        assert_ne!(ask(&format!("GET {path} HTTP/1.0\r\n")).0, 400, "{path}");
    }
}

#[test]
fn only_what_a_websocket_client_or_a_foreign_page_did_is_of_interest() {
    let is_reported = |head: &str| {
        let request = parse_request(format!("{head}\r\n").as_bytes()).unwrap();
        routes()
            .try_answer(
                &request,
                || ServerHandshake::from_request(&request),
                socket().peer,
                Client { peer: socket().peer, version: Version::HTTP_11 },
            )
            .is_err_and(|rejection: Rejection| is_of_interest(&rejection, &request))
    };
    assert!(is_reported(&format!("{}Origin: http://a.example\r\n", handshake("/ws/echo", "localhost"))));
    assert!(is_reported(&handshake("/ws/echo", "localhost").replace("Version: 13", "Version: 8")));
    assert!(is_reported(&handshake("/", "localhost").replace("Connection: Upgrade", "Connection: close")));
    assert!(is_reported("GET / HTTP/1.1\r\nHost: attacker.example\r\n"));
    assert!(!is_reported("GET /ws/echo HTTP/1.1\r\nHost: localhost\r\n"));
    assert!(!is_reported("GET / HTTP/1.1\r\n"));
    assert!(!is_reported(&handshake("/ws/echo", "localhost")));
}

#[test]
fn a_page_learns_by_options_whether_its_origin_may_connect() {
    let ask_from = |path: &str, origin: &str| {
        ask(&format!("OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nOrigin: {origin}\r\n"))
    };
    assert_eq!(ask_from("/ws/echo", "http://127.0.0.1:8000").0, 204);
    for origin in ["http://example.com", "http://127.0.0.1:9000", "null"] {
        let (status, body) = ask_from("/ws/echo", origin);
        assert_eq!(status, 403, "{origin}");
        assert!(body.contains("--allow-origin") && body.contains("Host"), "{body}");
        assert_eq!(ask_from("/healthz", origin).0, 204);
    }
    assert_eq!(ask("OPTIONS /ws/echo HTTP/1.1\r\nHost: any.example\r\n").0, 204, "a health check");
}
