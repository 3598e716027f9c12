//! URLs that say who we are.
#![allow(clippy::unwrap_used)]

use super::*;

#[track_caller]
fn check(url: &str, bare: &str, user: &str, password: Option<&str>) {
    let credentials = Credentials { user: user.to_owned(), password: password.map(str::to_owned) };
    assert_eq!(part(url), Ok((bare.to_owned(), Some(credentials))));
}

#[test]
fn name_and_password_are_taken_out() {
    check("ws://me:secret@host/path", "ws://host/path", "me", Some("secret"));
    check("wss://me@host:9000?q", "wss://host:9000?q", "me", None);
    check("ws://me:a%40b%3Ac@[::1]:80", "ws://[::1]:80", "me", Some("a@b:c"));
    check("ws://me:a@b@host/", "ws://host/", "me", Some("a@b"));
}

#[test]
fn an_at_sign_further_on_is_none_of_it() {
    for url in ["ws://host/@path", "ws://host?a@b", "ws://host", "host", ""] {
        assert_eq!(part(url), Ok((url.to_owned(), None)));
    }
}

#[test]
fn what_is_not_percent_encoded_is_refused() {
    for url in ["ws://%@host", "ws://%g0@host", "ws://a:%ff@host", "ws://%4@host"] {
        assert!(part(url).unwrap_err().contains("percent-encoded"), "{url}");
    }
}
