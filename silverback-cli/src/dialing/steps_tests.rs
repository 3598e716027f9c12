//! The shown and hidden parts of a handshake.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use http::{HeaderValue, StatusCode};

use super::*;

#[test]
fn a_request_is_shown_as_it_is_sent_without_what_may_be_secret() {
    let mut request = Request::new(());
    *request.uri_mut() = "/path?token=1".parse().unwrap();
    for (name, value, is_ours) in [
        ("host", "h", false),
        ("sec-websocket-key", "AAAA", false),
        ("origin", "http://o", false),
        ("x-api-key", "secret", true),
        ("authorization", "Bearer secret", true),
        ("cookie", "secret", true),
        ("user-agent", "me", true),
    ] {
        let mut value = HeaderValue::from_static(value);
        value.set_sensitive(is_ours);
        request.headers_mut().insert(name, value);
    }
    let text = describe(&DialEvent::Requested { request: &request });
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.remove(0), "> GET /path?… HTTP/1.1");
    lines.sort();
    assert_eq!(
        lines,
        [
            "> Authorization: (hidden)",
            "> Cookie: (hidden)",
            "> Host: h",
            "> Origin: http://o",
            "> Sec-WebSocket-Key: AAAA",
            "> User-Agent: me",
            "> X-Api-Key: (hidden)",
        ]
    );
}

#[test]
fn an_answer_is_shown_without_cookies_and_without_control_characters() {
    let mut headers = HeaderMap::new();
    headers.insert("set-cookie", HeaderValue::from_static("secret"));
    headers.insert("server", HeaderValue::from_bytes(b"a\x9bb").unwrap());
    let took = Duration::from_millis(3);
    let text = describe(&DialEvent::Answered { status: StatusCode::SWITCHING_PROTOCOLS, headers: &headers, took });
    assert!(text.starts_with("* answered (3.0ms)\n< 101 Switching Protocols\n"), "{text}");
    assert!(text.contains("set-cookie: (hidden)") && !text.contains("secret"), "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
}
