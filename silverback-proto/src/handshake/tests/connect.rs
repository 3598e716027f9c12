//! RFC 8441 and RFC 9220: the handshake as an extended CONNECT, both sides.

use http::{HeaderValue, Request, Response, StatusCode, Version};

use crate::{
    deflate::Compression,
    handshake::{
        client::ClientHandshake,
        error::HandshakeError,
        host_policy::{HostPattern, HostPolicy},
        http1::parse_request,
        origin::OriginPolicy,
        rejection::Rejection,
        request::ClientRequest,
        server::{Acceptance, ServerHandshake},
        subprotocol::Subprotocol,
    },
};

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A request of a client, with these fields beside `sec-websocket-version`.
fn request(fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::connect("https://server.example.com/chat").version(Version::HTTP_2);
    request = request.header("sec-websocket-version", "13");
    fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).expect("a request")
}

fn accepted(request: &Request<()>) -> ServerHandshake {
    ServerHandshake::from_connect(request, Some("websocket")).expect("a handshake")
}

/// Checks that the request is rejected for this reason, with this status.
#[track_caller]
fn rejected(request: &Request<()>, protocol: Option<&str>, reason: Rejection, status: u16) {
    let rejection = ServerHandshake::from_connect(request, protocol).expect_err("no handshake");
    assert_eq!(rejection, Rejection::Connect(Box::new(reason)));
    let response = rejection.response();
    assert_eq!((rejection.status().as_u16(), response.status().as_u16()), (status, status));
    assert!(!response.headers().contains_key("connection") && !response.headers().contains_key("upgrade"));
    assert_eq!(response.headers().contains_key("allow"), status == 405);
}

#[test]
fn it_is_answered_with_200_and_without_the_fields_of_an_upgrade() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let mut request =
            request(&[("sec-websocket-protocol", "chat"), ("sec-websocket-extensions", "permessage-deflate")]);
        *request.version_mut() = version;
        let handshake = accepted(&request);
        assert!(handshake.is_connect());
        assert_eq!(handshake.host(), "server.example.com");
        let acceptance = Acceptance {
            subprotocol: Some(Subprotocol::new("chat").expect("a token")),
            compression: Some(Compression::default()),
            ..Acceptance::default()
        };
        let (response, negotiated) = handshake.accept(acceptance).expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        let mut names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        let expected = match negotiated.compression {
            Some(_) => &["sec-websocket-extensions", "sec-websocket-protocol"][..],
            None => &["sec-websocket-protocol"],
        };
        assert_eq!(names, expected);
        assert_eq!(negotiated.subprotocol.expect("chosen").as_str(), "chat");
    }
}

#[test]
fn a_key_is_not_needed_but_answered_if_it_came() {
    let answer = |fields: &[(&str, &str)]| {
        let (response, _) = accepted(&request(fields)).accept(Acceptance::default()).expect("a response");
        response.headers().get("sec-websocket-accept").cloned()
    };
    assert_eq!(answer(&[]), None);
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(answer(&[key]).expect("an answer"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(answer(&[("sec-websocket-key", "not a key")]), None);
    assert_eq!(answer(&[key, key]), None);
}

#[test]
fn another_protocol_or_none_or_another_method_is_rejected() {
    rejected(&request(&[]), None, Rejection::NoProtocol, 405);
    for name in ["webtransport", "connect-udp", "", "websockets"] {
        let received = crate::handshake::received::Received::new(name.as_bytes());
        rejected(&request(&[]), Some(name), Rejection::Protocol(received), 501);
    }
    assert!(ServerHandshake::from_connect(&request(&[]), Some("WebSocket")).is_ok(), "upgrade tokens have no case");
    for method in ["GET", "POST"] {
        let mut request = request(&[]);
        *request.method_mut() = method.parse().expect("a method");
        let received = crate::handshake::received::Received::new(method.as_bytes());
        rejected(&request, Some("websocket"), Rejection::MethodNotConnect(received.clone()), 405);
        let rejection = ServerHandshake::from_request(&request).expect_err("no upgrade over HTTP/2");
        assert_eq!(rejection, Rejection::Connect(Box::new(Rejection::MethodNotConnect(received))));
    }
}

#[test]
fn a_connect_over_http_1_is_no_handshake() {
    let mut request = request(&[]);
    *request.version_mut() = Version::HTTP_11;
    rejected(&request, Some("websocket"), Rejection::HttpVersion(Version::HTTP_11), 505);
    assert!(matches!(ServerHandshake::from_request(&request), Err(Rejection::Method(_))));
}

#[test]
fn the_version_is_checked_as_in_an_upgrade() {
    let mut request = request(&[]);
    request.headers_mut().remove("sec-websocket-version");
    rejected(&request, Some("websocket"), Rejection::MissingHeader("Sec-WebSocket-Version"), 400);
    request.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("12"));
    let rejection = ServerHandshake::from_connect(&request, Some("websocket")).expect_err("an old version");
    // Not 426, which would need an `Upgrade` field.
    assert_eq!(rejection.status(), StatusCode::BAD_REQUEST);
    assert_eq!(rejection.response().headers()["sec-websocket-version"], "13");
}

#[test]
fn a_body_is_refused() {
    rejected(&request(&[("content-length", "5")]), Some("websocket"), Rejection::DeclaresBody, 400);
    rejected(&request(&[("content-length", "0")]), Some("websocket"), Rejection::DeclaresBody, 400);
    assert_eq!(Rejection::Connect(Box::new(Rejection::EndOfStream)).status(), StatusCode::BAD_REQUEST);
}

#[test]
fn the_target_is_the_path_and_query_in_both_forms_of_the_handshake() {
    let target = |handshake: &ServerHandshake| handshake.target().map(ToString::to_string);
    assert_eq!(target(&accepted(&request(&[]))), Some("/chat".to_owned()));
    for line in ["/chat?room=1", "http://server.example.com/chat?room=1"] {
        let head = format!("GET {line} HTTP/1.1\r\nHost: server.example.com\r\n{UPGRADE}\r\n");
        let request = parse_request(head.as_bytes()).expect("a request");
        let handshake = ServerHandshake::from_request(&request).expect("a handshake");
        assert_eq!(target(&handshake), Some("/chat?room=1".to_owned()));
        let parts = ServerHandshake::read(request.method(), request.version(), request.headers());
        assert_eq!(target(&parts.expect("a handshake")), None);
    }
}

mod hosts {
    use super::*;

    #[test]
    fn host_must_agree_with_the_authority_and_replaces_a_missing_one() {
        accepted(&request(&[("host", "SERVER.example.com")]));
        let other = crate::handshake::received::Received::new(b"other.example.com");
        rejected(&request(&[("host", "other.example.com")]), Some("websocket"), Rejection::OtherHost(other), 400);
        let mut bare = request(&[("host", "other.example.com")]);
        *bare.uri_mut() = "/chat".parse().expect("a path");
        assert_eq!(accepted(&bare).host(), "other.example.com");
        bare.headers_mut().remove("host");
        rejected(&bare, Some("websocket"), Rejection::MissingHeader(":authority"), 400);
    }

    #[test]
    fn a_user_name_in_the_authority_is_refused() {
        let mut request = request(&[]);
        *request.uri_mut() = "https://user@server.example.com/chat".parse().expect("a URI");
        let rejection = ServerHandshake::from_connect(&request, Some("websocket")).expect_err("a user name");
        assert_eq!(rejection.status(), StatusCode::BAD_REQUEST);
    }

    /// A client may have sent the request on a connection that it opened to another host (RFC 9110, 7.4).
    #[test]
    fn a_host_that_is_not_ours_is_misdirected() {
        let handshake = accepted(&request(&[]));
        let policy = HostPolicy::AllowList(vec![HostPattern::parse("example.com").expect("a host")]);
        let refused = handshake.check_host(&policy).expect_err("another host");
        assert_eq!(handshake.reject(refused).status(), StatusCode::MISDIRECTED_REQUEST);
    }

    #[test]
    fn the_origin_is_compared_with_the_authority() {
        let of = |origin| accepted(&request(&[("origin", origin)]));
        of("https://server.example.com").check_origin(&OriginPolicy::SameOrigin).expect("the same origin");
        let handshake = of("https://evil.example");
        let refused = handshake.check_origin(&OriginPolicy::SameOrigin).expect_err("another origin");
        assert_eq!(handshake.reject(refused).status(), StatusCode::FORBIDDEN);
    }
}

mod client {
    use super::*;

    fn begun() -> ClientHandshake {
        let request = ClientRequest::parse("wss://example.com:8443/chat?room=1").expect("a URI");
        let request =
            request.subprotocol(Subprotocol::new("chat").expect("a token")).compression(Compression::default());
        ClientHandshake::new_connect(request, Version::HTTP_2).expect("a handshake")
    }

    fn answer(status: u16, fields: &[(&str, &str)]) -> Response<()> {
        let response = Response::builder().status(status).version(Version::HTTP_2);
        fields.iter().fold(response, |response, (name, value)| response.header(*name, *value)).body(()).expect("valid")
    }

    #[test]
    fn the_request_has_no_field_of_an_upgrade() {
        let handshake = begun();
        let request = handshake.request();
        assert_eq!((request.method().as_str(), request.version()), ("CONNECT", Version::HTTP_2));
        assert_eq!(request.uri(), "https://example.com:8443/chat?room=1");
        for absent in ["host", "upgrade", "connection", "sec-websocket-key"] {
            assert!(!request.headers().contains_key(absent), "{absent}");
        }
        assert_eq!(request.headers()["sec-websocket-version"], "13");
        assert_eq!(request.headers()["sec-websocket-protocol"], "chat");
        assert!(ServerHandshake::from_connect(request, Some(ClientHandshake::PROTOCOL)).is_ok());
    }

    #[test]
    fn the_host_header_of_the_application_becomes_the_authority() {
        let request = ClientRequest::parse("ws://127.0.0.1:8000/").expect("a URI");
        let request = request.host_header(HeaderValue::from_static("inner.example"));
        let handshake = ClientHandshake::new_connect(request, Version::HTTP_3).expect("a handshake");
        assert_eq!(handshake.request().uri(), "http://inner.example/");
    }

    #[test]
    fn any_2xx_accepts_and_a_stray_accept_is_ignored() {
        for status in [200, 201, 204, 299] {
            let answer = answer(status, &[("sec-websocket-protocol", "chat"), ("sec-websocket-accept", "stray")]);
            assert_eq!(begun().verify(&answer).expect("accepted").subprotocol.expect("chosen").as_str(), "chat");
        }
        for status in [101, 304, 400, 404, 500] {
            let status_of = |error| matches!(error, HandshakeError::ConnectStatus(seen) if seen == status);
            assert!(status_of(begun().verify(&answer(status, &[])).expect_err("refused")), "{status}");
        }
    }

    #[test]
    fn nothing_is_accepted_that_was_not_offered() {
        let wrong = answer(200, &[("sec-websocket-protocol", "other")]);
        assert!(matches!(begun().verify(&wrong), Err(HandshakeError::WrongSubprotocol(_))));
        let wrong = answer(200, &[("sec-websocket-extensions", "x-other")]);
        assert!(matches!(begun().verify(&wrong), Err(HandshakeError::WrongExtension(_))));
    }
}
