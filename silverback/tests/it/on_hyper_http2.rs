//! Upgrades of requests from hyper over HTTP/2 (RFC 8441): many WebSockets on one connection.

use std::convert::Infallible;

use h2::Reason;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use silverback::{CloseCode, Compression, Conn, Error, Upgrader};
use silverback_testkit::{
    http2::Client,
    wire::{close_empty, ping, text},
};
use tokio::{
    io::duplex,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::support::{echo, expect_echo_and_close, within};

/// The outcome of each connection of the server.
type Ends = UnboundedReceiver<Result<(), Error>>;

fn upgrader() -> Upgrader {
    Upgrader::new().subprotocols(["chat"]).compression(Compression::default())
}

/// Upgrades every request to an echo.
async fn serve(
    upgrader: Upgrader,
    mut request: Request<Incoming>,
    ends: UnboundedSender<Result<(), Error>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match upgrader.upgrade(&mut request) {
        Ok((response, upgrade)) => {
            tokio::spawn(async move {
                let conn: Conn = upgrade.await.unwrap();
                let _ = ends.send(echo(conn).await);
            });
            response
        }
        Err(error) => error.response().map(Full::from),
    })
}

/// A client of a server with the settings that `docs/http2.md` recommends.
async fn connect(upgrader: Upgrader) -> (Client, Ends) {
    let (near, far) = duplex(1024 * 1024);
    let (sender, ends) = unbounded_channel();
    let service = service_fn(move |request| serve(upgrader.clone(), request, sender.clone()));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .enable_connect_protocol()
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(16 * 1024 * 1024);
    tokio::spawn(builder.serve_connection(TokioIo::new(far), service));
    (within(Client::connect(near)).await, ends)
}

#[tokio::test]
async fn many_connections_share_one_and_each_closes_cleanly() {
    let (client, mut ends) = connect(upgrader()).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(within(client.open(&[("sec-websocket-protocol", "other, chat")])).await);
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        assert_eq!(stream.status(), 200);
        assert_eq!(stream.response.headers()["sec-websocket-protocol"], "chat");
        stream.send_frame(text(format!("hello {number}")));
        stream.send_frame(ping("?"));
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        expect_echo_and_close(stream, &format!("hello {number}")).await;
        stream.finish();
        within(ends.recv()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn frames_may_be_split_over_data_and_many_may_be_in_one() {
    let (client, _ends) = connect(upgrader()).await;
    let mut stream = within(client.open(&[])).await;
    let key = silverback_testkit::wire::CLIENT_KEY;
    let frames = ["one", "two", "three"].map(|word| text(word).masked(key).encode()).concat();
    stream.send(&frames);
    for byte in &frames {
        stream.send(&[*byte]);
    }
    for _ in 0..2 {
        for word in ["one", "two", "three"] {
            within(stream.expect(text(word))).await;
        }
    }
}

#[tokio::test]
async fn large_messages_pass_windows_that_are_smaller() {
    let (client, _ends) = connect(upgrader()).await;
    let mut stream = within(client.open(&[])).await;
    let large = "x".repeat(3 * 1024 * 1024);
    stream.send_frame(text(large.clone()));
    within(stream.expect(text(large))).await;
}

#[cfg(feature = "deflate")]
#[tokio::test]
async fn compression_is_negotiated_and_used() {
    let (client, _ends) = connect(upgrader()).await;
    let mut stream = within(client.open(&[("sec-websocket-extensions", "permessage-deflate")])).await;
    assert!(stream.response.headers()["sec-websocket-extensions"].to_str().unwrap().starts_with("permessage-deflate"));
    stream.send_frame(text("x".repeat(10_000)));
    let answer = within(stream.receive()).await.unwrap().unwrap();
    assert!(answer.rsv1 && answer.payload.len() < 200, "{answer:?}");
}

/// One that is not read has used up its own window, and not that of the connection.
#[tokio::test]
async fn a_connection_that_is_not_read_does_not_stop_the_others() {
    let (near, far) = duplex(1024 * 1024);
    let service = service_fn(move |mut request: Request<Incoming>| async move {
        let (response, upgrade) = Upgrader::new().upgrade::<_, Full<Bytes>>(&mut request).unwrap();
        tokio::spawn(async move {
            let conn: Conn = upgrade.await.unwrap();
            match conn.subprotocol() {
                _ if request.uri().path() == "/ws" => echo(conn).await,
                _ => {
                    let _held = conn;
                    std::future::pending().await
                }
            }
        });
        Ok::<_, Infallible>(response)
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.enable_connect_protocol().initial_stream_window_size(64 * 1024);
    builder.initial_connection_window_size(16 * 1024 * 1024);
    tokio::spawn(builder.serve_connection(TokioIo::new(far), service));
    let client = within(Client::connect(near)).await;
    let unread = Request::connect("https://example.com/unread").header("sec-websocket-version", "13").body(()).unwrap();
    let mut unread = within(client.send(unread, Some("websocket"), false)).await.unwrap();
    unread.send_frame(text("x".repeat(10 * 1024 * 1024)));
    let mut stream = within(client.open(&[])).await;
    for number in 0..100 {
        stream.send_frame(text(format!("still here {number}")));
        within(stream.expect(text(format!("still here {number}")))).await;
    }
    assert!(unread.is_blocked(10 * 1024 * 1024));
}

#[tokio::test]
async fn what_is_no_handshake_gets_its_status_and_the_others_go_on() {
    let upgrader = upgrader().allow_hosts(["example.com"]).unwrap();
    let (client, _ends) = connect(upgrader).await;
    let mut neighbour = within(client.open(&[])).await;
    let connect = |uri: &str, fields: &[(&str, &str)]| {
        let request = Request::connect(uri);
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
    };
    let version = ("sec-websocket-version", "13");
    let uri = "https://example.com/ws";
    for (request, protocol, status) in [
        (connect(uri, &[version]), "webtransport", 501),
        (connect("https://other.example/ws", &[version]), "websocket", 421),
        (connect(uri, &[version, ("origin", "https://evil.example")]), "websocket", 403),
        (connect(uri, &[version, ("host", "other.example")]), "websocket", 400),
        (connect(uri, &[]), "websocket", 400),
        (connect(uri, &[("sec-websocket-version", "12")]), "websocket", 400),
    ] {
        let refused = within(client.send(request, Some(protocol), false)).await.unwrap();
        assert_eq!(refused.status(), status);
        assert!(!refused.response.headers().contains_key("connection"));
    }
    let mut page = within(client.send(Request::get(uri).body(()).unwrap(), None, true)).await.unwrap();
    assert_eq!((page.status(), &page.response.headers()["allow"]), (405, &"GET, CONNECT".parse().unwrap()));
    assert!(within(page.body()).await.contains("RFC 8441"));
    neighbour.send_frame(text("still here"));
    within(neighbour.expect(text("still here"))).await;
}

#[tokio::test]
async fn a_key_that_is_not_needed_is_answered() {
    let (client, _ends) = connect(upgrader()).await;
    let stream = within(client.open(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")])).await;
    assert_eq!(stream.response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[tokio::test]
async fn a_stream_that_is_reset_is_no_clean_close() {
    let (client, mut ends) = connect(upgrader()).await;
    for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR] {
        let mut stream = within(client.open(&[])).await;
        stream.send_frame(text("hello"));
        within(stream.expect(text("hello"))).await;
        stream.reset(reason);
        assert!(within(ends.recv()).await.unwrap().is_err(), "{reason:?}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_without_a_close_frame_is_no_clean_close() {
    let (client, mut ends) = connect(upgrader()).await;
    let mut stream = within(client.open(&[])).await;
    stream.finish();
    assert!(within(ends.recv()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_fault_is_told_with_its_code() {
    let (client, mut ends) = connect(upgrader()).await;
    let mut stream = within(client.open(&[])).await;
    stream.send(&text("not masked").encode());
    let told = within(stream.receive()).await.unwrap().unwrap();
    assert_eq!((told.opcode, &told.payload[..2]), (0x8, &u16::from(CloseCode::PROTOCOL_ERROR).to_be_bytes()[..]));
    assert!(within(ends.recv()).await.unwrap().is_err());
    let mut stream = within(client.open(&[])).await;
    stream.send_frame(close_empty());
    within(stream.expect(close_empty())).await;
}
