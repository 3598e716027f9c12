//! RFC 9112, 3.2, and DNS rebinding: which host a request is for, and which hosts a server answers to.

use http::{Request, Version};

use crate::handshake::{
    host::requested_host,
    host_policy::{HostPattern, HostPolicy, ParseHostError},
    rejection::Rejection,
};

fn pattern(text: &str) -> HostPattern {
    text.parse().expect("a host")
}

mod patterns {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, matches: bool) {
        assert_eq!(pattern(text).matches(host.as_bytes()), matches, "{text} and {host}");
    }

    #[test]
    fn a_port_makes_no_difference() {
        check("example.com", "example.com", true);
        check("example.com", "example.com:8000", true);
        check("example.com", "example.com:", true);
    }

    #[test]
    fn case_and_a_final_dot_make_no_difference() {
        check("example.com", "EXAMPLE.com.", true);
        check("Example.COM.", "example.com:80", true);
        check("example.com", "example.com..", false);
    }

    #[test]
    fn other_names_do_not_match() {
        for host in
            ["example.org", "www.example.com", "xample.com", "example.com.evil.example", "", "a b", "example.com/"]
        {
            check("example.com", host, false);
        }
    }

    #[test]
    fn addresses_compare_as_addresses() {
        check("[2001:DB8::1]", "[2001:db8:0:0::1]:80", true);
        check("2001:db8::1", "[2001:db8::1]", true);
        check("::ffff:192.0.2.7", "192.0.2.7:80", true);
        check("192.0.2.7", "[::ffff:192.0.2.7]", true);
        check("192.0.2.7", "192.0.2.8", false);
    }

    #[test]
    fn a_wildcard_stands_for_every_name_below_the_domain() {
        check("*.example.com", "a.example.com", true);
        check("*.example.com", "a.b.Example.com.:80", true);
        check("*.example.com", "example.com", false);
        check("*.example.com", ".example.com", false);
        check("*.example.com", "evilexample.com", false);
    }

    #[test]
    fn they_are_printed_as_they_compare() {
        for (text, printed) in [
            ("Example.com.", "example.com"),
            ("*.Example.com", "*.example.com"),
            ("0:0::1", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(pattern(text).to_string(), printed);
        }
    }

    #[cfg(feature = "idna")]
    #[test]
    fn names_outside_ascii_are_converted_in_patterns_and_nowhere_else() {
        let pattern: HostPattern = "*.Bücher.example".parse().expect("a pattern");
        assert_eq!(pattern.to_string(), "*.xn--bcher-kva.example");
        assert!(pattern.matches(b"a.xn--bcher-kva.example:80"));
        assert!(!pattern.matches("a.bücher.example".as_bytes()), "no client sends that");
    }

    #[test]
    fn mistakes_are_named() {
        use ParseHostError::*;
        for (text, error) in [
            ("https://example.com", IsUrl),
            ("example.com/", IsUrl),
            ("user@example.com", IsUrl),
            ("example.com:80", HasPort),
            ("[::1]:80", HasPort),
            ("*", Wildcard),
            ("*.*.example.com", Wildcard),
            ("a*.example.com", Wildcard),
            ("a\u{2100}b.example", NotAscii),
            ("*.ü\u{ff0f}x", NotAscii),
            ("[ü]", NotAscii),
            ("", Invalid),
            ("a b", Invalid),
            ("[::1", Invalid),
            ("*.", Invalid),
        ] {
            assert_eq!(HostPattern::parse(text), Err(error), "{text}");
        }
        assert_eq!(HasPort.to_string(), "write the host without its port: every port is allowed");
    }
}

mod policies {
    use super::*;

    #[track_caller]
    fn check(policy: &HostPolicy, host: &str, allowed: bool) {
        let result = policy.check(host.as_bytes());
        assert_eq!(result.is_ok(), allowed, "{host}: {result:?}");
    }

    #[test]
    fn any_host_is_allowed_by_default() {
        check(&HostPolicy::default(), "attacker.example:8000", true);
    }

    #[test]
    fn a_list_is_exact() {
        let policy = HostPolicy::AllowList(vec![pattern("example.com"), pattern("*.example.org")]);
        check(&policy, "example.com:8000", true);
        check(&policy, "chat.example.org", true);
        check(&policy, "attacker.example", false);
        check(&policy, "localhost", false);
    }

    #[test]
    fn loopback_names_always_mean_this_machine() {
        let policy = HostPolicy::LoopbackOr(vec![pattern("example.com")]);
        for host in [
            "localhost",
            "LOCALHOST.:8000",
            "app.localhost:3000",
            "a.b.localhost",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]:8000",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "example.com",
        ] {
            check(&policy, host, true);
        }
        for host in [
            "attacker.example",
            "localhost.attacker.example",
            "127.0.0.1.attacker.example",
            "notlocalhost",
            "128.0.0.1",
            "0.0.0.0",
            "192.168.0.1",
            "[::2]",
            "[::ffff:10.0.0.1]",
            "[::1].attacker.example",
            "localhost, attacker.example",
            "",
        ] {
            check(&policy, host, false);
        }
    }

    #[test]
    fn a_refusal_names_the_host() {
        let refused = HostPolicy::AllowList(vec![]).check(b"attacker.example:80").expect_err("refused");
        let response = Rejection::from(refused).response();
        assert_eq!(response.status().as_u16(), 403);
        assert_eq!(
            response.body(),
            "Forbidden: `attacker.example:80` is not among the hosts that this server answers to.\n"
        );
    }
}

mod requests {
    use super::*;

    fn requested(version: Version, target: &str, hosts: &[&str]) -> Result<Option<String>, Rejection> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header("Host", *host);
        }
        let host = requested_host(&request.body(()).expect("a request"))?;
        Ok(host.map(|host| host.to_str().expect("ASCII").to_owned()))
    }

    #[test]
    fn the_host_is_in_its_header() {
        assert_eq!(requested(Version::HTTP_11, "/", &["a.example:80"]), Ok(Some("a.example:80".to_owned())));
    }

    #[test]
    fn the_host_of_an_absolute_target_replaces_the_header() {
        let host = requested(Version::HTTP_11, "http://b.example/path", &["a.example"]);
        assert_eq!(host, Ok(Some("b.example".to_owned())));
        assert!(requested(Version::HTTP_11, "http://user@b.example/", &["a.example"]).is_err());
    }

    #[test]
    fn http_1_1_needs_exactly_one_that_is_valid() {
        let missing = requested(Version::HTTP_11, "/", &[]);
        assert_eq!(missing, Err(Rejection::MissingHeader("Host")));
        assert!(requested(Version::HTTP_11, "http://b.example/", &[]).is_err());
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(requested(version, "/", &["a", "a"]), Err(Rejection::RepeatedHeader("Host")));
            for host in ["", "a b", "a/b", "user@a", "a:port", "a:65536", "[::1", "[::1]x", "a, b", "a%20b"] {
                let error = requested(version, "/", &[host]).expect_err(host);
                assert!(matches!(error, Rejection::InvalidHost(_)), "{host}: {error}");
                assert_eq!(error.status().as_u16(), 400);
            }
        }
    }

    #[test]
    fn http_1_0_needs_none() {
        assert_eq!(requested(Version::HTTP_10, "/", &[]), Ok(None));
    }
}
