//! RFC 6455, 4.2.2 and 10.2: which pages may connect.

use crate::handshake::origin::{Origin, OriginPolicy, OriginRefusedReason, ParseOriginError};

fn origin(text: &str) -> Origin {
    text.parse().expect("an origin")
}

mod parsing {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_a_host_and_perhaps_a_port() {
        for text in [
            "https://example.com",
            "http://localhost:3000",
            "http://127.0.0.1:8000",
            "http://[::1]:8000",
            "chrome-extension://abcdefghijklmnop",
            "capacitor://localhost",
            "file://",
        ] {
            assert_eq!(origin(text).to_string(), text);
        }
    }

    #[test]
    fn spellings_of_one_origin_are_equal() {
        for (one, other) in [
            ("https://example.com", "HTTPS://EXAMPLE.COM"),
            ("https://example.com", "https://example.com:443"),
            ("http://example.com:80", "http://example.com"),
            ("http://example.com:", "http://example.com"),
            ("http://[::1]", "http://[0:0:0:0:0:0:0:1]:80"),
            ("http://[2001:DB8::A]", "http://[2001:db8:0::a]"),
        ] {
            assert_eq!(origin(one), origin(other));
        }
    }

    #[test]
    fn scheme_host_and_port_all_count() {
        let one = origin("https://example.com");
        for other in ["http://example.com", "https://example.com:444", "https://www.example.com", "https://example.org"]
        {
            assert_ne!(one, origin(other));
        }
    }

    #[cfg(feature = "idna")]
    #[test]
    fn names_outside_ascii_are_converted_in_lists_and_nowhere_else() {
        let origin: Origin = "https://Bücher.example:8443".parse().expect("an origin");
        assert_eq!(origin.to_string(), "https://xn--bcher-kva.example:8443");
        let policy = OriginPolicy::AllowList(vec![origin]);
        assert_eq!(policy.check(Some(b"https://xn--bcher-kva.example:8443"), b"h"), Ok(()));
        assert!(policy.check(Some("https://bücher.example:8443".as_bytes()), b"h").is_err(), "no browser sends that");
    }

    #[test]
    fn mistakes_are_named() {
        use ParseOriginError::*;
        for (text, error) in [
            ("", NoScheme),
            ("null", Null),
            ("NULL", Null),
            ("example.com", NoScheme),
            ("example.com:443", NoScheme),
            ("//example.com", NoScheme),
            ("://example.com", NoScheme),
            ("ht tp://example.com", NoScheme),
            ("https://example.com/", HasPath),
            ("https://example.com/page", HasPath),
            ("https://example.com?x", HasPath),
            ("https://example.com#x", HasPath),
            ("https://", InvalidHost),
            ("file:///", HasPath),
            ("https://:443", InvalidHost),
            ("https://user@example.com", InvalidHost),
            ("https://*.example.com", InvalidHost),
            ("https://example.com:port", InvalidHost),
            ("https://example.com:+443", InvalidHost),
            ("https://example.com:65536", InvalidHost),
            ("https://[::1", InvalidHost),
            ("https://[::1]x", InvalidHost),
            ("https://::1", InvalidHost),
            ("https://a%20b", InvalidHost),
            ("https://a\u{2100}b.example", NotAscii),
            ("https://ü\u{ff1a}80", NotAscii),
            ("http://a.example http://b.example", HasPath),
        ] {
            assert_eq!(Origin::parse(text), Err(error), "{text}");
        }
        assert_eq!(HasPath.to_string(), "an origin ends after host and port, without a slash or a path");
    }
}

mod same_origin {
    use super::*;

    #[track_caller]
    fn check(origin: &str, host: &str, allowed: bool) {
        let result = OriginPolicy::SameOrigin.check(Some(origin.as_bytes()), host.as_bytes());
        assert_eq!(result.is_ok(), allowed, "{origin} to {host}: {result:?}");
    }

    #[test]
    fn host_and_port_must_be_those_of_the_request() {
        check("http://example.com", "example.com", true);
        check("http://localhost:8000", "localhost:8000", true);
        check("http://localhost:3000", "localhost:8000", false);
        check("http://localhost", "localhost:8000", false);
        check("http://localhost:8000", "localhost", false);
        check("http://example.com", "example.org", false);
        check("http://www.example.com", "example.com", false);
        check("http://example.com", "www.example.com", false);
        check("http://example.com.evil.example", "example.com", false);
        check("http://localhost:8000", "127.0.0.1:8000", false);
    }

    #[test]
    fn default_ports_follow_the_scheme_of_the_origin() {
        check("https://example.com", "example.com", true);
        check("https://example.com", "example.com:443", true);
        check("https://example.com:443", "example.com", true);
        check("http://example.com", "example.com:80", true);
        check("http://example.com:80", "example.com", true);
        check("https://example.com", "example.com:80", false);
        check("http://example.com", "example.com:443", false);
        check("http://example.com:443", "example.com", false);
    }

    #[test]
    fn case_makes_no_difference() {
        check("HTTPS://EXAMPLE.com", "example.COM:443", true);
    }

    #[test]
    fn ipv6_literals_compare_as_addresses() {
        check("http://[::1]:8000", "[::1]:8000", true);
        check("http://[::1]:8000", "[0:0::1]:8000", true);
        check("http://[::1]", "[::1]:80", true);
        check("http://[::1]:8000", "[::2]:8000", false);
    }

    #[test]
    fn null_files_and_nonsense_are_refused() {
        for origin in
            ["null", "NULL", "file://", "", " ", "example.com", "http://example.com/", "http://example.com, x"]
        {
            check(origin, "example.com", false);
        }
        assert!(OriginPolicy::SameOrigin.check(Some(b"http://\xff"), b"example.com").is_err());
    }

    #[test]
    fn other_schemes_than_those_of_the_web_are_never_the_same() {
        check("ftp://example.com", "example.com", false);
        check("chrome-extension://example.com", "example.com", false);
    }

    #[test]
    fn an_unreadable_host_matches_nothing() {
        check("http://a", "", false);
        check("http://a", "a b", false);
        check("http://a", "a, a", false);
    }

    #[test]
    fn absence_means_a_non_browser() {
        assert_eq!(OriginPolicy::default().check(None, b"example.com"), Ok(()));
        assert_eq!(OriginPolicy::AllowList(vec![]).check(None, b"example.com"), Ok(()));
    }
}

mod lists {
    use super::*;

    const HOST: &[u8] = b"chat.example";

    #[test]
    fn an_allow_list_is_exact_in_scheme_and_port() {
        let policy = OriginPolicy::AllowList(vec![origin("https://example.com"), origin("http://localhost:3000")]);
        for allowed in ["https://example.com", "https://EXAMPLE.com:443", "http://localhost:3000"] {
            assert_eq!(policy.check(Some(allowed.as_bytes()), HOST), Ok(()), "{allowed}");
        }
        for refused in ["http://example.com", "https://example.com:8443", "http://localhost", "http://chat.example"] {
            let error = policy.check(Some(refused.as_bytes()), HOST).expect_err("not listed");
            assert_eq!(error.reason(), OriginRefusedReason::NotListed, "{refused}");
        }
        assert!(policy.check(Some(b"null"), HOST).is_err());
    }

    #[test]
    fn same_origin_or_a_list_takes_both() {
        let policy = OriginPolicy::SameOriginOr(vec![origin("https://example.com")]);
        assert!(policy.check(Some(b"https://example.com"), HOST).is_ok());
        assert!(policy.check(Some(b"http://chat.example"), HOST).is_ok());
        assert!(policy.check(Some(b"https://evil.example"), HOST).is_err());
    }

    #[test]
    fn null_and_files_can_be_listed_and_let_in_no_others() {
        for policy in [OriginPolicy::SameOriginOr, OriginPolicy::AllowList] {
            let null = policy(vec![Origin::dangerous_null()]);
            let file = policy(vec![origin("file://")]);
            for (text, by_null, by_file) in [
                ("null", true, false),
                ("file://", false, true),
                ("null://", false, false),
                ("https://a.example", false, false),
            ] {
                assert_eq!(null.check(Some(text.as_bytes()), HOST).is_ok(), by_null, "{text}");
                assert_eq!(file.check(Some(text.as_bytes()), HOST).is_ok(), by_file, "{text}");
            }
        }
        assert_eq!(Origin::dangerous_null().to_string(), "null");
    }

    #[test]
    fn any_takes_everything() {
        for text in ["null", "https://evil.example", "nonsense"] {
            assert_eq!(OriginPolicy::Any.check(Some(text.as_bytes()), HOST), Ok(()));
        }
    }

    #[test]
    fn a_refusal_says_who_and_why() {
        let refused = OriginPolicy::SameOrigin.check(Some(b"null"), HOST).expect_err("refused");
        assert_eq!(refused.reason(), OriginRefusedReason::Malformed(ParseOriginError::Null));
        assert_eq!(
            refused.to_string(),
            "the origin `null` is refused: `null` is the origin of sandboxed pages and files, which any site can have"
        );
        let policy = OriginPolicy::AllowList(vec![]);
        let refused = policy.check(Some(b"https://a.example"), HOST).expect_err("refused");
        assert_eq!(
            refused.to_string(),
            "a page of `https://a.example` may not connect to `chat.example`: it is not on the list of origins"
        );
    }
}
