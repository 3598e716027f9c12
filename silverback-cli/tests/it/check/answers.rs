//! Answers other than 101, and answers of 101 that break the protocol.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use super::{check, finds};
use crate::{
    connect::{
        servers::{Server, accepting},
        tls::Certificates,
    },
    support::Program,
};

/// A server that answers with this status and these further lines.
fn answering(status: &str, lines: &str) -> Server {
    Server::answering(format!("HTTP/1.1 {status}\r\n{lines}Content-Length: 0\r\n\r\n"))
}

#[track_caller]
fn says(status: &str, lines: &str, cause: &str, words: &[&str]) {
    finds(&[&answering(status, lines).url()], 5, cause, words);
}

#[test]
fn statuses_have_their_usual_reasons() {
    says(
        "200 OK",
        "",
        "not-an-endpoint",
        &["ordinary page", "path", "proxy_set_header Upgrade", "proxy_set_header Host"],
    );
    says("404 Not Found", "", "wrong-path", &["There is nothing", "Check the path"]);
    says("410 Gone", "", "wrong-path", &[]);
    says("405 Method Not Allowed", "", "wrong-method", &["does not speak WebSocket"]);
    says("403 Forbidden", "", "forbidden", &["--origin http://127.0.0.1"]);
    says("407 Proxy Authentication Required", "", "proxy-credentials", &["--proxy"]);
    says("421 Misdirected Request", "", "wrong-host", &["Host"]);
    says("429 Too Many Requests", "Retry-After: 7\r\n", "too-many", &["7 s"]);
    says("500 Internal Server Error", "", "server-error", &[]);
    says("502 Bad Gateway", "Server: nginx\r\n", "service-down", &["proxy (nginx)"]);
    says("505 HTTP Version Not Supported", "", "http-1.0", &["HTTP/1.0", "proxy_http_version 1.1"]);
    says("503 Service Unavailable", "Retry-After: 9\r\n", "service-down", &["9 s"]);
    says("504 Gateway Timeout", "", "service-down", &["too long"]);
    says("418 I'm a teapot", "", "refused", &[]);
}

#[test]
fn a_redirect_says_where_to() {
    let lines = "Location: https://example.com/login\r\n";
    says(
        "301 Moved Permanently",
        lines,
        "redirect",
        &["https://example.com/login", "wss://example.com/login", "-L", "login page"],
    );
    says("302 Found", "", "redirect", &["does not say where"]);
}

#[test]
fn a_redirect_that_is_not_followed_says_why() {
    let round = answering("302 Found", "Location: /\r\n");
    finds(&[&round.url(), "-L", "--max-redirs", "2"], 5, "redirect-loop", &["after 2 redirects"]);
    finds(&[&answering("302 Found", "").url(), "-L"], 5, "redirect-to-nowhere", &[]);
}

#[test]
fn credentials_are_asked_for_or_not_accepted() {
    says("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "credentials", &["requires a login", "--user"]);
    says("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "credentials", &["--bearer-file"]);
    let server = answering("401 Unauthorized", "");
    finds(&[&server.url(), "--bearer", "secret"], 5, "credentials", &["does not accept"]);
}

#[test]
fn an_origin_that_is_not_welcome_is_named() {
    let program = Program::start(&["--quiet"]);
    let url = format!("ws://{}/ws/echo", program.address);
    finds(&[&url, "--origin", "http://evil.example"], 5, "forbidden", &["http://evil.example"]);
}

#[test]
fn a_page_of_the_server_itself_that_is_refused_points_to_a_proxy_that_replaces_host() {
    let server = answering("403 Forbidden", "");
    let own = server.url().replacen("ws://", "http://", 1);
    let own = own.trim_end_matches('/').split('/').take(3).collect::<Vec<_>>().join("/");
    for origin in [own.as_str(), "http://other.example"] {
        finds(&[&server.url(), "--origin", origin], 5, "forbidden", &["proxy_set_header Host $http_host"]);
    }
}

#[test]
fn a_path_that_does_not_exist_is_told_by_the_real_service() {
    let program = Program::start(&["--quiet"]);
    finds(&[&format!("ws://{}/nowhere?secret", program.address)], 5, "wrong-path", &["nothing at /nowhere"]);
}

#[test]
fn versions_and_upgrades_that_were_lost_are_told_apart() {
    says("400 Bad Request", "Sec-WebSocket-Version: 8, 7\r\n", "wrong-version", &["8, 7"]);
    says("400 Bad Request", "Sec-WebSocket-Version: 13\r\n", "bad-request", &["proxy_set_header"]);
    says("400 Bad Request", "", "bad-request", &["Host"]);
    says("426 Upgrade Required", "Upgrade: websocket\r\n", "upgrade-not-seen", &["proxy_http_version 1.1"]);
    says("426 Upgrade Required", "Sec-WebSocket-Version: 0\r\n", "wrong-version", &[]);
}

/// Answers with 101 as it should, but for what `change` does to it.
fn changed(change: impl Fn(String) -> String + Send + 'static) -> Server {
    Server::start(move |mut stream, head| stream.write_all(change(accepting(&head)).as_bytes()).unwrap())
}

#[test]
fn a_101_that_a_proxy_has_spoilt_is_told() {
    let without = |line: &'static str| changed(move |answer| answer.replace(line, ""));
    finds(&[&without("Upgrade: websocket\r\n").url()], 7, "upgrade-stripped", &["Upgrade", "proxy"]);
    finds(&[&without("Connection: Upgrade\r\n").url()], 7, "upgrade-stripped", &["Connection"]);
    let closing = changed(|answer| answer.replace("Connection: Upgrade", "Connection: close"));
    finds(&[&closing.url()], 7, "upgrade-stripped", &[]);
    let old = changed(|answer| answer.replace("HTTP/1.1", "HTTP/1.0"));
    finds(&[&old.url()], 7, "http-1.0", &["proxy_http_version"]);
}

#[test]
fn a_101_that_agrees_to_what_was_not_offered_is_told() {
    let with = |line: &'static str| changed(move |answer| answer.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n")));
    finds(&[&with("Sec-WebSocket-Protocol: chat").url()], 7, "wrong-subprotocol", &["-s NAME"]);
    finds(&[&with("Sec-WebSocket-Extensions: x-none").url()], 7, "wrong-extension", &["--no-compression"]);
    let other = changed(|answer| {
        let at = answer.find("Accept: ").unwrap() + "Accept: ".len();
        format!("{}AAAA{}", &answer[..at], &answer[at + 4..])
    });
    finds(&[&other.url()], 7, "wrong-accept", &["cache"]);
}

#[test]
fn what_is_no_http_is_told() {
    finds(&[&Server::answering("SSH-2.0-OpenSSH_9.2\r\n\r\n").url()], 7, "not-http", &["port"]);
    let endless = || Server::answering(format!("HTTP/1.1 101 Hello\r\n{}", "X: y\r\n".repeat(10_000)));
    finds(&[&endless().url()], 7, "endless-answer", &["16384 bytes", "--max-head-size 64KiB"]);
    finds(&[&endless().url(), "--max-head-size", "1KiB"], 7, "endless-answer", &["1024 bytes"]);
    let interim = Server::answering("HTTP/1.1 102 Processing\r\n\r\n".repeat(50));
    finds(&[&interim.url()], 7, "endless-answer", &["interim"]);
}

#[test]
fn no_answer_at_all_is_told() {
    finds(&[&Server::answering("").url()], 5, "hung-up", &["wss://"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    finds(&[&url, "--connect-timeout", "300ms"], 8, "no-answer", &["in time"]);
}

#[test]
fn tls_at_a_plain_url_is_found_by_a_second_look() {
    let certificates = Certificates::make("other");
    let port = certificates.serve(false).port();
    let url = format!("ws://localhost:{port}/chat");
    finds(&[&url], 7, "tls-on-plain-url", &[&format!("wss://localhost:{port}/chat")]);
}

#[test]
fn plain_http_at_a_tls_url_is_found_by_a_second_look() {
    let program = Program::start(&["--quiet"]);
    let port = program.address.port();
    let url = format!("wss://127.0.0.1:{port}/ws/echo");
    finds(&[&url], 4, "plain-on-tls-url", &[&format!("ws://127.0.0.1:{port}/ws/echo")]);
}

#[test]
fn a_second_look_tells_no_secrets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/secret?secret", listener.local_addr().unwrap());
    let listening = thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let count = first.read(&mut head).unwrap();
        let told = String::from_utf8_lossy(&head[..count]).matches("secret").count();
        drop(first);
        let (mut second, _) = listener.accept().unwrap();
        let count = second.read(&mut head).unwrap();
        (told, head[..count].to_vec())
    });
    check(&[&url, "--bearer", "secret", "-H", "X-Key: secret"]);
    let (told, second) = listening.join().unwrap();
    assert_eq!(told, 4);
    assert!(!second.is_empty() && !String::from_utf8_lossy(&second).contains("secret"));
}

#[test]
fn a_strangers_words_cannot_act_on_the_terminal() {
    let server = answering("404 Not Found", "Server: a\u{9b}31mb\r\nX-Long: \u{202e}\r\n");
    let found = check(&[&server.url()]);
    assert!(found.out.contains("\\u{9b}31m"), "{}", found.out);
    assert!(!found.out.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{}", found.out);
}
