//! Clients that misuse our own server over HTTP/3.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use http::HeaderMap;
use silverback::{Http3Endpoint, UpgradeError, Upgrader};
use silverback_testkit::{
    http3::{
        Connection, DATA, GOAWAY, HEADERS, Reset, SETTINGS, UNKNOWN, connect, connect_to, control, data, frame,
        headers, varint,
    },
    wire::{CLIENT_KEY, text},
};
use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};

use super::support::{Certificate, Seen, Server};
use crate::support::within;

/// Opens a WebSocket, which must still work after everything else.
struct Neighbour(silverback_testkit::http3::Stream);

impl Neighbour {
    async fn on(client: &Connection) -> Self {
        Self(within(client.open_websocket(&[])).await)
    }

    async fn is_undisturbed(&mut self) {
        self.0.send_frame(text("still here")).await;
        within(self.0.expect(text("still here"))).await;
    }
}

#[tokio::test]
async fn a_fault_on_a_stream_of_one_direction_ends_the_connection_with_its_code() {
    let other_control = control();
    for (streams, code) in [
        // Two control streams; SETTINGS twice; SETTINGS not first; frames of request streams; frames of HTTP/2.
        (vec![control(), other_control], 0x103),
        (vec![[control(), frame(SETTINGS, &[])].concat()], 0x105),
        (vec![[varint(0), frame(GOAWAY, &[0])].concat()], 0x10A),
        (vec![[control(), data(b"x")].concat()], 0x105),
        (vec![[control(), headers(&[])].concat()], 0x105),
        (vec![[control(), frame(0x6, &[0; 8])].concat()], 0x105),
        // Forbidden settings, one that comes twice, and too many bytes of them.
        (vec![[varint(0), frame(SETTINGS, &[0x02, 0x00])].concat()], 0x109),
        (vec![[varint(0), frame(SETTINGS, &[0x21, 0x00, 0x21, 0x00])].concat()], 0x109),
        (vec![[varint(0), varint(SETTINGS), varint(1 << 40)].concat()], 0x107),
        // A push stream, and instructions for a dynamic table that does not exist.
        (vec![control(), varint(1)], 0x103),
        (vec![control(), varint(2), varint(2)], 0x103),
        (vec![control(), [varint(2), vec![0x3F, 0x01]].concat()], 0x201),
        (vec![control(), [varint(3), vec![0x80]].concat()], 0x202),
    ] {
        let mut server = Server::start(&Upgrader::new());
        let mut client = server.connect_silently().await;
        for bytes in &streams {
            client.open_uni(bytes).await;
        }
        assert_eq!(within(client.closed()).await, code, "{streams:?}");
        assert!(matches!(server.sees().await, Seen::Refused(UpgradeError::Http3(_))));
        assert!(matches!(server.sees().await, Seen::Over));
    }
}

#[tokio::test]
async fn a_control_stream_that_ends_ends_the_connection() {
    let mut server = Server::start(&Upgrader::new());
    let mut client = server.connect().await;
    client.finish_uni();
    assert_eq!(within(client.closed()).await, 0x104);
    assert!(matches!(server.sees().await, Seen::Refused(UpgradeError::Http3(_))));
}

#[tokio::test]
async fn a_forbidden_frame_on_a_request_stream_ends_the_connection_with_its_code() {
    for (bytes, code) in [
        (data(b"before"), 0x105),
        (frame(SETTINGS, &[]), 0x105),
        (frame(GOAWAY, &[0]), 0x105),
        (frame(0x5, &[0]), 0x105),
        (frame(0x8, &[0; 4]), 0x105),
        // QPACK: a dynamic table, a static entry that does not exist, bad Huffman code.
        (frame(HEADERS, &[0x02, 0x00, 0x80]), 0x200),
        (frame(HEADERS, &[0x00, 0x00, 0xFF, 0x40]), 0x200),
        (frame(HEADERS, &[0x00, 0x00, 0x2F, 0x00, 0xFF]), 0x200),
        // In the tunnel.
        ([connect(&[]), headers(&[("x", "y")])].concat(), 0x105),
        ([connect(&[]), frame(SETTINGS, &[])].concat(), 0x105),
    ] {
        let server = Server::start(&Upgrader::new());
        let client = server.connect().await;
        let _stream = client.open(&bytes).await;
        assert_eq!(within(client.closed()).await, code, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_malformed_request_gets_400_and_a_reset_and_its_neighbours_stay() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut neighbour = Neighbour::on(&client).await;
    server.sees().await;
    let good = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/")];
    let with = |fields: &[(&'static str, &'static str)]| {
        let mut all = good.to_vec();
        all.push((":authority", "example.com"));
        all.extend(fields);
        headers(&all)
    };
    for bytes in [
        with(&[(":path", "/")]),
        with(&[("Upper", "case")]),
        with(&[("connection", "upgrade")]),
        with(&[("upgrade", "websocket")]),
        with(&[("te", "gzip")]),
        with(&[("x", "line\nbreak")]),
        with(&[("x", "y"), (":late", "z")]),
        with(&[(":status", "200")]),
        headers(&good[..3]),
        headers(&[
            (":method", "GET"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/"),
            (":authority", "a"),
        ]),
    ] {
        let mut stream = client.open(&bytes).await;
        assert_eq!(within(stream.status()).await, Ok(400), "{bytes:?}");
        assert_eq!(within(stream.stopped()).await, Some(0x10E));
        assert!(matches!(server.sees().await, Seen::Refused(UpgradeError::Http3(_))));
    }
    // No request at all, and a part of one.
    for bytes in [vec![], connect(&[])[..10].to_vec()] {
        let mut stream = client.open(&bytes).await;
        stream.finish();
        match bytes.is_empty() {
            true => assert_eq!(within(stream.status()).await, Err(Reset(0x10D))),
            // A frame that is cut off is an error of the connection.
            false => assert_eq!(within(client.closed()).await, 0x106),
        }
        if bytes.is_empty() {
            neighbour.is_undisturbed().await;
        }
    }
}

#[tokio::test]
async fn a_header_section_without_end_is_refused_as_soon_as_it_is_declared() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut neighbour = Neighbour::on(&client).await;
    server.sees().await;
    // The declared length alone, fields that inflate beyond the limit, and more fields than the limit.
    let declared = [varint(HEADERS), varint(1 << 30), vec![0, 0]].concat();
    let long = "x".repeat(17 * 1024);
    let many: Vec<(&str, &str)> = (0..250).map(|_| ("x", "y")).collect();
    for bytes in [declared, connect(&[("x", &long)]), connect(&many)] {
        let mut stream = client.open(&bytes).await;
        assert_eq!(within(stream.status()).await, Ok(431));
        assert_eq!(within(stream.stopped()).await, Some(0x107));
        assert!(matches!(server.sees().await, Seen::Refused(UpgradeError::Http3(_))));
    }
    neighbour.is_undisturbed().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_given_up_after_the_handshake_timeout() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut neighbour = Neighbour::on(&client).await;
    server.sees().await;
    let begun = Instant::now();
    let mut half = client.open(&connect(&[])[..10]).await;
    // Unknown frames are no progress.
    let mut flood = client.open(&frame(UNKNOWN, &[0; 100])).await;
    for stream in [&mut half, &mut flood] {
        assert_eq!(within(stream.status()).await, Ok(408));
    }
    assert_eq!(begun.elapsed().as_secs(), 10);
    for _ in 0..2 {
        assert!(matches!(server.sees().await, Seen::Refused(UpgradeError::Timeout(_))));
    }
    neighbour.is_undisturbed().await;
}

#[tokio::test]
async fn floods_of_unknown_frames_are_skipped_and_disturb_nobody() {
    let server = Server::start(&Upgrader::new());
    let mut client = server.connect().await;
    let mut neighbour = Neighbour::on(&client).await;
    let mut stream = within(client.open_websocket(&[])).await;
    let flood = [frame(UNKNOWN, &[0; 60_000]), frame(UNKNOWN, &[]).repeat(10_000)].concat();
    for _ in 0..20 {
        within(stream.send_raw(&flood)).await;
        within(client.send_uni(&flood)).await;
        neighbour.is_undisturbed().await;
    }
    // The WebSocket goes on behind them.
    stream.send_frame(text("after the flood")).await;
    within(stream.expect(text("after the flood"))).await;
}

#[tokio::test]
async fn streams_of_unknown_types_are_stopped_and_cost_nothing_later() {
    let server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut neighbour = Neighbour::on(&client).await;
    // More than may be open at a time, so the server must have done with the first ones.
    for _ in 0..100 {
        let mut stream = within(client.quic().open_uni()).await.unwrap();
        let _ = stream.write_all(&[varint(UNKNOWN), vec![0; 1000]].concat()).await;
        assert_eq!(within(stream.stopped()).await.unwrap().map(|code| code.into_inner()), Some(0x103));
        let _ = stream.reset(0u32.into());
    }
    neighbour.is_undisturbed().await;
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts the hooks that were started and those that are running. They never end by themselves, except at `/ws`.
fn counted() -> (Upgrader, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (running, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (running.clone(), started.clone());
    let upgrader = Upgrader::new().on_request(move |request| {
        let (running, started) = counters.clone();
        async move {
            if request.uri().path() == "/ws" {
                return Ok(HeaderMap::new());
            }
            running.fetch_add(1, Ordering::SeqCst);
            started.fetch_add(1, Ordering::SeqCst);
            let _running = Running(running);
            pending().await
        }
    });
    (upgrader, running, started)
}

async fn until(counter: &AtomicUsize, count: usize) {
    while counter.load(Ordering::SeqCst) != count {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_reset_of_either_side_ends_the_hook_of_its_request() {
    let (upgrader, running, started) = counted();
    let server = Server::start(&upgrader);
    let client = server.connect().await;
    let mut neighbour = Neighbour::on(&client).await;
    for number in 1..=300 {
        let mut stream = client.open(&connect_to("/pending", &[])).await;
        within(until(&started, number)).await;
        if number % 2 == 0 {
            stream.reset(0x10C)
        } else {
            stream.stop(0x10C)
        }
        within(until(&running, 0)).await;
    }
    neighbour.is_undisturbed().await;
}

#[tokio::test]
async fn a_client_that_resets_without_end_is_told_that_it_is_too_much() {
    let (upgrader, running, _started) = counted();
    let server = Server::start(&upgrader);
    let client = server.connect().await;
    let mut neighbour = Neighbour::on(&client).await;
    let mut opened = 0;
    let code = loop {
        let opening = async {
            let (mut send, _recv) = client.quic().open_bi().await?;
            let _ = send.write_all(&connect_to("/pending", &[])).await;
            let _ = send.reset(0x10Cu32.into());
            Ok::<_, quinn::ConnectionError>(())
        };
        match within(opening).await {
            Ok(()) if opened == 0 => neighbour.is_undisturbed().await,
            Ok(()) => {}
            Err(_) => break within(client.closed()).await,
        }
        opened += 1;
        assert!(opened < 10_000, "there is no limit");
    };
    assert_eq!(code, 0x107);
    assert!(opened >= 1000, "a client may cancel {opened} requests");
    within(until(&running, 0)).await;
}

#[tokio::test]
async fn a_connection_has_a_hundred_streams_and_takes_no_datagrams() {
    let (upgrader, _running, started) = counted();
    let server = Server::start(&upgrader);
    let client = server.connect().await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(within(client.open(&connect_to("/pending", &[]))).await);
    }
    within(until(&started, 100)).await;
    let is_pending = poll_fn(|cx| Poll::Ready(pin!(client.quic().open_bi()).poll(cx).is_pending())).await;
    assert!(is_pending, "no more than 100");
    assert_eq!(client.quic().max_datagram_size(), None);
    // Those that end make room for others. quinn announces it in steps.
    streams.truncate(80);
    within(client.open_websocket(&[])).await;
}

#[tokio::test]
async fn a_hook_that_panics_delays_no_other_websocket() {
    let upgrader = Upgrader::new().on_request(|request| async move {
        assert_ne!(request.uri().path(), "/panic", "the hook panics on purpose");
        Ok(HeaderMap::new())
    });
    let server = Server::start(&upgrader);
    let client = server.connect().await;
    let mut bad = client.open(&connect_to("/panic", &[])).await;
    let mut neighbour = Neighbour::on(&client).await;
    assert_eq!(within(bad.status()).await, Err(Reset(0x10C)));
    neighbour.is_undisturbed().await;
}

#[tokio::test]
async fn early_data_is_refused_even_if_the_application_allows_it() {
    let certificate = Certificate::new();
    let mut tls = certificate.config();
    tls.max_early_data_size = u32::MAX;
    let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), tls).unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(async move {
        while let Some(client) = endpoint.accept().await {
            let mut http3 = Upgrader::new().serve_http3(client);
            tokio::spawn(async move { while http3.accept().await.is_some() {} });
        }
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der.into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.enable_early_data = true;
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let mut client = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    client.set_default_client_config(config);
    let first = within(client.connect(address, "localhost").unwrap()).await.unwrap();
    // The ticket for another connection comes after the handshake, with the control stream of the server.
    within(first.accept_uni()).await.unwrap();
    assert!(client.connect(address, "localhost").unwrap().into_0rtt().is_err());
}

/// Returns after how many seconds the server has ended its connection.
async fn ended(server: &mut Server) -> u64 {
    let begun = Instant::now();
    loop {
        let seen = server.seen.recv();
        match tokio::time::timeout(Duration::from_secs(3600), seen).await.expect("an end").unwrap() {
            Seen::Over => return begun.elapsed().as_secs(),
            Seen::Accepted(_) | Seen::Refused(_) | Seen::Ended(_) => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_of_quic_that_never_ends_is_given_up() {
    let mut server = Server::start(&Upgrader::new());
    let _connecting = Connection::begin_deaf(server.address, &server.certificate.der);
    assert!(matches!(server.sees().await, Seen::Refused(UpgradeError::Timeout(_))));
    assert!(matches!(server.sees().await, Seen::Over));
}

/// Clients with false addresses never answer. Beyond a number of handshakes, a client must prove its address first, and the
/// server keeps nothing of the others.
#[tokio::test]
async fn many_handshakes_in_progress_make_new_clients_prove_their_address() {
    let server = Server::start(&Upgrader::new().handshake_timeout(Duration::from_secs(600)));
    let mut begun = Vec::new();
    for number in 1..=256 {
        begun.push(Connection::begin_deaf(server.address, &server.certificate.der));
        within(until(&server.connections, number)).await;
    }
    for _ in 0..20 {
        begun.push(Connection::begin_deaf(server.address, &server.certificate.der));
    }
    let client = server.connect().await;
    Neighbour::on(&client).await.is_undisturbed().await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 257);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_websocket_ends() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    assert_eq!(ended(&mut server).await, 20);
    assert_eq!(within(client.closed()).await, 0x100);
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_some_time_after_its_last_websocket() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut stream = within(client.open_websocket(&[])).await;
    sleep(Duration::from_secs(15)).await;
    assert!(client.quic().close_reason().is_none());
    stream.reset(0x10C);
    assert!((10..=20).contains(&ended(&mut server).await));
}

/// The responses wait for the window of the client.
#[tokio::test(start_paused = true)]
async fn refusals_that_are_not_read_do_not_keep_a_connection_open() {
    let mut server = Server::start(&Upgrader::new());
    let connecting = Connection::connect_with(server.address, &server.certificate.der, |transport| {
        transport.stream_receive_window(0u32.into());
    });
    let mut client = within(connecting).await;
    client.open_uni(&control()).await;
    let get = headers(&[(":method", "GET"), (":scheme", "https"), (":authority", "example.com"), (":path", "/")]);
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(client.open(&get).await);
    }
    // Without room for our SETTINGS the connection does not even begin.
    assert!(ended(&mut server).await <= 40);
}

/// Its WebSocket ends by its keepalive or with the idle timeout of QUIC.
#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_does_not_keep_a_connection_open() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let _stream = within(client.open_websocket(&[])).await;
    client.vanish();
    let mut is_error = false;
    let begun = Instant::now();
    loop {
        let seen = server.seen.recv();
        match tokio::time::timeout(Duration::from_secs(3600), seen).await.expect("an end").unwrap() {
            Seen::Ended(result) => is_error = result.is_err(),
            Seen::Over => break,
            _ => {}
        }
    }
    assert!(is_error && begun.elapsed() < Duration::from_secs(120));
}

#[tokio::test]
async fn a_client_that_ends_its_stream_in_a_data_frame_breaks_its_promise() {
    let mut server = Server::start(&Upgrader::new());
    let client = server.connect().await;
    let mut stream = within(client.open_websocket(&[])).await;
    server.sees().await;
    let message = text("promised").masked(CLIENT_KEY).encode();
    stream.send_raw(&[varint(DATA), varint(message.len() as u64 + 1), message].concat()).await;
    within(stream.expect(text("promised"))).await;
    stream.finish();
    assert!(matches!(server.sees().await, Seen::Ended(Err(_))));
    assert_eq!(within(client.closed()).await, 0x106);
}
