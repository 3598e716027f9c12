//! RFC 9114, 4.1.2 to 4.5; RFC 8441, 4; RFC 9220, 3.

use http::{Method, Request, Response, StatusCode, Version, header};
use proptest::{collection::vec, prelude::*};

use crate::{
    h3::{
        error::Error,
        error_code::ErrorCode,
        limits::Limits,
        message_fault::{MessageFault, UnsendableMessage},
        qpack::{Field, FieldSection},
        settings::Settings,
    },
    handshake::{Acceptance, ServerHandshake},
};

/// A name and a value.
type Pair = (&'static str, &'static str);

/// The fields of an extended CONNECT, as a browser sends them.
const CONNECT: &[Pair] = &[
    (":method", "CONNECT"),
    (":authority", "server.example.com"),
    (":scheme", "https"),
    (":path", "/chat?room=1"),
    (":protocol", "websocket"),
    ("origin", "https://server.example.com"),
    ("sec-websocket-version", "13"),
];

const GET: &[Pair] = &[(":method", "GET"), (":scheme", "https"), (":authority", "server.example.com"), (":path", "/")];

fn section(pairs: &[Pair]) -> FieldSection {
    pairs.iter().map(|(name, value)| Field::new((*name).to_owned(), (*value).to_owned())).collect()
}

/// `pairs` with more fields at the end.
fn with(pairs: &[Pair], more: &[Pair]) -> Vec<Pair> {
    [pairs, more].concat()
}

/// `pairs` without a field, and with another value for it in the same place, if there is one.
fn replaced(pairs: &[Pair], name: &str, value: Option<&'static str>) -> Vec<Pair> {
    let keep = |(field, old): &Pair| if *field == name { Some((*field, value?)) } else { Some((*field, *old)) };
    pairs.iter().filter_map(keep).collect()
}

#[track_caller]
fn fault_of<T: std::fmt::Debug>(outcome: Result<T, Error>) -> MessageFault {
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.ends_connection()), (ErrorCode::MESSAGE_ERROR, false));
    assert_eq!(error.status(), Some(StatusCode::BAD_REQUEST));
    let Error::Message(fault) = error else { panic!("{error}") };
    fault
}

/// A request with these fields is malformed. Returns the reason in words.
#[track_caller]
fn request_fault(pairs: &[Pair]) -> String {
    fault_of(section(pairs).request()).to_string()
}

#[track_caller]
fn response_fault(pairs: &[Pair]) -> String {
    fault_of(section(pairs).response()).to_string()
}

#[track_caller]
fn request(pairs: &[Pair]) -> Request<()> {
    section(pairs).request().unwrap().0
}

mod extended_connect {
    use super::*;

    #[test]
    fn is_a_request_with_the_protocol_beside_it() {
        let (request, protocol) = section(CONNECT).request().unwrap();
        assert_eq!((request.method(), request.version()), (&Method::CONNECT, Version::HTTP_3));
        assert_eq!(request.uri(), "https://server.example.com/chat?room=1");
        assert_eq!(protocol.as_deref(), Some("websocket"));
        assert_eq!(request.headers().len(), 2, "no pseudo-header field is a header");
        assert_eq!(request.headers()["sec-websocket-version"], "13");
    }

    #[test]
    fn is_a_handshake_that_can_be_accepted() {
        let (request, protocol) = section(CONNECT).request().unwrap();
        let handshake = ServerHandshake::from_connect(&request, protocol.as_deref()).unwrap();
        let (response, _) = handshake.accept(Acceptance::default()).unwrap();
        let sent = FieldSection::from_response(&response).unwrap();
        assert_eq!(sent.response().unwrap().status(), StatusCode::OK);
    }

    #[test]
    fn needs_scheme_path_and_authority() {
        for (name, words) in [
            (":scheme", "the pseudo-header field :scheme is missing"),
            (":path", "the pseudo-header field :path is missing"),
            (":authority", "the request has neither :authority nor Host"),
        ] {
            assert_eq!(request_fault(&replaced(CONNECT, name, None)), words);
        }
    }

    #[test]
    fn may_have_another_protocol() {
        for protocol in ["connect-udp", "webtransport", "HTTP/2.0"] {
            let section = section(&replaced(CONNECT, ":protocol", Some(protocol)));
            assert_eq!(section.request().unwrap().1.as_deref(), Some(protocol));
        }
    }

    #[test]
    fn has_a_token_as_its_protocol() {
        for protocol in ["", "web socket", "web\u{e9}", "a,b"] {
            let words = request_fault(&replaced(CONNECT, ":protocol", Some(protocol)));
            assert!(words.starts_with("the field :protocol has the malformed value"), "{words}");
        }
    }

    #[test]
    fn no_other_method_has_a_protocol() {
        let fields = replaced(CONNECT, ":method", Some("GET"));
        assert_eq!(request_fault(&fields), "the pseudo-header field :protocol is only allowed in CONNECT");
    }

    #[test]
    fn may_carry_a_content_length_which_the_handshake_rejects() {
        let fields = with(CONNECT, &[("content-length", "5")]);
        let (request, protocol) = section(&fields).request().unwrap();
        assert!(ServerHandshake::from_connect(&request, protocol.as_deref()).is_err());
    }
}

mod ordinary_connect {
    use super::*;

    #[test]
    fn names_a_host_and_a_port() {
        let request = request(&[(":method", "CONNECT"), (":authority", "example.com:443")]);
        assert_eq!(request.uri().to_string(), "example.com:443");
        assert_eq!(request.uri().scheme(), None);
    }

    #[test]
    fn needs_the_port() {
        let words = request_fault(&[(":method", "CONNECT"), (":authority", "example.com")]);
        assert_eq!(words, "the field :authority has the malformed value `example.com`");
    }

    #[test]
    fn has_no_scheme_and_no_path() {
        for (name, value) in [(":scheme", "https"), (":path", "/")] {
            let words = request_fault(&[(":method", "CONNECT"), (":authority", "example.com:443"), (name, value)]);
            assert_eq!(words, format!("the pseudo-header field {name} is not allowed in CONNECT without :protocol"));
        }
    }

    #[test]
    fn needs_authority_and_not_host() {
        let words = request_fault(&[(":method", "CONNECT"), ("host", "example.com:443")]);
        assert_eq!(words, "the pseudo-header field :authority is missing");
    }
}

mod ordinary_requests {
    use super::*;

    #[test]
    fn have_no_protocol() {
        let (request, protocol) = section(GET).request().unwrap();
        assert_eq!((request.method(), request.uri().to_string()), (&Method::GET, "https://server.example.com/".into()));
        assert_eq!(protocol, None);
    }

    #[test]
    fn need_method_scheme_and_path() {
        for name in [":method", ":scheme", ":path"] {
            let words = request_fault(&replaced(GET, name, None));
            assert_eq!(words, format!("the pseudo-header field {name} is missing"));
        }
    }

    #[test]
    fn the_path_begins_with_a_slash() {
        for path in ["", "chat", "?q", "*", "https://server.example.com/", "/a#b", "/a b"] {
            let words = request_fault(&replaced(GET, ":path", Some(path)));
            assert_eq!(words, format!("the field :path has the malformed value `{path}`"));
        }
    }

    #[test]
    fn options_may_ask_about_the_whole_server() {
        let fields = replaced(&replaced(GET, ":method", Some("OPTIONS")), ":path", Some("*"));
        assert_eq!(request(&fields).uri().path(), "*");
    }

    #[test]
    fn method_and_scheme_are_well_formed() {
        for (name, value) in
            [(":method", ""), (":method", "G E T"), (":scheme", ""), (":scheme", "ht tp"), (":scheme", "1")]
        {
            let words = request_fault(&replaced(GET, name, Some(value)));
            assert_eq!(words, format!("the field {name} has the malformed value `{value}`"));
        }
    }
}

mod authority {
    use super::*;

    #[test]
    fn falls_back_to_host() {
        let fields = with(&replaced(CONNECT, ":authority", None), &[("host", "other.example:8443")]);
        assert_eq!(request(&fields).uri(), "https://other.example:8443/chat?room=1");
    }

    #[test]
    fn may_agree_with_host() {
        assert_eq!(request(&with(GET, &[("host", "Server.Example.Com")])).uri().host(), Some("server.example.com"));
    }

    #[test]
    fn must_not_differ_from_host() {
        let words = request_fault(&with(CONNECT, &[("host", "other.example")]));
        assert_eq!(words, "the Host `other.example` differs from :authority `server.example.com`");
    }

    #[test]
    fn has_at_most_one_host() {
        let host = ("host", "server.example.com");
        assert_eq!(request_fault(&with(GET, &[host, host])), "the request has several Host headers");
    }

    #[test]
    fn must_not_be_empty_or_name_a_user() {
        for value in ["", "user@server.example.com", "user:secret@server.example.com", "a b", "server.example.com/x"] {
            let words = request_fault(&replaced(GET, ":authority", Some(value)));
            assert_eq!(words, format!("the field :authority has the malformed value `{value}`"));
        }
        let fields = with(&replaced(GET, ":authority", None), &[("host", "")]);
        assert_eq!(request_fault(&fields), "the field host has the malformed value ``");
    }
}

mod pseudo_header_fields {
    use super::*;

    #[test]
    fn come_before_other_fields() {
        let fields = [("origin", "https://a.example"), (":method", "GET")];
        assert_eq!(request_fault(&fields), "the pseudo-header field `:method` comes after other fields");
        let fields = [("server", "a"), (":status", "200")];
        assert_eq!(response_fault(&fields), "the pseudo-header field `:status` comes after other fields");
    }

    #[test]
    fn come_once() {
        for (name, value) in &CONNECT[..5] {
            let mut fields = CONNECT.to_vec();
            fields.insert(0, (*name, *value));
            assert_eq!(request_fault(&fields), format!("the pseudo-header field {name} comes twice"));
        }
        assert_eq!(
            response_fault(&[(":status", "200"), (":status", "200")]),
            "the pseudo-header field :status comes twice"
        );
    }

    #[test]
    fn are_those_of_this_kind_of_message() {
        for name in [":status", ":unknown", ":Method", ":"] {
            let mut fields = GET.to_vec();
            fields.insert(0, (name, "200"));
            assert_eq!(request_fault(&fields), format!("the pseudo-header field `{name}` is not allowed here"));
        }
        for name in [":method", ":path", ":scheme", ":authority", ":protocol", ":unknown"] {
            let words = response_fault(&[(":status", "200"), (name, "x")]);
            assert_eq!(words, format!("the pseudo-header field `{name}` is not allowed here"));
        }
    }

    #[test]
    fn do_not_exist_in_trailers() {
        let fault = fault_of(section(&[(":status", "200")]).trailers()).to_string();
        assert_eq!(fault, "the pseudo-header field `:status` is not allowed here");
        assert_eq!(section(&[("grpc-status", "0")]).trailers().unwrap()["grpc-status"], "0");
    }
}

mod headers {
    use super::*;

    #[test]
    fn names_are_in_lower_case() {
        for name in ["Origin", "originX", "", "a b", "a:", "\u{e9}"] {
            let words = request_fault(&with(GET, &[(name, "x")]));
            assert!(words.ends_with("is not a token in lower case"), "{words}");
        }
    }

    #[test]
    fn values_have_no_control_characters() {
        for value in ["a\r\nb: c", "a\nb", "a\0b", "\u{7f}"] {
            let words = request_fault(&with(GET, &[("x-a", value)]));
            assert_eq!(words, "the value of x-a has characters that are not allowed");
        }
        let fields = with(GET, &[("cookie", "a=b"), ("cookie", "c=\r\nd")]);
        assert_eq!(request_fault(&fields), "the value of cookie has characters that are not allowed");
    }

    #[test]
    fn values_may_hold_any_text_and_lose_blanks_around_it() {
        let request = request(&with(GET, &[("x-a", " \tz\u{f6} \t e\t "), ("x-b", ""), ("x-c", " ")]));
        assert_eq!(request.headers()["x-a"].as_bytes(), "z\u{f6} \t e".as_bytes());
        assert_eq!(
            (&request.headers()["x-b"], &request.headers()["x-c"]),
            (&header::HeaderValue::from_static(""), &header::HeaderValue::from_static(""))
        );
    }

    #[test]
    fn those_about_the_connection_are_not_allowed() {
        for (name, value) in [
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
            ("te", "trailers, gzip"),
        ] {
            let words = format!("the header {name} is not allowed in HTTP/3");
            assert_eq!(request_fault(&with(CONNECT, &[(name, value)])), words);
            assert_eq!(response_fault(&[(":status", "200"), (name, value)]), words);
            assert_eq!(fault_of(section(&[(name, value)]).trailers()).to_string(), words);
        }
        assert_eq!(request(&with(GET, &[("te", "trailers")])).headers()["te"], "trailers");
    }

    #[test]
    fn cookies_in_several_fields_are_joined() {
        let request =
            request(&with(CONNECT, &[("cookie", "a=b"), ("x-a", "1"), ("cookie", "c=d; e=f"), ("cookie", "g=h")]));
        let cookies: Vec<_> = request.headers().get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=b; c=d; e=f; g=h"]);
    }

    #[test]
    fn other_fields_that_repeat_stay_as_they_are() {
        let request = request(&with(CONNECT, &[("sec-websocket-protocol", "a"), ("sec-websocket-protocol", "b")]));
        let values: Vec<_> = request.headers().get_all("sec-websocket-protocol").iter().collect();
        assert_eq!(values, ["a", "b"]);
    }

    #[test]
    fn sensitive_ones_are_marked_both_ways() {
        let mut request = Request::get("https://server.example.com/").body(()).unwrap();
        let mut secret = header::HeaderValue::from_static("Basic eDp5");
        secret.set_sensitive(true);
        request.headers_mut().insert("authorization", secret);
        let wire = FieldSection::from_request(&request, None).unwrap().encode();
        let (received, _) = FieldSection::decode(&wire, &Limits::default()).unwrap().request().unwrap();
        assert!(received.headers()["authorization"].is_sensitive());
    }
}

mod responses {
    use super::*;

    #[test]
    fn have_a_status_and_headers() {
        let response = section(&[(":status", "200"), ("sec-websocket-protocol", "chat")]).response().unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_3));
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    }

    #[test]
    fn need_a_status_of_three_digits() {
        assert_eq!(response_fault(&[("server", "x")]), "the pseudo-header field :status is missing");
        for status in ["", "20", "2000", "abc", "099", "+20", "200 OK"] {
            let words = response_fault(&[(":status", status)]);
            assert_eq!(words, format!("the field :status has the malformed value `{status}`"));
        }
    }

    #[test]
    fn are_never_101() {
        assert_eq!(response_fault(&[(":status", "101")]), "the status 101 does not exist in HTTP/3");
        let response = Response::builder().status(101).body(()).unwrap();
        assert_eq!(FieldSection::from_response(&response), Err(UnsendableMessage::SwitchingProtocols));
    }

    #[test]
    fn keep_several_cookies_apart() {
        let response = section(&[(":status", "200"), ("set-cookie", "a=b"), ("set-cookie", "c=d")]).response().unwrap();
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    }
}

mod sending {
    use super::*;

    fn pairs(section: &FieldSection) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        section.fields().iter().map(|field| (text(&field.name), text(&field.value))).collect()
    }

    #[track_caller]
    fn check(section: &FieldSection, expected: &[Pair]) {
        let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(pairs(section), expected);
    }

    #[test]
    fn an_extended_connect_has_five_pseudo_header_fields() {
        let request = Request::connect("https://user:secret@example.com:8443/chat?a=b")
            .header("origin", "null")
            .body(())
            .unwrap();
        check(
            &FieldSection::from_request(&request, Some("websocket")).unwrap(),
            &[
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "https"),
                (":path", "/chat?a=b"),
                (":authority", "example.com:8443"),
                ("origin", "null"),
            ],
        );
    }

    #[test]
    fn an_empty_path_is_a_slash() {
        let request = Request::connect("https://example.com").body(()).unwrap();
        let section = FieldSection::from_request(&request, Some("websocket")).unwrap();
        assert_eq!(section.request().unwrap().0.uri(), "https://example.com/");
    }

    #[test]
    fn an_ordinary_connect_has_an_authority_only() {
        let request = Request::connect("example.com:443").body(()).unwrap();
        let section = FieldSection::from_request(&request, None).unwrap();
        check(&section, &[(":method", "CONNECT"), (":authority", "example.com:443")]);
    }

    #[test]
    fn a_host_header_replaces_the_authority() {
        let request = Request::get("https://10.0.0.1/").header("Host", "example.com").body(()).unwrap();
        let section = FieldSection::from_request(&request, None).unwrap();
        check(&section, &[(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "example.com")]);
    }

    #[test]
    fn headers_about_the_connection_are_left_out() {
        let response = Response::builder()
            .status(405)
            .header("Connection", "close")
            .header("Keep-Alive", "5")
            .header("Proxy-Connection", "close")
            .header("Transfer-Encoding", "chunked")
            .header("Upgrade", "websocket")
            .header("TE", "gzip")
            .header("Allow", "GET, CONNECT")
            .body("text")
            .unwrap();
        let section = FieldSection::from_response(&response).unwrap();
        check(&section, &[(":status", "405"), ("allow", "GET, CONNECT")]);
    }

    #[test]
    fn an_incomplete_request_is_an_error() {
        let connect = |uri: &str| Request::connect(uri).body(()).unwrap();
        for (request, protocol, error) in [
            (connect("/chat"), Some("websocket"), UnsendableMessage::NoAuthority),
            (connect("example.com:443"), Some("websocket"), UnsendableMessage::NoScheme),
            (connect("https://example.com/"), Some("web socket"), UnsendableMessage::InvalidProtocol),
            (connect("https://example.com/"), Some(""), UnsendableMessage::InvalidProtocol),
            (
                Request::get("https://example.com/").body(()).unwrap(),
                Some("websocket"),
                UnsendableMessage::ProtocolWithoutConnect,
            ),
        ] {
            assert_eq!(FieldSection::from_request(&request, protocol), Err(error));
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn the_limit_of_the_peer_is_known_beforehand() {
        let section = section(GET);
        let settings = |limit| Settings { max_field_section_size: limit, ..Settings::default() };
        assert!(settings(None).accepts(&section));
        assert!(settings(Some(section.size())).accepts(&section));
        assert!(!settings(Some(section.size() - 1)).accepts(&section));
    }

    fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
        let value = vec(prop_oneof![Just(b'\t'), 32_u8..127, 128..=255_u8], 0..30);
        vec(("x-[a-z0-9!#$%&'*+.^_`|~-]{1,12}", value), 0..10)
    }

    proptest! {
        #[test]
        fn what_is_sent_is_received(headers in headers(), path in "/[a-z0-9/?%&=.~-]{0,40}", host in "[a-z][a-z0-9.-]{0,20}") {
            let mut request = Request::connect(format!("https://{host}{path}")).body(()).unwrap();
            for (name, value) in &headers {
                let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                request.headers_mut().append(name, header::HeaderValue::from_bytes(value.trim_ascii()).unwrap());
            }
            let wire = FieldSection::from_request(&request, Some("websocket")).unwrap().encode();
            let (received, protocol) = FieldSection::decode(&wire, &Limits::default()).unwrap().request().unwrap();
            prop_assert_eq!(protocol.as_deref(), Some("websocket"));
            prop_assert_eq!(received.uri(), request.uri());
            prop_assert_eq!(received.headers(), request.headers());
        }

        /// Every request that was read can be sent again with the same meaning.
        #[test]
        fn a_request_that_was_read_can_be_sent(
            fields in vec(
                prop_oneof![
                    any::<prop::sample::Index>().prop_map(|at| { let (name, value) = at.get(CONNECT); (name.to_string(), value.to_string()) }),
                    ("[:a-zA-Z -]{0,8}", "[ -~]{0,8}"),
                ],
                0..9,
            ),
        ) {
            let fields = fields.iter().map(|(name, value)| Field::new(name.clone(), value.clone()));
            if let Ok((request, protocol)) = fields.collect::<FieldSection>().request() {
                let again = FieldSection::from_request(&request, protocol.as_deref()).unwrap();
                let (second, second_protocol) = again.request().unwrap();
                prop_assert_eq!(second.uri(), request.uri());
                prop_assert_eq!(second.headers(), request.headers());
                prop_assert_eq!(second_protocol, protocol);
            }
        }
    }
}
