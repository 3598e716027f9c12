//! RFC 6455, 11.3, and the lists of RFC 2616, 2.1: token lists, reserved names, safe values.

use http::header::{CONNECTION, COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::handshake::{
    error::HandshakeError,
    headers::{is_reserved, join_cookies, parse_header},
    syntax::{contains_token, list_elements},
};

fn connection(lines: &[&str]) -> HeaderMap {
    let value = |line: &&str| HeaderValue::from_str(line).expect("a value");
    lines.iter().map(|line| (CONNECTION, value(line))).collect()
}

mod token_lists {
    use super::*;

    #[test]
    fn a_token_is_found_in_any_case_position_and_line() {
        for lines in [
            &["Upgrade"][..],
            &["upgrade"],
            &["UPGRADE"],
            &["keep-alive, Upgrade"],
            &["Upgrade,keep-alive"],
            &["keep-alive ,\tUpgrade\t"],
            &["keep-alive", "Upgrade"],
            &["", "close", "x, upgrade, y"],
            &[",, ,Upgrade,"],
            &["x=\"a, b\", Upgrade"],
            &["x=\"a\\\", b\", Upgrade"],
        ] {
            assert!(contains_token(&connection(lines), &CONNECTION, "upgrade"), "{lines:?}");
        }
    }

    #[test]
    fn something_that_merely_resembles_a_token_is_not_it() {
        for lines in [
            &[][..],
            &[""],
            &["keep-alive"],
            &["upgraded"],
            &["no-upgrade"],
            &["up grade"],
            &["upgrade=1"],
            &["upgrade; x"],
            &["\"upgrade\""],
            &["x=\"a, upgrade, b\""],
            &["x=\"\\\", upgrade, \""],
            &["x=\"never ends, upgrade"],
            &["up", "grade"],
        ] {
            assert!(!contains_token(&connection(lines), &CONNECTION, "upgrade"), "{lines:?}");
        }
    }

    #[test]
    fn elements_come_in_order_trimmed_and_without_empty_ones() {
        let headers = connection(&["a , b c,,", ",\"d, e\" ,f", " "]);
        let elements: Vec<&[u8]> = list_elements(&headers, &CONNECTION).collect();
        assert_eq!(elements, [b"a", &b"b c"[..], b"\"d, e\"", b"f"]);
    }
}

mod headers_of_the_application {
    use super::*;

    #[test]
    fn line_breaks_and_control_bytes_are_refused_in_values() {
        for value in ["a\r\nB: c", "a\nb", "a\rb", "a\0b", "a\x1bb", "a\x7fb"] {
            let error = parse_header("X-Note", value).expect_err("an unsafe value");
            assert!(matches!(error, HandshakeError::InvalidHeaderValue(_)), "{value:?}");
            assert_eq!(error.to_string(), "the value of header `X-Note` has a line break or control byte");
            assert!(error.is_misuse());
        }
    }

    #[test]
    fn names_must_be_tokens() {
        for name in ["", "a b", "a:", "a\r\nb", "a\0", "é", "X-Note\t"] {
            let error = parse_header(name, "v").expect_err("an unsafe name");
            assert!(matches!(error, HandshakeError::InvalidHeaderName(_)), "{name:?}");
        }
        let error = parse_header("X-Note\r\nEvil", "v").expect_err("an unsafe name");
        assert_eq!(error.to_string(), "`X-Note\\r\\nEvil` is not a header name");
    }

    #[test]
    fn ordinary_headers_pass_with_tabs_and_bytes_beyond_ascii() {
        let (name, value) = parse_header("X-Note", "tab\there, é").expect("a header");
        assert_eq!((name.as_str(), value.as_bytes()), ("x-note", "tab\there, é".as_bytes()));
    }

    #[test]
    fn the_handshake_reserves_its_own_headers_and_those_of_a_body() {
        for name in [
            "Upgrade",
            "Connection",
            "Content-Length",
            "Transfer-Encoding",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Version",
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
            "Sec-WebSocket-Anything",
        ] {
            assert!(is_reserved(&HeaderName::from_bytes(name.as_bytes()).expect("a name")), "{name}");
        }
        for name in [HOST, COOKIE, SET_COOKIE, HeaderName::from_static("sec-fetch-mode")] {
            assert!(!is_reserved(&name), "{name}");
        }
    }
}

#[test]
fn several_cookie_fields_are_joined_and_one_stays_as_it_is() {
    let mut headers: HeaderMap = [
        (COOKIE, HeaderValue::from_static("a=1")),
        (HOST, HeaderValue::from_static("h")),
        (COOKIE, HeaderValue::from_static("b=2")),
    ]
    .into_iter()
    .collect();
    join_cookies(&mut headers);
    assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    join_cookies(&mut headers);
    assert_eq!((headers.len(), &headers[COOKIE]), (2, &HeaderValue::from_static("a=1; b=2")));
    let mut secret = HeaderValue::from_static("c=3");
    secret.set_sensitive(true);
    headers.append(COOKIE, secret);
    join_cookies(&mut headers);
    assert!(headers[COOKIE].is_sensitive() && headers[COOKIE] == "a=1; b=2; c=3");
}
