//! The dialer and servers that break the rules of HTTP/3, each written by hand.

use http::Version;
use silverback::{
    DialError, Dialer,
    dial::{DialStep, VersionFault},
};
use silverback_testkit::{
    http3::{
        Connection, GOAWAY, Server as Raw, Stream, UNKNOWN, connect, control, data, frame, headers, server_control,
        varint,
    },
    wire::{close, text},
};

use super::support::Certificate;
use crate::support::within;

const OK: &[(&str, &str)] = &[(":status", "200")];

struct Faulty {
    raw: Raw,
    dialer: Dialer,
}

impl Faulty {
    fn start() -> Self {
        let certificate = Certificate::new();
        let raw = Raw::start(&certificate.der, &certificate.key, "h3");
        let dialer = certificate.dialer().resolve("localhost", raw.address());
        Self { raw, dialer }
    }

    fn dial(&self) -> impl Future<Output = Result<silverback::Conn, DialError>> + use<> {
        let dialer = self.dialer.clone();
        within(async move { dialer.dial("wss://localhost:1/ws").await })
    }

    async fn accept(&self) -> Connection {
        within(self.raw.accept()).await.unwrap()
    }

    /// Accepts a connection and its first request.
    async fn request(&self) -> (Connection, Stream) {
        let mut connection = self.accept().await;
        connection.open_uni(&server_control()).await;
        let mut stream = within(connection.accept()).await;
        within(stream.head()).await.unwrap();
        (connection, stream)
    }

    /// Answers one request with these bytes, and returns the result of the dial.
    async fn answer(&self, bytes: &[u8]) -> (Result<silverback::Conn, DialError>, Connection, Stream) {
        let dialing = tokio::spawn(self.dial());
        let (connection, mut stream) = self.request().await;
        stream.send_raw(bytes).await;
        (within(dialing).await.unwrap(), connection, stream)
    }
}

#[tokio::test]
async fn the_request_is_an_extended_connect_after_the_settings_and_has_no_end() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    let mut connection = server.accept().await;
    // Without SETTINGS there is no request.
    let mut uni = within(connection.control()).await;
    let (_, settings) = within(uni.receive()).await;
    assert_eq!(settings, [0x06, 0x80, 0x00, 0x40, 0x00], "only the limit on field sections");
    tokio::select! {
        biased;
        _ = connection.accept() => panic!("a request before the SETTINGS"),
        () = crate::support::settle() => {}
    }
    connection.open_uni(&server_control()).await;
    let mut stream = within(connection.accept()).await;
    let mut head = within(stream.head()).await.unwrap();
    head.retain(|(name, _)| name != "user-agent");
    let expected = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/ws"),
        (":authority", "localhost:1"),
        ("sec-websocket-version", "13"),
    ];
    assert_eq!(head, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // An interim response and an unknown frame mean nothing, and the first message may come with the response.
    let hint = headers(&[(":status", "103")]);
    let answer = [hint, frame(UNKNOWN, b"x"), headers(OK), data(&text("hello").encode())].concat();
    stream.send_raw(&answer).await;
    let mut conn = within(dialing).await.unwrap().unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
    conn.write_message("echo").await.unwrap();
    let received = within(stream.receive()).await.unwrap().unwrap();
    assert!(received.mask.is_some());
    assert_eq!(received.unmasked(), text("echo"));
}

#[tokio::test]
async fn a_server_without_extended_connect_gets_no_request() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    let mut connection = server.accept().await;
    connection.open_uni(&control()).await;
    let error = within(dialing).await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("does not announce extended CONNECT (RFC 9220)"), "{error}");
    let fault = VersionFault::ExtendedConnect;
    assert!(matches!(&error, DialError::HttpVersion { version: Version::HTTP_3, fault: seen, .. } if *seen == fault));
    assert_eq!(within(connection.closed()).await, 0x100);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_sends_no_settings_or_no_answer_is_a_timeout_of_the_handshake() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    let _silent = server.accept().await;
    let error = within(dialing).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.step() == Some(DialStep::Handshake), "{error}");
    let dialing = tokio::spawn(server.dial());
    let (connection, _stream) = server.request().await;
    let error = within(dialing).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.step() == Some(DialStep::Handshake), "{error}");
    assert_eq!(within(connection.closed()).await, 0x100);
}

#[tokio::test]
async fn only_a_2xx_opens_a_websocket() {
    for status in ["200", "201", "299"] {
        let server = Faulty::start();
        let head = headers(&[(":status", status), ("content-length", "5")]);
        let (dialed, _connection, _stream) = server.answer(&[head, data(&text("hello").encode())].concat()).await;
        // A Content-Length in such an answer means nothing (RFC 9110, 9.3.6).
        assert_eq!(within(dialed.unwrap().read_message()).await.unwrap(), Some("hello".into()));
    }
    for status in ["300", "403", "500"] {
        let server = Faulty::start();
        let dialing = tokio::spawn(server.dial());
        let (_connection, mut stream) = server.request().await;
        stream.send_raw(&[headers(&[(":status", status)]), data(b"why")].concat()).await;
        stream.finish();
        let error = within(dialing).await.unwrap().unwrap_err();
        assert_eq!(
            (error.refusal().unwrap().status.as_str(), &error.refusal().unwrap().body[..]),
            (status, &b"why"[..])
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_malformed_or_too_large_resets_its_stream_alone() {
    let server = Faulty::start();
    let dialer = server.dialer.clone();
    let connecting = tokio::spawn(async move { dialer.connect("wss://localhost:1").await });
    let mut connection = server.accept().await;
    connection.open_uni(&server_control()).await;
    let session = within(connecting).await.unwrap().unwrap();
    let answer = async |bytes: &[u8]| {
        let session = session.clone();
        let dialing = tokio::spawn(async move { session.dial("/ws").await });
        let mut stream = within(connection.accept()).await;
        stream.send_raw(bytes).await;
        (within(dialing).await.unwrap(), stream)
    };
    let (neighbour, mut good) = answer(&headers(OK)).await;
    let interim: Vec<u8> = (0..30).flat_map(|_| headers(&[(":status", "103")])).collect();
    for (bytes, code) in [
        (headers(&[(":status", "101")]), 0x10E),
        (headers(&[("no", "status")]), 0x10E),
        (interim, 0x107),
        (headers(&[(":status", "200"), ("x", &"x".repeat(20 * 1024))]), 0x107),
    ] {
        let (dialed, stream) = answer(&bytes).await;
        let error = dialed.unwrap_err();
        assert_eq!(error.step(), Some(DialStep::Handshake), "{error}");
        assert_eq!(within(stream.stopped()).await, Some(code), "{error}");
    }
    good.send_unmasked(text("still here")).await;
    assert_eq!(within(neighbour.unwrap().read_message()).await.unwrap(), Some("still here".into()));
}

#[tokio::test]
async fn an_answer_that_breaks_http_3_ends_the_connection() {
    for (bytes, code) in
        [(data(b"early"), 0x105), (frame(0x4, b""), 0x105), (frame(0x5, b"\0"), 0x108), (frame(0x1, b"\xFF"), 0x200)]
    {
        let server = Faulty::start();
        let (dialed, connection, _stream) = server.answer(&bytes).await;
        let error = dialed.unwrap_err();
        assert_eq!(error.step(), Some(DialStep::Handshake), "{error}");
        assert_eq!(within(connection.closed()).await, code, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_ends_the_stream_or_resets_it_is_an_error() {
    let server = Faulty::start();
    for code in [None, Some(0x10C), Some(0x102)] {
        let dialing = tokio::spawn(server.dial());
        let (_connection, mut stream) = server.request().await;
        match code {
            None => stream.finish(),
            Some(code) => stream.reset(code),
        }
        let error = within(dialing).await.unwrap().unwrap_err();
        assert_eq!(error.step(), Some(DialStep::Handshake), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_was_not_processed_is_sent_again_on_a_new_connection() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    let (_first, mut rejected) = server.request().await;
    rejected.reset(0x10B);
    let (_second, mut stream) = server.request().await;
    stream.send_raw(&headers(OK)).await;
    within(dialing).await.unwrap().unwrap();
}

/// RFC 9114, 5.2: a stream whose number is not below that of GOAWAY was not processed.
#[tokio::test]
async fn a_request_that_goaway_leaves_out_is_sent_again_on_a_new_connection() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    let (mut first, _unanswered) = server.request().await;
    first.send_uni(&frame(GOAWAY, &[0])).await;
    assert_eq!(within(first.closed()).await, 0x100);
    // It may also come before the request.
    let mut second = server.accept().await;
    second.open_uni(&[server_control(), frame(GOAWAY, &[0])].concat()).await;
    let (_third, mut stream) = server.request().await;
    stream.send_raw(&headers(OK)).await;
    within(dialing).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_leaves_out_every_request_gets_three() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    for _ in 0..3 {
        let (mut connection, _unanswered) = server.request().await;
        connection.send_uni(&frame(GOAWAY, &[0])).await;
        assert_eq!(within(connection.closed()).await, 0x100);
    }
    let error = within(dialing).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("has not processed the request (GOAWAY)"), "{error}");
}

#[tokio::test]
async fn a_request_below_the_identifier_of_goaway_is_still_answered() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    let (mut connection, mut stream) = server.request().await;
    connection.send_uni(&frame(GOAWAY, &[4])).await;
    crate::support::settle().await;
    stream.send_raw(&headers(OK)).await;
    within(dialing).await.unwrap().unwrap();
}

/// A program that exits sends nothing more, and the server would keep the connection until its idle timeout.
#[tokio::test]
async fn the_end_of_the_connection_has_left_when_close_returns() {
    let server = Faulty::start();
    let dialer = server.dialer.clone();
    let program = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut conn = within(dialer.dial("wss://localhost:1/ws")).await.unwrap();
            within(conn.close(1000, "done")).await.unwrap();
            assert!(conn.close_info().unwrap().is_clean);
        });
        // The runtime is dropped here, and nothing of it runs again.
    });
    let (connection, mut stream) = server.request().await;
    stream.send_raw(&headers(OK)).await;
    assert_eq!(within(stream.receive()).await.unwrap().unwrap().unmasked(), close(1000, "done"));
    stream.send_unmasked(close(1000, "done")).await;
    stream.finish();
    assert_eq!(within(connection.closed()).await, 0x100);
    program.join().unwrap();
}

#[tokio::test]
async fn faults_on_the_unidirectional_streams_end_the_connection() {
    let push = varint(1);
    for (streams, code) in [
        (vec![server_control(), server_control()], 0x103),
        (vec![[varint(0), frame(GOAWAY, &[0])].concat()], 0x10A),
        (vec![[server_control(), frame(GOAWAY, &[1])].concat()], 0x108),
        (vec![[server_control(), frame(0xD, &[1])].concat()], 0x105),
        (vec![push], 0x108),
        (vec![[varint(0), frame(0x4, &[0x08, 0x02])].concat()], 0x109),
        (vec![[varint(2), vec![0x21]].concat()], 0x201),
    ] {
        let server = Faulty::start();
        let dialing = tokio::spawn(server.dial());
        let mut connection = server.accept().await;
        for bytes in &streams {
            connection.open_uni(bytes).await;
        }
        assert_eq!(within(connection.closed()).await, code);
        let _ = within(dialing).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_may_open_no_stream_in_both_directions() {
    let server = Faulty::start();
    let dialing = tokio::spawn(server.dial());
    let (connection, mut stream) = server.request().await;
    stream.send_raw(&headers(OK)).await;
    let _conn = within(dialing).await.unwrap().unwrap();
    let request = connect(&[]);
    tokio::select! {
        biased;
        _ = connection.open(&request) => panic!("the client allows a stream"),
        () = crate::support::settle() => {}
    }
}
