//! Properties over many inputs: any bytes are refused or read, never a panic; any spelling of a
//! list is the same list.

use http::header::{CONNECTION, SEC_WEBSOCKET_EXTENSIONS};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::support::{request, response};
use crate::handshake::{
    client::ClientHandshake,
    extension::{ExtensionOffer, parse_extensions},
    extension_header::encode_extensions,
    http1::{
        encode::{encode_request, encode_response_head},
        parse::{parse_request, parse_response},
        reader::{HeadReader, Progress},
    },
    key::{Nonce, accept_key},
    origin::{Origin, OriginPolicy},
    request::ClientRequest,
    server::ServerHandshake,
    syntax::contains_token,
};

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}"
}

fn blanks() -> impl Strategy<Value = String> {
    "[ \t]{0,3}"
}

/// A list element that is not the token `upgrade`, with quoted strings that may contain it.
fn other_element() -> impl Strategy<Value = String> {
    let not_upgrade = token().prop_filter("another token", |token| !token.eq_ignore_ascii_case("upgrade"));
    prop_oneof![
        not_upgrade,
        Just(String::new()),
        Just("x=\"upgrade\"".to_owned()),
        Just("x=\", upgrade, \"".to_owned()),
        Just("\"\\\", upgrade\"".to_owned()),
    ]
}

fn upgrade_in_any_case() -> impl Strategy<Value = String> {
    "[uU][pP][gG][rR][aA][dD][eE]"
}

/// Writes a list with blanks around its commas, some of which begin a new header line.
fn connection_lines(elements: &[(String, String, bool)]) -> HeaderMap {
    let mut lines = vec![String::new()];
    for (element, blank, begins_line) in elements {
        match begins_line {
            true => lines.push(String::new()),
            false => lines.last_mut().expect("a line").push(','),
        }
        let line = lines.last_mut().expect("a line");
        *line += &format!("{blank}{element}{blank}");
    }
    lines.iter().map(|line| (CONNECTION, HeaderValue::from_str(line).expect("a value"))).collect()
}

fn offer() -> impl Strategy<Value = ExtensionOffer> {
    let params = prop::collection::vec((token(), prop::option::of(token())), 0..4);
    (token(), params).prop_map(|(name, params)| ExtensionOffer { name, params })
}

/// A head with some of its bytes changed, removed or doubled: closer to valid than noise is.
fn damaged(head: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    prop::collection::vec(change, 0..6).prop_map(move |changes| {
        let mut head = head.clone();
        for (index, byte, kind) in changes {
            let at = index.index(head.len());
            match kind {
                0 => head[at] = byte,
                1 => drop(head.remove(at)),
                _ => head.insert(at, byte),
            }
        }
        head
    })
}

fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let full = request()
        .with("Origin: https://example.com:8443")
        .with("Sec-WebSocket-Protocol: chat, superchat")
        .with("Sec-WebSocket-Extensions: a; b=\"c\", d");
    prop_oneof![damaged(full.bytes()), prop::collection::vec(any::<u8>(), 0..300)]
}

fn any_response() -> impl Strategy<Value = Vec<u8>> {
    let full = response().with("Sec-WebSocket-Protocol: chat").with("Sec-WebSocket-Extensions: a; b=c");
    prop_oneof![damaged(full.bytes()), prop::collection::vec(any::<u8>(), 0..300)]
}

fn read_in_pieces(input: &[u8], piece: usize, limit: usize) -> (String, usize) {
    let mut reader = HeadReader::new(limit);
    let mut taken = 0;
    for piece in input.chunks(piece) {
        match reader.handle_input(piece) {
            Ok(Progress::NeedMore) => taken += piece.len(),
            Ok(Progress::Complete { consumed }) => return ("complete".to_owned(), taken + consumed),
            Err(error) => return (error.to_string(), 0),
        }
    }
    ("more".to_owned(), taken)
}

proptest! {
    #[test]
    fn a_token_is_found_however_its_list_is_written(
        before in prop::collection::vec((other_element(), blanks(), any::<bool>()), 0..5),
        token in (upgrade_in_any_case(), blanks(), any::<bool>()),
        after in prop::collection::vec((other_element(), blanks(), any::<bool>()), 0..5),
    ) {
        let with_token: Vec<_> = before.iter().chain([&token]).chain(&after).cloned().collect();
        prop_assert!(contains_token(&connection_lines(&with_token), &CONNECTION, "upgrade"));
        let without: Vec<_> = before.iter().chain(&after).cloned().collect();
        prop_assert!(!contains_token(&connection_lines(&without), &CONNECTION, "upgrade"));
    }

    #[test]
    fn extensions_read_back_as_they_were_written(list in prop::collection::vec(offer(), 1..6)) {
        let value = encode_extensions(&list).expect("tokens").expect("not empty");
        let headers: HeaderMap = [(SEC_WEBSOCKET_EXTENSIONS, value)].into_iter().collect();
        prop_assert_eq!(parse_extensions(&headers), Ok(list));
    }

    #[test]
    fn any_extension_header_is_read_or_refused(line in "[a;,=\"\\\\ \t/é-]{0,24}") {
        let value = HeaderValue::from_str(&line).or(HeaderValue::from_bytes(line.as_bytes())).expect("a value");
        let headers: HeaderMap = [(SEC_WEBSOCKET_EXTENSIONS, value)].into_iter().collect();
        if let Ok(list) = parse_extensions(&headers) {
            prop_assert!(encode_extensions(&list).expect("tokens").is_some());
        }
    }

    #[test]
    fn any_request_bytes_are_read_or_refused(input in any_request()) {
        if let Ok(head) = parse_request(&input) {
            prop_assert!(parse_request(&encode_request(&head)).is_ok());
            match ServerHandshake::from_request(&head) {
                Ok(handshake) => {
                    let _ = handshake.check_origin(&OriginPolicy::SameOrigin);
                    prop_assert!(handshake.accept(Default::default()).is_ok());
                }
                Err(rejection) => prop_assert!(rejection.response().status().is_client_error()
                    || rejection.status().is_server_error()),
            }
        }
    }

    #[test]
    fn any_response_bytes_are_read_or_refused(input in any_response()) {
        let request = ClientRequest::parse("ws://example.com/").expect("a URI");
        let client = ClientHandshake::new(request, Nonce::new(*b"the sample nonce")).expect("a handshake");
        if let Ok(head) = parse_response(&input) {
            prop_assert!(parse_response(&encode_response_head(&head)).is_ok());
            if let Ok(negotiated) = client.verify(&head) {
                prop_assert_eq!(negotiated, Default::default());
            }
        }
    }

    #[test]
    fn a_head_reads_the_same_however_it_is_cut(input in any_request(), piece in 1..40_usize, limit in 1..400_usize) {
        let whole = read_in_pieces(&input, input.len().max(1), limit);
        prop_assert_eq!(read_in_pieces(&input, piece, limit), whole);
    }

    #[test]
    fn any_text_is_a_uri_an_origin_a_key_or_refused(text in "\\PC{0,24}", ascii in "[ws:/@\\[\\]?#a1.%é-]{0,24}") {
        for text in [text, format!("ws://{ascii}"), ascii] {
            if let Ok(request) = ClientRequest::parse(&text) {
                prop_assert!(ClientHandshake::new(request, Nonce::new([0; 16])).is_ok());
            }
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert_eq!(Origin::parse(&origin.to_string()), Ok(origin));
            }
            let _ = Nonce::parse(text.as_bytes());
        }
    }

    #[test]
    fn a_nonce_reads_back_as_it_was_written(bytes: [u8; 16]) {
        let nonce = Nonce::new(bytes);
        let key = nonce.to_header_value();
        prop_assert_eq!(Nonce::parse(key.as_bytes()), Ok(nonce));
        prop_assert_eq!(accept_key(key.as_bytes()), nonce.accept_key());
    }
}
