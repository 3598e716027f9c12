//! The request of the client (RFC 6455, 4.1).

use std::sync::{Arc, Mutex};

use silverback::{DialError, Dialer, dial::DialEvent, proto::handshake::http1::encode_request};
use silverback_testkit::wire::to_hex;

use super::{URL, dial, dial_to, request};
use crate::support::within;

#[tokio::test(start_paused = true)]
async fn is_as_the_rfc_says() {
    let (_dialling, remote) = dial(Dialer::new());
    let (head, _) = request(&remote).await;
    assert_eq!(head.first_line, "GET /chat?room=1 HTTP/1.1");
    assert_eq!(head.header("host"), Some("server.example.com"));
    assert_eq!(head.header("upgrade"), Some("websocket"));
    assert_eq!(head.header("connection"), Some("Upgrade"));
    assert_eq!(head.header("sec-websocket-version"), Some("13"));
    for absent in ["origin", "sec-websocket-protocol", "sec-websocket-extensions"] {
        assert_eq!(head.header(absent), None, "{absent}");
    }
}

#[tokio::test(start_paused = true)]
async fn has_a_new_key_each_time() {
    let mut keys = std::collections::HashSet::new();
    for _ in 0..50 {
        let (_dialling, remote) = dial(Dialer::new());
        keys.insert(request(&remote).await.1);
    }
    assert_eq!(keys.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn names_host_and_port_as_the_url_does() {
    for (url, host, target) in [
        ("ws://example.com", "example.com", "/"),
        ("ws://example.com:80/", "example.com", "/"),
        ("ws://example.com:8080?q", "example.com:8080", "/?q"),
        ("ws://[::1]:9000/a%20b", "[::1]:9000", "/a%20b"),
        ("ws://[::1]", "[::1]", "/"),
    ] {
        let (_dialling, remote) = dial_to(Dialer::new(), url);
        let (head, _) = request(&remote).await;
        assert_eq!(head.header("host"), Some(host), "{url}");
        assert_eq!(head.first_line, format!("GET {target} HTTP/1.1"), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn carries_subprotocols_headers_and_origin() {
    let dialer = Dialer::new()
        .subprotocols(["chat", "superchat"])
        .header("Authorization", "Bearer secret")
        .origin("https://app.example");
    let (_dialling, remote) = dial(dialer);
    let (head, _) = request(&remote).await;
    assert_eq!(head.header("sec-websocket-protocol"), Some("chat, superchat"));
    assert_eq!(head.header("authorization"), Some("Bearer secret"));
    assert_eq!(head.header("origin"), Some("https://app.example"));
}

#[tokio::test(start_paused = true)]
async fn is_not_sent_when_something_in_it_cannot_be() {
    let cases = [
        (Dialer::new().header("X-Evil", "a\r\nHost: evil"), URL),
        (Dialer::new().header("X Evil", "a"), URL),
        (Dialer::new().header("Sec-WebSocket-Key", "mine"), URL),
        (Dialer::new().header("Connection", "close"), URL),
        (Dialer::new().origin("evil\n"), URL),
        (Dialer::new().subprotocols(["not a token"]), URL),
        (Dialer::new().subprotocols(["twice", "twice"]), URL),
        (Dialer::new(), "ws://user:password@example.com/"),
        (Dialer::new(), "ws://example.com/#fragment"),
        (Dialer::new(), "ftp://example.com/"),
        (Dialer::new(), "example.com"),
        (Dialer::new(), "ws://"),
        (Dialer::new(), "ws://example.com/a\nb"),
        (Dialer::new(), "ws://exa mple.com/"),
    ];
    for (dialer, url) in cases {
        let (dialling, remote) = dial_to(dialer, url);
        let error = within(dialling).await.unwrap().unwrap_err();
        assert!(matches!(&error, DialError::Request(error) if error.is_misuse()), "{url}: {error}");
        assert_eq!(to_hex(&remote.received()), "", "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn is_told_to_an_observer_as_it_is_sent_with_its_secrets_marked() {
    let told = Arc::new(Mutex::new(None));
    let note = told.clone();
    let dialer = Dialer::new().bearer_auth("secret").header("X-Key", "k").origin("https://o").observer(move |event| {
        if let DialEvent::Requested { request } = event {
            assert!(!format!("{event:?} {event}").contains("secret"));
            *note.lock().unwrap() = Some((*request).clone());
        }
    });
    let (_dialling, remote) = dial(dialer);
    let (head, _) = request(&remote).await;
    let told = told.lock().unwrap().take().unwrap();
    let bytes = String::from_utf8(encode_request(&told)).unwrap();
    assert!(bytes.starts_with(&head.first_line), "{bytes}");
    assert_eq!(told.headers()["sec-websocket-key"], head.header("sec-websocket-key").unwrap());
    assert_eq!(told.headers()["authorization"], "Bearer secret");
    for (name, value) in told.headers() {
        assert_eq!(value.is_sensitive(), ["authorization", "x-key"].contains(&name.as_str()), "{name}");
    }
}
