//! Our own server over HTTP/2: many WebSockets on one connection, and clients that misuse it.

use std::time::Duration;

use h2::Reason;
use http::{HeaderMap, Request, Response};
use silverback::{Compression, Error, Http2Server, UpgradeError, Upgrader};
use silverback_testkit::{
    http2::Client,
    wire::{close, ping, text},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use crate::support::{echo, expect_echo_and_close, within};

/// The server's observations: the path of each request that became a WebSocket, the error of each that did not, and how
/// each WebSocket ended.
#[derive(Debug)]
enum Seen {
    Accepted(String),
    Refused(UpgradeError),
    Ended(Result<(), Error>),
    Over,
}

/// Echoes on every path but `/unread`, whose WebSocket is never read.
fn serve(upgrader: &Upgrader) -> (DuplexStream, UnboundedReceiver<Seen>) {
    let (near, far) = duplex(1024 * 1024);
    let (seen, sees) = unbounded_channel();
    let mut http2: Http2Server = upgrader.serve_http2(far);
    tokio::spawn(async move {
        while let Some(accepted) = http2.accept().await {
            let (conn, request) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    let _ = seen.send(Seen::Refused(error));
                    continue;
                }
            };
            let _ = seen.send(Seen::Accepted(request.uri().path().to_owned()));
            let seen = seen.clone();
            tokio::spawn(async move {
                if request.uri().path() == "/unread" {
                    let _held = conn;
                    std::future::pending::<()>().await;
                } else if request.uri().path() == "/shut-down" {
                    drop(conn);
                } else {
                    let _ = seen.send(Seen::Ended(echo(conn).await));
                }
            });
        }
        let _ = seen.send(Seen::Over);
    });
    (near, sees)
}

async fn connect(upgrader: &Upgrader) -> (Client, UnboundedReceiver<Seen>) {
    let (near, seen) = serve(upgrader);
    (within(Client::connect(near)).await, seen)
}

fn request(path: &str) -> Request<()> {
    let uri = format!("https://example.com{path}");
    Request::connect(uri).header("sec-websocket-version", "13").body(()).unwrap()
}

#[tokio::test]
async fn many_connections_share_one_and_each_closes_cleanly() {
    let (client, mut seen) = connect(&Upgrader::new().subprotocols(["chat"])).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(within(client.open(&[("sec-websocket-protocol", "other, chat")])).await);
        assert!(matches!(within(seen.recv()).await, Some(Seen::Accepted(path)) if path == "/ws"));
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        assert_eq!(
            (stream.status(), &stream.response.headers()["sec-websocket-protocol"]),
            (200, &"chat".parse().unwrap())
        );
        stream.send_frame(text(format!("hello {number}")));
        stream.send_frame(ping("?"));
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        expect_echo_and_close(stream, &format!("hello {number}")).await;
        // Firefox never ends its side, and the server does not wait for it.
        assert!(matches!(within(seen.recv()).await, Some(Seen::Ended(Ok(())))));
    }
}

#[tokio::test]
async fn large_and_compressed_messages_pass() {
    let (client, _seen) = connect(&Upgrader::new().compression(Compression::default())).await;
    let mut plain = within(client.open(&[])).await;
    let large = "x".repeat(3 * 1024 * 1024);
    plain.send_frame(text(large.clone()));
    within(plain.expect(text(large))).await;
    let mut compressed = within(client.open(&[("sec-websocket-extensions", "permessage-deflate")])).await;
    compressed.send_frame(text("x".repeat(10_000)));
    let answer = within(compressed.receive()).await.unwrap().unwrap();
    assert!(!cfg!(feature = "deflate") || answer.rsv1 && answer.payload.len() < 200, "{answer:?}");
}

/// Ten that are not read fill their windows, one of them with frames of one byte. The eleventh is not disturbed.
#[tokio::test]
async fn connections_that_are_not_read_do_not_stop_the_others() {
    let (client, _seen) = connect(&Upgrader::new()).await;
    let mut unread = Vec::new();
    for _ in 0..10 {
        unread.push(within(client.send(request("/unread"), Some("websocket"), false)).await.unwrap());
    }
    let flood = "x".repeat(1024 * 1024);
    unread[1..].iter_mut().for_each(|stream| stream.send_frame(text(flood.clone())));
    for _ in 0..20_000 {
        unread[0].send(b"x");
    }
    let mut stream = within(client.open(&[])).await;
    for number in 0..100 {
        stream.send_frame(text(format!("still here {number}")));
        within(stream.expect(text(format!("still here {number}")))).await;
    }
}

#[tokio::test]
async fn other_requests_get_a_small_answer_and_the_connection_goes_on() {
    let upgrader = Upgrader::new().on_request(|request| async move {
        match request.uri().path() {
            "/ws" => Ok(HeaderMap::new()),
            _ => Err(Response::builder().status(404).body("Not here.".to_owned()).unwrap()),
        }
    });
    let (client, mut seen) = connect(&upgrader).await;
    let mut neighbour = within(client.open(&[])).await;
    within(seen.recv()).await;
    for (request, protocol, ends, status, body) in [
        (request("/ws"), Some("websocket"), true, 400, "The stream ended"),
        (request("/ws"), Some("connect-udp"), false, 501, "websocket"),
        (request("/other"), Some("websocket"), false, 404, "Not here."),
        (Request::get("https://example.com/ws").body(()).unwrap(), None, true, 405, "RFC 8441"),
        (Request::post("https://example.com/ws").body(()).unwrap(), None, false, 405, "POST"),
        (Request::head("https://example.com/ws").body(()).unwrap(), None, true, 405, ""),
    ] {
        let mut refused = within(client.send(request, protocol, ends)).await.unwrap();
        assert_eq!(refused.status(), status);
        assert!(within(refused.body()).await.contains(body));
        assert!(matches!(within(seen.recv()).await, Some(Seen::Refused(_))));
    }
    neighbour.send_frame(text("still here"));
    within(neighbour.expect(text("still here"))).await;
}

/// Answers requests by their paths: a page, the handshakes, and one that is held until the test ends.
fn serve_requests() -> (DuplexStream, UnboundedReceiver<String>) {
    let (near, far) = duplex(1024 * 1024);
    let (seen, sees) = unbounded_channel();
    let upgrader = Upgrader::new();
    let mut http2 = upgrader.serve_http2(far);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Some(Ok(request)) = http2.next_request().await {
            let path = request.request().uri().path().to_owned();
            let _ = seen.send(format!("{} {path} {:?}", request.request().method(), request.protocol()));
            if path == "/held" {
                held.push(request);
                continue;
            }
            let (upgrader, seen) = (upgrader.clone(), seen.clone());
            tokio::spawn(async move {
                match request.handshake() {
                    Ok(handshake) => {
                        let upgrader = upgrader.subprotocols(handshake.subprotocols());
                        echo(request.accept_handshake(&upgrader, handshake).await.unwrap()).await.unwrap();
                    }
                    Err(_) => {
                        let page = Response::builder().header("connection", "close").header("x-page", "1");
                        let answered = request.respond(page.body(vec![b'x'; PAGE]).unwrap()).await;
                        let _ = seen.send(format!("answered {path} {}", answered.is_ok()));
                    }
                }
            });
        }
    });
    (near, sees)
}

/// Larger than the window of a client.
const PAGE: usize = 3 * 1024 * 1024;

#[tokio::test]
async fn an_application_answers_other_requests_beside_its_websockets() {
    let (near, mut seen) = serve_requests();
    let client = within(Client::connect(near)).await;
    let mut socket = within(client.open(&[("sec-websocket-protocol", "any")])).await;
    assert_eq!(socket.response.headers()["sec-websocket-protocol"], "any");
    assert_eq!(within(seen.recv()).await.unwrap(), "CONNECT /ws Some(\"websocket\")");
    let get = Request::get("https://example.com/page").body(()).unwrap();
    let mut page = within(client.send(get, None, true)).await.unwrap();
    assert_eq!(page.status(), 200);
    let headers = page.response.headers();
    assert_eq!(
        (&headers["content-length"], &headers["x-page"]),
        (&PAGE.to_string().parse().unwrap(), &"1".parse().unwrap())
    );
    assert!(!headers.contains_key("connection"));
    assert_eq!(within(page.body()).await.len(), PAGE);
    let head = Request::head("https://example.com/page").body(()).unwrap();
    let mut head = within(client.send(head, None, true)).await.unwrap();
    assert_eq!(head.response.headers()["content-length"], PAGE.to_string());
    assert_eq!(within(head.body()).await, "");
    socket.send_frame(text("still here"));
    within(socket.expect(text("still here"))).await;
}

#[tokio::test]
async fn a_client_that_leaves_a_page_unread_ends_its_answer_with_a_reset() {
    let (near, mut seen) = serve_requests();
    let client = within(Client::connect(near)).await;
    let get = || Request::get("https://example.com/page").body(()).unwrap();
    let mut page = within(client.send(get(), None, false)).await.unwrap();
    assert_eq!(within(seen.recv()).await.unwrap(), "GET /page None");
    page.reset(Reason::CANCEL);
    assert_eq!(within(seen.recv()).await.unwrap(), "answered /page false");
    let mut socket = within(client.open(&[])).await;
    socket.send_frame(text("still here"));
    within(socket.expect(text("still here"))).await;
}

/// A reset request no longer counts as a stream, but the application still has it.
#[tokio::test]
async fn requests_wait_while_a_hundred_are_not_answered() {
    let (near, mut seen) = serve_requests();
    let client = within(Client::connect(near)).await;
    let mut neighbour = within(client.open(&[])).await;
    within(seen.recv()).await;
    for _ in 0..100 {
        let held = client.send(Request::get("https://example.com/held").body(()).unwrap(), None, false);
        let reset = async {
            assert_eq!(within(seen.recv()).await.unwrap(), "GET /held None");
        };
        // Dropping the request resets it.
        tokio::select! {
            _ = held => panic!("it is held"),
            () = reset => {}
        }
    }
    let one_more = client.send(Request::get("https://example.com/page").body(()).unwrap(), None, true);
    let mut one_more = std::pin::pin!(one_more);
    // The neighbour's echo passes the same connection after the request.
    tokio::select! {
        _ = &mut one_more => panic!("there is no room"),
        () = async {
            neighbour.send_frame(text("still here"));
            within(neighbour.expect(text("still here"))).await;
        } => {}
    }
    assert!(seen.try_recv().is_err());
}

/// hyper ends the whole connection for such a request.
#[tokio::test]
async fn a_connect_with_a_content_length_is_refused_alone() {
    let (client, _seen) = connect(&Upgrader::new()).await;
    let mut neighbour = within(client.open(&[])).await;
    for length in ["5", "0"] {
        let mut bad = request("/ws");
        bad.headers_mut().insert("content-length", length.parse().unwrap());
        match within(client.send(bad, Some("websocket"), false)).await {
            Ok(refused) => assert_eq!(refused.status(), 400),
            Err(error) => assert!(error.is_reset(), "{error}"),
        }
    }
    neighbour.send_frame(text("still here"));
    within(neighbour.expect(text("still here"))).await;
}

#[tokio::test]
async fn cookies_in_several_fields_are_joined() {
    let (given, mut cookies) = unbounded_channel();
    let upgrader = Upgrader::new().on_request(move |request| {
        let _ = given.send(request.headers().get_all("cookie").iter().cloned().collect::<Vec<_>>());
        async { Ok(HeaderMap::new()) }
    });
    let (client, _seen) = connect(&upgrader).await;
    within(client.open(&[("cookie", "a=1"), ("cookie", "b=2")])).await;
    assert_eq!(within(cookies.recv()).await.unwrap(), ["a=1; b=2"]);
}

#[tokio::test]
async fn an_abnormal_end_is_an_error_here_and_a_reset_there() {
    let (client, mut seen) = connect(&Upgrader::new()).await;
    for reason in [Some(Reason::CANCEL), Some(Reason::NO_ERROR), Some(Reason::INTERNAL_ERROR), None] {
        let mut stream = within(client.open(&[])).await;
        within(seen.recv()).await;
        match reason {
            Some(reason) => stream.reset(reason),
            None => stream.finish(),
        }
        assert!(matches!(within(seen.recv()).await, Some(Seen::Ended(Err(_)))), "{reason:?}");
    }
    // The application drops its connection without a word.
    let mut dropped = within(client.send(request("/shut-down"), Some("websocket"), false)).await.unwrap();
    assert_eq!(within(dropped.receive()).await.unwrap_err().reason(), Some(Reason::CANCEL));
}

/// Over TCP the kernel would send them too.
#[tokio::test]
async fn messages_that_were_written_before_an_abnormal_end_arrive() {
    let (near, far) = duplex(1024 * 1024);
    let mut http2 = Upgrader::new().serve_http2(far);
    tokio::spawn(async move {
        while let Some(accepted) = http2.accept().await {
            let (mut conn, _) = accepted.unwrap();
            conn.write_message("last").await.unwrap();
            conn.flush().await.unwrap();
        }
    });
    let client = within(Client::connect(near)).await;
    let mut stream = within(client.open(&[])).await;
    within(stream.expect(text("last"))).await;
    assert_eq!(within(stream.receive()).await.unwrap_err().reason(), Some(Reason::CANCEL));
}

#[tokio::test]
async fn graceful_shutdown_lets_open_connections_end() {
    let (near, far) = duplex(1024 * 1024);
    let mut http2 = Upgrader::new().serve_http2(far);
    let (stop, mut stopped) = unbounded_channel::<()>();
    let serving = tokio::spawn(async move {
        loop {
            tokio::select! {
                accepted = http2.accept() => match accepted {
                    Some(accepted) => _ = tokio::spawn(echo(accepted.unwrap().0)),
                    None => return,
                },
                Some(()) = stopped.recv() => http2.shut_down(),
            }
        }
    });
    let client = within(Client::connect(near)).await;
    let mut stream = within(client.open(&[])).await;
    stop.send(()).unwrap();
    stream.send_frame(text("still here"));
    within(stream.expect(text("still here"))).await;
    stream.send_frame(close(1000, ""));
    within(stream.expect(close(1000, ""))).await;
    assert_eq!(within(stream.receive()).await.unwrap(), None);
    drop(client);
    within(serving).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_given_up_after_the_handshake_timeout() {
    let (near, mut seen) = serve(&Upgrader::new());
    let begun = tokio::time::Instant::now();
    assert!(matches!(within(seen.recv()).await, Some(Seen::Refused(UpgradeError::Timeout(_)))));
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert!(matches!(within(seen.recv()).await, Some(Seen::Over)));
    drop(near);
}

#[tokio::test]
async fn a_client_that_does_not_speak_http_2_ends_its_connection_alone() {
    let (mut near, mut seen) = serve(&Upgrader::new());
    near.write_all(b"GET /ws HTTP/1.1\r\nHost: example.com\r\n\r\n").await.unwrap();
    assert!(matches!(within(seen.recv()).await, Some(Seen::Refused(UpgradeError::Io(_)))));
    assert!(matches!(within(seen.recv()).await, Some(Seen::Over)));
    within(near.read_to_end(&mut Vec::new())).await.unwrap();
}
