//! The errors of failed handshakes: one line each, with received text quoted and made safe to print.

use std::error::Error as _;

use http::{StatusCode, Version};

use crate::handshake::{
    error::HandshakeError, extension::ExtensionListError, http1::error::HeadError, origin::ParseOriginError,
    received::Received, subprotocol::Subprotocol,
};

#[test]
fn misuse_is_named_with_what_was_given() {
    use HandshakeError::*;
    let given = || Received::new(b"x\n");
    let chat = || Subprotocol::new("chat").expect("a token");
    let cases = [
        (InvalidUri(given()), r"`x\n` is not a WebSocket URI, which begins with ws:// or wss://"),
        (InvalidUri(Received::text("ws://h/")), "`ws://h/` is not a URI"),
        (UnsupportedScheme(given()), r"a WebSocket URI begins with ws:// or wss://, not with `x\n`"),
        (InvalidHost(given()), r"`x\n` is not a host with an optional port"),
        (InvalidHost(Received::text("h:65536")), "the port of `h:65536` must be from 0 to 65535"),
        (InvalidHost(Received::text(":80")), "the host is missing in `:80`"),
        (InvalidHost(Received::text("")), "the host is missing"),
        (InvalidUri(Received::text("")), "the URI is empty"),
        (UnsupportedScheme(Received::text("")), "a WebSocket URI begins with ws:// or wss://"),
        (Fragment, "a WebSocket URI has no fragment; a `#` in path or query is written %23"),
        (
            ControlCharacter { character: '\n', position: 9 },
            "the URI has a control character, U+000A, at position 9; in path or query write %0A",
        ),
        (
            ControlCharacter { character: '\u{85}', position: 9 },
            "the URI has a control character, U+0085, at position 9; in path or query write %C2%85",
        ),
        (TooManyHeaders { limit: 1000 }, "more than 1000 headers are set"),
        (RepeatedOrigin, "the header `Origin` is set several times"),
        (RepeatedSubprotocol(chat()), "subprotocol `chat` is offered twice"),
        (UnofferedSubprotocol(chat()), "subprotocol `chat` was not offered by the client"),
        (InvalidExtension(given()), r"`x\n` is not an extension"),
        (UnofferedExtension(given()), r"extension `x\n` was not offered by the client"),
        (RepeatedExtension(given()), r"extension `x\n` is agreed to twice"),
    ];
    for (error, words) in cases {
        assert_eq!(error.to_string(), words);
        assert!(error.is_misuse() && error.source().is_none(), "{error:?}");
    }
}

#[test]
fn a_wrong_answer_is_named_with_what_was_received() {
    use HandshakeError::*;
    let received = || Received::new(b"x");
    let cases = [
        (Status(StatusCode::OK), "its status is 200 OK, not 101"),
        (ConnectStatus(StatusCode::NOT_FOUND), "its status is 404 Not Found, not 200"),
        (HttpVersion(Version::HTTP_10), "it came as HTTP/1.0, not HTTP/1.1"),
        (Upgrade(None), "it has no `Upgrade: websocket` header"),
        (Connection(None), "it has no `Connection: Upgrade` header"),
        (MissingHeader("Sec-WebSocket-Accept"), "it has no Sec-WebSocket-Accept header"),
        (RepeatedHeader("Sec-WebSocket-Accept"), "it has several Sec-WebSocket-Accept headers"),
        (ExtensionUsedTwice(received()), "it has the extension `x` twice"),
        (Extensions(ExtensionListError::Empty), "its Sec-WebSocket-Extensions: it names no extension"),
    ];
    for (error, reason) in cases {
        assert_eq!(error.to_string(), format!("the server's answer is not a WebSocket handshake: {reason}"));
        assert!(!error.is_misuse(), "{error:?}");
        assert_eq!(error.source().is_some(), matches!(error, Extensions(_)));
    }
}

#[test]
fn received_text_is_cut_and_quoted_the_same_everywhere() {
    let long = Received::new(&[b'a'; 65]);
    assert_eq!(long.to_string(), format!("`{}...`", "a".repeat(64)));
    assert_eq!(format!("{long:?}"), long.to_string());
    let long = Received::text(&format!("{}é", "a".repeat(63)));
    assert_eq!(long.to_string(), format!("`{}...`", "a".repeat(63)));
}

#[test]
fn a_list_of_extensions_says_where_it_goes_wrong() {
    let quoted = ExtensionListError::QuotedNotToken { offset: 7 };
    assert_eq!(quoted.to_string(), "the quoted value at byte 7 is not a token");
    let many = ExtensionListError::TooMany { limit: 3 };
    assert_eq!(many.to_string(), "it has more than 3 names and parameters");
}

#[test]
fn a_head_that_cannot_be_read_says_which_part() {
    let cases = [
        (HeadError::UnexpectedEnd, "the stream ended within the head"),
        (HeadError::StartLine, "its first line is malformed"),
        (HeadError::Target, "its target is not a path or an absolute URI"),
        (HeadError::Header, "a header line is malformed"),
    ];
    for (error, words) in cases {
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn an_origin_that_cannot_be_read_says_what_one_looks_like() {
    let cases = [
        (ParseOriginError::NoScheme, "an origin begins with a scheme, as in https://example.com"),
        (ParseOriginError::NotAscii, "a host name outside ASCII is written in its xn-- form in an origin"),
        (ParseOriginError::InvalidHost, "after the scheme an origin has a host, and perhaps a port from 0 to 65535"),
    ];
    for (error, words) in cases {
        assert_eq!(error.to_string(), words);
    }
}
