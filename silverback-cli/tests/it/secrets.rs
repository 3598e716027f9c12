//! Reports, errors and logs end up in tickets. They hold no user name, password or query of a URL, even if a server
//! repeats them. Only the server that the user named gets credentials and headers.

use std::{
    io::Write,
    sync::mpsc::{self, Receiver},
};

use crate::{
    connect::servers::{Server, accepting, close},
    support::{Program, run},
};

/// Each way to report something about a server.
const REPORTS: [&[&str]; 7] = [
    &["connect", "-v", "-n", "1", "--send", "x"],
    &["connect", "-v", "-L", "-n", "1", "--send", "x"],
    &["check"],
    &["check", "--json"],
    &["check", "--json", "-L"],
    &["bench", "-n", "2", "-c", "1"],
    &["bench", "-n", "2", "-c", "1", "--json"],
];

/// Runs all of it, and says what each has printed. The URL has a password and a query.
#[track_caller]
fn check_reports(place: &str, path: &str) {
    let url = format!("ws://me:S3CRET@{place}{path}?token=S3CRET&q={{\"S3CRET\": 1}}");
    for options in REPORTS {
        let words = [&[options[0], &url], &options[1..]].concat();
        let (_, out, err) = run(&words, &[]);
        let said = out + &err;
        assert!(!said.contains("S3CRET"), "{options:?}: {said}");
        assert!(said.contains(place), "{options:?} says nothing: {said}");
    }
}

#[test]
fn are_shown_by_no_report_of_a_server_that_echoes() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    check_reports(&program.address.to_string(), "/ws/echo");
}

#[test]
fn are_shown_by_no_report_of_a_server_that_repeats_them() {
    for (status, path) in [("404 Not Found", "/a"), ("302 Found", "/b"), ("401 Unauthorized", "/c")] {
        let server = Server::start(move |mut stream, head| {
            let target = head.split(' ').nth(1).unwrap();
            let body = format!("<pre>Cannot GET {target}</pre> <a href='ws://me:S3CRET@host{target}'>{target}</a>");
            let answer = format!(
                "HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:1{target}\r\nX-Seen: {target}\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        });
        check_reports(&server.address.to_string(), path);
    }
}

#[test]
fn are_shown_by_no_report_of_a_server_that_cannot_be_reached() {
    check_reports("127.0.0.1:1", "/ws");
}

#[test]
fn are_shown_by_no_page_with_plots() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let path = std::env::temp_dir().join(format!("silverback-secrets-{}.html", std::process::id()));
    let url = format!("ws://me:S3CRET@{}/ws/echo?token=S3CRET", program.address);
    let words = ["bench", &url, "-d", "300ms", "--warmup", "off", "-c", "1", "--report", path.to_str().unwrap()];
    let (code, _, err) = run(&words, &[]);
    let page = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, Some(0), "{err}");
    assert!(page.contains(&format!("ws://{}/ws/echo?…", program.address)) && !page.contains("S3CRET"));
}

#[test]
fn are_quoted_by_no_error_about_the_url() {
    for url in [
        "localhost/ws?token=S3CRET",
        "me:S3CRET@localhost/ws?token=S3CRET",
        "me:a?S3CRET@localhost/ws",
        "/ws?token=S3CRET",
        "ftp://me:S3CRET@localhost/ws?token=S3CRET",
        "ws://?token=S3CRET",
        "ws://me:S3CRET@/ws?token=S3CRET",
        "ws://me:a/S3CRET@localhost/ws",
        "ws://localhost:x/ws?token=S3CRET",
        "ws://localhost/ws?token=S3CRET#S3CRET",
        "ws://local host/ws?token=S3CRET",
        "ws://localhost/ws?token=S3CRET\u{7}",
    ] {
        for command in ["connect", "check", "bench"] {
            let (code, out, err) = run(&[command, url], &[]);
            assert_eq!(code, Some(2), "{command} {url}: {err}");
            assert!(!out.contains("S3CRET") && !err.contains("S3CRET"), "{command} {url}: {err}");
        }
    }
    for words in [
        &["localhost/ws?token=S3CRET"][..],
        &["connect", "ws://localhost/", "ws://me:S3CRET@localhost/?S3CRET"],
        &["connect", "ws://localhost/", "--format", "ws://me:S3CRET@localhost/?S3CRET"],
    ] {
        let (code, _, err) = run(words, &[]);
        assert!(code == Some(2) && !err.contains("S3CRET"), "{words:?}: {err}");
    }
}

/// A server that answers its first request, and returns the head.
fn listening(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (Server, Receiver<String>) {
    let (heard, heads) = mpsc::channel();
    let server = Server::start(move |mut stream, head| {
        stream.write_all(&answer(&head)).unwrap();
        let _ = heard.send(head);
    });
    (server, heads)
}

#[test]
fn go_to_no_other_origin_that_a_redirect_leads_to() {
    for command in ["connect", "check", "bench"] {
        let (other, others) = listening(|head| [accepting(head).into_bytes(), close(1000, "")].concat());
        let location = other.url();
        let (named, own) = listening(move |_| {
            format!("HTTP/1.1 307 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
        });
        let url = format!("ws://me:S3CRET@{}/?token=S3CRET", named.address);
        let headers =
            ["-H", "X-Api-Key: S3CRET", "-H", "Cookie: S3CRET", "-H", "Host: S3CRET", "-H", "User-Agent: mine"];
        run(&[&[command, &url, "-L"][..], &headers].concat(), &[]);
        let (own, other) = (own.recv().unwrap().to_ascii_lowercase(), others.recv().unwrap().to_ascii_lowercase());
        for header in
            ["x-api-key: s3cret", "cookie: s3cret", "host: s3cret", "authorization: basic", "user-agent: mine"]
        {
            assert!(own.contains(header), "{command}: {own}");
        }
        assert!(!other.contains("s3cret") && !other.contains("authorization"), "{command}: {other}");
        assert!(other.contains("user-agent: mine"), "{command}: {other}");
    }
}
