#![allow(clippy::unwrap_used)]

use super::*;

fn follow(from: &str, location: &str) -> Result<String, RedirectFault> {
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, location.parse().unwrap());
    next_url(&ClientRequest::parse(from).unwrap(), &headers)
}

#[test]
fn references_are_resolved_against_the_url_that_was_asked_for() {
    let from = "ws://a.example/b/c/d?q";
    for (location, url) in [
        ("ws://b.example/x", "ws://b.example/x"),
        ("https://b.example/x?y", "https://b.example/x?y"),
        ("//b.example:8080/x", "ws://b.example:8080/x"),
        ("/x", "ws://a.example:80/x"),
        ("x", "ws://a.example:80/b/c/x"),
        ("./x?y=/../z", "ws://a.example:80/b/c/x?y=/../z"),
        ("../x", "ws://a.example:80/b/x"),
        ("../../../../x/./y/..", "ws://a.example:80/x/"),
        ("?y", "ws://a.example:80/b/c/d?y"),
        ("x:y/z", "x:y/z"),
        ("/x#part", "ws://a.example:80/x"),
        (" /x ", "ws://a.example:80/x"),
    ] {
        let expected = ClientRequest::parse(url).map(|_| url.to_owned()).map_err(|_| RedirectFault::Location);
        assert_eq!(follow(from, location), expected, "{location}");
    }
    assert_eq!(follow("ws://[fe80::1%25eth0]:9000/a", "b"), Ok("ws://[fe80::1%25eth0]:9000/b".to_owned()));
    assert_eq!(follow("wss://[::1]:9000/a", "b"), Ok("wss://[::1]:9000/b".to_owned()));
    assert_eq!(follow("wss://a.example?q", "b"), Ok("wss://a.example:443/b".to_owned()));
}

#[test]
fn a_location_is_read_as_browsers_read_it() {
    for (location, target) in [
        (&b"/a b"[..], "/a%20b"),
        ("/日本?x=ü".as_bytes(), "/%E6%97%A5%E6%9C%AC?x=%C3%BC"),
        (b"/caf\xe9 ?x=\"y\"", "/caf%E9%20?x=%22y%22"),
        (b"\t/a\tb ", "/ab"),
        (b"\\a\\..\\b?\\", "/b?\\"),
        ("ü/ö".as_bytes(), "/x/%C3%BC/%C3%B6"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_bytes(location).unwrap());
        let url = next_url(&ClientRequest::parse("ws://a.example/x/y").unwrap(), &headers).unwrap();
        let request = ClientRequest::parse(&url).unwrap();
        assert_eq!((request.host(), request.target().as_str()), ("a.example", target), "{location:?}");
    }
    assert_eq!(follow("ws://a.example/", "\\\\b.example\\x"), Ok("ws://b.example/x".to_owned()), "another host");
}

#[test]
fn what_leads_nowhere_is_told() {
    for location in [
        "",
        "#part",
        "ftp://a.example/",
        "javascript:alert(1)",
        "ws://",
        "//",
        "ws://me:secret@b.example/",
        "ws://a b/",
    ] {
        assert_eq!(follow("ws://a.example/", location), Err(RedirectFault::Location), "{location:?}");
    }
    let from = ClientRequest::parse("ws://a.example/").unwrap();
    let mut headers = HeaderMap::new();
    assert_eq!(next_url(&from, &headers), Err(RedirectFault::Location));
    headers.append(LOCATION, "/x".parse().unwrap());
    headers.append(LOCATION, "/y".parse().unwrap());
    assert_eq!(next_url(&from, &headers), Err(RedirectFault::Location), "which one?");
}

#[test]
fn tls_is_never_left() {
    for location in ["ws://a.example/", "http://a.example/", "HTTP://b.example/"] {
        assert_eq!(follow("wss://a.example/", location), Err(RedirectFault::ToPlain), "{location}");
    }
    assert_eq!(follow("ws://a.example/", "wss://a.example/"), Ok("wss://a.example/".to_owned()));
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let same = |one: &str, other: &str| {
        same_origin(&ClientRequest::parse(one).unwrap(), &ClientRequest::parse(other).unwrap())
    };
    assert!(same("ws://a.example/x", "http://A.example:80/y"));
    assert!(!same("ws://a.example/", "wss://a.example/"));
    assert!(!same("ws://a.example/", "ws://a.example:8080/"));
    assert!(!same("ws://a.example/", "ws://b.a.example/"));
    assert!(!same("ws://[fe80::1%251]/", "ws://[fe80::1%252]/"));
}

#[test]
fn only_those_statuses_are_redirects() {
    let followed = (100..1000).filter(|code| is_redirect(StatusCode::from_u16(*code).unwrap())).collect::<Vec<_>>();
    assert_eq!(followed, [301, 302, 303, 307, 308]);
}
