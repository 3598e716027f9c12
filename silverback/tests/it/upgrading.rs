//! `Upgrader::accept` on bare streams (RFC 6455, 4.2): what clients send, how slowly they may, and what they are told.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use silverback::{
    Conn, UpgradeError, Upgrader,
    handshake::{HeadError, OriginPolicy, Rejection},
};
use silverback_testkit::{
    cuts::one_byte_at_a_time,
    pipe::{Plan, Remote, pipe},
    wire::{CLIENT_KEY, ping, pong, text},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{Head, echo, request, settle, within};

type Accepting = JoinHandle<Result<Conn, UpgradeError>>;

fn accept(upgrader: Upgrader) -> (Accepting, Remote) {
    let (pipe, remote) = pipe();
    (tokio::spawn(async move { upgrader.accept(pipe).await }), remote.as_client())
}

async fn head(remote: &Remote) -> Head {
    Head::parse(&within(remote.read_until("\r\n\r\n")).await)
}

/// The refusal, of which the body is as long as it says and after which the stream ends.
async fn refusal(remote: &Remote) -> (Head, String) {
    let head = head(remote).await;
    within(remote.ended()).await;
    let body = String::from_utf8(remote.received()).unwrap();
    assert_eq!(head.header("content-length").unwrap().parse::<usize>().unwrap(), body.len());
    (head, body)
}

#[tokio::test(start_paused = true)]
async fn the_samples_of_the_handshake_are_answered_as_the_rfc_says() {
    for (key, answer) in [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    ] {
        let (accepting, remote) = accept(Upgrader::new());
        remote.send(request("").replace("dGhlIHNhbXBsZSBub25jZQ==", key));
        let head = head(&remote).await;
        assert_eq!(head.first_line, "HTTP/1.1 101 Switching Protocols");
        assert_eq!(head.header("sec-websocket-accept"), Some(answer));
        assert_eq!(head.header("upgrade"), Some("websocket"));
        assert_eq!(head.header("connection"), Some("Upgrade"));
        assert_eq!((head.header("sec-websocket-protocol"), head.header("sec-websocket-extensions")), (None, None));
        let conn = within(accepting).await.unwrap().unwrap();
        assert_eq!(conn.subprotocol(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn frames_in_the_same_packet_as_the_request_are_answered() {
    let (accepting, remote) = accept(Upgrader::new());
    let frames = [text("early"), ping("?"), text("bird")].map(|frame| frame.masked(CLIENT_KEY).encode()).concat();
    remote.send([request("").into_bytes(), frames].concat());
    tokio::spawn(echo(within(accepting).await.unwrap().unwrap()));
    assert_eq!(head(&remote).await.status(), 101);
    for expected in [text("early"), pong("?"), text("bird")] {
        within(remote.expect(expected)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn request_and_frames_may_be_cut_anywhere() {
    let wire = [request("").into_bytes(), text("early").masked(CLIENT_KEY).encode()].concat();
    for cut in 0..=wire.len() {
        let (accepting, remote) = accept(Upgrader::new());
        remote.send(&wire[..cut]);
        settle().await;
        remote.send(&wire[cut..]);
        let mut conn = within(accepting).await.unwrap().unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("early".into()), "cut at {cut}");
        assert_eq!(head(&remote).await.status(), 101);
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_may_leave_byte_by_byte() {
    let (accepting, remote) = accept(Upgrader::new());
    remote.limit_capacity(1);
    remote.send(request(""));
    assert_eq!(head(&remote).await.status(), 101);
    let mut conn = within(accepting).await.unwrap().unwrap();
    conn.write_message("hello").await.unwrap();
    within(remote.expect(text("hello"))).await;
}

mod what_is_wrong_is_said {
    use super::*;

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
                assert_eq!(head.header("allow"), Some("GET"));
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
}

mod slow_and_endless_heads {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn are_turned_away_when_the_time_is_over() {
        let begun = Instant::now();
        let (accepting, remote) = accept(Upgrader::new().handshake_timeout(Duration::from_secs(3)));
        remote.send("GET / HTTP/1.1\r\nHost");
        let (head, _) = refusal(&remote).await;
        assert_eq!(head.status(), 408);
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
        remote.half_close();
        let error = within(accepting).await.unwrap().unwrap_err();
        assert!(error.is_timeout() && silverback::Error::from(error).is_timeout());
    }

    #[tokio::test(start_paused = true)]
    async fn are_turned_away_though_they_drip() {
        let begun = Instant::now();
        let (accepting, remote) = accept(Upgrader::new());
        for byte in one_byte_at_a_time(b"GET / HTTP/1.1\r\nX: ").chain(std::iter::repeat(&b"x"[..])) {
            if remote.is_shut_down() {
                break;
            }
            remote.send(byte);
            sleep(Duration::from_millis(100)).await;
        }
        assert!(begun.elapsed() >= Duration::from_secs(10) && begun.elapsed() < Duration::from_millis(10_300));
        remote.half_close();
        assert!(within(accepting).await.unwrap().unwrap_err().is_timeout());
    }

    #[tokio::test(start_paused = true)]
    async fn may_drip_within_the_time() {
        let (accepting, remote) = accept(Upgrader::new());
        for byte in one_byte_at_a_time(request("").as_bytes()) {
            remote.send(byte);
            sleep(Duration::from_millis(10)).await;
        }
        within(accepting).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn are_turned_away_at_the_limit() {
        for limit in [1000, 16 * 1024] {
            let (accepting, remote) = accept(Upgrader::new().max_head_size(limit));
            remote.send(format!("GET / HTTP/1.1\r\nCookie: {}", "x".repeat(100_000)));
            remote.half_close();
            let (head, body) = refusal(&remote).await;
            assert_eq!(head.status(), 431, "{body}");
            let error = within(accepting).await.unwrap().unwrap_err();
            let expected = HeadError::TooLarge { limit };
            assert!(matches!(error, UpgradeError::Rejected(Rejection::Head(found)) if found == expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn up_to_the_limit_are_fine() {
        let cookie = "x".repeat(16 * 1024 - request("Cookie: \r\n").len());
        let (accepting, remote) = accept(Upgrader::new());
        remote.send(request(&format!("Cookie: {cookie}\r\n")));
        within(accepting).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn that_end_are_disconnects() {
        for sent in ["", "GET / HTT"] {
            let (accepting, remote) = accept(Upgrader::new());
            remote.send(sent);
            remote.half_close();
            let error = within(accepting).await.unwrap().unwrap_err();
            assert!(matches!(error, UpgradeError::Disconnected), "{error}");
            assert_eq!(remote.received(), [], "nobody is there to be told");
        }
        let (accepting, remote) = accept(Upgrader::new());
        settle().await;
        remote.reset();
        let error = within(accepting).await.unwrap().unwrap_err();
        assert!(matches!(error, UpgradeError::Io(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn leave_nothing_when_the_application_gives_up() {
        let (accepting, remote) = accept(Upgrader::new());
        remote.send("GET / HTT");
        settle().await;
        accepting.abort();
        settle().await;
        assert!(remote.is_dropped());
    }
}

mod policy {
    use super::*;

    async fn status_of(upgrader: Upgrader, extra: &str) -> u16 {
        let (_accepting, remote) = accept(upgrader);
        remote.send(request(extra));
        remote.half_close();
        head(&remote).await.status()
    }

    #[tokio::test(start_paused = true)]
    async fn lets_in_the_same_origin_and_who_names_none() {
        let host = "server.example.com";
        assert_eq!(status_of(Upgrader::new(), "").await, 101);
        for (origin, status) in [
            (format!("http://{host}"), 101),
            (format!("http://{host}:80"), 101),
            (format!("http://{}", host.to_uppercase()), 101),
            (format!("http://{host}:8080"), 403),
            (format!("http://{host}.evil.example"), 403),
            ("http://evil.example".to_owned(), 403),
        ] {
            assert_eq!(status_of(Upgrader::new(), &format!("Origin: {origin}\r\n")).await, status, "{origin}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lets_in_origins_that_were_allowed() {
        let upgrader = Upgrader::new().allow_origin("https://app.example").unwrap();
        assert_eq!(status_of(upgrader.clone(), "Origin: https://app.example\r\n").await, 101);
        assert_eq!(status_of(upgrader.clone(), "Origin: http://server.example.com\r\n").await, 101);
        assert_eq!(status_of(upgrader.clone(), "Origin: http://app.example\r\n").await, 403);
        assert_eq!(status_of(upgrader, "Origin: https://app.example:444\r\n").await, 403);
        let anyone = Upgrader::new().dangerous_allow_any_origin();
        assert_eq!(status_of(anyone, "Origin: null\r\n").await, 101);
        let nobody = Upgrader::new().check_origin(OriginPolicy::AllowList(Vec::new()));
        assert_eq!(status_of(nobody, "Origin: http://server.example.com\r\n").await, 403);
    }

    #[tokio::test(start_paused = true)]
    async fn agrees_on_the_first_subprotocol_of_the_client_that_is_known() {
        let (accepting, remote) = accept(Upgrader::new().subprotocols(["b", "a"]));
        remote.send(request("Sec-WebSocket-Protocol: x, A\r\nSec-WebSocket-Protocol: a, b\r\n"));
        assert_eq!(head(&remote).await.header("sec-websocket-protocol"), Some("a"));
        let conn = within(accepting).await.unwrap().unwrap();
        assert_eq!(conn.subprotocol().unwrap().as_str(), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn agrees_on_none_if_none_is_known_and_on_no_extension() {
        let (accepting, remote) = accept(Upgrader::new().subprotocols(["b"]));
        remote.send(request("Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Extensions: permessage-deflate, other\r\n"));
        let head = head(&remote).await;
        assert_eq!((head.header("sec-websocket-protocol"), head.header("sec-websocket-extensions")), (None, None));
        assert_eq!(within(accepting).await.unwrap().unwrap().subprotocol(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn that_cannot_be_is_a_fault_of_ours() {
        let (accepting, remote) = accept(Upgrader::new().subprotocols(["not a token"]));
        remote.send(request(""));
        remote.half_close();
        assert_eq!(refusal(&remote).await.0.status(), 500);
        let error = within(accepting).await.unwrap().unwrap_err();
        assert!(matches!(error, UpgradeError::Misconfigured(_)), "{error}");
    }
}

mod the_hook {
    use super::*;

    type Answer = Result<HeaderMap, Response<String>>;

    async fn by_path(request: Request<()>) -> Answer {
        sleep(Duration::from_secs(1)).await;
        match request.uri().path() {
            "/chat" => {
                let mut headers = HeaderMap::new();
                headers.append("set-cookie", HeaderValue::from_static("who=you"));
                Ok(headers)
            }
            _ => {
                let mut refusal = Response::new("Not here.".to_owned());
                *refusal.status_mut() = StatusCode::NOT_FOUND;
                refusal.headers_mut().insert("x-why", HeaderValue::from_static("path"));
                Err(refusal)
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn adds_headers_to_the_answer() {
        let (accepting, remote) = accept(Upgrader::new().on_request(by_path));
        remote.send(request(""));
        let head = head(&remote).await;
        assert_eq!((head.status(), head.header("set-cookie")), (101, Some("who=you")));
        within(accepting).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn refuses_with_any_status_headers_and_body() {
        let (accepting, remote) = accept(Upgrader::new().on_request(by_path));
        remote.send(request("").replace("/chat", "/other"));
        remote.half_close();
        let (head, body) = refusal(&remote).await;
        assert_eq!((head.status(), head.header("x-why"), body.as_str()), (404, Some("path"), "Not here."));
        assert_eq!(head.header("connection"), Some("close"));
        let error = within(accepting).await.unwrap().unwrap_err();
        assert!(matches!(error, UpgradeError::Refused(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn must_not_touch_the_handshake_s_own_headers() {
        for name in ["sec-websocket-accept", "upgrade", "sec-websocket-protocol"] {
            let hook = move |_| async move {
                let mut headers = HeaderMap::new();
                headers.append(name, HeaderValue::from_static("mine"));
                Ok(headers)
            };
            let (accepting, remote) = accept(Upgrader::new().on_request(hook));
            remote.send(request(""));
            remote.half_close();
            assert_eq!(refusal(&remote).await.0.status(), 500);
            let error = within(accepting).await.unwrap().unwrap_err();
            assert!(matches!(error, UpgradeError::Misconfigured(_)), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn that_takes_too_long_is_within_the_time_too() {
        let (accepting, remote) = accept(Upgrader::new().on_request(|_| std::future::pending::<Answer>()));
        remote.send(request(""));
        remote.half_close();
        assert_eq!(refusal(&remote).await.0.status(), 408);
        assert!(within(accepting).await.unwrap().unwrap_err().is_timeout());
    }
}

/// A client that goes on sending must not lose the refusal to a reset of the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_survives_what_the_client_still_sends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { Upgrader::new().accept(stream).await });
        }
    });
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n").await.unwrap();
        stream.write_all(&[b'x'; 40_000]).await.unwrap();
        let mut answer = Vec::new();
        within(stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 405 "), "{}", answer.escape_ascii());
    }
}
