//! A refusal names the mistake, and reaches the client.

use std::time::Duration;

use silverback::{UpgradeError, Upgrader};
use silverback_testkit::pipe::Plan;
use tokio::time::Instant;

use super::{accept, refusal};
use crate::support::{request, within};

#[tokio::test(start_paused = true)]
async fn with_its_status_and_in_words() {
    let fine = request("");
    let without = |line: &str| fine.replace(line, "");
    let cases = [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 426, "WebSocket client"),
        (fine.replace("GET", "POST"), 405, "POST"),
        (fine.replace("HTTP/1.1", "HTTP/1.0"), 505, "HTTP/1.0"),
        (fine.replace("Version: 13", "Version: 8"), 426, "13"),
        (without("Sec-WebSocket-Version: 13\r\n"), 400, "Sec-WebSocket-Version"),
        (without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400, "Sec-WebSocket-Key"),
        (fine.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400, "c2hvcnQ="),
        (without("Host: server.example.com\r\n"), 400, "Host"),
        (without("Connection: Upgrade\r\n"), 400, "Connection"),
        (request("Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"), 400, "Sec-WebSocket-Key"),
        (request("Content-Length: 5\r\n"), 400, "body"),
        (request("Transfer-Encoding: chunked\r\n"), 400, "body"),
        (request("Origin: https://elsewhere.example\r\n"), 403, "elsewhere"),
        (request("Origin: null\r\n"), 403, "Forbidden"),
        ("nonsense\r\n\r\n".to_owned(), 400, "HTTP"),
        (fine.replace("\r\n", "\n"), 400, "HTTP"),
        ("\u{16}\u{3}\u{1}".to_owned(), 400, "HTTP"),
    ];
    for (sent, status, word) in cases {
        let (accepting, remote) = accept(Upgrader::new());
        remote.send(&sent);
        remote.half_close();
        let (head, body) = refusal(&remote).await;
        assert_eq!(head.status(), status, "{sent:?}: {body}");
        assert!(body.contains(word), "{sent:?}: {body}");
        assert_eq!(head.header("content-type"), Some("text/plain; charset=utf-8"));
        if status == 426 {
            assert_eq!(head.header("sec-websocket-version"), Some("13"));
        }
        if status == 405 {
            assert_eq!(head.header("allow"), Some("GET, CONNECT"));
        }
        let error = within(accepting).await.unwrap().unwrap_err();
        assert_eq!(error.response().status(), status, "{error}");
        assert!(matches!(error, UpgradeError::Rejected(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_client_has_closed_and_the_rest_of_what_it_sends_is_drained() {
    let (accepting, remote) = accept(Upgrader::new());
    remote.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n");
    remote.send(vec![b'x'; 20_000]);
    let (head, _) = refusal(&remote).await;
    assert_eq!(head.status(), 405);
    assert!(remote.is_shut_down());
    remote.half_close();
    within(accepting).await.unwrap().unwrap_err();
    assert!(remote.counters().read_bytes > 20_000);
}

#[tokio::test(start_paused = true)]
async fn and_a_client_that_does_not_close_is_left() {
    let begun = Instant::now();
    let (accepting, remote) = accept(Upgrader::new());
    remote.send("GET / HTTP/1.1\r\n\r\n");
    within(accepting).await.unwrap().unwrap_err();
    assert!(begun.elapsed() <= Duration::from_secs(10));
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn and_a_client_that_does_not_read_is_left() {
    let begun = Instant::now();
    let (accepting, remote) = accept(Upgrader::new());
    remote.plan_writes(Plan::new().stall());
    remote.send("GET / HTTP/1.1\r\n\r\n");
    within(accepting).await.unwrap().unwrap_err();
    assert!(begun.elapsed() <= Duration::from_secs(20));
    assert!(remote.is_dropped());
}
