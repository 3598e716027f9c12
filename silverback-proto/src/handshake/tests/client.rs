//! RFC 6455, 4.1: the client's judgement of the answer.

use http::{StatusCode, Version};

use super::support::{Head, response};
use crate::handshake::{
    client::ClientHandshake,
    error::HandshakeError,
    extension::{ExtensionListError, ExtensionOffer},
    key::Nonce,
    negotiated::Negotiated,
    request::ClientRequest,
    server::{Acceptance, ServerHandshake},
    subprotocol::Subprotocol,
};

/// Offers the subprotocols `chat` and `superchat` and the extensions `foo` and `bar`.
fn client() -> ClientHandshake {
    let mut request = ClientRequest::parse("ws://server.example.com/chat").expect("a URI");
    for name in ["chat", "superchat"] {
        request = request.subprotocol(Subprotocol::new(name).expect("a token"));
    }
    for offer in [ExtensionOffer::new("foo").param("x", "1"), ExtensionOffer::new("foo"), ExtensionOffer::new("bar")] {
        request = request.extension(offer);
    }
    ClientHandshake::new(request, Nonce::new(*b"the sample nonce")).expect("a handshake")
}

/// Offers nothing.
fn plain_client() -> ClientHandshake {
    let request = ClientRequest::parse("ws://server.example.com/chat").expect("a URI");
    ClientHandshake::new(request, Nonce::new(*b"the sample nonce")).expect("a handshake")
}

#[track_caller]
fn verified(answer: Head) -> Negotiated {
    client().verify(&answer.parse_response()).expect("a valid answer")
}

#[track_caller]
fn refused(answer: Head) -> HandshakeError {
    let error = client().verify(&answer.parse_response()).expect_err("an invalid answer");
    assert!(!error.is_misuse(), "{error:?}");
    error
}

#[track_caller]
fn check_text(answer: Head, reason: &str) {
    let text = refused(answer).to_string();
    assert_eq!(text, format!("the server's answer is not a WebSocket handshake: {reason}"));
}

mod switching {
    use super::*;

    #[test]
    fn the_sample_response_is_valid() {
        let negotiated = verified(response().with("Sec-WebSocket-Protocol: chat"));
        assert_eq!(negotiated.subprotocol.expect("chosen"), "chat");
        assert_eq!(verified(response()), Negotiated::default());
    }

    #[test]
    fn any_other_status_is_returned_as_it_is() {
        for (start, status) in [
            ("HTTP/1.1 200 OK", StatusCode::OK),
            ("HTTP/1.1 401 Unauthorized", StatusCode::UNAUTHORIZED),
            ("HTTP/1.1 301 Moved Permanently", StatusCode::MOVED_PERMANENTLY),
            ("HTTP/1.0 404 Not Found", StatusCode::NOT_FOUND),
            ("HTTP/1.1 100 Continue", StatusCode::CONTINUE),
        ] {
            assert_eq!(refused(response().start(start)), HandshakeError::Status(status));
        }
        check_text(response().start("HTTP/1.1 200 OK"), "its status is 200 OK, not 101");
    }

    #[test]
    fn http_1_0_cannot_switch() {
        let error = refused(response().start("HTTP/1.0 101 Switching Protocols"));
        assert_eq!(error, HandshakeError::HttpVersion(Version::HTTP_10));
    }

    #[test]
    fn upgrade_is_websocket_in_any_case_and_nothing_else() {
        verified(response().instead("Upgrade: WebSocket"));
        verified(response().with("Upgrade: websocket"));
        assert_eq!(refused(response().without("Upgrade")), HandshakeError::Upgrade(None));
        for value in ["h2c", "websocket, h2c", "websocket/13", "", "\"websocket\""] {
            let error = refused(response().instead(&format!("Upgrade: {value}")));
            assert!(matches!(error, HandshakeError::Upgrade(Some(_))), "{value}: {error:?}");
        }
        check_text(response().instead("Upgrade: h2c"), "its Upgrade is `h2c`, not `websocket`");
    }

    #[test]
    fn connection_has_the_upgrade_token() {
        verified(response().instead("Connection: keep-alive, UPGRADE"));
        verified(response().instead("Connection: keep-alive").with("Connection: upgrade"));
        assert_eq!(refused(response().without("Connection")), HandshakeError::Connection(None));
        check_text(response().instead("Connection: close"), "its Connection is `close`, without `upgrade`");
    }

    #[test]
    fn a_body_that_the_answer_announces_is_ignored() {
        for line in [
            "Content-Length: 0",
            "Content-Length: 5",
            "Content-Length: 18446744073709551616",
            "Content-Length: none",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
            "Trailer: Expires",
        ] {
            verified(response().with(line));
        }
        verified(response().with("Content-Length: 5").with("Content-Length: 6").with("Transfer-Encoding: chunked"));
    }
}

mod accept {
    use super::*;

    #[test]
    fn the_answer_to_our_key_is_required_exactly_once() {
        let name = "Sec-WebSocket-Accept";
        assert_eq!(refused(response().without(name)), HandshakeError::MissingHeader(name));
        let twice = response().with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(refused(twice), HandshakeError::RepeatedHeader(name));
    }

    #[test]
    fn any_other_value_is_refused() {
        for value in [
            "HSmrc0sMlYUkAGmm5OPpG2HaGWk=",
            "S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
            "dGhlIHNhbXBsZSBub25jZQ==",
            "\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"",
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "",
        ] {
            let error = refused(response().instead(&format!("Sec-WebSocket-Accept: {value}")));
            assert!(matches!(error, HandshakeError::WrongAccept(_)), "{value}: {error:?}");
        }
        check_text(
            response().instead("Sec-WebSocket-Accept: abc"),
            "its Sec-WebSocket-Accept `abc` does not answer the key we sent",
        );
    }

    #[test]
    fn blanks_around_the_value_are_ignored() {
        verified(response().instead("Sec-WebSocket-Accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"));
    }
}

mod subprotocol {
    use super::*;

    #[test]
    fn only_an_offered_one_is_accepted_with_its_case() {
        assert_eq!(
            verified(response().with("Sec-WebSocket-Protocol: superchat")).subprotocol.expect("chosen"),
            "superchat"
        );
        for value in ["other", "Chat", "chat, superchat", "\"chat\"", ""] {
            let error = refused(response().with(&format!("Sec-WebSocket-Protocol: {value}")));
            assert!(matches!(error, HandshakeError::WrongSubprotocol(_)), "{value}: {error:?}");
        }
        check_text(
            response().with("Sec-WebSocket-Protocol: Chat"),
            "it chose the subprotocol `Chat`, which we did not offer",
        );
    }

    #[test]
    fn two_lines_are_refused_even_if_equal() {
        let twice = response().with("Sec-WebSocket-Protocol: chat").with("Sec-WebSocket-Protocol: chat");
        assert_eq!(refused(twice), HandshakeError::RepeatedHeader("Sec-WebSocket-Protocol"));
    }

    #[test]
    fn none_is_accepted_when_none_was_offered() {
        let answer = response().with("Sec-WebSocket-Protocol: chat").parse_response();
        let error = plain_client().verify(&answer).expect_err("not offered");
        assert!(matches!(error, HandshakeError::WrongSubprotocol(_)));
        assert!(plain_client().verify(&response().parse_response()).is_ok());
    }
}

mod extensions {
    use super::*;

    #[test]
    fn offered_ones_are_taken_over_in_the_server_s_order() {
        let negotiated = verified(response().with("Sec-WebSocket-Extensions: bar, foo; x=2; y"));
        let expected = [ExtensionOffer::new("bar"), ExtensionOffer::new("foo").param("x", "2").flag("y")];
        assert_eq!(negotiated.extensions, expected);
        let lines = response().with("Sec-WebSocket-Extensions: bar").with("Sec-WebSocket-Extensions: foo; x=2; y");
        assert_eq!(verified(lines).extensions, expected);
    }

    #[test]
    fn ones_that_were_not_offered_are_refused() {
        check_text(
            response().with("Sec-WebSocket-Extensions: foo, permessage-deflate"),
            "it uses the extension `permessage-deflate`, which we did not offer",
        );
        let answer = response().with("Sec-WebSocket-Extensions: permessage-deflate").parse_response();
        let error = plain_client().verify(&answer).expect_err("not offered");
        assert!(matches!(error, HandshakeError::WrongExtension(_)));
    }

    #[test]
    fn each_is_used_at_most_once() {
        let error = refused(response().with("Sec-WebSocket-Extensions: foo; x=1, foo"));
        assert!(matches!(error, HandshakeError::ExtensionUsedTwice(name) if name.as_str() == "foo"));
    }

    #[test]
    fn a_malformed_or_empty_list_is_refused() {
        for (value, error) in
            [("", ExtensionListError::Empty), ("foo;", ExtensionListError::ExpectedToken { offset: 4 })]
        {
            let refused = refused(response().with(&format!("Sec-WebSocket-Extensions: {value}")));
            assert_eq!(refused, HandshakeError::Extensions(error));
        }
    }
}

#[test]
fn our_client_believes_our_server() {
    let client = client();
    let server = ServerHandshake::from_request(client.request()).expect("an opening handshake");
    let acceptance = Acceptance {
        subprotocol: server.select_subprotocol(&[Subprotocol::new("superchat").expect("a token")]),
        extensions: vec![ExtensionOffer::new("bar")],
        ..Acceptance::default()
    };
    let (response, agreed_by_server) = server.accept(acceptance).expect("accepted");
    let agreed_by_client = client.verify(&response).expect("a valid answer");
    assert_eq!(agreed_by_client, agreed_by_server);
    assert_eq!(agreed_by_client.subprotocol.expect("chosen"), "superchat");
}
