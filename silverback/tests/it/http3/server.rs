//! Our own server over HTTP/3: many WebSockets on one connection, and other requests.

use std::time::Duration;

use http::{HeaderMap, Response};
use silverback::{Compression, Http3Endpoint, UpgradeError, Upgrader};
use silverback_testkit::{
    http3::{Connection, GOAWAY, Reset, SETTINGS, Stream, UNKNOWN, connect, connect_to, control, data, frame, headers},
    wire::{CLIENT_KEY, close, ping, pong, text},
};
use tokio::{sync::mpsc::unbounded_channel, time::timeout};

use super::support::{Certificate, Seen, Server};
use crate::support::{echo, settle, within};

const REQUEST_CANCELLED: Reset = Reset(0x10C);

/// The Close frame arrives, and nothing that comes after it.
async fn close_and_vanish(client: &Connection, stream: &mut Stream) {
    client.deafen();
    let sent = || client.quic().stats().udp_tx.datagrams;
    let before = sent();
    stream.send_frame(close(1000, "")).await;
    while sent() == before {
        settle().await;
    }
    client.vanish();
}

/// It acknowledges nothing any more, as a program that has exited.
#[tokio::test]
async fn a_client_that_vanishes_after_its_close_frame_leaves_no_connection_behind() {
    let mut server = Server::start(&Upgrader::new().handshake_timeout(Duration::from_secs(600)));
    let client = server.connect().await;
    let mut stream = client.open_websocket(&[]).await;
    assert!(matches!(server.sees().await, Seen::Accepted(_)));
    close_and_vanish(&client, &mut stream).await;
    // Far less than the idle timeout of QUIC.
    let soon = Duration::from_secs(20);
    assert!(matches!(timeout(soon, server.seen.recv()).await.unwrap(), Some(Seen::Ended(Ok(())))));
    assert!(matches!(timeout(soon, server.seen.recv()).await.unwrap(), Some(Seen::Over)));
}

/// The neighbour may be alive, though nothing was heard for a while.
#[tokio::test]
async fn a_silent_client_that_has_another_websocket_keeps_its_connection() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut ending = client.open_websocket(&[]).await;
    let mut neighbour = client.open_websocket(&[]).await;
    for _ in 0..2 {
        assert!(matches!(server.sees().await, Seen::Accepted(_)));
    }
    close_and_vanish(&client, &mut ending).await;
    assert!(matches!(server.sees().await, Seen::Ended(Ok(()))));
    client.come_back();
    neighbour.send_frame(text("still here")).await;
    within(neighbour.expect(text("still here"))).await;
}

#[tokio::test]
async fn many_connections_share_one_and_each_closes_cleanly() {
    let mut server = Server::start(&Upgrader::new().subprotocols(["chat"]));
    let client = server.connect().await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = client.open(&connect(&[("sec-websocket-protocol", "other, chat")])).await;
        let head = within(stream.head()).await.unwrap();
        assert_eq!(head, [(":status".to_owned(), "200".to_owned()), ("sec-websocket-protocol".into(), "chat".into())]);
        assert!(matches!(server.sees().await, Seen::Accepted(path) if path == "/ws"));
        streams.push(stream);
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.send_frame(text(format!("hello {number}"))).await;
        stream.send_frame(ping("?")).await;
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        within(stream.expect(text(format!("hello {number}")))).await;
        within(stream.expect(pong("?"))).await;
        stream.send_frame(close(1000, "done")).await;
        within(stream.expect(close(1000, ""))).await;
        // The server ends its side first, as over TCP. Clients that never end theirs are not waited for.
        assert_eq!(within(stream.receive()).await, Ok(None));
        assert!(matches!(server.sees().await, Seen::Ended(Ok(()))));
        // The client may stop sending, and nothing was wrong.
        assert_eq!(within(stream.stopped()).await, Some(0x100));
    }
}

#[tokio::test]
async fn the_settings_announce_extended_connect_before_any_request() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect_silently().await;
    let mut uni = within(client.control()).await;
    // SETTINGS_MAX_FIELD_SECTION_SIZE of 16 KiB, and SETTINGS_ENABLE_CONNECT_PROTOCOL.
    assert_eq!(within(uni.receive()).await, (SETTINGS, vec![0x06, 0x80, 0x00, 0x40, 0x00, 0x08, 0x01]));
}

#[tokio::test]
async fn large_and_compressed_messages_pass() {
    let server = Server::start(&Upgrader::new().compression(Compression::default()));
    let client = server.connect().await;
    let mut plain = within(client.open_websocket(&[])).await;
    let large = "x".repeat(3 * 1024 * 1024);
    within(plain.send_frame(text(large.clone()))).await;
    within(plain.expect(text(large))).await;
    let offer = [("sec-websocket-extensions", "permessage-deflate")];
    let mut compressed = within(client.open_websocket(&offer)).await;
    compressed.send_frame(text("x".repeat(10_000))).await;
    let answer = within(compressed.receive()).await.unwrap().unwrap();
    assert!(!cfg!(feature = "deflate") || answer.rsv1 && answer.payload.len() < 200, "{answer:?}");
}

/// Ten that are not read fill their windows, one of them with frames of one byte. The eleventh is not disturbed.
#[tokio::test]
async fn connections_that_are_not_read_do_not_stop_the_others() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let flood: Vec<u8> = (0..64 * 1024 / 3).flat_map(|_| data(b"x")).collect();
    for number in 0..10 {
        let mut stream = client.open(&connect_to("/unread", &[])).await;
        assert_eq!(within(stream.status()).await, Ok(200));
        let bytes = if number == 0 { flood.clone() } else { data(&[b'x'; 1024 * 1024]) };
        tokio::spawn(async move { stream.send_raw(&bytes).await });
    }
    let mut stream = within(client.open_websocket(&[])).await;
    for number in 0..100 {
        stream.send_frame(text(format!("still here {number}"))).await;
        within(stream.expect(text(format!("still here {number}")))).await;
    }
}

#[tokio::test]
async fn other_requests_get_a_small_answer_and_the_connection_goes_on() {
    let upgrader = Upgrader::new().on_request(|request| async move {
        match request.uri().path() {
            "/other" => Err(Response::builder().status(404).body("Not here.".to_owned()).unwrap()),
            _ => Ok(HeaderMap::new()),
        }
    });
    let mut server = Server::start(&upgrader);
    let client = server.connect().await;
    let mut neighbour = within(client.open_websocket(&[])).await;
    server.sees().await;
    let other = |method, protocol: Option<&'static str>| {
        let mut fields =
            vec![(":method", method), (":scheme", "https"), (":authority", "example.com"), (":path", "/ws")];
        fields.extend(protocol.map(|protocol| (":protocol", protocol)));
        fields.push(("sec-websocket-version", "13"));
        headers(&fields)
    };
    let tunnel = headers(&[(":method", "CONNECT"), (":authority", "example.com:443")]);
    for (request, ends, status, body) in [
        (connect(&[]), true, 400, "The stream ended"),
        (other("CONNECT", Some("connect-udp")), false, 501, "websocket"),
        (connect_to("/other", &[]), false, 404, "Not here."),
        (tunnel, false, 405, "RFC"),
        (other("GET", None), true, 405, "RFC"),
        (other("POST", None), false, 405, "POST"),
        (other("HEAD", None), true, 405, ""),
    ] {
        let mut refused = client.open(&request).await;
        if ends {
            refused.finish();
        }
        assert_eq!(within(refused.status()).await, Ok(status));
        let received = within(refused.body()).await.unwrap();
        assert!(received.contains(body) && received.is_empty() == body.is_empty(), "{received}");
        assert!(matches!(server.sees().await, Seen::Refused(_)));
    }
    neighbour.send_frame(text("still here")).await;
    within(neighbour.expect(text("still here"))).await;
}

#[tokio::test]
async fn an_authority_that_is_missing_wrong_or_not_ours_is_refused_alone() {
    let mut server = Server::start(&Upgrader::new().allow_hosts(["example.com"]).unwrap());
    let client = server.connect().await;
    let mut neighbour = within(client.open_websocket(&[])).await;
    server.sees().await;
    let with = |authority: &[(&'static str, &'static str)]| {
        let mut fields = vec![(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/")];
        fields.extend(authority.iter().filter(|(name, _)| name.starts_with(':')));
        fields.push(("sec-websocket-version", "13"));
        fields.extend(authority.iter().filter(|(name, _)| !name.starts_with(':')));
        headers(&fields)
    };
    for (fields, status) in [
        (&[][..], 400),
        (&[(":authority", "")], 400),
        (&[(":authority", "user:secret@example.com")], 400),
        (&[(":authority", "example.com"), ("host", "other.example")], 400),
        (&[(":authority", "other.example")], 421),
        (&[("host", "example.com")], 200),
        (&[(":authority", "example.com"), ("host", "EXAMPLE.com")], 200),
    ] {
        let mut stream = client.open(&with(fields)).await;
        assert_eq!(within(stream.status()).await, Ok(status), "{fields:?}");
    }
    neighbour.send_frame(text("still here")).await;
    within(neighbour.expect(text("still here"))).await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    for (origin, status) in [("https://example.com", 200), ("https://other.example", 403)] {
        let mut stream = client.open(&connect(&[("origin", origin)])).await;
        assert_eq!(within(stream.status()).await, Ok(status));
    }
}

#[tokio::test]
async fn a_key_that_is_not_needed_is_answered_and_the_body_is_not_announced() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut stream = client.open(&connect(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")])).await;
    let head = within(stream.head()).await.unwrap();
    let accept = ("sec-websocket-accept".to_owned(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned());
    assert_eq!(head, [(":status".to_owned(), "200".to_owned()), accept]);
}

#[tokio::test]
async fn cookies_in_several_fields_are_joined() {
    let (given, mut cookies) = unbounded_channel();
    let upgrader = Upgrader::new().on_request(move |request| {
        let _ = given.send(request.headers().get_all("cookie").iter().cloned().collect::<Vec<_>>());
        async { Ok(HeaderMap::new()) }
    });
    let server = Server::start(&upgrader);
    let client = server.connect().await;
    within(client.open_websocket(&[("cookie", "a=1"), ("cookie", "b=2")])).await;
    assert_eq!(within(cookies.recv()).await.unwrap(), ["a=1; b=2"]);
}

#[tokio::test]
async fn data_that_comes_before_the_answer_is_read_after_it() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let early = data(&text("early").masked(CLIENT_KEY).encode());
    let mut stream = client.open(&[connect(&[]), early].concat()).await;
    assert_eq!(within(stream.status()).await, Ok(200));
    within(stream.expect(text("early"))).await;
}

#[tokio::test]
async fn frames_are_read_however_they_are_cut_into_data() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut stream = within(client.open_websocket(&[])).await;
    let wire = text("cut").masked(CLIENT_KEY).encode();
    for at in 0..=wire.len() {
        // Empty DATA frames are not the end, and unknown frames between them mean nothing.
        let (first, second) = wire.split_at(at);
        let bytes = [data(first), data(&[]), frame(UNKNOWN, b"anything"), data(second)].concat();
        for byte in bytes {
            stream.send_raw(&[byte]).await;
        }
        within(stream.expect(text("cut"))).await;
    }
    let together = data(&wire.repeat(1000));
    stream.send_raw(&together).await;
    for _ in 0..1000 {
        within(stream.expect(text("cut"))).await;
    }
}

#[tokio::test]
async fn the_answers_to_a_burst_leave_in_one_data_frame() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut stream = within(client.open_websocket(&[])).await;
    for round in 1..=3 {
        let burst: Vec<u8> = (0..32).flat_map(|n| text(format!("{n}")).masked(CLIENT_KEY).encode()).collect();
        stream.send_raw(&data(&burst)).await;
        for number in 0..32 {
            within(stream.expect(text(format!("{number}")))).await;
        }
        assert_eq!(stream.data_frames(), round);
    }
}

#[tokio::test]
async fn an_abnormal_end_is_an_error_here_and_a_reset_there() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    for code in [Some(0x10C), Some(0x100), Some(0x102), None] {
        let mut stream = within(client.open_websocket(&[])).await;
        server.sees().await;
        match code {
            Some(code) => stream.reset(code),
            None => stream.finish(),
        }
        assert!(matches!(server.sees().await, Seen::Ended(Err(_))), "{code:?}");
        assert_eq!(within(stream.receive()).await, Err(REQUEST_CANCELLED));
    }
    // The application drops its connection without a word.
    let mut dropped = client.open(&connect_to("/dropped", &[])).await;
    match within(dropped.status()).await {
        Ok(status) => assert_eq!((status, within(dropped.receive()).await), (200, Err(REQUEST_CANCELLED))),
        Err(reset) => assert_eq!(reset, REQUEST_CANCELLED),
    }
    assert_eq!(within(dropped.stopped()).await, Some(REQUEST_CANCELLED.0));
}

#[tokio::test]
async fn graceful_shutdown_lets_open_connections_end_and_rejects_new_ones() {
    let certificate = Certificate::new();
    let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), certificate.config()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let (stop, mut stopped) = unbounded_channel::<()>();
    let serving = tokio::spawn(async move {
        let client = endpoint.accept().await.unwrap();
        let mut http3 = Upgrader::new().serve_http3(client);
        loop {
            tokio::select! {
                accepted = http3.accept() => match accepted {
                    Some(accepted) => _ = tokio::spawn(echo(accepted.unwrap().0)),
                    None => break,
                },
                Some(()) = stopped.recv() => http3.shut_down(),
            }
        }
        endpoint.shut_down().await;
    });
    let client = within(Connection::connect(address, &certificate.der)).await;
    let mut uni = within(client.control()).await;
    assert_eq!(within(uni.receive()).await.0, SETTINGS);
    let mut stream = within(client.open_websocket(&[])).await;
    stop.send(()).unwrap();
    // Stream 0 is served, and stream 4 would be the next one.
    assert_eq!(within(uni.receive()).await, (GOAWAY, vec![4]));
    let mut late = client.open(&connect(&[])).await;
    assert_eq!(within(late.status()).await, Err(Reset(0x10B)));
    stream.send_frame(text("still here")).await;
    within(stream.expect(text("still here"))).await;
    stream.send_frame(close(1000, "")).await;
    within(stream.expect(close(1000, ""))).await;
    assert_eq!(within(stream.receive()).await, Ok(None));
    assert_eq!(within(client.closed()).await, 0x100);
    within(serving).await.unwrap();
}

#[tokio::test]
async fn a_client_that_ends_its_connection_in_order_is_not_an_error() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut stream = within(client.open_websocket(&[])).await;
    server.sees().await;
    stream.send_frame(close(1000, "")).await;
    within(stream.expect(close(1000, ""))).await;
    within(client.close()).await;
    assert!(matches!(server.sees().await, Seen::Ended(Ok(()))));
    assert!(matches!(server.sees().await, Seen::Over));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_settings_is_told_so() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect_silently().await;
    let _stream = within(client.open_websocket(&[])).await;
    server.sees().await;
    assert_eq!(within(client.closed()).await, 0x10A);
    assert!(matches!(server.sees().await, Seen::Ended(Err(_)) | Seen::Refused(UpgradeError::Http3(_))));
    let mut client = server.connect_silently().await;
    client.open_uni(&control()).await;
}

/// Larger than the window of a client.
const PAGE: usize = 3 * 1024 * 1024;

#[tokio::test]
async fn an_application_answers_other_requests_beside_its_websockets() {
    let certificate = Certificate::new();
    let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), certificate.config()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let (seen, mut sees) = unbounded_channel();
    tokio::spawn(async move {
        let upgrader = Upgrader::new();
        let mut http3 = upgrader.serve_http3(endpoint.accept().await.unwrap());
        while let Some(Ok(request)) = http3.next_request().await {
            let (upgrader, seen) = (upgrader.clone(), seen.clone());
            tokio::spawn(async move {
                let path = request.request().uri().path().to_owned();
                match request.handshake() {
                    Ok(handshake) => {
                        let upgrader = upgrader.subprotocols(handshake.subprotocols());
                        let _ = echo(request.accept_handshake(&upgrader, handshake).await.unwrap()).await;
                    }
                    Err(_) => {
                        let page = Response::builder().header("connection", "close");
                        let answered = request.respond(page.body(vec![b'x'; PAGE]).unwrap()).await;
                        let _ = seen.send(format!("answered {path} {}", answered.is_ok()));
                    }
                }
            });
        }
    });
    let client = within(Connection::connect(address, &certificate.der)).await;
    let mut socket = within(client.open_websocket(&[("sec-websocket-protocol", "any")])).await;
    let get = |method, path| {
        headers(&[(":method", method), (":scheme", "https"), (":authority", "example.com"), (":path", path)])
    };
    let mut page = client.open(&get("GET", "/page")).await;
    page.finish();
    let head = within(page.head()).await.unwrap();
    assert_eq!(head, [(":status".to_owned(), "200".to_owned()), ("content-length".into(), PAGE.to_string())]);
    assert_eq!(within(page.body()).await.unwrap().len(), PAGE);
    let mut head = client.open(&get("HEAD", "/page")).await;
    head.finish();
    assert_eq!(within(head.status()).await, Ok(200));
    assert_eq!(within(head.body()).await.unwrap(), "");
    for _ in 0..2 {
        assert_eq!(within(sees.recv()).await.unwrap(), "answered /page true");
    }
    // One that is not taken any more.
    let mut page = client.open(&get("GET", "/dropped")).await;
    assert_eq!(within(page.status()).await, Ok(200));
    page.stop(0x10C);
    drop(page);
    // QUIC has taken the page, or its window was full.
    assert!(within(sees.recv()).await.unwrap().starts_with("answered /dropped "));
    socket.send_frame(text("still here")).await;
    within(socket.expect(text("still here"))).await;
}
