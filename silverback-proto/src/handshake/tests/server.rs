//! RFC 6455, 4.2.1: the server reads a request.

use http::{Method, StatusCode, Version};

use super::support::request;
use crate::handshake::{
    extension::ExtensionListError,
    origin::OriginPolicy,
    rejection::Rejection,
    server::ServerHandshake,
    subprotocol::{Subprotocol, SubprotocolListError},
};

fn subprotocol(name: &str) -> Subprotocol {
    Subprotocol::new(name).expect("a token")
}

fn names(handshake: &ServerHandshake) -> Vec<&str> {
    handshake.subprotocols().iter().map(Subprotocol::as_str).collect()
}

mod reading {
    use super::*;

    #[test]
    fn the_sample_request_is_an_opening_handshake() {
        let handshake =
            request().with("Origin: http://example.com").with("Sec-WebSocket-Protocol: chat, superchat").accepted();
        assert_eq!(names(&handshake), ["chat", "superchat"]);
        assert_eq!(handshake.origin().expect("an origin"), "http://example.com");
        assert_eq!(handshake.host(), "server.example.com");
        assert_eq!(handshake.extensions(), []);
    }

    #[test]
    fn connection_may_be_a_list_in_any_case_over_several_lines() {
        request().instead("Connection: keep-alive, Upgrade").accepted();
        request().instead("Connection: UPGRADE").accepted();
        request().instead("Connection: keep-alive").with("Connection: x,upgrade").accepted();
        request().instead("Connection: x=\"a, b\" , upgrade").accepted();
    }

    #[test]
    fn upgrade_may_be_a_list_in_any_case() {
        request().instead("Upgrade: WebSocket").accepted();
        request().instead("Upgrade: h2c, websocket").accepted();
    }

    #[test]
    fn a_plain_get_is_told_to_upgrade() {
        let plain = request().without("Upgrade").without("Connection");
        assert_eq!(plain.rejected(), Rejection::NotAnUpgrade(None));
        assert!(matches!(request().instead("Upgrade: h2c").rejected(), Rejection::NotAnUpgrade(Some(_))));
    }

    #[test]
    fn connection_without_upgrade_is_refused() {
        assert_eq!(request().without("Connection").rejected(), Rejection::Connection(None));
        let kept_alive = request().instead("Connection: keep-alive").rejected();
        assert!(matches!(kept_alive, Rejection::Connection(Some(value)) if value.as_str() == "keep-alive"));
    }

    #[test]
    fn only_get_opens_a_connection() {
        for method in ["POST", "HEAD", "OPTIONS", "PUT", "BREW"] {
            let rejection = request().start(&format!("{method} /chat HTTP/1.1")).rejected();
            assert!(matches!(rejection, Rejection::Method(shown) if shown.as_str() == method));
        }
    }

    #[test]
    fn http_1_0_is_refused() {
        let rejection = request().start("GET /chat HTTP/1.0").rejected();
        assert_eq!(rejection, Rejection::HttpVersion(Version::HTTP_10));
    }

    #[test]
    fn another_major_version_is_refused() {
        let head = request().parse_request();
        for version in [Version::HTTP_09, Version::HTTP_2, Version::HTTP_3] {
            let rejection = ServerHandshake::read(&Method::GET, version, head.headers());
            assert_eq!(rejection.expect_err("refused"), Rejection::HttpVersion(version));
        }
    }

    #[test]
    fn a_request_that_announces_a_body_is_refused() {
        for line in [
            "Content-Length: 1",
            "Content-Length: 00",
            "Content-Length: +0",
            "Content-Length: x",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: identity",
        ] {
            assert_eq!(request().with(line).rejected(), Rejection::DeclaresBody, "{line}");
        }
        let two_lengths = request().with("Content-Length: 0").with("Content-Length: 5");
        assert_eq!(two_lengths.rejected(), Rejection::DeclaresBody);
        request().with("Content-Length: 0").accepted();
    }

    #[test]
    fn the_version_is_13_and_nothing_else() {
        for version in ["8", "12", "14", "013", "+13", "13, 8", "x", "\"13\""] {
            let rejection = request().instead(&format!("Sec-WebSocket-Version: {version}")).rejected();
            assert!(matches!(rejection, Rejection::UnsupportedVersion(shown) if !shown.as_str().is_empty()));
        }
        assert_eq!(
            request().without("Sec-WebSocket-Version").rejected(),
            Rejection::MissingHeader("Sec-WebSocket-Version")
        );
    }

    #[test]
    fn the_key_is_required_and_16_bytes_long() {
        assert_eq!(request().without("Sec-WebSocket-Key").rejected(), Rejection::MissingHeader("Sec-WebSocket-Key"));
        for key in ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSE=", "dGhlIHNhbXBsZSBub24="] {
            let rejection = request().instead(&format!("Sec-WebSocket-Key: {key}")).rejected();
            assert!(matches!(rejection, Rejection::InvalidKey(shown) if shown.as_str() == key));
        }
    }

    #[test]
    fn headers_that_may_appear_once_are_refused_when_repeated() {
        for (line, name) in [
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key"),
            ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version"),
            ("Host: server.example.com", "Host"),
        ] {
            assert_eq!(request().with(line).rejected(), Rejection::RepeatedHeader(name));
        }
        let two_origins = request().with("Origin: http://a.example").with("Origin: http://a.example");
        assert_eq!(two_origins.rejected(), Rejection::RepeatedHeader("Origin"));
    }

    #[test]
    fn host_is_required_and_a_host_with_an_optional_port() {
        assert_eq!(request().without("Host").rejected(), Rejection::MissingHeader("Host"));
        for host in ["", "a b", "a, b", "user@a", "a/b", "a:x", "a:99999", "[::1", "::1", ":80", "a\u{e9}"] {
            let rejection = request().instead(&format!("Host: {host}")).rejected();
            assert!(matches!(rejection, Rejection::InvalidHost(_)), "{host}");
        }
        for host in ["localhost:8000", "EXAMPLE.com", "[::1]", "[::1]:8000", "127.0.0.1", "my_service:1", "a:"] {
            assert_eq!(request().instead(&format!("Host: {host}")).accepted().host(), host);
        }
    }

    #[test]
    fn the_host_of_an_absolute_target_counts_instead_of_the_header() {
        let absolute = request().start("GET http://other.example:81/chat HTTP/1.1");
        assert_eq!(absolute.accepted().host(), "other.example:81");
        let with_user = request().start("GET http://user@other.example/ HTTP/1.1");
        assert!(matches!(with_user.rejected(), Rejection::InvalidHost(_)));
    }

    #[test]
    fn malformed_subprotocol_lists_are_refused() {
        let rejected = |line: &str| request().with(line).rejected();
        let list_error = |line: &str| match rejected(line) {
            Rejection::Subprotocols(error) => error,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(list_error("Sec-WebSocket-Protocol: "), SubprotocolListError::Empty);
        assert_eq!(list_error("Sec-WebSocket-Protocol: ,"), SubprotocolListError::Empty);
        for line in ["a b", "\"chat\"", "a/b", "chat, caf\u{e9}", "a;b", "a=b"] {
            let error = list_error(&format!("Sec-WebSocket-Protocol: {line}"));
            assert!(matches!(error, SubprotocolListError::NotAToken(_)), "{line}");
        }
        let repeated = list_error("Sec-WebSocket-Protocol: chat, x, chat");
        assert!(matches!(repeated, SubprotocolListError::Repeated(name) if name.as_str() == "chat"));
    }

    #[test]
    fn the_number_of_offered_subprotocols_is_limited() {
        let line = |count: usize| {
            let names: Vec<String> = (0..count).map(|number| format!("p{number}")).collect();
            format!("Sec-WebSocket-Protocol: {}", names.join(","))
        };
        assert_eq!(request().with(&line(128)).accepted().subprotocols().len(), 128);
        assert_eq!(
            request().with(&line(129)).rejected(),
            Rejection::Subprotocols(SubprotocolListError::TooMany { limit: 128 })
        );
    }

    #[test]
    fn malformed_extension_lists_are_refused() {
        let rejection = request().with("Sec-WebSocket-Extensions: a; b=").rejected();
        assert_eq!(rejection, Rejection::Extensions(ExtensionListError::ExpectedToken { offset: 5 }));
    }

    #[test]
    fn unknown_headers_are_ignored() {
        request().with("Sec-WebSocket-Unknown: x").with("Pragma: no-cache").accepted();
    }
}

mod subprotocols {
    use super::*;

    #[test]
    fn offers_of_all_lines_count_in_order() {
        let handshake = request()
            .with("Sec-WebSocket-Protocol: a, b")
            .with("Sec-WebSocket-Protocol: c")
            .with("Sec-WebSocket-Protocol: ,d ,")
            .accepted();
        assert_eq!(names(&handshake), ["a", "b", "c", "d"]);
        assert_eq!(handshake.select_subprotocol(&[subprotocol("c")]).expect("a match"), "c");
    }

    #[test]
    fn the_client_s_order_of_preference_decides() {
        let handshake = request().with("Sec-WebSocket-Protocol: v2, v1").accepted();
        let supported = [subprotocol("v1"), subprotocol("v2")];
        assert_eq!(handshake.select_subprotocol(&supported).expect("a match"), "v2");
    }

    #[test]
    fn names_differ_by_case() {
        let handshake = request().with("Sec-WebSocket-Protocol: Chat").accepted();
        assert_eq!(handshake.select_subprotocol(&[subprotocol("chat")]), None);
        assert_eq!(handshake.select_subprotocol(&[subprotocol("Chat")]).expect("a match"), "Chat");
    }

    #[test]
    fn without_a_common_one_there_is_none() {
        assert_eq!(request().accepted().select_subprotocol(&[subprotocol("chat")]), None);
        let handshake = request().with("Sec-WebSocket-Protocol: a").accepted();
        assert_eq!(handshake.select_subprotocol(&[]), None);
    }

    #[test]
    fn a_name_is_a_token() {
        for name in ["", "a b", "a,b", "a/b", "a\"", "a\r\nb", "caf\u{e9}", "a@b", "a:b", "a?", "{a}"] {
            assert!(Subprotocol::new(name).is_err(), "{name:?}");
        }
        for name in ["chat", "v1.json", "graphql-ws", "!#$%&'*+-.^_`|~", "0"] {
            assert_eq!(Subprotocol::new(name).expect("a token"), name);
        }
    }
}

#[test]
fn the_origin_is_compared_with_the_host_of_the_request() {
    let handshake = request().with("Origin: https://server.example.com").accepted();
    assert!(handshake.check_origin(&OriginPolicy::SameOrigin).is_ok());
    let foreign = request().with("Origin: https://evil.example").accepted();
    let refused = foreign.check_origin(&OriginPolicy::SameOrigin).expect_err("foreign");
    assert_eq!(Rejection::from(refused).status(), StatusCode::FORBIDDEN);
    assert!(request().accepted().check_origin(&OriginPolicy::AllowList(vec![])).is_ok());
}
