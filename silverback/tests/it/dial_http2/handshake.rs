//! One WebSocket over HTTP/2: the request, the answers to it, and the end.

use std::time::Duration;

use h2::Reason;
use http::{Method, StatusCode, Version};
use silverback::{
    CloseCode, Compression, Conn, DialError, Dialer, Subprotocol, Upgrader,
    dial::{DialEvent, DialStep},
    proto::handshake::HandshakeError,
};
use silverback_testkit::{
    http2::{Asked, Server, Stream},
    wire::{close, text},
};
use tokio::{sync::mpsc::unbounded_channel, task::JoinHandle, time::Instant};

use super::network::{URL, echo_network, network};
use crate::support::within;

type Dialling = JoinHandle<Result<Conn, DialError>>;

/// Dials, and returns the request that the server got.
async fn asked(dialer: &Dialer, connections: &mut super::network::Connections) -> (Dialling, Server, Asked) {
    let dialer = dialer.clone();
    let dialling = tokio::spawn(async move { dialer.dial(URL).await });
    let mut server = connections.next_server().await;
    let asked = within(server.request()).await;
    (dialling, server, asked)
}

async fn opened() -> (Conn, Server, Stream) {
    let (dialer, mut connections) = network();
    let (dialling, server, asked) = asked(&dialer, &mut connections).await;
    let stream = asked.accept();
    (within(dialling).await.unwrap().unwrap(), server, stream)
}

async fn failed(dialling: Dialling) -> DialError {
    within(dialling).await.unwrap().unwrap_err()
}

#[tokio::test]
async fn the_request_is_an_extended_connect_whose_stream_stays_open() {
    let (dialer, mut connections) = network();
    let dialer = dialer
        .subprotocols(["chat", "superchat"])
        .origin("https://app.example")
        .bearer_auth("secret")
        .compression(Compression::default());
    let (dialling, _server, asked) = asked(&dialer, &mut connections).await;
    let request = &asked.request;
    assert_eq!((request.method(), asked.protocol()), (&Method::CONNECT, Some("websocket")));
    assert_eq!(request.uri(), "http://server.example/chat?room=1");
    let headers = request.headers();
    for (name, value) in [
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, superchat"),
        ("origin", "https://app.example"),
        ("authorization", "Bearer secret"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers["user-agent"].to_str().unwrap().starts_with("silverback/"));
    assert_eq!(headers.contains_key("sec-websocket-extensions"), cfg!(feature = "deflate"));
    for name in ["sec-websocket-key", "upgrade", "connection", "host", "content-length"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert!(!asked.has_ended());
    let stream = asked.answer(StatusCode::OK, &[("sec-websocket-protocol", "chat")]);
    let conn = within(dialling).await.unwrap().unwrap();
    assert_eq!(conn.subprotocol().map(Subprotocol::as_str), Some("chat"));
    drop(stream);
}

#[tokio::test]
async fn messages_and_the_close_pass_both_ways() {
    let (dialer, count) = echo_network(&Upgrader::new().compression(Compression::default()));
    for dialer in [dialer.clone(), dialer.compression(Compression::default())] {
        let (mut conn, response) = within(dialer.dial_with_response(URL)).await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
        conn.write_message("hello").await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
        let large: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
        conn.write_message(large.clone()).await.unwrap();
        assert!(within(conn.read_message()).await.unwrap() == Some(large.into()));
        within(conn.close(1000, "done")).await.unwrap();
        assert_eq!(conn.close_info().map(|info| info.code), Some(CloseCode::NORMAL));
    }
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn any_2xx_opens_a_websocket_and_a_stray_accept_is_ignored() {
    for status in [200, 201, 204, 299] {
        let (dialer, mut connections) = network();
        let (dialling, _server, asked) = asked(&dialer, &mut connections).await;
        // HAProxy leaves one.
        let stray = [("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ("x-mine", "1")];
        let mut stream = asked.answer(StatusCode::from_u16(status).unwrap(), &stray);
        let mut conn = within(dialling).await.unwrap().unwrap();
        stream.send_frame(text("hello"));
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()), "{status}");
    }
}

#[tokio::test]
async fn every_other_status_is_a_refusal_with_its_body() {
    for status in [300, 301, 400, 401, 404, 429, 500, 503] {
        let (dialer, mut connections) = network();
        let (dialling, _server, asked) = asked(&dialer, &mut connections).await;
        let fields = [("retry-after", "7"), ("location", "/elsewhere?secret")];
        let mut stream = asked.answer(StatusCode::from_u16(status).unwrap(), &fields);
        stream.send("x".repeat(10_000).as_bytes());
        stream.finish();
        let error = failed(dialling).await;
        assert!(matches!(error, DialError::Refused { .. }), "{error}");
        assert_eq!((error.step(), error.target()), (Some(DialStep::Handshake), Some("server.example:80")));
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status.as_u16(), refusal.body.len()), (status, 4096));
        assert_eq!(refusal.headers["retry-after"], "7");
        assert!(refusal.headers["location"].is_sensitive());
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_refusal_that_does_not_end_is_cut_at_the_time_limit() {
    let (dialer, mut connections) = network();
    let (dialling, _server, asked) = asked(&dialer, &mut connections).await;
    let mut stream = asked.answer(StatusCode::FORBIDDEN, &[]);
    stream.send(b"because");
    let error = failed(dialling).await;
    assert_eq!(error.refusal().unwrap().body, b"because");
}

#[tokio::test]
async fn what_was_not_offered_is_not_accepted() {
    for (name, value) in [
        ("sec-websocket-protocol", "other"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("sec-websocket-extensions", "x-other"),
    ] {
        let (dialer, mut connections) = network();
        let (dialling, _server, asked) = asked(&dialer.subprotocols(["chat"]), &mut connections).await;
        let mut stream = asked.answer(StatusCode::OK, &[(name, value)]);
        let error = failed(dialling).await;
        assert!(matches!(error, DialError::Answer { .. }), "{error}");
        // The stream is reset, not ended in order.
        assert_eq!(within(stream.receive()).await.unwrap_err().reason(), Some(Reason::CANCEL));
    }
}

#[tokio::test]
async fn interim_responses_are_skipped_up_to_a_limit() {
    let (dialer, mut connections) = network();
    let (dialling, _server, mut asked_first) = asked(&dialer, &mut connections).await;
    for status in [102, 103, 100] {
        asked_first.interim(status);
    }
    let _stream = asked_first.accept();
    within(dialling).await.unwrap().unwrap();
    let (dialling, _server, mut asked_second) = asked(&dialer, &mut connections).await;
    for _ in 0..21 {
        asked_second.interim(102);
    }
    let error = failed(dialling).await;
    assert!(matches!(error, DialError::TooManyInterim { limit: 20, .. }), "{error}");
    assert_eq!(within(asked_second.was_reset()).await.unwrap(), Reason::CANCEL);
}

#[tokio::test]
async fn a_101_is_not_an_answer_over_http_2() {
    let (dialer, mut connections) = network();
    let (dialling, _server, mut asked) = asked(&dialer, &mut connections).await;
    asked.interim(101);
    match failed(dialling).await {
        DialError::Answer { error: HandshakeError::ConnectStatus(status), .. } => assert_eq!(status, 101),
        error => panic!("{error}"),
    }
    assert_eq!(within(asked.was_reset()).await.unwrap(), Reason::CANCEL);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_a_timeout_and_resets_the_stream() {
    let (dialer, mut connections) = network();
    let begun = Instant::now();
    let (dialling, _server, mut asked) = asked(&dialer, &mut connections).await;
    let error = failed(dialling).await;
    assert!(matches!(error, DialError::Timeout { step: DialStep::Handshake, .. }), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert_eq!(within(asked.was_reset()).await.unwrap(), Reason::CANCEL);
}

#[tokio::test]
async fn a_dial_that_is_dropped_resets_its_stream_and_ends_the_connection() {
    let (dialer, mut connections) = network();
    let (dialling, server, mut asked) = asked(&dialer, &mut connections).await;
    dialling.abort();
    assert_eq!(within(asked.was_reset()).await.unwrap(), Reason::CANCEL);
    within(server.ended()).await.unwrap();
}

#[tokio::test]
async fn a_reset_before_the_answer_is_an_error_of_the_handshake() {
    for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR, Reason::PROTOCOL_ERROR] {
        let (dialer, mut connections) = network();
        let (dialling, _server, asked) = asked(&dialer, &mut connections).await;
        asked.reset(reason);
        let error = failed(dialling).await;
        assert!(matches!(error, DialError::Io { step: DialStep::Handshake, .. }), "{error:?}");
        assert!(error.to_string().contains(reason.description()), "{error}");
        assert_eq!(connections.count(), 1);
    }
}

#[tokio::test]
async fn data_that_comes_with_the_answer_is_read() {
    let (dialer, mut connections) = network();
    let (dialling, _server, asked) = asked(&dialer, &mut connections).await;
    let mut stream = asked.accept();
    let (first, second) = (text("one").encode(), text("two").encode());
    // Two frames in one DATA, and one frame in two.
    stream.send(&[first.clone(), second[..2].to_vec()].concat());
    stream.send(&second[2..]);
    let mut conn = within(dialling).await.unwrap().unwrap();
    for word in ["one", "two"] {
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(word.into()));
    }
}

/// Apache waits 5 s for it before it ends its side.
#[tokio::test(start_paused = true)]
async fn our_close_ends_our_side_of_the_stream_without_waiting_for_the_server() {
    let (mut conn, server, mut stream) = opened().await;
    let closing = tokio::spawn(async move { conn.close(1000, "bye").await });
    within(stream.expect(close(1000, "bye"))).await;
    stream.send_frame(close(1000, ""));
    assert_eq!(within(stream.receive()).await.unwrap(), None);
    assert!(!closing.is_finished());
    stream.finish();
    within(closing).await.unwrap().unwrap();
    within(server.ended()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_end_its_side_delays_the_close_by_two_seconds() {
    let (mut conn, server, mut stream) = opened().await;
    let closing = tokio::spawn(async move { conn.close(1000, "bye").await });
    within(stream.expect(close(1000, "bye"))).await;
    let begun = Instant::now();
    stream.send_frame(close(1000, ""));
    within(closing).await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    within(server.ended()).await.unwrap();
}

#[tokio::test]
async fn a_close_of_the_server_is_answered_and_ends_the_stream() {
    let (mut conn, server, mut stream) = opened().await;
    stream.send_frame(close(4000, "enough"));
    stream.finish();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    within(stream.expect(close(4000, ""))).await;
    assert_eq!(within(stream.receive()).await.unwrap(), None);
    drop(conn);
    within(server.ended()).await.unwrap();
}

#[tokio::test]
async fn an_abnormal_end_is_a_reset_there_and_an_error_here() {
    let (conn, server, mut stream) = opened().await;
    drop(conn);
    assert_eq!(within(stream.receive()).await.unwrap_err().reason(), Some(Reason::CANCEL));
    within(server.ended()).await.unwrap();
    for reason in [None, Some(Reason::CANCEL), Some(Reason::NO_ERROR), Some(Reason::INTERNAL_ERROR)] {
        let (mut conn, _server, mut stream) = opened().await;
        match reason {
            Some(reason) => stream.reset(reason),
            None => stream.finish(),
        }
        within(conn.read_message()).await.unwrap_err();
        assert!(conn.close_info().is_some_and(|info| info.code == CloseCode::ABNORMAL), "{reason:?}");
    }
}

#[tokio::test]
async fn each_step_is_reported_to_the_observer() {
    let (dialer, mut connections) = network();
    let (told, mut events) = unbounded_channel();
    let dialer = dialer.observer(move |event| {
        if let DialEvent::Requested { request } = event {
            assert_eq!((request.version(), request.uri().path()), (Version::HTTP_2, "/chat"));
        }
        told.send(event.to_string()).unwrap();
    });
    let (dialling, _server, asked) = asked(&dialer, &mut connections).await;
    let _stream = asked.accept();
    within(dialling).await.unwrap().unwrap();
    for begin in [
        "connected to server.example:80 in",
        "server.example:80 speaks HTTP/2 and takes WebSockets over it, known in",
        "the opening handshake is sent",
        "answered with 200 OK in",
    ] {
        let event = events.recv().await.unwrap();
        assert!(event.starts_with(begin), "{event}");
    }
}

/// Over TCP the kernel would send them too.
#[tokio::test]
async fn messages_that_were_written_before_an_abnormal_end_arrive() {
    let (mut conn, server, mut stream) = opened().await;
    conn.write_message("last").await.unwrap();
    conn.flush().await.unwrap();
    drop(conn);
    within(stream.expect(text("last"))).await;
    assert_eq!(within(stream.receive()).await.unwrap_err().reason(), Some(Reason::CANCEL));
    within(server.ended()).await.unwrap();
}
