//! Routes, statuses and headers.

use silverback::Dialer;

use crate::support::{Program, ask, check_echo, get, handshake, wait_until, within};

#[test]
fn the_page_is_served_with_its_policy_and_nothing_else_may_be_loaded() {
    let program = Program::start(&[]);
    let page = get(program.address, "/ws/echo_display");
    assert_eq!(page.status, 200);
    assert!(page.body.starts_with("<!doctype html>"));
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.contains("script-src 'sha256-"), "{policy}");
}

#[test]
fn the_root_leads_to_the_page() {
    let program = Program::start(&[]);
    let answer = get(program.address, "/");
    assert_eq!((answer.status, answer.header("location")), (307, Some("ws/echo_display")));
}

#[tokio::test]
async fn the_root_is_an_echo_for_websocket_clients() {
    let program = Program::start(&[]);
    for url in [format!("ws://{}", program.address), format!("ws://{}/?room=1", program.address)] {
        let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
        check_echo(&mut conn, "hi").await;
    }
    // Behind another request, too.
    let request = handshake(program.address, &[]).replace("/ws/echo", "/");
    let mut stream = std::net::TcpStream::connect(program.address).unwrap();
    let both = format!("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n{request}");
    std::io::Write::write_all(&mut stream, both.as_bytes()).unwrap();
    for status in [307, 101] {
        assert_eq!(crate::support::read_answer(&mut stream, false).status, status);
    }
}

#[test]
fn the_default_check_of_haproxy_succeeds() {
    let program = Program::start(&[]);
    for target in ["/", "/healthz", "*", "/ws/echo"] {
        let answer = ask(program.address, &format!("OPTIONS {target} HTTP/1.0\r\n\r\n"));
        assert_eq!(answer.status, 204, "{target}");
        assert!(answer.header("allow").unwrap().contains("OPTIONS"), "{target}");
        assert_eq!((answer.header("connection"), answer.header("content-length")), (Some("close"), None), "{target}");
    }
}

#[test]
fn the_connection_ends_when_the_client_asks_for_it() {
    let program = Program::start(&[]);
    for (request, connection) in [
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Some("close")),
        ("GET /healthz HTTP/1.0\r\n\r\n", Some("close")),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ] {
        let answer = ask(program.address, request);
        assert_eq!((answer.status, answer.header("connection")), (200, connection), "{request}");
        assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")), "{request}");
    }
    let answer = ask(program.address, &handshake(program.address, &[("Connection", "close")]));
    assert_eq!((answer.status, answer.header("connection")), (101, Some("Upgrade")));
}

#[test]
fn a_refused_handshake_is_told_to_the_operator_in_one_line() {
    let program = Program::start(&["--quiet"]);
    let own = format!("Host: {}", program.address);
    for (request, words) in [
        (handshake(program.address, &[("Origin", "https://front.example")]), "`https://front.example`"),
        (
            handshake(program.address, &[("Origin", "http://a:3001")]).replace(&own, "Host: localhost"),
            "`http://a:3001`",
        ),
        (
            handshake(program.address, &[]).replace(&own, "Host: attacker.example"),
            "(host: `attacker.example`, origin: none)",
        ),
        (handshake(program.address, &[]).replace("Version: 13", "Version: 8"), "WebSocket version"),
        (handshake(program.address, &[("Origin", "http://a\u{9b}2J\tb")]), "`http://a\\xc2\\x9b2J\\tb`"),
    ] {
        let status = ask(program.address, &request).status;
        wait_until(words, || program.errors().contains(words));
        let errors = program.errors();
        let line = errors.lines().last().unwrap();
        assert!(line.starts_with("silverback: refused 127.0.0.1:"), "{line}");
        assert!(line.contains(words) && line.contains("host: `") && line.contains(&status.to_string()), "{line}");
    }
    // A visit is not a handshake, and a flood does not fill the log.
    assert_eq!(get(program.address, "/ws/echo").status, 426);
    for _ in 0..100 {
        ask(program.address, &handshake(program.address, &[("Origin", "https://front.example")]));
    }
    let lines = program.errors().lines().count();
    assert!(lines < 100, "{lines} lines");
    assert_eq!(program.errors().matches("with 426").count(), 1, "{}", program.errors());
}

#[test]
fn the_sign_of_life_is_ok() {
    let program = Program::start(&[]);
    let answer = get(program.address, "/healthz");
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn anything_else_is_404_and_says_what_there_is() {
    let program = Program::start(&[]);
    for path in
        ["/nothing", "/ws", "/ws/", "/ws/echo/", "/ws/echo/more", "/WS/echo", "/ws/../healthz", "/%2e%2e/etc", "//"]
    {
        let answer = get(program.address, path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("/ws/echo_display"), "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{path}");
    }
}

#[test]
fn a_plain_visit_of_the_echo_is_426_and_says_what_this_address_is() {
    let program = Program::start(&[]);
    let answer = get(program.address, "/ws/echo");
    assert_eq!(answer.status, 426);
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    for words in ["WebSocket", "echoes", "/ws/echo_display"] {
        assert!(answer.body.contains(words), "{words}: {}", answer.body);
    }
}

#[test]
fn other_methods_are_405_and_allow_names_get() {
    let program = Program::start(&[]);
    for (method, path) in
        [("POST", "/ws/echo"), ("HEAD", "/ws/echo"), ("DELETE", "/ws/echo_display"), ("PUT", "/healthz")]
    {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n\r\n", program.address);
        let answer = ask(program.address, &request);
        assert_eq!(answer.status, 405, "{method} {path}");
        let allow = answer.header("allow").unwrap_or_default();
        assert!(allow.split(',').any(|method| method.trim() == "GET"), "{method} {path}: {allow}");
    }
}

#[test]
fn the_page_answers_head_without_a_body() {
    let program = Program::start(&[]);
    let answer = ask(program.address, &format!("HEAD /ws/echo_display HTTP/1.1\r\nHost: {}\r\n\r\n", program.address));
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

#[test]
fn both_samples_of_the_opening_handshake_are_accepted() {
    let program = Program::start(&[]);
    for (key, accept) in [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    ] {
        let request = handshake(program.address, &[]).replace("dGhlIHNhbXBsZSBub25jZQ==", key);
        let answer = ask(program.address, &request);
        assert_eq!((answer.status, answer.header("sec-websocket-accept")), (101, Some(accept)));
    }
}

#[test]
fn another_version_is_426_and_a_bad_key_is_400() {
    let program = Program::start(&[]);
    let answer = ask(program.address, &handshake(program.address, &[]).replace("Version: 13", "Version: 8"));
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")));
    let answer = ask(program.address, &handshake(program.address, &[]).replace("dGhlIHN", "!!"));
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("Sec-WebSocket-Key"), "{}", answer.body);
}

#[test]
fn pages_of_this_server_may_connect_and_others_may_not() {
    let program = Program::start(&[]);
    let own = format!("http://{}", program.address);
    for (origin, status) in [
        (own.as_str(), 101),
        ("http://evil.example", 403),
        ("http://127.0.0.1:1", 403),
        (&own.replace("http", "https"), 101),
        ("null", 403),
    ] {
        let answer = ask(program.address, &handshake(program.address, &[("Origin", origin)]));
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let program = Program::start(&[]);
    let cookie = "x".repeat(17 * 1024);
    let answer = ask(program.address, &handshake(program.address, &[("Cookie", &cookie)]));
    assert_eq!(answer.status, 431);
    for words in ["16384 bytes", "Cookie", "--max-head-size"] {
        assert!(answer.body.contains(words), "{words}: {}", answer.body);
    }
    wait_until("the operator is told", || program.errors().contains("--max-head-size"));
    let cookie = "x".repeat(12 * 1024);
    let answer = ask(program.address, &handshake(program.address, &[("Cookie", &cookie)]));
    assert_eq!(answer.status, 101);
}

#[test]
fn what_is_not_http_is_400() {
    let program = Program::start(&[]);
    assert_eq!(ask(program.address, "\u{16}\u{3}\u{1} hello\r\n\r\n").status, 400);
}

#[test]
fn one_connection_can_carry_several_requests() {
    let program = Program::start(&[]);
    let two = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", program.address).repeat(2);
    let mut stream = std::net::TcpStream::connect(program.address).unwrap();
    std::io::Write::write_all(&mut stream, two.as_bytes()).unwrap();
    for _ in 0..2 {
        assert_eq!(crate::support::read_answer(&mut stream, false).body, "ok");
    }
}
