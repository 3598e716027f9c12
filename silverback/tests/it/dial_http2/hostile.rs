//! Servers that break HTTP/2, byte by byte, and dials that are dropped in each step.

use std::{future::pending, io, time::Duration};

use h2::{Reason, server};
use silverback::{
    Conn, DialError, Dialer,
    dial::{DialStep, HttpVersion, VersionFault},
};
use silverback_testkit::{
    http2::Server,
    wire::{Frame, text},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
    time::Instant,
};

use super::network::{Connections, URL, network};
use crate::support::{settle, within};

type Dialling = JoinHandle<Result<Conn, DialError>>;

/// A server that writes bytes.
struct RawServer(DuplexStream);

/// A frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS with these parameters.
fn settings(parameters: &[(u16, u32)]) -> Vec<u8> {
    let payload = parameters.iter().flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat());
    frame(SETTINGS, 0, 0, &payload.collect::<Vec<u8>>())
}

fn data(payload: &[u8]) -> Vec<u8> {
    frame(DATA, 0, 1, payload)
}

fn accepted() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &[STATUS_200])
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const ENABLE_CONNECT: (u16, u32) = (8, 1);
/// Of the static table of HPACK.
const STATUS_200: u8 = 0x88;

impl RawServer {
    /// Takes the client's preface and its SETTINGS, and sends nothing.
    async fn next(connections: &mut Connections) -> Self {
        let mut stream = connections.next().await;
        let mut preface = [0; 24];
        within(stream.read_exact(&mut preface)).await.unwrap();
        assert!(preface.starts_with(b"PRI * HTTP/2.0"));
        Self(stream)
    }

    async fn send(&mut self, frames: &[Vec<u8>]) {
        within(self.0.write_all(&frames.concat())).await.unwrap();
    }

    /// The next frame as kind, flags, stream and payload.
    async fn receive(&mut self) -> io::Result<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, d, e, f, g] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await?;
        Ok((kind, flags, u32::from_be_bytes([d, e, f, g]), payload))
    }

    /// The code of the next GOAWAY or RST_STREAM.
    async fn receive_error(&mut self) -> Reason {
        loop {
            let (kind, _, _, payload) = within(self.receive()).await.unwrap();
            if kind == GOAWAY || kind == RST_STREAM {
                let code = payload.last_chunk().copied().unwrap();
                return u32::from_be_bytes(code).into();
            }
        }
    }

    /// Skips frames until one of this kind.
    async fn receive_kind(&mut self, kind: u8) -> (u32, Vec<u8>) {
        loop {
            let frame = within(self.receive()).await.unwrap();
            if frame.0 == kind {
                return (frame.2, frame.3);
            }
        }
    }
}

fn dial(dialer: Dialer) -> Dialling {
    tokio::spawn(async move { dialer.dial(URL).await })
}

async fn failed(dialling: Dialling) -> DialError {
    within(dialling).await.unwrap().unwrap_err()
}

/// Dials, and returns the server once it has got the request.
async fn asked() -> (Dialling, RawServer) {
    let (dialer, mut connections) = network();
    let dialling = dial(dialer);
    let mut server = RawServer::next(&mut connections).await;
    server.send(&[settings(&[ENABLE_CONNECT])]).await;
    assert_eq!(server.receive_kind(HEADERS).await.0, 1);
    (dialling, server)
}

mod settings_of_the_server {
    use super::*;

    #[tokio::test]
    async fn come_before_the_request() {
        let (dialer, mut connections) = network();
        let dialling = dial(dialer);
        let mut server = RawServer::next(&mut connections).await;
        settle().await;
        // Our SETTINGS and the window of the connection have come, and nothing else.
        let kinds = [within(server.receive()).await.unwrap().0, within(server.receive()).await.unwrap().0];
        assert_eq!(kinds, [SETTINGS, 8]);
        let mut byte = [0];
        assert!(tokio::time::timeout(Duration::from_millis(50), server.0.read(&mut byte)).await.is_err());
        server.send(&[settings(&[ENABLE_CONNECT])]).await;
        server.receive_kind(HEADERS).await;
        server.send(&[accepted()]).await;
        within(dialling).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn that_never_come_are_a_timeout() {
        let (dialer, mut connections) = network();
        let begun = Instant::now();
        let dialling = dial(dialer);
        let mut server = RawServer::next(&mut connections).await;
        let error = failed(dialling).await;
        assert!(matches!(error, DialError::Timeout { step: DialStep::Handshake, .. }), "{error}");
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
        within(server.0.read_to_end(&mut Vec::new())).await.unwrap();
    }

    /// 10 s once, not for each part of the handshake.
    #[tokio::test(start_paused = true)]
    async fn that_come_late_leave_less_time_for_the_answer() {
        let (dialer, mut connections) = network();
        let begun = Instant::now();
        let dialling = dial(dialer);
        let mut server = RawServer::next(&mut connections).await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        server.send(&[settings(&[ENABLE_CONNECT])]).await;
        assert!(failed(dialling).await.is_timeout());
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test]
    async fn without_extended_connect_are_an_error_that_says_so() {
        for parameters in [&[][..], &[(8, 0)]] {
            let (dialer, mut connections) = network();
            let dialling = dial(dialer);
            let mut server = RawServer::next(&mut connections).await;
            server.send(&[settings(parameters)]).await;
            let error = failed(dialling).await;
            assert!(matches!(error, DialError::HttpVersion { fault: VersionFault::ExtendedConnect, .. }), "{error}");
            let said = "the server server.example:80 does not take WebSockets over HTTP/2: it does not announce \
                        extended CONNECT (RFC 8441)";
            assert_eq!(error.to_string(), said);
            assert_eq!(error.step(), Some(DialStep::Handshake));
        }
    }

    #[tokio::test]
    async fn of_another_protocol_are_an_error_that_says_so() {
        for answer in [&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.2\r\n\r\n"] {
            let (dialer, mut connections) = network();
            let dialling = dial(dialer);
            let mut server = RawServer::next(&mut connections).await;
            within(server.0.write_all(answer)).await.unwrap();
            let error = failed(dialling).await;
            assert!(matches!(error, DialError::HttpVersion { fault: VersionFault::OtherProtocol, .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn that_do_not_come_before_the_end_are_an_error_of_the_handshake() {
        let (dialer, mut connections) = network();
        let dialling = dial(dialer);
        drop(RawServer::next(&mut connections).await);
        let error = failed(dialling).await;
        assert!(matches!(error, DialError::Io { step: DialStep::Handshake, .. }), "{error}");
    }

    /// GOAWAY with the code NO_ERROR means that another connection may work.
    #[tokio::test]
    async fn that_come_with_a_goaway_are_an_error_with_its_reason() {
        for (code, words, attempts) in
            [(0, "ended the connection before the request (GOAWAY)", 3), (11, "excessive load", 1)]
        {
            let (dialer, mut connections) = network();
            let dialling = dial(dialer);
            let mut servers = Vec::new();
            for _ in 0..attempts {
                let mut server = RawServer::next(&mut connections).await;
                let goaway = frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, code]);
                server.send(&[settings(&[ENABLE_CONNECT]), goaway]).await;
                servers.push(server);
            }
            let error = failed(dialling).await;
            assert!(matches!(error, DialError::Io { step: DialStep::Handshake, .. }), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn that_come_with_a_goaway_without_an_error_lead_to_another_connection() {
        let (dialer, mut connections) = network();
        let dialling = dial(dialer);
        let mut server = RawServer::next(&mut connections).await;
        server.send(&[settings(&[ENABLE_CONNECT]), frame(GOAWAY, 0, 0, &[0; 8])]).await;
        let mut second = connections.next_server().await;
        let _stream = within(second.request()).await.accept();
        within(dialling).await.unwrap().unwrap();
    }
}

mod frames_of_the_server {
    use super::*;

    #[tokio::test]
    async fn before_the_answer_must_not_be_data() {
        let (dialling, mut server) = asked().await;
        server.send(&[data(&text("early").encode())]).await;
        let error = failed(dialling).await;
        assert!(matches!(error, DialError::Io { step: DialStep::Handshake, .. }), "{error}");
    }

    #[tokio::test]
    async fn together_with_the_answer_are_read() {
        let (dialling, mut server) = asked().await;
        server.send(&[accepted(), data(&text("with it").encode())]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("with it".into()));
    }

    /// RFC 9110, 9.3.6 lets a client ignore it, but h2 does not: the first DATA frame is then too long.
    #[tokio::test]
    async fn after_an_answer_with_a_content_length_end_the_websocket_alone() {
        let (dialling, mut server) = asked().await;
        server.send(&[frame(HEADERS, END_HEADERS, 1, &[STATUS_200, 0x0f, 0x0d, 1, b'0'])]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        server.send(&[data(&text("hello").encode())]).await;
        within(conn.read_message()).await.unwrap_err();
        assert_eq!(server.receive_error().await, Reason::PROTOCOL_ERROR);
    }

    #[tokio::test]
    async fn that_are_empty_data_are_not_the_end() {
        let (dialling, mut server) = asked().await;
        server.send(&[accepted()]).await;
        for _ in 0..50 {
            server.send(&[data(b"")]).await;
        }
        server.send(&[data(&text("after all").encode())]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("after all".into()));
    }

    /// RFC 9113, 6.9: the window is a promise.
    #[tokio::test]
    async fn beyond_our_window_end_the_connection() {
        let (dialling, mut server) = asked().await;
        server.send(&[accepted()]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        let flood = Frame { declared_len: Some(1 << 20), ..silverback_testkit::wire::binary(b"") }.encode();
        server.send(&[data(&flood)]).await;
        for _ in 0..=16 {
            if server.0.write_all(&data(&[0; 16 * 1024])).await.is_err() {
                break;
            }
        }
        assert_eq!(server.receive_error().await, Reason::FLOW_CONTROL_ERROR);
        within(conn.read_message()).await.unwrap_err();
    }

    #[tokio::test]
    async fn that_flood_us_are_answered_no_faster_than_they_are_taken() {
        let (dialling, mut server) = asked().await;
        server.send(&[accepted()]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        // The server reads nothing, so the client stops to read after its own pipe is full.
        let ping = frame(PING, 0, 0, &[7; 8]);
        let empty = settings(&[]);
        let flood: Vec<u8> = (0..1000).flat_map(|_| [ping.clone(), empty.clone()].concat()).collect();
        let mut sent = 0;
        while tokio::time::timeout(Duration::from_millis(300), server.0.write_all(&flood)).await.is_ok() {
            sent += flood.len();
            assert!(sent < 16 * 1024 * 1024, "the client takes everything and answers");
        }
        let _ = conn.try_write_message("still here");
    }

    #[tokio::test]
    async fn that_push_are_refused() {
        let (dialling, mut server) = asked().await;
        server.send(&[frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])]).await;
        let error = failed(dialling).await;
        assert_eq!(error.step(), Some(DialStep::Handshake), "{error}");
    }

    #[tokio::test]
    async fn that_never_end_a_header_section_end_the_connection() {
        let (dialling, mut server) = asked().await;
        let _ = server.0.write_all(&frame(HEADERS, 0, 1, &[STATUS_200])).await;
        // A field of 4 KiB, again and again.
        let field = [&[0x00, 0x01, b'x', 0x7f, 0x81, 0x1f][..], &[b'y'; 4096]].concat();
        for _ in 0..1000 {
            if server.0.write_all(&frame(CONTINUATION, 0, 1, &field)).await.is_err() {
                break;
            }
        }
        let error = failed(dialling).await;
        assert_eq!(error.step(), Some(DialStep::Handshake), "{error}");
    }

    #[tokio::test]
    async fn with_a_large_header_section_fail_that_handshake() {
        let (dialling, mut server) = asked().await;
        let field = [&[0x00, 0x01, b'x', 0x7f, 0x81, 0x1f][..], &[b'y'; 4096]].concat();
        let mut frames = vec![frame(HEADERS, 0, 1, &[STATUS_200])];
        frames.extend((0..5).map(|number| frame(CONTINUATION, if number == 4 { END_HEADERS } else { 0 }, 1, &field)));
        server.send(&frames).await;
        let error = failed(dialling).await;
        assert_eq!(error.step(), Some(DialStep::Handshake), "{error}");
    }

    #[tokio::test]
    async fn that_reset_the_stream_end_the_websocket() {
        let (dialling, mut server) = asked().await;
        server.send(&[accepted()]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        server.send(&[frame(RST_STREAM, 0, 1, &u32::from(Reason::CANCEL).to_be_bytes())]).await;
        within(conn.read_message()).await.unwrap_err();
    }
}

/// RFC 9113, 6.8: the GOAWAY names the last stream that the server has processed.
#[tokio::test]
async fn a_goaway_that_leaves_a_request_unprocessed_moves_it_to_another_connection() {
    let (dialer, mut connections) = network();
    let dialling = dial(dialer);
    let mut server = RawServer::next(&mut connections).await;
    server.send(&[settings(&[ENABLE_CONNECT])]).await;
    server.receive_kind(HEADERS).await;
    server.send(&[frame(GOAWAY, 0, 0, &[0; 8])]).await;
    let mut second = connections.next_server().await;
    let _stream = within(second.request()).await.accept();
    within(dialling).await.unwrap().unwrap();
}

/// The server says that the fault is ours.
#[tokio::test]
async fn a_goaway_with_an_error_on_a_new_connection_is_not_tried_again() {
    let (dialling, mut server) = asked().await;
    server.send(&[frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11])]).await;
    let error = failed(dialling).await;
    assert!(error.to_string().contains("excessive load"), "{error}");
}

mod frames_of_ours {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn are_no_pings_of_http_2() {
        let (dialling, mut server) = asked().await;
        server.send(&[accepted()]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        let reading = tokio::spawn(async move { conn.read_message().await });
        let mut pings = 0;
        while pings < 5 {
            let (kind, flags, stream, payload) = within(server.receive()).await.unwrap();
            assert_ne!(kind, PING);
            if kind == DATA {
                assert_eq!((flags, stream, payload[0]), (0, 1, 0x89), "the ping of the WebSocket");
                let (ping, _) = silverback_testkit::wire::decode(&payload).unwrap();
                server.send(&[data(&silverback_testkit::wire::pong(ping.payload).encode())]).await;
                pings += 1;
            } else {
                assert_eq!((kind, flags), (SETTINGS, ACK));
            }
        }
        assert!(!reading.is_finished());
    }

    /// RFC 9113, 6.9.2: a window of the server may be small, shrink, and even be negative.
    #[tokio::test]
    async fn stay_within_the_window_of_the_server() {
        let (dialer, mut connections) = network();
        let dialling = dial(dialer);
        let mut server = RawServer::next(&mut connections).await;
        server.send(&[settings(&[ENABLE_CONNECT, (4, 10)]), frame(SETTINGS, ACK, 0, &[])]).await;
        server.receive_kind(HEADERS).await;
        server.send(&[accepted()]).await;
        let mut conn = within(dialling).await.unwrap().unwrap();
        conn.write_message("x".repeat(100)).await.unwrap();
        let writing = tokio::spawn(async move { conn.flush().await.map(|()| conn) });
        let mut received = Vec::new();
        while received.len() < 10 {
            received.extend(server.receive_kind(DATA).await.1);
        }
        assert_eq!(received.len(), 10);
        // Now 5 less than nothing, and then a little at a time.
        server.send(&[settings(&[(4, 5)])]).await;
        for _ in 0..24 {
            server.send(&[frame(8, 0, 1, &4_u32.to_be_bytes())]).await;
        }
        server.send(&[frame(8, 0, 1, &10_u32.to_be_bytes())]).await;
        while received.len() < 106 {
            received.extend(server.receive_kind(DATA).await.1);
            assert!(received.len() <= 5 + 24 * 4 + 10);
        }
        let (frame, _) = silverback_testkit::wire::decode(&received).unwrap();
        assert_eq!(frame.unmasked(), text("x".repeat(100)));
        within(writing).await.unwrap().unwrap();
    }
}

/// Each drop leaves nothing behind and disturbs no other WebSocket of the session.
mod a_dial_that_is_dropped {
    use super::*;

    #[tokio::test]
    async fn while_it_connects_lets_the_next_one_connect() {
        let dialer =
            Dialer::new().http_version(HttpVersion::Http2).connector(|_| pending::<io::Result<DuplexStream>>());
        let dialling = dial(dialer);
        settle().await;
        dialling.abort();
        assert!(dialling.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn before_the_settings_closes_its_connection() {
        let (dialer, mut connections) = network();
        let dialling = dial(dialer);
        let mut server = RawServer::next(&mut connections).await;
        dialling.abort();
        within(server.0.read_to_end(&mut Vec::new())).await.unwrap();
    }

    #[tokio::test]
    async fn while_others_wait_for_its_connection_leaves_it_to_them() {
        let (dialer, mut connections) = network();
        let connecting = tokio::spawn({
            let dialer = dialer.clone();
            async move { dialer.connect("ws://server.example").await }
        });
        let server = Server::serve(connections.next().await);
        let session = within(connecting).await.unwrap().unwrap();
        server.vanish();
        let dial = |path: &'static str| {
            let session = session.clone();
            tokio::spawn(async move { session.dial(path).await })
        };
        let first = dial("/first");
        // It holds the place for a new connection, whose SETTINGS do not come.
        let mut silent = RawServer::next(&mut connections).await;
        let second = dial("/second");
        settle().await;
        assert_eq!(connections.count(), 2);
        first.abort();
        let mut server = connections.next_server().await;
        let asked = within(server.request()).await;
        assert_eq!(asked.request.uri().path(), "/second");
        let _stream = asked.accept();
        within(second).await.unwrap().unwrap();
        within(silent.0.read_to_end(&mut Vec::new())).await.unwrap();
    }

    #[tokio::test]
    async fn before_its_answer_resets_its_stream_alone() {
        let (dialer, mut connections) = network();
        let connecting = tokio::spawn(async move { dialer.connect("ws://server.example").await });
        let mut builder = server::Builder::new();
        builder.enable_connect_protocol();
        let mut server = Server::serve_with(connections.next().await, &builder);
        let session = within(connecting).await.unwrap().unwrap();
        let dial = |path: &'static str| {
            let session = session.clone();
            tokio::spawn(async move { session.dial(path).await })
        };
        let neighbour = dial("/neighbour");
        let mut stream = within(server.request()).await.accept();
        let mut neighbour = within(neighbour).await.unwrap().unwrap();
        for _ in 0..300 {
            let dialling = dial("/dropped");
            let mut asked = within(server.request()).await;
            dialling.abort();
            assert_eq!(within(asked.was_reset()).await.unwrap(), Reason::CANCEL);
        }
        stream.send_frame(text("still here"));
        assert_eq!(within(neighbour.read_message()).await.unwrap(), Some("still here".into()));
        assert_eq!(connections.count(), 1);
    }

    /// Many dials wait for one connection, and none waits longer than its time limit.
    #[tokio::test(start_paused = true)]
    async fn or_waits_for_the_connection_of_another_ends_at_its_limit() {
        let (dialer, mut connections) = network();
        let dialer = dialer.timeout(Duration::from_secs(15));
        let connecting = tokio::spawn({
            let dialer = dialer.clone();
            async move { dialer.connect("ws://server.example").await }
        });
        let server = Server::serve(connections.next().await);
        let session = within(connecting).await.unwrap().unwrap();
        server.vanish();
        let begun = Instant::now();
        let dialling: Vec<Dialling> = (0..5)
            .map(|_| {
                let session = session.clone();
                tokio::spawn(async move { session.dial("/ws").await })
            })
            .collect();
        let mut held = Vec::new();
        for dialling in dialling {
            let error = failed(dialling).await;
            assert!(error.is_timeout(), "{error}");
            assert!(begun.elapsed() <= Duration::from_secs(15), "{:?}", begun.elapsed());
            held.push(connections.count());
        }
    }
}
