//! The URLs that can be dialled (RFC 6455, 3), and the errors for the others.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, HeaderValue, header};
#[cfg(feature = "idna")]
use silverback::dial::ProxyRules;
use silverback::{DialError, Dialer, dial::ConnectTo, proto::handshake::HandshakeError};
use silverback_testkit::pipe::pipe;
use tokio::sync::mpsc;

use crate::support::{Head, within};

/// The address that the dial connects to, and the head that it sends there.
async fn dialled(dialer: Dialer, url: &str) -> (ConnectTo, Head) {
    let (connected, mut connections) = mpsc::unbounded_channel();
    let dialer = dialer.connector(move |to| {
        let (ours, theirs) = pipe();
        connected.send((to, theirs)).unwrap();
        async { Ok(ours) }
    });
    let url = url.to_owned();
    let _dialling = tokio::spawn(async move { dialer.dial(&url).await.map(drop) });
    let (to, remote) = within(connections.recv()).await.unwrap();
    let head = Head::parse(&within(remote.as_server().read_until("\r\n\r\n")).await);
    (to, head)
}

#[tokio::test(start_paused = true)]
async fn host_port_and_target_are_taken_from_the_url() {
    for (url, host, port, header, target) in [
        ("ws://a.example", "a.example", 80, "a.example", "/"),
        ("http://a.example/x", "a.example", 80, "a.example", "/x"),
        ("WS://A.Example:80/x?y=1&z=%2F", "a.example", 80, "a.example", "/x?y=1&z=%2F"),
        ("ws://a.example:443", "a.example", 443, "a.example:443", "/"),
        ("ws://a.example?y", "a.example", 80, "a.example", "/?y"),
        ("ws://a.example:81?", "a.example", 81, "a.example:81", "/?"),
        ("ws://[::1]", "::1", 80, "[::1]", "/"),
        ("ws://[2001:DB8:0:0::1]:81/x", "2001:db8::1", 81, "[2001:db8::1]:81", "/x"),
        ("ws://[FE80::1%25Eth0]:81/x", "fe80::1%Eth0", 81, "[fe80::1]:81", "/x"),
        ("ws://a.example/a b?ü", "a.example", 80, "a.example", "/a%20b?%C3%BC"),
        ("ws://127.0.0.1:8000/", "127.0.0.1", 8000, "127.0.0.1:8000", "/"),
    ] {
        let (to, head) = dialled(Dialer::new(), url).await;
        assert_eq!((to.host.as_str(), to.port), (host, port), "{url}");
        assert_eq!(head.header("host"), Some(header), "{url}");
        assert_eq!(head.first_line, format!("GET {target} HTTP/1.1"), "{url}");
    }
}

#[cfg(feature = "idna")]
#[tokio::test(start_paused = true)]
async fn a_host_name_outside_ascii_is_converted() {
    let (to, head) = dialled(Dialer::new(), "ws://Bücher.example:81/").await;
    assert_eq!((to.host.as_str(), head.header("host")), ("xn--bcher-kva.example", Some("xn--bcher-kva.example:81")));
    let (to, head) = dialled(Dialer::new().proxy("http://bücher.example"), "ws://日本語.example/").await;
    assert_eq!((to.host.as_str(), to.port), ("xn--bcher-kva.example", 80));
    assert_eq!(head.first_line, "CONNECT xn--wgv71a119e.example:80 HTTP/1.1");
    let rules = ProxyRules::all("p.example".parse().unwrap()).except("bücher.example,.日本語.example");
    for (host, is_direct) in [("xn--bcher-kva.example", true), ("a.xn--wgv71a119e.example", true), ("a.example", false)]
    {
        assert_eq!(rules.proxy_for(false, host, 80).unwrap().is_none(), is_direct, "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_host_may_be_named_than_is_connected_to() {
    let (to, head) = dialled(Dialer::new().host_header("b.example:99"), "ws://a.example/").await;
    assert_eq!((to.host.as_str(), head.header("host")), ("a.example", Some("b.example:99")));
}

#[tokio::test(start_paused = true)]
async fn who_we_are_goes_into_a_header() {
    let (_, head) = dialled(Dialer::new().basic_auth("Aladdin", "open sesame"), "ws://a.example/").await;
    assert_eq!(head.header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    let both = Dialer::new().basic_auth("Aladdin", "open sesame").bearer_auth("token");
    let (_, head) = dialled(both, "ws://a.example/").await;
    assert_eq!(head.header("authorization"), Some("Bearer token"), "the last one counts");
    for dialer in [Dialer::new().basic_auth("a:b", "c"), Dialer::new().basic_auth("a\n", "c")] {
        assert!(matches!(dialer.dial("ws://a.example/").await, Err(DialError::UserName)));
    }
    let error = Dialer::new().bearer_auth("a\r\nb").dial("ws://a.example/").await.unwrap_err();
    assert!(matches!(error, DialError::Request(HandshakeError::InvalidHeaderValue(_))), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_user_in_the_url_is_refused_and_not_repeated() {
    for url in [
        "ws://aladdin:sesame@a.example/",
        "wss://aladdin:sesame@a.example:99",
        "ws://aladdin:sesame@",
        "ws://aladdin:ses ame@a.example/",
        "aladdin:sesame@a.example",
        "ftp://aladdin:sesame@a.example",
        "ws://aladdin:sesame@a.example/#x",
        "ws:/aladdin:sesame@a.example",
    ] {
        let error = Dialer::new().dial(url).await.unwrap_err();
        assert!(error.is_misuse() && error.step().is_none(), "{url}: {error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("aladdin") && !shown.contains("ses"), "{url}: {shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_websocket_url_is_told_by_its_fault() {
    type Fault = fn(&HandshakeError) -> bool;
    let cases: [(&str, Fault); 9] = [
        ("ws://a.example/#part", |error| matches!(error, HandshakeError::Fragment)),
        ("ws://a.example#", |error| matches!(error, HandshakeError::Fragment)),
        ("ftp://a.example/", |error| matches!(error, HandshakeError::UnsupportedScheme(_))),
        ("a.example/x", |error| matches!(error, HandshakeError::UnsupportedScheme(_) | HandshakeError::InvalidUri(_))),
        ("ws://", |error| matches!(error, HandshakeError::InvalidHost(_))),
        ("ws://a.example:99999/", |error| matches!(error, HandshakeError::InvalidHost(_))),
        ("ws://[::1/", |error| matches!(error, HandshakeError::InvalidHost(_))),
        ("ws://a b/", |error| matches!(error, HandshakeError::InvalidHost(_))),
        ("ws://a.example/a\nb", |error| matches!(error, HandshakeError::ControlCharacter { position: 17, .. })),
    ];
    for (url, is_fault) in cases {
        match Dialer::new().dial(url).await {
            Err(DialError::Request(error)) => assert!(is_fault(&error), "{url}: {error}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_names_itself_unless_it_is_given_a_name() {
    for (dialer, name) in [
        (Dialer::new(), concat!("silverback/", env!("CARGO_PKG_VERSION"))),
        (Dialer::new().header("user-agent", "mine/1"), "mine/1"),
    ] {
        let (_, head) = dialled(dialer, "ws://a.example/").await;
        assert_eq!(head.header("user-agent"), Some(name));
    }
}

#[tokio::test(start_paused = true)]
async fn headers_come_by_name_as_text_as_constants_and_in_maps() {
    let mut map = HeaderMap::new();
    map.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
    map.append("x-tenant", HeaderValue::from_static("blue"));
    map.append("x-tenant", HeaderValue::from_static("green"));
    let dialer = Dialer::new()
        .header(header::REFERER, HeaderValue::from_static("https://a.example/"))
        .header(String::from("x-number"), b"1")
        .headers(map);
    let (_, head) = dialled(dialer, "ws://a.example/").await;
    assert_eq!(head.header("referer"), Some("https://a.example/"));
    assert_eq!(head.header("x-number"), Some("1"));
    assert_eq!(head.header("accept-language"), Some("de"));
    assert_eq!(head.values("x-tenant"), ["blue", "green"]);
}

#[tokio::test]
async fn a_header_of_the_handshake_is_refused_in_a_map_too() {
    let map = HeaderMap::from_iter([(header::UPGRADE, HeaderValue::from_static("h2c"))]);
    let error = Dialer::new().headers(map).check("ws://a.example/").unwrap_err();
    assert!(error.is_misuse() && error.to_string().contains("`Upgrade` belongs to the handshake"), "{error}");
}

#[test]
fn a_url_is_any_text() {
    let url = String::from("ws://a.example/");
    let dialer = Dialer::new();
    for checked in [dialer.check(&url), dialer.check(url.as_str()), dialer.check(std::borrow::Cow::from(&url))] {
        checked.unwrap();
    }
    dialer.check(url).unwrap();
}

/// A dialer that notes whether it connects.
fn noting(dialer: Dialer) -> (Dialer, Arc<AtomicBool>) {
    let has_connected = Arc::new(AtomicBool::new(false));
    let noted = has_connected.clone();
    let dialer = dialer.connector(move |_| {
        noted.store(true, Ordering::Relaxed);
        let (ours, _) = pipe();
        async { Ok(ours) }
    });
    (dialer, has_connected)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_is_refused_before_anything_is_connected_to() {
    for (dialer, said) in [
        (Dialer::new().header("Upgrade", "h2c"), "`Upgrade` belongs to the handshake"),
        (Dialer::new().header("connection", "Upgrade"), "leave it out"),
        (Dialer::new().header("Sec-WebSocket-Key", "x"), "leave it out"),
        (Dialer::new().header("sec-websocket-protocol", "chat"), "the setting for subprotocols"),
        (Dialer::new().header("Sec-WebSocket-Extensions", "x"), "the setting for compression"),
        (Dialer::new().header("Sec-WebSocket-Anything", "x"), "leave it out"),
        (Dialer::new().header("Content-Length", "0"), "no body"),
        (Dialer::new().header("Host", "b.example"), "the setting for the host"),
        (Dialer::new().host_header("a b"), "`a b` is not a host"),
        (Dialer::new().header("Origin", "http://a").header("Origin", "http://b"), "several times"),
        (Dialer::new().subprotocols(["chat", "chat"]), "offered twice"),
        (Dialer::new().subprotocols(["a chat"]), "not a subprotocol"),
    ] {
        let (dialer, has_connected) = noting(dialer);
        let error = dialer.check("ws://a.example/").unwrap_err();
        assert!(error.is_misuse() && error.to_string().contains(said), "{error}");
        let error = dialer.dial("ws://a.example/").await.unwrap_err();
        assert!(error.is_misuse() && error.to_string().contains(said), "{error}");
        assert!(!has_connected.load(Ordering::Relaxed), "{error}");
    }
    Dialer::new().header("X-One", "1").check("ws://a.example/").unwrap();
}

#[test]
fn the_first_invalid_option_is_the_one_that_is_reported() {
    let said = |dialer: Dialer| dialer.check("ws://localhost/").unwrap_err().to_string();
    let first = said(Dialer::new().subprotocols(["chat", "not a token", "(another)"]));
    assert!(first.contains("not a token"), "{first}");
    let first = said(Dialer::new().subprotocols(["not a token"]).subprotocols(["(another)"]));
    assert!(first.contains("not a token"), "{first}");
}
