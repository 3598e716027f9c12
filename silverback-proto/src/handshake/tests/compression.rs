//! RFC 7692, 7.1: a client offers compression, and validates the server's answer.

use std::error::Error as _;

use super::support::response;
use crate::{
    deflate::Compression,
    handshake::{
        client::ClientHandshake, error::HandshakeError, key::Nonce, negotiated::Negotiated, request::ClientRequest,
    },
};

fn verify(compression: Compression, answer: Option<&str>) -> Result<Negotiated, HandshakeError> {
    let request = ClientRequest::parse("ws://server.example.com/chat").expect("a URI").compression(compression);
    let client = ClientHandshake::new(request, Nonce::new(*b"the sample nonce")).expect("a handshake");
    assert!(client.request().headers().contains_key("sec-websocket-extensions"));
    let header = answer.map(|answer| format!("Sec-WebSocket-Extensions: {answer}"));
    let head = header.iter().fold(response(), |head, line| head.with(line));
    client.verify(&head.parse_response())
}

#[test]
fn a_server_may_agree_or_say_nothing() {
    let agreed = verify(Compression::default(), Some("permessage-deflate")).expect("a valid answer");
    assert!(agreed.compression.is_some());
    assert_eq!(verify(Compression::default(), None).expect("a valid answer"), Negotiated::default());
}

#[test]
fn a_client_that_offers_nothing_is_answered_with_nothing() {
    let request = ClientRequest::parse("ws://server.example.com/chat").expect("a URI").compression(None);
    let client = ClientHandshake::new(request, Nonce::new(*b"the sample nonce")).expect("a handshake");
    assert!(!client.request().headers().contains_key("sec-websocket-extensions"));
    let head = response().with("Sec-WebSocket-Extensions: permessage-deflate");
    let refused = client.verify(&head.parse_response());
    assert!(matches!(refused, Err(HandshakeError::WrongExtension(_))), "{refused:?}");
}

#[test]
fn an_answer_beyond_the_offer_is_refused_and_says_why() {
    let strict = || Compression::default().no_context_takeover().server_max_window_bits(10);
    let refused = [
        (Compression::default(), "permessage-deflate; sleep", "permessage-deflate with an unknown parameter"),
        (
            Compression::default(),
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate with a parameter twice",
        ),
        (
            Compression::default(),
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate with a server_max_window_bits that was not offered or cannot be",
        ),
        (
            strict(),
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate without the server_no_context_takeover that was asked for",
        ),
        (
            strict(),
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate without the server_max_window_bits that was asked for",
        ),
    ];
    for (compression, answer, reason) in refused {
        let error = verify(compression, Some(answer)).expect_err(answer);
        assert_eq!(error.to_string(), format!("the server's answer is not a WebSocket handshake: it uses {reason}"));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(reason));
        assert!(!error.is_misuse());
    }
}
