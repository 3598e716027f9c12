//! Servers that send us elsewhere: followed only if that is asked for, only so often, and never away from TLS.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::io::AsyncWriteExt;

use super::{
    check_end, check_said,
    servers::{Server, accepting, close, frame},
    talk,
    tls::Certificates,
    tls_faults::{read_head, serve},
};

fn moved(status: &str, to: &str) -> String {
    format!("HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

fn greeting() -> Server {
    Server::sending([frame(0x81, b"here"), close(1000, "")].concat())
}

#[test]
fn none_is_followed_unasked_and_the_error_says_where_it_leads() {
    let there = greeting();
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"] {
        let server = Server::answering(moved(status, &there.url()));
        check_end(&talk(&[&server.url()], b""), 5, &[&status[..3], &format!("location: {}", there.url())]);
    }
}

#[test]
fn every_kind_is_followed_when_asked() {
    let there = greeting();
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"] {
        let server = Server::answering(moved(status, &there.url()));
        check_said(&talk(&[&server.url(), "-L", "--wait", "off"], b""), "here\n");
    }
}

#[test]
fn http_urls_and_several_steps_are_followed() {
    let there = greeting();
    let second = Server::answering(moved("307 Go", &there.url().replace("ws://", "http://")));
    let first = Server::answering(moved("307 Go", &second.url()));
    check_said(&talk(&[&first.url(), "-L", "--wait", "off"], b""), "here\n");
    let output = talk(&[&first.url(), "-L", "--max-redirs", "1"], b"");
    check_end(&output, 5, &["307", "only 1 redirects are followed"]);
}

#[test]
fn a_round_ends_after_as_many_as_are_allowed() {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = count.clone();
    let server = Server::start(move |mut stream, _| {
        use std::io::Write;
        counting.fetch_add(1, Ordering::Relaxed);
        stream.write_all(moved("302 Found", "/again").as_bytes()).unwrap();
    });
    check_end(&talk(&[&server.url(), "-L"], b""), 5, &["302", "only 10 redirects are followed"]);
    assert_eq!(count.load(Ordering::Relaxed), 11);
}

#[test]
fn from_tls_to_plain_is_refused_and_the_plain_server_hears_nothing() {
    let certificates = Certificates::make("to-plain");
    let heard = Arc::new(AtomicUsize::new(0));
    let hearing = heard.clone();
    let plain = Server::start(move |_, _| _ = hearing.fetch_add(1, Ordering::Relaxed));
    let secure = {
        let answer = moved("302 Found", &plain.url());
        serve(&certificates, async move |stream| {
            read_head(stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        })
    };
    let output = talk(
        &[
            &format!("wss://localhost:{}/", secure.port()),
            "-L",
            "--cacert",
            &certificates.path("ca.pem"),
            "--bearer",
            "abc",
        ],
        b"",
    );
    check_end(&output, 5, &["302", "it leads away from TLS"]);
    assert_eq!(heard.load(Ordering::Relaxed), 0);
}

#[test]
fn one_that_leads_nowhere_is_refused() {
    for answer in [
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        moved("302 Found", "ftp://elsewhere.invalid/"),
        moved("302 Found", "ws://"),
        moved("302 Found", "/a\r\nLocation: /b"),
    ] {
        let output = talk(&[&Server::answering(answer).url(), "-L"], b"");
        check_end(&output, 5, &["302", "it does not say where"]);
    }
}

#[test]
fn where_it_leads_counts_for_the_exit_code() {
    let server = Server::answering(moved("302 Found", "ws://nowhere.invalid/"));
    check_end(&talk(&[&server.url(), "-L"], b""), 3, &["nowhere.invalid"]);
    let closed = Server::sending(close(4001, "no"));
    let server = Server::answering(moved("302 Found", &closed.url()));
    check_end(&talk(&[&server.url(), "-L", "--wait", "off"], b""), 6, &["4001"]);
}

#[test]
fn a_cookie_that_one_sets_goes_with_the_next_request_and_is_not_shown() {
    let server = Server::start(|mut stream, head| {
        use std::io::Write;
        let answer = match head.contains("\r\nCookie: id=S3CRET\r\n") {
            true => [accepting(&head).into_bytes(), close(1000, "")].concat(),
            false => moved("302 Found", "/again\r\nSet-Cookie: id=S3CRET; Path=/").into_bytes(),
        };
        stream.write_all(&answer).unwrap();
    });
    let output = talk(&[&server.url(), "-L", "-v", "--wait", "off"], b"");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.contains("> Cookie: (hidden)") && !err.contains("S3CRET"), "{err}");
}

#[test]
fn a_location_with_blanks_and_letters_outside_ascii_is_followed() {
    let server = Server::start(|mut stream, head| {
        use std::io::Write;
        let answer = match head.starts_with("GET /caf%C3%A9%20%22x%22?%3Cy%3E HTTP/1.1\r\n") {
            true => [accepting(&head).into_bytes(), close(1000, "")].concat(),
            false => moved("302 Found", "/café \"x\"?<y>").into_bytes(),
        };
        stream.write_all(&answer).unwrap();
    });
    check_said(&talk(&[&server.url(), "-L", "--max-redirs", "1", "--wait", "off"], b""), "");
}
