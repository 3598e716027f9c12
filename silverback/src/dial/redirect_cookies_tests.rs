#![allow(clippy::unwrap_used)]

use super::*;

/// Returns the cookies that are sent to `to` after responses from the first URLs have set these.
fn sent(set: &[(&str, &str)], to: &str) -> String {
    let mut cookies = RedirectCookies::default();
    for (from, line) in set {
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        cookies.store(&ClientRequest::parse(from).unwrap(), &headers, SystemTime::now());
    }
    let value = cookies.join(&ClientRequest::parse(to).unwrap(), std::iter::empty());
    value.map_or_else(String::new, |value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
}

#[test]
fn a_cookie_goes_back_to_its_host() {
    for (line, value) in [
        ("a=1", "a=1"),
        ("a=1; Path=/; HttpOnly; SameSite=Strict; Unknown=x", "a=1"),
        (" a = 1 ;", "a=1"),
        ("a=", "a="),
        ("a=b=c", "a=b=c"),
        ("a=\"b\"", "a=\"b\""),
        ("a=ü", "a=ü"),
        ("a=1; Domain=", "a=1"),
        ("a", ""),
        ("=1", ""),
        ("", ""),
        ("; Path=/", ""),
    ] {
        assert_eq!(sent(&[("ws://h.example/", line)], "ws://h.example/x"), value, "{line}");
    }
    let long = format!("a={}", "x".repeat(MAX_COOKIE));
    assert_eq!(sent(&[("ws://h.example/", &long)], "ws://h.example/"), "");
}

#[test]
fn it_goes_to_no_other_host_unless_its_domain_says_so() {
    for (from, line, to, is_sent) in [
        ("ws://h.example/", "a=1", "ws://H.example:81/", true),
        ("ws://h.example/", "a=1", "wss://h.example/", true),
        ("ws://h.example/", "a=1", "ws://x.h.example/", false),
        ("ws://h.example/", "a=1", "ws://example/", false),
        ("ws://h.example/", "a=1; Domain=h.example", "ws://x.h.example/", true),
        ("ws://h.example/", "a=1; Domain=.H.Example", "ws://x.h.example/", true),
        ("ws://x.h.example/", "a=1; Domain=h.example", "ws://y.h.example/", true),
        ("ws://x.h.example/", "a=1; Domain=h.example", "ws://h.example/", true),
        ("ws://x.h.example/", "a=1; Domain=h.example", "ws://notanh.example/", false),
        ("ws://h.example/", "a=1; Domain=x.h.example", "ws://x.h.example/", false),
        ("ws://h.example/", "a=1; Domain=other.example", "ws://other.example/", false),
        ("ws://h.example/", "a=1; Domain=example", "ws://x.example/", false),
        ("ws://h.example/", "a=1; Domain=.", "ws://x.example/", false),
        ("ws://localhost/", "a=1; Domain=localhost", "ws://localhost/", true),
        ("ws://localhost/", "a=1; Domain=localhost", "ws://x.localhost/", false),
        ("ws://10.0.0.1/", "a=1; Domain=0.0.1", "ws://20.0.0.1/", false),
        ("ws://10.0.0.1/", "a=1; Domain=10.0.0.1", "ws://10.0.0.1/", true),
        ("ws://[::1]/", "a=1", "ws://[0::1]/", true),
    ] {
        assert_eq!(!sent(&[(from, line)], to).is_empty(), is_sent, "{from} {line} {to}");
    }
}

#[test]
fn it_goes_to_its_path_and_below() {
    for (from, line, to, is_sent) in [
        ("/a/b", "a=1", "/a/c", true),
        ("/a/b", "a=1", "/a", true),
        ("/a/b", "a=1", "/ab", false),
        ("/a/b", "a=1", "/", false),
        ("/a", "a=1", "/b", true),
        ("/a?x=/y/", "a=1", "/b", true),
        ("/", "a=1; Path=/a", "/a/b?c", true),
        ("/", "a=1; Path=/a/", "/a/b", true),
        ("/", "a=1; Path=/a/", "/a", false),
        ("/x/y", "a=1; Path=", "/z", false),
        ("/x/y", "a=1; Path=relative", "/x/z", true),
        ("/", "a=1; Path=/a; Path=/b", "/b", true),
    ] {
        let (from, to) = (format!("ws://h.example{from}"), format!("ws://h.example{to}"));
        assert_eq!(!sent(&[(&from, line)], &to).is_empty(), is_sent, "{from} {line} {to}");
    }
}

#[test]
fn a_secure_one_stays_with_tls_and_a_prefix_keeps_its_promise() {
    for (from, line, to, is_sent) in [
        ("wss://h.example/", "a=1; Secure", "wss://h.example/", true),
        ("wss://h.example/", "a=1; secure", "ws://h.example/", false),
        ("ws://h.example/", "a=1; Secure", "wss://h.example/", false),
        ("wss://h.example/", "__Secure-a=1", "wss://h.example/", false),
        ("wss://h.example/", "__Secure-a=1; Secure", "wss://h.example/", true),
        ("wss://h.example/", "__Host-a=1; Secure; Path=/", "wss://h.example/", true),
        ("wss://h.example/x/y", "__Host-a=1; Secure", "wss://h.example/x/", false),
        ("wss://h.example/", "__host-a=1; Secure; Path=/; Domain=h.example", "wss://h.example/", false),
    ] {
        assert_eq!(!sent(&[(from, line)], to).is_empty(), is_sent, "{from} {line} {to}");
    }
}

#[test]
fn it_can_be_replaced_and_removed() {
    let set = |lines: &[&str]| {
        let set: Vec<_> = lines.iter().map(|line| ("ws://h.example/", *line)).collect();
        sent(&set, "ws://h.example/a/b")
    };
    assert_eq!(set(&["a=1", "b=2", "a=3"]), "a=3; b=2");
    assert_eq!(set(&["a=1", "a=2; Path=/a"]), "a=2; a=1", "longer paths come first");
    for removal in [
        "a=; Max-Age=0",
        "a=; Max-Age=-1",
        "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=; expires=Thu, 01-Jan-1970 00:00:00 GMT",
        "a=; Max-Age=00; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
    ] {
        assert_eq!(set(&["a=1", "b=2", removal]), "b=2", "{removal}");
    }
    for kept in [
        "a=3; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=3; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
        "a=3; Expires=soon; Max-Age=soon",
    ] {
        assert_eq!(set(&["a=1", kept]), "a=3", "{kept}");
    }
}

#[test]
fn as_many_are_kept_as_a_browser_must_keep() {
    let lines: Vec<_> = (0..MAX_COOKIES + 10).map(|number| format!("n{number}=1")).collect();
    let set: Vec<_> = lines.iter().map(|line| ("ws://h.example/", line.as_str())).collect();
    let value = sent(&set, "ws://h.example/");
    assert_eq!(value.split("; ").count(), MAX_COOKIES);
    assert!(value.starts_with("n10=1; "), "the oldest have gone: {value}");
}

#[test]
fn the_applications_cookies_are_joined_with_them() {
    let mut cookies = RedirectCookies::default();
    let to = ClientRequest::parse("ws://h.example/").unwrap();
    let own = [HeaderValue::from_static("a=1;b=2"), HeaderValue::from_static("c")];
    assert_eq!(cookies.join(&to, own.iter()), None, "nothing is to be added");
    let mut headers = HeaderMap::new();
    headers.append(SET_COOKIE, HeaderValue::from_static("b=3"));
    headers.append(SET_COOKIE, HeaderValue::from_static("d=4"));
    cookies.store(&to, &headers, SystemTime::now());
    let value = cookies.join(&to, own.iter()).unwrap();
    assert_eq!(value, "a=1; c; b=3; d=4");
    assert!(value.is_sensitive());
}
