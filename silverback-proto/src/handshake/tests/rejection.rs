//! RFC 6455, 4.2.1, 4.2.2 and 4.4: the responses to faulty handshakes.

use std::{mem::size_of, time::Duration};

use http::{Response, StatusCode, Version};

use super::support::{Head, request};
use crate::handshake::{
    error::HandshakeError,
    http1::{encode::encode_response, error::HeadError},
    origin::OriginPolicy,
    rejection::Rejection,
};

#[track_caller]
fn check(head: Head, status: u16, text: &str) -> Response<String> {
    let response = head.rejected().response();
    assert_eq!((response.status().as_u16(), response.body().trim_end()), (status, text));
    assert_eq!(response.headers()["Content-Type"], "text/plain; charset=utf-8");
    assert_eq!(response.headers()["X-Content-Type-Options"], "nosniff");
    response
}

fn header<'a>(response: &'a Response<String>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("ASCII"))
}

#[test]
fn a_plain_get_gets_an_explanation_of_the_address() {
    let response = check(
        request().without("Upgrade").without("Connection"),
        426,
        "This address speaks WebSocket. Connect with a WebSocket client: \
         the request has no `Upgrade: websocket` header.",
    );
    assert_eq!(header(&response, "Upgrade"), Some("websocket"));
    assert_eq!(header(&response, "Connection"), Some("Upgrade, close"));
    assert_eq!(header(&response, "Sec-WebSocket-Version"), Some("13"));
}

#[test]
fn another_version_is_told_ours() {
    let response = check(
        request().instead("Sec-WebSocket-Version: 25"),
        426,
        "The only WebSocket version spoken here is 13, not `25`.",
    );
    assert_eq!(header(&response, "Sec-WebSocket-Version"), Some("13"));
    assert_eq!(header(&response, "Upgrade"), Some("websocket"));

    let missing =
        check(request().without("Sec-WebSocket-Version"), 400, "The request has no Sec-WebSocket-Version header.");
    assert_eq!(header(&missing, "Sec-WebSocket-Version"), Some("13"));
}

#[test]
fn another_method_is_told_which_one_is_allowed() {
    let response =
        check(request().start("POST /chat HTTP/1.1"), 405, "A WebSocket handshake is a GET request, not `POST`.");
    assert_eq!(header(&response, "Allow"), Some("GET, CONNECT"));
    assert_eq!(header(&response, "Connection"), Some("close"));
}

#[test]
fn http_1_0_gets_505_and_a_hint_at_proxies() {
    check(
        request().start("GET /chat HTTP/1.0"),
        505,
        "A WebSocket handshake needs HTTP/1.1, and this request came as HTTP/1.0. \
         A proxy in between may be set to an old version.",
    );
}

#[test]
fn http_2_gets_no_header_that_http_2_forbids() {
    let response = Rejection::HttpVersion(Version::HTTP_2).response();
    assert_eq!(response.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    assert_eq!((header(&response, "Connection"), header(&response, "Upgrade")), (None, None));
}

#[test]
fn malformed_handshakes_get_400_and_the_reason() {
    check(
        request().instead("Connection: keep-alive"),
        400,
        "The Connection header is `keep-alive`, without `upgrade`. A proxy in between may have removed it.",
    );
    check(request().with("Content-Length: 3"), 400, "A WebSocket handshake has no body.");
    check(request().without("Host"), 400, "The request has no Host header.");
    check(request().with("Host: a"), 400, "The request has several Host headers.");
    check(request().instead("Host: a b"), 400, "The Host `a b` is not a host with an optional port.");
    check(
        request().instead("Sec-WebSocket-Key: short"),
        400,
        "The Sec-WebSocket-Key `short` is not the base64 form of 16 bytes.",
    );
    check(
        request().with("Sec-WebSocket-Protocol: chat, chat"),
        400,
        "The Sec-WebSocket-Protocol header is malformed: `chat` appears twice.",
    );
    let response = check(
        request().with("Sec-WebSocket-Extensions: ;"),
        400,
        "The Sec-WebSocket-Extensions header is malformed: byte 0 should begin a name or value.",
    );
    assert_eq!(header(&response, "Connection"), Some("close"));
    assert_eq!(header(&response, "Sec-WebSocket-Version"), None);
}

#[test]
fn a_foreign_page_gets_403_and_both_hosts() {
    let handshake = request().with("Origin: https://evil.example").accepted();
    let refused = handshake.check_origin(&OriginPolicy::SameOrigin).expect_err("foreign");
    let response = Rejection::origin(refused).response();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        response.body(),
        "Forbidden: a page of `https://evil.example` may not connect to `server.example.com`: \
         only pages of this server may.\n"
    );
}

#[test]
fn each_kind_of_reason_has_a_label_also_over_http_2() {
    let handshake = request().with("Origin: https://evil.example").accepted();
    let origin = Rejection::origin(handshake.check_origin(&OriginPolicy::SameOrigin).expect_err("foreign"));
    for (rejection, label) in [
        (origin, "origin"),
        (Rejection::Timeout, "timeout"),
        (Rejection::Overloaded { retry_after: Duration::ZERO }, "overloaded"),
        (Rejection::DeclaresBody, "malformed"),
        (Rejection::from(HeadError::Version), "malformed"),
    ] {
        assert_eq!(rejection.label(), label);
        assert_eq!(Rejection::Connect(Box::new(rejection)).label(), label);
    }
}

#[test]
fn unreadable_and_late_requests_have_their_statuses() {
    for (rejection, status) in [
        (Rejection::from(HeadError::TooLarge { limit: 16384 }), 431),
        (Rejection::from(HeadError::TooManyHeaders { limit: 100 }), 431),
        (Rejection::from(HeadError::Version), 505),
        (Rejection::from(HeadError::LineEnding), 400),
        (Rejection::from(HeadError::ControlByte(0x16)), 400),
        (Rejection::Timeout, 408),
    ] {
        let response = rejection.response();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(header(&response, "Connection"), Some("close"));
    }
    assert_eq!(
        Rejection::from(HeadError::TooLarge { limit: 16384 }).to_string(),
        "Not a readable HTTP request: the head is longer than 16384 bytes."
    );
}

#[test]
fn received_text_is_quoted_escaped_and_cut() {
    let long = format!("Sec-WebSocket-Version: {}", "9".repeat(1000));
    let response = request().instead(&long).rejected().response();
    assert!(response.body().contains(&format!("`{}...`", "9".repeat(64))));

    let marked_up = request().instead("Sec-WebSocket-Version: \u{e9}\t<b>").rejected();
    assert!(marked_up.to_string().contains("`\\xc3\\xa9\\t<b>`"), "{marked_up}");
}

#[test]
fn a_rejection_is_a_whole_http_response() {
    let bytes = encode_response(&Rejection::Timeout.response());
    let text = String::from_utf8(bytes).expect("ASCII");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    assert!(head.ends_with(&format!("\r\nContent-Length: {}", body.len())), "{head}");
    assert_eq!(body, "The request did not arrive in time.\n");
}

#[test]
fn errors_stay_small() {
    assert!(size_of::<Rejection>() <= 32);
    assert!(size_of::<HandshakeError>() <= 32);
    assert!(size_of::<HeadError>() <= 16);
}
