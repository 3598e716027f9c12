//! RFC 6455, 3 and 4.1: URIs, and the request that a client sends.

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderName, HeaderValue, Uri};

use crate::handshake::{
    client::ClientHandshake,
    error::HandshakeError,
    extension::ExtensionOffer,
    headers::parse_header,
    http1::{encode::encode_request, parse::parse_request},
    key::Nonce,
    request::ClientRequest,
    server::ServerHandshake,
    subprotocol::Subprotocol,
};

const NONCE: Nonce = Nonce::new(*b"the sample nonce");

fn parse(uri: &str) -> ClientRequest {
    ClientRequest::parse(uri).expect("a WebSocket URI")
}

fn build(request: ClientRequest) -> Result<String, HandshakeError> {
    let handshake = ClientHandshake::new(request, NONCE)?;
    Ok(String::from_utf8(encode_request(handshake.request())).expect("ASCII"))
}

fn subprotocol(name: &str) -> Subprotocol {
    Subprotocol::new(name).expect("a token")
}

mod uris {
    use super::*;

    #[test]
    fn scheme_host_port_and_resource_name_are_taken_apart() {
        for (uri, secure, host, port, target) in [
            ("ws://example.com/chat", false, "example.com", 80, "/chat"),
            ("wss://example.com/chat", true, "example.com", 443, "/chat"),
            ("http://example.com/", false, "example.com", 80, "/"),
            ("https://example.com:8443/", true, "example.com", 8443, "/"),
            ("WS://EXAMPLE.com", false, "example.com", 80, "/"),
            ("ws://example.com?room=1", false, "example.com", 80, "/?room=1"),
            ("ws://example.com/?", false, "example.com", 80, "/?"),
            ("ws://example.com//a/../b?c=/?d", false, "example.com", 80, "//a/../b?c=/?d"),
            ("ws://example.com:/x", false, "example.com", 80, "/x"),
            ("ws://[::1]", false, "[::1]", 80, "/"),
            ("ws://[0:0::1]:9000/x", false, "[::1]", 9000, "/x"),
            ("ws://127.0.0.1:9000/%C3%A9", false, "127.0.0.1", 9000, "/%C3%A9"),
        ] {
            let request = parse(uri);
            assert_eq!(
                (request.is_secure(), request.host(), request.port(), request.target().as_str()),
                (secure, host, port, target),
                "{uri}"
            );
        }
    }

    #[test]
    fn path_and_query_are_escaped_as_browsers_do() {
        for (given, sent) in [
            ("/?q={\"a\": 1}", "/?q={%22a%22:%201}"),
            ("/?x=<y>", "/?x=%3Cy%3E"),
            ("/a b/ü/日本/😀", "/a%20b/%C3%BC/%E6%97%A5%E6%9C%AC/%F0%9F%98%80"),
            ("?ü", "/?%C3%BC"),
            ("/\"<>^`{}|[]'", "/%22%3C%3E%5E%60%7B%7D|[]'"),
            ("/?\"<>^`{}|[]'\\", "/?%22%3C%3E^`{}|[]'\\"),
            ("/a\\b", "/a/b"),
            ("/\u{202e}x\u{200b}", "/%E2%80%AEx%E2%80%8B"),
            ("/a%20b?c=%2F%25+d&e=%zz", "/a%20b?c=%2F%25+d&e=%zz"),
            ("/?x=100%", "/?x=100%"),
            ("//a//b", "//a//b"),
            ("/open/https%3A%2F%2Fh%2Ff%3Ft%3D1/ws", "/open/https%3A%2F%2Fh%2Ff%3Ft%3D1/ws"),
            ("/?a=http://b/?c", "/?a=http://b/?c"),
            ("/x \r\n", "/x"),
        ] {
            assert_eq!(parse(&format!("ws://example.com{given}")).target().as_str(), sent, "{given}");
        }
        let uri: Uri = "ws://example.com/é".parse().expect("a URI");
        assert_eq!(ClientRequest::new(&uri).expect("a WebSocket URI").target().as_str(), "/%C3%A9");
    }

    #[cfg(feature = "idna")]
    #[test]
    fn host_names_outside_ascii_are_converted_as_browsers_do() {
        for (given, host) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.Example", "xn--bcher-kva.example"),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("日本語。jp", "xn--wgv71a119e.jp"),
            ("faß.de", "xn--fa-hia.de"),
            ("a_ü.example", "xn--a_-yka.example"),
            ("１２７.０.０.１", "127.0.0.1"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("bücher.example.", "xn--bcher-kva.example."),
        ] {
            let request = parse(&format!("wss://{given}:8443/ü"));
            assert_eq!((request.host(), request.port()), (host, 8443), "{given}");
            let text = build(request).expect("a request");
            assert!(text.contains(&format!("\r\nHost: {host}:8443\r\n")), "{text}");
        }
    }

    #[test]
    fn a_zone_is_for_the_socket_alone() {
        for (uri, zone, in_uri) in [
            ("ws://[FE80::1%25eth0]:81/x", "eth0", "eth0"),
            ("ws://[fe80::1%eth0]:81/x", "eth0", "eth0"),
            ("ws://[fe80:0::1%253]:81/x", "3", "3"),
            ("ws://[fe80::1%25]:81/x", "25", "25"),
            ("ws://[fe80::1%25Eth0%2E1]:81/x", "Eth0.1", "Eth0.1"),
            ("ws://[fe80::1%25eth0%3a1]:81/x", "eth0:1", "eth0%3A1"),
        ] {
            let request = parse(uri);
            assert_eq!((request.host(), request.zone()), ("[fe80::1]", Some(zone)), "{uri}");
            assert_eq!(request.socket_host(), format!("fe80::1%{zone}"));
            assert_eq!(request.uri_host(), format!("[fe80::1%25{in_uri}]"));
            assert_eq!(parse(&format!("ws://{}", request.uri_host())).zone(), Some(zone));
            let text = build(request).expect("a request");
            assert!(text.contains("\r\nHost: [fe80::1]:81\r\n") && !text.contains("eth0"), "{text}");
        }
        for (uri, socket_host, uri_host) in
            [("ws://[::1]/", "::1", "[::1]"), ("ws://a.example/", "a.example", "a.example")]
        {
            let request = parse(uri);
            assert_eq!(
                (request.zone(), request.socket_host(), request.uri_host().as_str()),
                (None, socket_host.to_owned(), uri_host)
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        use HandshakeError::*;
        type Expected = fn(&HandshakeError) -> bool;
        let rows: &[(&str, Expected)] = &[
            ("", |e| matches!(e, InvalidUri(_))),
            ("ws://a b/", |e| matches!(e, InvalidHost(_))),
            ("example.com/chat", |e| matches!(e, UnsupportedScheme(_) | InvalidUri(_))),
            ("/chat", |e| matches!(e, UnsupportedScheme(_))),
            ("ftp://example.com/", |e| matches!(e, UnsupportedScheme(s) if s.as_str() == "ftp")),
            ("ws:///chat", |e| matches!(e, InvalidHost(_))),
            ("ws://:80/", |e| matches!(e, InvalidHost(_))),
            ("ws://example.com:70000/", |e| matches!(e, InvalidHost(_))),
            ("ws://example.com:x/", |e| matches!(e, InvalidHost(_))),
            ("ws://[::1/", |e| matches!(e, InvalidHost(_))),
            ("ws://::1/", |e| matches!(e, InvalidHost(_))),
            #[cfg(not(feature = "idna"))]
            ("ws://bücher.example/", |e| matches!(e, InternationalHost(_))),
            ("ws://bücher..example:x/", |e| matches!(e, InternationalHost(_))),
            ("ws://ex\u{2100}mple/", |e| matches!(e, InternationalHost(_))),
            ("ws://ü\u{ff1a}80/", |e| matches!(e, InternationalHost(_))),
            ("ws://\u{ad}/", |e| matches!(e, InternationalHost(_))),
            ("ws://[fe80::1%]/", |e| matches!(e, InvalidHost(_))),
            ("ws://[fe80::1%25a%2Fb]/", |e| matches!(e, InvalidHost(_))),
            ("ws://[fe80::1%25a%0Ab]/", |e| matches!(e, InvalidHost(_))),
            ("ws://[fe80::1%25%é]/", |e| !matches!(e, UserInfo)),
            ("ws://[127.0.0.1%25eth0]/", |e| matches!(e, InvalidHost(_))),
            ("ws://example.com%25eth0/", |e| matches!(e, InvalidHost(_))),
            ("ws://exa\r\nmple.com/", |e| *e == ControlCharacter { character: '\r', position: 9 }),
            ("ws://user:secret@example.com/", |e| *e == UserInfo),
            ("ws://user@example.com/", |e| *e == UserInfo),
            ("ws://example.com/#top", |e| *e == Fragment),
            ("ws://example.com#", |e| *e == Fragment),
            ("ws://example.com/a\r\nX: y", |e| *e == ControlCharacter { character: '\r', position: 19 }),
            (" ws://example.com/é?\0", |e| *e == ControlCharacter { character: '\0', position: 21 }),
            ("\nws://example.com/\u{7f}x", |e| *e == ControlCharacter { character: '\u{7f}', position: 19 }),
            ("ws://example.com/\u{9b}31m", |e| *e == ControlCharacter { character: '\u{9b}', position: 18 }),
            ("ws://example.com\\x", |e| matches!(e, InvalidHost(_))),
            ("ws://example.com\\@x/", |e| *e == UserInfo),
        ];
        for (uri, expected) in rows {
            let error = ClientRequest::parse(uri).expect_err("no WebSocket URI");
            assert!(expected(&error), "{uri}: {error:?}");
            assert!(error.is_misuse());
        }
    }

    #[test]
    fn a_uri_without_its_scheme_is_told_how_one_begins() {
        for uri in ["127.0.0.1:8000", "localhost:80/", "localhost", "example.com/chat", "/chat", "[::1]:80", "ws:h"] {
            let error = ClientRequest::parse(uri).expect_err("refused");
            assert!(error.to_string().contains("begins with ws:// or wss://"), "{uri}: {error}");
            assert!(!error.to_string().contains("``"), "{uri}: {error}");
        }
    }

    #[test]
    fn what_is_quoted_is_not_empty_and_has_letters_of_every_language() {
        for uri in ["", "://", "://h", "ws://", "wss://?x", "ws://:80/"] {
            let error = ClientRequest::parse(uri).expect_err("refused");
            assert!(!error.to_string().contains("``"), "{uri}: {error}");
        }
        let error = ClientRequest::parse("ws://bücher\u{202e}.example:x/").expect_err("refused");
        assert!(error.to_string().contains(r"`bücher\u{202e}.example:x`"), "{error}");
    }

    #[test]
    fn a_password_or_query_is_not_repeated_in_the_error() {
        for uri in [
            "ws://user:secret@example.com/",
            "ws://user:se/secret@example.com/",
            "user:se?secret@example.com/",
            "secret?secret@example.com/",
            "user:secret@example.com/?secret",
            "ftp://example.com/?secret",
            "example.com/?secret",
            "example.com/?next=http://secret",
            "/?secret",
            "?secret",
            "ws:example.com?secret@secret",
            "ws:// /?secret",
            "ws://example.com:x?secret",
        ] {
            let error = ClientRequest::parse(uri).expect_err("refused");
            assert!(!format!("{error} {error:?}").contains("secret"), "{uri}: {error}");
        }
        let error = ClientRequest::parse("example.com/a?secret").expect_err("refused");
        assert!(error.to_string().contains("`example.com/a?…`"), "{error}");
    }

    #[test]
    fn debug_output_has_no_query_and_no_value_that_is_marked_as_secret() {
        let mut value = HeaderValue::from_static("secret");
        value.set_sensitive(true);
        let request = parse("ws://example.com/a?token=secret").header(AUTHORIZATION, value);
        let handshake = ClientHandshake::new(request.clone(), NONCE).expect("a handshake");
        for text in [format!("{request:?}"), format!("{handshake:?}")] {
            assert!(text.contains("/a?…") && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_parsed_uri_is_validated_like_its_text() {
        let uri: Uri = "wss://example.com:444?x".parse().expect("a URI");
        let request = ClientRequest::new(&uri).expect("a WebSocket URI");
        assert_eq!((request.port(), request.target().as_str()), (444, "/?x"));
        for uri in ["example.com:80", "/chat", "ws://user@example.com/", "ftp://example.com/"] {
            let uri: Uri = uri.parse().expect("a URI");
            assert!(ClientRequest::new(&uri).is_err(), "{uri}");
        }
    }
}

mod requests {
    use super::*;

    #[test]
    fn the_request_of_the_rfc_is_written_in_its_spelling() {
        let request = parse("ws://server.example.com/chat")
            .origin(HeaderValue::from_static("http://example.com"))
            .subprotocol(subprotocol("chat"))
            .subprotocol(subprotocol("superchat"));
        assert_eq!(
            build(request).expect("a request"),
            "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://example.com\r\n\r\n"
        );
    }

    #[test]
    fn host_names_the_port_unless_it_is_the_default() {
        for (uri, host) in [
            ("ws://example.com", "example.com"),
            ("ws://example.com:80", "example.com"),
            ("wss://example.com:443", "example.com"),
            ("ws://example.com:443", "example.com:443"),
            ("wss://example.com:80", "example.com:80"),
            ("ws://localhost:8000", "localhost:8000"),
            ("ws://[::1]", "[::1]"),
            ("ws://[::1]:8000", "[::1]:8000"),
        ] {
            let text = build(parse(uri)).expect("a request");
            assert!(text.contains(&format!("\r\nHost: {host}\r\n")), "{text}");
        }
    }

    #[test]
    fn host_is_overridden_only_by_its_setter() {
        let named = parse("ws://127.0.0.1:8000").host_header(HeaderValue::from_static("example.com"));
        assert!(build(named).expect("a request").contains("\r\nHost: example.com\r\n"));

        let malformed = parse("ws://127.0.0.1:8000").host_header(HeaderValue::from_static("a, b"));
        assert!(matches!(build(malformed), Err(HandshakeError::InvalidHost(_))));

        let international = HeaderValue::from_str("b\u{fc}cher.example").expect("a value");
        let international = build(parse("ws://127.0.0.1:8000").host_header(international));
        let error = international.expect_err("Host is in ASCII");
        assert!(
            matches!(error, HandshakeError::InternationalHost(_)) && error.to_string().contains('\u{fc}'),
            "{error}"
        );

        let smuggled = parse("ws://127.0.0.1:8000").header(HOST, HeaderValue::from_static("example.com"));
        assert!(matches!(build(smuggled), Err(HandshakeError::ReservedHeader(name)) if name.as_str() == "Host"));
    }

    #[test]
    fn reserved_headers_are_refused_by_name() {
        for name in [
            "Upgrade",
            "Connection",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Version",
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
            "Content-Length",
            "Transfer-Encoding",
        ] {
            let (parsed, value) = parse_header(name, "x").expect("a header");
            let error = build(parse("ws://a/").header(parsed, value)).expect_err("reserved");
            assert!(matches!(&error, HandshakeError::ReservedHeader(shown) if shown.as_str() == name), "{error:?}");
            assert!(error.is_misuse());
        }
    }

    #[test]
    fn other_headers_are_sent_with_all_their_values() {
        let note = HeaderName::from_static("x-note");
        let request = parse("ws://a/")
            .header(AUTHORIZATION, HeaderValue::from_static("Basic x"))
            .header(note.clone(), HeaderValue::from_static("1"))
            .header(note, HeaderValue::from_static("2"));
        let text = build(request).expect("a request");
        for line in ["Authorization: Basic x", "X-Note: 1", "X-Note: 2"] {
            assert!(text.contains(&format!("\r\n{line}\r\n")), "{text}");
        }
    }

    #[test]
    fn there_is_at_most_one_origin() {
        let origin = |name: &'static str| HeaderValue::from_static(name);
        let set_twice = parse("ws://a/").origin(origin("http://a")).origin(origin("http://b"));
        assert!(build(set_twice).expect("a request").contains("\r\nOrigin: http://b\r\n"));
        let added = parse("ws://a/").origin(origin("http://a")).header(ORIGIN, origin("http://b"));
        assert_eq!(build(added), Err(HandshakeError::RepeatedOrigin));
    }

    #[test]
    fn headers_have_a_limit_far_below_that_of_their_map() {
        let numbered = |number: usize| parse_header(&format!("x-{number}"), "1").expect("a header");
        let with = |count: usize| {
            (0..count).map(numbered).fold(parse("ws://a/"), |all, (name, value)| all.header(name, value))
        };
        assert!(build(with(1000)).is_ok());
        for count in [1001, 24_576, 40_000] {
            let request = with(count).origin(HeaderValue::from_static("http://a"));
            assert_eq!(build(request), Err(HandshakeError::TooManyHeaders { limit: 1000 }));
        }
    }

    #[test]
    fn a_subprotocol_is_offered_once() {
        let request = parse("ws://a/").subprotocol(subprotocol("chat")).subprotocol(subprotocol("chat"));
        assert_eq!(build(request), Err(HandshakeError::RepeatedSubprotocol(subprotocol("chat"))));
    }

    #[test]
    fn extensions_are_offered_in_order_with_fallbacks() {
        let request = parse("ws://a/")
            .extension(ExtensionOffer::new("foo").param("x", "1"))
            .extension(ExtensionOffer::new("foo"));
        let text = build(request).expect("a request");
        assert!(text.contains("\r\nSec-WebSocket-Extensions: foo; x=1, foo\r\n"), "{text}");

        let malformed = parse("ws://a/").extension(ExtensionOffer::new("a\r\nb"));
        assert!(matches!(build(malformed), Err(HandshakeError::InvalidExtension(_))));
    }

    #[test]
    fn our_server_reads_what_our_client_writes() {
        let request = parse("wss://[::1]:9/x?y").subprotocol(subprotocol("chat")).extension(ExtensionOffer::new("foo"));
        let head = parse_request(build(request).expect("a request").as_bytes()).expect("readable");
        let handshake = ServerHandshake::from_request(&head).expect("an opening handshake");
        assert_eq!(head.uri(), "/x?y");
        assert_eq!(handshake.host(), "[::1]:9");
        assert_eq!(handshake.subprotocols(), [subprotocol("chat")]);
        assert_eq!(handshake.extensions(), [ExtensionOffer::new("foo")]);
    }
}
