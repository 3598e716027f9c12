//! The dialer over HTTP/3, with our own server.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Response, Version};
use rustls::CertificateError;
use silverback::{
    Compression, DialError, Dialer, Upgrader,
    dial::{DialStep, HttpVersion, QuicMisuse, VersionFault},
    tls::Tls,
};
use silverback_testkit::http3::Server as Raw;
use tokio::sync::mpsc::unbounded_channel;

use super::support::{Certificate, Seen, Server};
use crate::support::within;

#[tokio::test]
async fn a_dialer_and_a_server_converse_and_close_cleanly() {
    let mut server = Server::start(&Upgrader::new().subprotocols(["chat"]));
    let dialer = server.dialer().subprotocols(["chat"]);
    let (mut conn, response) = within(dialer.dial_with_response(server.url("/welcome"))).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_3));
    assert_eq!(conn.subprotocol().unwrap().as_str(), "chat");
    assert_eq!(conn.peer_addr(), Some(server.address));
    assert_eq!(conn.local_addr(), None);
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("welcome".into()));
    conn.write_message("hello").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
    within(conn.close(1000, "done")).await.unwrap();
    assert!(conn.close_info().unwrap().is_clean);
    assert!(matches!(server.sees().await, Seen::Accepted(path) if path == "/welcome"));
    assert!(matches!(server.sees().await, Seen::Ended(Ok(()))));
    // The connection has no other stream, so the client ends it in order.
    assert!(matches!(server.sees().await, Seen::Over));
}

#[tokio::test]
async fn large_messages_pass_with_compression_and_without() {
    let compression = Compression::default();
    let server = Server::start(&Upgrader::new().compression(compression.clone()));
    // The generator is that of Knuth, so that the message does not shrink.
    let noise = |seed: u64| {
        (0..3 * 1024 * 1024).scan(seed, |state, _| {
            *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            Some((*state >> 56) as u8)
        })
    };
    for dialer in [server.dialer(), server.dialer().compression(compression)] {
        let mut conn = within(dialer.dial(server.url("/ws"))).await.unwrap();
        for message in [noise(1).collect::<Vec<u8>>(), vec![7; 3 * 1024 * 1024]] {
            conn.write_message(message.clone()).await.unwrap();
            let echo = within(conn.read_message()).await.unwrap().unwrap();
            assert!(echo.as_bytes() == message);
        }
    }
}

#[tokio::test]
async fn the_server_may_close_first() {
    let upgrader = Upgrader::new();
    let certificate = Certificate::new();
    let endpoint = silverback::Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), certificate.config()).unwrap();
    let url = format!("wss://localhost:{}/", endpoint.local_addr().unwrap().port());
    let dialer = certificate.dialer().resolve("localhost", endpoint.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut http3 = upgrader.serve_http3(endpoint.accept().await.unwrap());
        let (mut conn, _) = http3.accept().await.unwrap().unwrap();
        assert_eq!(conn.local_addr(), endpoint.local_addr().ok());
        assert_eq!(conn.peer_addr(), Some(http3.remote_address()));
        conn.close(1001, "bye").await.unwrap();
        assert!(conn.close_info().unwrap().is_clean);
        assert!(http3.accept().await.is_none());
    });
    let mut conn = within(dialer.dial(url)).await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    let info = conn.close_info().unwrap();
    assert!(info.is_clean && info.has_code([1001]), "{info:?}");
    drop(conn);
    within(serving).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_dropped_is_reset_on_the_other_side() {
    let mut server = Server::start(&Upgrader::new());
    let conn = within(server.dialer().dial(server.url("/ws"))).await.unwrap();
    server.sees().await;
    drop(conn);
    assert!(matches!(server.sees().await, Seen::Ended(Err(_))));
    // A reset may overtake the response.
    match within(server.dialer().dial(server.url("/dropped"))).await {
        Ok(mut conn) => _ = within(conn.read_message()).await.unwrap_err(),
        Err(error) => assert_eq!(error.step(), Some(DialStep::Handshake)),
    }
}

/// As over TCP, where the kernel sends what was written. Nothing but the reset says that something is missing.
#[tokio::test]
async fn messages_that_were_flushed_arrive_although_their_connection_is_dropped() {
    let server = Server::start(&Upgrader::new());
    let mut conn = within(server.dialer().dial(server.url("/last-words"))).await.unwrap();
    for number in 0..20 {
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(format!("{number}").into()));
    }
    within(conn.read_message()).await.unwrap_err();

    let certificate = Certificate::new();
    let endpoint = silverback::Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), certificate.config()).unwrap();
    let url = format!("wss://localhost:{}/", endpoint.local_addr().unwrap().port());
    let dialer = certificate.dialer().resolve("localhost", endpoint.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut http3 = Upgrader::new().serve_http3(endpoint.accept().await.unwrap());
        let (mut conn, _) = http3.accept().await.unwrap().unwrap();
        for number in 0..20 {
            assert_eq!(conn.read_message().await.unwrap(), Some(format!("{number}").into()));
        }
        conn.read_message().await.unwrap_err();
    });
    let mut conn = within(dialer.dial(url)).await.unwrap();
    for number in 0..20 {
        conn.write_message(format!("{number}")).await.unwrap();
    }
    conn.flush().await.unwrap();
    drop(conn);
    within(serving).await.unwrap();
}

#[tokio::test]
async fn a_refusal_has_its_status_headers_and_body() {
    let upgrader = Upgrader::new().on_request(|request| async move {
        match request.headers().get("authorization") {
            Some(_) => Ok(HeaderMap::new()),
            None => {
                let response = Response::builder().status(401).header("www-authenticate", "Basic");
                Err(response.body("Who are you?".to_owned()).unwrap())
            }
        }
    });
    let server = Server::start(&upgrader);
    let error = within(server.dialer().dial(server.url("/ws"))).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status.as_u16(), &refusal.body[..]), (401, &b"Who are you?"[..]));
    assert_eq!(refusal.headers["www-authenticate"], "Basic");
    assert_eq!((error.step(), error.peer()), (Some(DialStep::Handshake), Some(server.address)));
    within(server.dialer().basic_auth("user", "secret").dial(server.url("/ws"))).await.unwrap();
}

#[tokio::test]
async fn the_observer_sees_each_step() {
    let server = Server::start(&Upgrader::new());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    let dialer = server.dialer().observer(move |event| notes.lock().unwrap().push(event.to_string()));
    within(dialer.dial(server.url("/ws"))).await.unwrap();
    let seen = seen.lock().unwrap();
    let begins = ["localhost has 1", "connecting to", "connected to", "TLSv1_3 with"];
    let ends = ["speaks HTTP/3 and takes WebSockets", "the opening handshake is sent", "answered with 200"];
    assert_eq!(seen.len(), begins.len() + ends.len(), "{seen:?}");
    assert!(seen.iter().zip(begins.into_iter().chain(ends)).all(|(line, part)| line.contains(part)), "{seen:?}");
}

/// An application finds the same errors as over TCP.
fn certificate_error(error: &DialError) -> &CertificateError {
    match error {
        DialError::Io { step: DialStep::Tls, source, .. } => {
            match source.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(rustls::Error::InvalidCertificate(error)) => error,
                other => panic!("{other:?}"),
            }
        }
        _ => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_an_error_of_tls() {
    let server = Server::start(&Upgrader::new());
    let dialer = Certificate::new().dialer().resolve("localhost", server.address);
    let error = within(dialer.dial(server.url("/ws"))).await.unwrap_err();
    assert_eq!((error.step(), error.peer()), (Some(DialStep::Tls), Some(server.address)));
    assert_eq!(certificate_error(&error), &CertificateError::UnknownIssuer, "{error}");
    // The name is not that of the certificate.
    let dialer = server.certificate.dialer().resolve("other.example", server.address);
    let error = within(dialer.dial(server.url("/").replace("localhost", "other.example"))).await.unwrap_err();
    assert_eq!(certificate_error(&error), &CertificateError::NotValidForName, "{error}");
    let tls = Tls::new().add_roots(server.certificate.pem.clone()).server_name("localhost");
    within(dialer.tls(tls).dial(server.url("/").replace("localhost", "other.example"))).await.unwrap();
}

#[tokio::test]
async fn a_server_of_another_protocol_does_not_take_websockets_over_http_3() {
    let certificate = Certificate::new();
    let raw = Raw::start(&certificate.der, &certificate.key, "hq-interop");
    let dialer = certificate.dialer().resolve("localhost", raw.address());
    let accepting = tokio::spawn(async move { raw.accept().await.map(drop) });
    let error = within(dialer.dial("wss://localhost:1/")).await.unwrap_err();
    let fault = VersionFault::Alpn { selected: None };
    assert!(matches!(&error, DialError::HttpVersion { version: Version::HTTP_3, fault: seen, .. } if *seen == fault));
    within(accepting).await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_port_where_nobody_answers_is_a_timeout_of_connecting() {
    // Bound, and never read.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dialer = Certificate::new().dialer().resolve("localhost", socket.local_addr().unwrap());
    let error = within(dialer.dial("wss://localhost:1/")).await.unwrap_err();
    assert!(error.is_timeout() && error.step() == Some(DialStep::Connect), "{error}");
}

#[tokio::test(start_paused = true)]
async fn addresses_are_raced_and_the_one_that_answers_wins() {
    let server = Server::start(&Upgrader::new());
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dialer = server.certificate.dialer();
    let dialer = dialer.resolve("localhost", silent.local_addr().unwrap()).resolve("localhost", server.address);
    let begun = tokio::time::Instant::now();
    within(dialer.dial(server.url("/ws"))).await.unwrap();
    assert!(begun.elapsed().as_secs() < 5);
}

#[tokio::test]
async fn a_local_address_is_used() {
    let server = Server::start(&Upgrader::new());
    let dialer = server.dialer().local_address("127.0.0.2".parse().unwrap());
    let conn = within(dialer.dial(server.url("/ws"))).await.unwrap();
    assert_eq!(conn.local_addr().unwrap().ip().to_string(), "127.0.0.2");
    // No address of the server has this family.
    let dialer = server.dialer().local_address("::1".parse().unwrap());
    assert_eq!(within(dialer.dial(server.url("/ws"))).await.unwrap_err().step(), Some(DialStep::Connect));
}

#[tokio::test]
async fn settings_that_cannot_work_over_quic_are_misuse() {
    let dialer = Dialer::new().http_version(HttpVersion::Http3);
    let (stream, _other) = tokio::io::duplex(64);
    let connector = dialer.clone().connector(|_| async { Ok(tokio::io::duplex(64).0) });
    for (error, misuse) in [
        (dialer.dial("ws://localhost:1/").await.unwrap_err(), QuicMisuse::Scheme),
        (dialer.clone().proxy("http://127.0.0.1:1").dial("wss://localhost:1/").await.unwrap_err(), QuicMisuse::Proxy),
        (connector.dial("wss://localhost:1/").await.unwrap_err(), QuicMisuse::Route),
        (dialer.dial_on(stream, "wss://localhost:1/").await.unwrap_err(), QuicMisuse::Stream),
        #[cfg(feature = "native-tls")]
        (
            dialer.clone().tls(Tls::new().use_native_tls()).dial("wss://localhost:1/").await.unwrap_err(),
            QuicMisuse::TlsLibrary,
        ),
    ] {
        assert!(matches!(&error, DialError::Quic(seen) if *seen == misuse), "{error}");
        assert!(error.is_misuse());
    }
}

#[tokio::test]
async fn a_redirect_is_followed_over_a_connection_of_its_own() {
    let target = Server::start(&Upgrader::new());
    let to = target.url("/there");
    let (asked, mut asks) = unbounded_channel();
    let upgrader = Upgrader::new().on_request(move |request| {
        let _ = asked.send(request.uri().path().to_owned());
        let to = to.clone();
        async move { Err(Response::builder().status(307).header("location", to).body(String::new()).unwrap()) }
    });
    let first = Server::start(&upgrader);
    let tls = Tls::new().add_roots(first.certificate.pem.clone()).add_roots(target.certificate.pem.clone());
    let dialer = [&first, &target].into_iter().fold(Certificate::new().dialer().tls(tls), |dialer, server| {
        dialer.resolve(&format!("localhost:{}", server.address.port()), server.address)
    });
    let mut conn = within(dialer.redirects(1).dial(first.url("/here"))).await.unwrap();
    assert_eq!(within(asks.recv()).await.unwrap(), "/here");
    conn.write_message("hello").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
}

/// QUIC needs the thread of its connection for acknowledgements too.
#[cfg(feature = "blocking")]
#[test]
fn the_blocking_client_converses_over_http_3() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = {
        let _entered = runtime.enter();
        Server::start(&Upgrader::new())
    };
    let mut conn = silverback::blocking::dial_with(&server.dialer(), &server.url("/ws")).unwrap();
    for message in ["hello".to_owned(), "x".repeat(1024 * 1024)] {
        conn.write_message(message.clone()).unwrap();
        assert_eq!(conn.read_message().unwrap(), Some(message.into()));
    }
    conn.close(1000, "").unwrap();
    assert!(conn.close_info().unwrap().is_clean);
}
