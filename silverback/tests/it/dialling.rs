//! `Dialer` (RFC 6455, 4.1): what it asks, and that nothing which was not offered is accepted.

use std::{io, time::Duration};

use silverback::{
    Conn, DialError, DialStep, Dialer,
    handshake::{HandshakeError, HeadError, Nonce},
};
use silverback_testkit::{
    pipe::{Plan, Remote, pipe},
    wire::{text, to_hex},
};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{Head, settle, within};

const URL: &str = "ws://server.example.com/chat?room=1";

type Dialling = JoinHandle<Result<Conn, DialError>>;

fn dial(dialer: Dialer) -> (Dialling, Remote) {
    dial_to(dialer, URL)
}

fn dial_to(dialer: Dialer, url: &'static str) -> (Dialling, Remote) {
    let (pipe, remote) = pipe();
    (tokio::spawn(async move { dialer.dial_on(pipe, url).await }), remote.as_server())
}

/// The request, and the accept key that its nonce asks for.
async fn request(remote: &Remote) -> (Head, String) {
    let head = Head::parse(&within(remote.read_until("\r\n\r\n")).await);
    let nonce = Nonce::parse(head.header("sec-websocket-key").unwrap().as_bytes()).unwrap();
    let accept = nonce.accept_key().to_string();
    (head, accept)
}

fn answer(accept: &str, extra: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
    )
}

/// Dials, and is answered with what `answer` makes of the accept key.
async fn dial_and_answer(dialer: Dialer, answer: impl FnOnce(&str) -> String) -> Result<Conn, DialError> {
    let (dialling, remote) = dial(dialer);
    let (_, accept) = request(&remote).await;
    remote.send(answer(&accept));
    remote.half_close();
    within(dialling).await.unwrap()
}

async fn wrong_answer(answer: impl FnOnce(&str) -> String) -> HandshakeError {
    match dial_and_answer(Dialer::new().subprotocols(["chat"]), answer).await {
        Err(DialError::Answer(error)) => error,
        other => panic!("expected a wrong answer, got {other:?}"),
    }
}

mod the_request {
    use super::*;

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
            (Dialer::new(), "ws://example.com/a b"),
            (Dialer::new(), "ws://exa mple.com/"),
        ];
        for (dialer, url) in cases {
            let (dialling, remote) = dial_to(dialer, url);
            let error = within(dialling).await.unwrap().unwrap_err();
            assert!(matches!(&error, DialError::Request(error) if error.is_misuse()), "{url}: {error}");
            assert_eq!(to_hex(&remote.received()), "", "{url}");
        }
    }
}

mod the_answer {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn opens_the_connection() {
        let conn = dial_and_answer(Dialer::new(), |accept| answer(accept, "")).await.unwrap();
        assert_eq!(conn.subprotocol(), None);
        let conn = dial_and_answer(Dialer::new().subprotocols(["a", "b"]), |accept| {
            answer(accept, "Sec-WebSocket-Protocol: b\r\n")
        });
        assert_eq!(conn.await.unwrap().subprotocol().unwrap().as_str(), "b");
        dial_and_answer(Dialer::new().subprotocols(["a"]), |accept| answer(accept, "")).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn may_be_written_in_any_case_and_spacing() {
        let loose = |accept: &str| {
            format!(
                "HTTP/1.1 101 Whatever\r\nUPGRADE:WebSocket\r\nconnection: keep-alive, UPGRADE\r\n\
                 sec-websocket-accept:   {accept}  \r\nServer: x\r\n\r\n"
            )
        };
        dial_and_answer(Dialer::new(), loose).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn and_frames_behind_it_may_be_cut_anywhere() {
        let length = answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "").len() + text("early").encode().len();
        for cut in 0..=length {
            let (dialling, remote) = dial(Dialer::new());
            let (_, accept) = request(&remote).await;
            let wire = [answer(&accept, "").into_bytes(), text("early").encode()].concat();
            remote.send(&wire[..cut]);
            settle().await;
            remote.send(&wire[cut..]);
            let mut conn = within(dialling).await.unwrap().unwrap();
            assert_eq!(within(conn.read_message()).await.unwrap(), Some("early".into()), "cut at {cut}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn must_have_the_right_accept() {
        let wrong = |_: &str| answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "");
        assert!(matches!(wrong_answer(wrong).await, HandshakeError::WrongAccept(_)));
        let lower = |accept: &str| answer(&accept.to_lowercase(), "");
        assert!(matches!(wrong_answer(lower).await, HandshakeError::WrongAccept(_)));
        let missing = |accept: &str| answer(accept, "").replace("Sec-WebSocket-Accept", "X");
        assert!(matches!(wrong_answer(missing).await, HandshakeError::MissingHeader("Sec-WebSocket-Accept")));
        let twice = |accept: &str| answer(accept, &format!("Sec-WebSocket-Accept: {accept}\r\n"));
        assert!(matches!(wrong_answer(twice).await, HandshakeError::RepeatedHeader("Sec-WebSocket-Accept")));
    }

    #[tokio::test(start_paused = true)]
    async fn must_not_choose_what_was_not_offered() {
        for name in ["other", "Chat", "chat, chat", ""] {
            let error = wrong_answer(|accept| answer(accept, &format!("Sec-WebSocket-Protocol: {name}\r\n"))).await;
            assert!(matches!(error, HandshakeError::WrongSubprotocol(_)), "{name}: {error}");
        }
        for name in ["permessage-deflate", "x-other; a=1"] {
            let error = wrong_answer(|accept| answer(accept, &format!("Sec-WebSocket-Extensions: {name}\r\n"))).await;
            assert!(matches!(error, HandshakeError::WrongExtension(_)), "{name}: {error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn must_be_an_upgrade_to_websocket() {
        let other = |accept: &str| answer(accept, "").replace("Upgrade: websocket", "Upgrade: h2c");
        assert!(matches!(wrong_answer(other).await, HandshakeError::Upgrade(Some(_))));
        let none = |accept: &str| answer(accept, "").replace("Upgrade: websocket\r\n", "");
        assert!(matches!(wrong_answer(none).await, HandshakeError::Upgrade(None)));
        let close = |accept: &str| answer(accept, "").replace("Connection: Upgrade", "Connection: close");
        assert!(matches!(wrong_answer(close).await, HandshakeError::Connection(Some(_))));
        let body = |accept: &str| answer(accept, "Content-Length: 3\r\n");
        assert!(matches!(wrong_answer(body).await, HandshakeError::DeclaresBody));
    }

    #[tokio::test(start_paused = true)]
    async fn comes_after_interim_ones() {
        let interim = |accept: &str| {
            format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n{}",
                answer(accept, "")
            )
        };
        dial_and_answer(Dialer::new(), interim).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn that_never_gets_beyond_interim_ones_is_a_timeout() {
        let (dialling, remote) = dial(Dialer::new());
        request(&remote).await;
        let begun = Instant::now();
        while !dialling.is_finished() {
            remote.send("HTTP/1.1 100 Continue\r\n\r\n".repeat(100));
            sleep(Duration::from_millis(100)).await;
            assert!(begun.elapsed() < Duration::from_secs(11));
        }
        assert!(within(dialling).await.unwrap().unwrap_err().is_timeout());
    }
}

mod a_refusal {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn is_told_with_status_headers_and_body() {
        let refused =
            |_: &str| "HTTP/1.1 403 Forbidden\r\nX-Why: origin\r\nContent-Length: 9\r\n\r\nNot you.\nrest".to_owned();
        let error = dial_and_answer(Dialer::new(), refused).await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status.as_u16(), &refusal.body[..9]), (403, &b"Not you.\n"[..]));
        assert_eq!(refusal.headers["x-why"], "origin");
        assert!(error.to_string().contains("403"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn of_every_kind_of_status_is_one() {
        for status in ["200 OK", "302 Found", "401 Unauthorized", "404 Not Found", "426 Upgrade Required", "503 x"] {
            let error = dial_and_answer(Dialer::new(), |_| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
            let error = error.await.unwrap_err();
            assert_eq!(error.refusal().unwrap().status.as_str(), &status[..3]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn may_come_in_pieces_and_only_a_little_of_its_body_is_kept() {
        let (dialling, remote) = dial(Dialer::new());
        request(&remote).await;
        remote.send("HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n");
        for _ in 0..100 {
            remote.send(vec![b'x'; 1000]);
            sleep(Duration::from_millis(10)).await;
        }
        let error = within(dialling).await.unwrap().unwrap_err();
        assert_eq!(error.refusal().unwrap().body, vec![b'x'; 4096]);
    }

    #[tokio::test(start_paused = true)]
    async fn whose_body_does_not_come_is_still_a_refusal() {
        for ends in [false, true] {
            let (dialling, remote) = dial(Dialer::new());
            request(&remote).await;
            let begun = Instant::now();
            remote.send("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nhalf");
            if ends {
                remote.half_close();
            }
            let error = within(dialling).await.unwrap().unwrap_err();
            assert_eq!(error.refusal().unwrap().body, b"half");
            assert!(begun.elapsed() <= Duration::from_secs(10));
            assert!(remote.is_dropped());
        }
    }
}

mod what_is_no_answer {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn is_a_timeout_when_nothing_comes() {
        let (dialling, remote) = dial(Dialer::new().handshake_timeout(Duration::from_secs(3)));
        let begun = Instant::now();
        let error = within(dialling).await.unwrap().unwrap_err();
        assert!(matches!(error, DialError::Timeout { step: DialStep::Handshake, .. }), "{error}");
        assert!(error.is_timeout() && error.to_string().contains("server.example.com:80"), "{error}");
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
        assert!(remote.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn is_a_timeout_when_it_drips_or_nothing_is_taken() {
        let (dialling, remote) = dial(Dialer::new());
        request(&remote).await;
        remote.send("HTTP/1.1 101 x\r\nX: ");
        while !dialling.is_finished() {
            remote.send("x");
            sleep(Duration::from_millis(100)).await;
        }
        assert!(within(dialling).await.unwrap().unwrap_err().is_timeout());

        let (pipe, remote) = pipe();
        remote.plan_writes(Plan::new().stall());
        let error = within(Dialer::new().dial_on(pipe, URL)).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn is_told_when_it_is_too_long_or_not_http() {
        let (dialling, remote) = dial(Dialer::new().max_head_size(500));
        request(&remote).await;
        remote.send(format!("HTTP/1.1 101 x\r\nX: {}", "x".repeat(1000)));
        let error = within(dialling).await.unwrap().unwrap_err();
        assert!(matches!(error, DialError::Head(HeadError::TooLarge { limit: 500 })), "{error}");

        for nonsense in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "\u{0}\u{1}", "HTTP/1.1 101\r\nnonsense\r\n\r\n"] {
            let error = dial_and_answer(Dialer::new(), |_| nonsense.to_owned()).await.unwrap_err();
            assert!(matches!(error, DialError::Head(_)), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn is_told_when_the_transport_ends_or_fails() {
        let (dialling, remote) = dial(Dialer::new());
        request(&remote).await;
        remote.send("HTTP/1.1 101 Swi");
        remote.half_close();
        let error = within(dialling).await.unwrap().unwrap_err();
        assert!(
            matches!(&error, DialError::Io { step: DialStep::Handshake, source, .. }
                if source.kind() == io::ErrorKind::UnexpectedEof),
            "{error}"
        );

        let (dialling, remote) = dial(Dialer::new());
        request(&remote).await;
        remote.reset();
        let error = within(dialling).await.unwrap().unwrap_err();
        assert!(matches!(&error, DialError::Io { step: DialStep::Handshake, .. }), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn leaves_nothing_when_the_application_gives_up() {
        let (dialling, remote) = dial(Dialer::new());
        request(&remote).await;
        dialling.abort();
        settle().await;
        assert!(remote.is_dropped());
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_by_its_step() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = within(Dialer::new().dial(&format!("ws://{address}/"))).await.unwrap_err();
    assert!(
        matches!(&error, DialError::Io { step: DialStep::Connect, target, source }
            if *target == address.to_string() && source.kind() == io::ErrorKind::ConnectionRefused),
        "{error}"
    );
}

#[tokio::test]
async fn secure_urls_are_refused_and_never_fall_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = within(Dialer::new().dial(&format!("wss://{address}/"))).await.unwrap_err();
    assert!(matches!(error, DialError::TlsUnsupported), "{error}");
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "it must not even connect");
}

#[tokio::test]
async fn addresses_of_ipv6_are_dialled() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        crate::support::echo(silverback::Upgrader::new().accept(stream).await.unwrap()).await
    });
    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    conn.write_message("six").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("six".into()));
}
