//! What goes on to the echo at once, and what goes to the HTTP server.
#![allow(clippy::unwrap_used)]

use super::FirstRequest;

const HEAD: &str = "GET /ws/echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

fn read(mut input: &[u8]) -> FirstRequest {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(FirstRequest::read(&mut input)).unwrap()
}

#[track_caller]
fn check_is_handshake(input: &str, early: &str) {
    match read(input.as_bytes()) {
        FirstRequest::Handshake(handshake) => assert_eq!(handshake.early, early.as_bytes()),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_is_other(input: &str) {
    match read(input.as_bytes()) {
        FirstRequest::Other(kept) => assert!(input.as_bytes() == kept, "{:?}", String::from_utf8_lossy(&kept)),
        handshake => panic!("{handshake:?}"),
    }
}

#[test]
fn a_handshake_goes_on_at_once_with_what_came_behind_it() {
    check_is_handshake(HEAD, "");
    check_is_handshake(&format!("{HEAD}frames"), "frames");
    check_is_handshake(&HEAD.replace("/echo ", "/echo?room=1 "), "");
}

#[test]
fn a_head_larger_than_one_read_is_still_a_handshake() {
    let head = HEAD.replace("\r\n\r\n", &format!("\r\nCookie: {}\r\n\r\n", "x".repeat(5000)));
    check_is_handshake(&format!("{head}early"), "early");
}

#[test]
fn every_byte_of_anything_else_goes_to_the_http_server() {
    check_is_other("");
    check_is_other("GET /ws");
    check_is_other("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    check_is_other(&HEAD.replace("/echo ", "/echo_display "));
    check_is_other(&HEAD.replace("/echo ", "/echo/ "));
    check_is_other(&HEAD.replace("GET", "POST"));
    check_is_other(&HEAD.replace("/ws/echo", "http://localhost/ws/echo"));
    check_is_other(&HEAD[..HEAD.len() - 2]);
    check_is_other("GET /ws/echo HTTP/1.1\nHost: localhost\n\n");
}

#[test]
fn a_handshake_that_is_refused_goes_to_the_http_server() {
    check_is_other(&HEAD.replace("Version: 13", "Version: 8"));
    check_is_other(&HEAD.replace("Upgrade: websocket\r\n", ""));
    check_is_other(&HEAD.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"));
    check_is_other(&HEAD.replace("HTTP/1.1", "HTTP/1.0"));
    check_is_other(&format!("{}{}", &HEAD[..HEAD.len() - 2], "Content-Length: 1\r\n\r\n"));
    check_is_other(&HEAD.replace("\r\n\r\n", &format!("\r\nCookie: {}\r\n\r\n", "x".repeat(16 * 1024))));
}
