//! Upgrades of requests from hyper 1.x: the socket is taken back out, with the bytes that hyper had read.
#![cfg(feature = "hyper")]

use std::{convert::Infallible, future::Future};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use silverback::{Conn, Dialer, Error, UpgradeError, Upgrader};
use silverback_testkit::wire::{CLIENT_KEY, decode, ping, pong, text};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

use crate::support::{Head, echo, request, within};

/// The result of an upgrade, and the connection's name for its transport.
type Seen = Result<String, Error>;

/// Upgrades every request to an echo and reports the result.
async fn serve(
    upgrader: Upgrader,
    mut request: Request<Incoming>,
    seen: UnboundedSender<Seen>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut headers = HeaderMap::new();
    headers.insert("x-added", HeaderValue::from_static("yes"));
    Ok(match upgrader.upgrade_with_headers(&mut request, headers) {
        Ok((response, upgrade)) => {
            tokio::spawn(async move {
                let conn: Result<Conn, Error> = upgrade.await;
                let _ = seen.send(conn.as_ref().map(|conn| format!("{conn:?}")).map_err(|error| match error {
                    Error::Io(source) => Error::Io(std::io::Error::other(source.to_string())),
                    error => panic!("{error}"),
                }));
                if let Ok(conn) = conn {
                    let _ = echo(conn).await;
                }
            });
            response
        }
        Err(error) => error.response().map(Full::from),
    })
}

/// One connection of an HTTP/1 server with our upgrades.
fn serve_on<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    seen: UnboundedSender<Seen>,
) -> impl Future<Output = hyper::Result<()>> + Send {
    let service = service_fn(move |request| serve(Upgrader::new().subprotocols(["chat"]), request, seen.clone()));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades()
}

/// Request and frames in one packet: what hyper has read too much belongs to the connection.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let frames = [text("early"), ping("?")].map(|frame| frame.masked(CLIENT_KEY).encode()).concat();
    stream.write_all(&[request("").into_bytes(), frames].concat()).await.unwrap();
    let mut received = Vec::new();
    let mut expected = [text("early"), pong("?")].into_iter();
    while expected.len() > 0 {
        assert_ne!(within(stream.read_buf(&mut received)).await.unwrap(), 0);
        let Some(head) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        assert!(received.starts_with(b"HTTP/1.1 101 "), "{}", received.escape_ascii());
        while let Some((frame, used)) = decode(&received[head + 4..]) {
            assert_eq!(Some(frame), expected.next());
            received.drain(head + 4..head + 4 + used);
        }
    }
}

#[tokio::test]
async fn the_tcp_socket_is_taken_back_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, mut seen) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_on(stream, sender.clone()));
        }
    });
    converse(TcpStream::connect(address).await.unwrap()).await;
    let conn = within(seen.recv()).await.unwrap().unwrap();
    assert!(conn.contains("Tcp(") && !conn.contains("Other("), "{conn}");

    let dialer = Dialer::new().subprotocols(["other", "chat"]);
    let mut conn = within(dialer.dial(&format!("ws://{address}/"))).await.unwrap();
    assert_eq!(conn.subprotocol().unwrap().as_str(), "chat");
    conn.write_message("hello").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
    within(conn.close(1000, "")).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_unix_socket_is_taken_back_out() {
    let (near, far) = tokio::net::UnixStream::pair().unwrap();
    let (sender, mut seen) = unbounded_channel();
    tokio::spawn(serve_on(far, sender));
    converse(near).await;
    let conn = within(seen.recv()).await.unwrap().unwrap();
    assert!(conn.contains("Unix(") && !conn.contains("Other("), "{conn}");
}

#[tokio::test]
async fn an_unknown_transport_stays_wrapped_and_works() {
    let (near, far) = duplex(10_000);
    let (sender, mut seen) = unbounded_channel();
    tokio::spawn(serve_on(far, sender));
    converse(near).await;
    let conn = within(seen.recv()).await.unwrap().unwrap();
    assert!(conn.contains("Other("), "{conn}");
}

#[cfg(feature = "hyper-auto")]
#[tokio::test]
async fn the_tcp_socket_is_taken_out_of_the_automatic_server_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, mut seen) = unbounded_channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request| serve(Upgrader::new(), request, sender.clone()));
        let executor = hyper_util::rt::TokioExecutor::new();
        let builder = hyper_util::server::conn::auto::Builder::new(executor);
        builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await.map_err(|error| error.to_string())
    });
    converse(TcpStream::connect(address).await.unwrap()).await;
    let conn = within(seen.recv()).await.unwrap().unwrap();
    assert!(conn.contains("Tcp(") && !conn.contains("Other("), "{conn}");
}

#[tokio::test]
async fn headers_are_added_and_refusals_are_responses() {
    let (mut near, far) = duplex(10_000);
    let (sender, _seen) = unbounded_channel();
    tokio::spawn(serve_on(far, sender));
    near.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within(near.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(answer.contains("sec-websocket-version: 13"), "{answer}");

    let (mut near, far) = duplex(10_000);
    let (sender, _seen) = unbounded_channel();
    tokio::spawn(serve_on(far, sender));
    near.write_all(request("").as_bytes()).await.unwrap();
    let mut answer = vec![0; 10_000];
    let count = within(near.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 ") && answer.contains("x-added: yes"), "{answer}");
}

#[tokio::test]
async fn a_server_that_does_not_hand_its_connections_over_is_told() {
    let (mut near, far) = duplex(10_000);
    let (sender, mut seen) = unbounded_channel();
    tokio::spawn(async move {
        let service = service_fn(move |request| serve(Upgrader::new(), request, sender.clone()));
        http1::Builder::new().serve_connection(TokioIo::new(far), service).await
    });
    near.write_all(request("").as_bytes()).await.unwrap();
    let seen = within(seen.recv()).await.unwrap();
    assert!(matches!(seen, Err(Error::Io(_))), "{seen:?}");
}

#[test]
fn a_request_that_came_from_no_server_cannot_be_upgraded() {
    let mut request = Request::get("/")
        .header("host", "h")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    let error = Upgrader::new().upgrade::<_, ()>(&mut request).unwrap_err();
    assert!(matches!(error, UpgradeError::NotUpgradable), "{error}");
    assert_eq!(error.response().status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// The status and the body of the answer to a request.
async fn answer_to(request: &str, mut client: tokio::io::DuplexStream) -> (u16, String) {
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(client.read_u8()).await.unwrap());
    }
    let head = Head::parse(&head);
    let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    within(client.read_exact(&mut body)).await.unwrap();
    (head.status(), String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn a_handshake_gets_the_same_answer_on_hyper_and_on_a_bare_stream() {
    let many = |count: usize| (0..count).map(|number| format!("X-{number}: v\r\n")).collect::<String>();
    let wrong = |from: &str, to: &str| request("").replace(from, to);
    // The sample has five header lines.
    for request in [
        request(""),
        request(&many(95)),
        request(&many(96)),
        request(&many(500)),
        request("Origin: http://server.example.com\r\n"),
        request("Origin: http://attacker.example\r\n"),
        request("Origin: null\r\n"),
        request("Host: server.example.com\r\n"),
        request("Sec-WebSocket-Protocol: chat, x\r\n"),
        request("Sec-WebSocket-Protocol: x, x\r\n"),
        request("Sec-WebSocket-Extensions: ;\r\n"),
        request("Content-Length: 0\r\n"),
        request("Content-Length: 4\r\n"),
        request("Transfer-Encoding: chunked\r\n"),
        request("Expect: 100-continue\r\n"),
        request("Connection: close\r\n"),
        request("Blank : before the colon\r\n"),
        request("Folded: a\r\n line\r\n"),
        request("No colon\r\n"),
        wrong("Host: server.example.com\r\n", ""),
        wrong("server.example.com", "a b"),
        wrong("server.example.com", "attacker.example"),
        wrong("Version: 13", "Version: 8"),
        wrong("dGhlIHN", "!"),
        wrong("Upgrade: websocket\r\n", ""),
        wrong("Connection: Upgrade\r\n", ""),
        wrong("GET", "POST"),
        wrong("GET", "get"),
        wrong("HTTP/1.1", "HTTP/1.0"),
    ] {
        let upgrader = Upgrader::new().subprotocols(["chat"]).allow_hosts(["server.example.com"]).unwrap();
        let (client, server) = duplex(64 * 1024);
        let bare = upgrader.clone();
        tokio::spawn(async move { bare.accept(server).await });
        let on_bare = answer_to(&request, client).await;
        let (client, server) = duplex(64 * 1024);
        let (seen, _) = unbounded_channel();
        let service = service_fn(move |request| serve(upgrader.clone(), request, seen.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service).with_upgrades());
        let on_hyper = answer_to(&request, client).await;
        let shown = request.escape_debug();
        assert_eq!(on_bare.0, on_hyper.0, "{shown}");
        // hyper says nothing about heads that it cannot read.
        assert!(on_bare.1 == on_hyper.1 || on_hyper.1.is_empty(), "{shown}: {on_bare:?} and {on_hyper:?}");
    }
}
