//! What of a handshake is shown, and what is not.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use clap::{Args, FromArgMatches};
use http::{HeaderValue, StatusCode};

use super::*;

#[test]
fn values_that_may_be_secret_are_not_shown() {
    let words = ["x", "ws://h/path?token=1", "-s", "chat", "--origin", "http://o"];
    let found = DialOptions::augment_args(clap::Command::new("x")).get_matches_from(words);
    let options = DialOptions::from_arg_matches(&found).unwrap();
    let headers = [("X-Api-Key", "secret"), ("User-Agent", "me")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let lines: Vec<_> = ShownRequest::new(&options.url, &headers, true, &options).lines().collect();
    assert_eq!(
        lines,
        [
            "> GET /path?…",
            "> X-Api-Key: (hidden)",
            "> User-Agent: me",
            "> authorization: (hidden)",
            "> origin: http://o",
            "> sec-websocket-protocol: chat",
        ]
    );
}

#[test]
fn an_answer_is_shown_without_cookies_and_without_control_characters() {
    let mut headers = HeaderMap::new();
    headers.insert("set-cookie", HeaderValue::from_static("secret"));
    headers.insert("server", HeaderValue::from_bytes(b"a\x9bb").unwrap());
    let took = Duration::from_millis(3);
    let text = describe(&DialEvent::Answered { status: StatusCode::SWITCHING_PROTOCOLS, headers: &headers, took });
    assert!(text.starts_with("* answered (3.0ms)\n< 101 Switching Protocols\n"), "{text}");
    assert!(text.contains("set-cookie: (hidden)") && !text.contains("secret"), "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
}
