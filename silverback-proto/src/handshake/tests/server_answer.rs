//! RFC 6455, 4.2.2: the server's answer.

use http::header::{SEC_WEBSOCKET_KEY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::support::request;
use crate::handshake::{
    error::HandshakeError, extension::ExtensionOffer, headers::parse_header, http1::encode::encode_response_head,
    key::accept_key, server::Acceptance, subprotocol::Subprotocol,
};

fn subprotocol(name: &str) -> Subprotocol {
    Subprotocol::new(name).expect("a token")
}

fn accept(line: &str, acceptance: Acceptance) -> Result<Vec<u8>, HandshakeError> {
    let (response, _) = request().with(line).accepted().accept(acceptance)?;
    Ok(encode_response_head(&response))
}

#[test]
fn the_sample_request_gets_the_sample_response() {
    let acceptance = Acceptance { subprotocol: Some(subprotocol("chat")), ..Acceptance::default() };
    let answer = accept("Sec-WebSocket-Protocol: chat, superchat", acceptance).expect("accepted");
    let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    assert_eq!(answer.escape_ascii().to_string(), expected.escape_default().to_string());
}

#[test]
fn the_answer_is_made_from_the_unchanged_text_of_the_key() {
    let (response, _) = request()
        .instead("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==")
        .accepted()
        .accept(Acceptance::default())
        .expect("accepted");
    let expected = accept_key(b"AQIDBAUGBwgJCgsMDQ4PEC==");
    assert_eq!(response.headers()["Sec-WebSocket-Accept"], expected.as_str());
}

#[test]
fn without_an_agreement_there_is_no_header() {
    let handshake = request().with("Sec-WebSocket-Protocol: chat").with("Sec-WebSocket-Extensions: foo").accepted();
    let (response, negotiated) = handshake.accept(Acceptance::default()).expect("accepted");
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers().len(), 3);
    assert_eq!((negotiated.subprotocol, negotiated.extensions), (None, vec![]));
}

#[test]
fn a_subprotocol_that_was_not_offered_cannot_be_chosen() {
    for name in ["other", "CHAT"] {
        let acceptance = Acceptance { subprotocol: Some(subprotocol(name)), ..Acceptance::default() };
        let error = accept("Sec-WebSocket-Protocol: chat", acceptance).expect_err("refused");
        assert_eq!(error, HandshakeError::UnofferedSubprotocol(subprotocol(name)));
        assert!(error.is_misuse());
    }
}

#[test]
fn agreed_extensions_are_answered_in_order() {
    let extensions = vec![ExtensionOffer::new("bar").param("x", "1"), ExtensionOffer::new("foo")];
    let handshake = request().with("Sec-WebSocket-Extensions: foo, bar; x=2, bar").accepted();
    assert_eq!(handshake.extensions().len(), 3);
    let acceptance = Acceptance { extensions: extensions.clone(), ..Acceptance::default() };
    let (response, negotiated) = handshake.accept(acceptance).expect("accepted");
    assert_eq!(response.headers()["Sec-WebSocket-Extensions"], "bar; x=1, foo");
    assert_eq!(negotiated.extensions, extensions);
}

#[test]
fn extensions_that_were_not_offered_or_come_twice_cannot_be_agreed_to() {
    let agree = |names: &[&str]| {
        let extensions = names.iter().map(|&name| ExtensionOffer::new(name)).collect();
        accept("Sec-WebSocket-Extensions: foo", Acceptance { extensions, ..Acceptance::default() })
    };
    assert!(matches!(agree(&["bar"]), Err(HandshakeError::UnofferedExtension(_))));
    assert!(matches!(agree(&["foo", "foo"]), Err(HandshakeError::RepeatedExtension(_))));
    assert!(agree(&["foo"]).is_ok());
}

#[test]
fn the_application_adds_headers_but_none_of_the_handshake_s_own() {
    let cookies: HeaderMap =
        [(SET_COOKIE, HeaderValue::from_static("a=1")), (SET_COOKIE, HeaderValue::from_static("b=2"))]
            .into_iter()
            .collect();
    let answer = accept("X: y", Acceptance { headers: cookies, ..Acceptance::default() }).expect("accepted");
    let text = String::from_utf8(answer).expect("ASCII");
    assert!(text.contains("\r\nSet-Cookie: a=1\r\n") && text.contains("\r\nSet-Cookie: b=2\r\n"), "{text}");

    for name in ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Content-Length"] {
        let (name, value) = parse_header(name, "x").expect("a header");
        let headers = [(name.clone(), value)].into_iter().collect();
        let error = accept("X: y", Acceptance { headers, ..Acceptance::default() }).expect_err("reserved");
        assert!(matches!(&error, HandshakeError::ReservedHeader(shown) if name == shown.as_str()), "{name}: {error:?}");
    }
}

#[test]
fn a_reserved_header_is_named_as_people_write_it() {
    let headers = [(SEC_WEBSOCKET_KEY, HeaderValue::from_static("x"))].into_iter().collect();
    let error = accept("X: y", Acceptance { headers, ..Acceptance::default() }).expect_err("reserved");
    assert_eq!(
        error.to_string(),
        "the header `Sec-WebSocket-Key` belongs to the handshake and cannot be set: leave it out"
    );
}

#[test]
fn headers_have_a_limit_far_below_that_of_their_map() {
    let with = |count: usize| {
        let headers = (0..count).map(|number| parse_header(&format!("x-{number}"), "1").expect("a header")).collect();
        accept("X: y", Acceptance { headers, ..Acceptance::default() })
    };
    assert!(with(1000).is_ok());
    for count in [1001, 24_576] {
        assert_eq!(with(count), Err(HandshakeError::TooManyHeaders { limit: 1000 }));
    }
}
