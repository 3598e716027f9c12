//! Options of a request that make no sense, alone or together, though each can be read.

use std::env;

use super::{Args, Task};
use crate::{
    dialing::{DialOptions, shown_url},
    printable::printable,
};

/// The error is for the person who wrote the command line.
pub(super) fn check(args: &Args) -> Result<(), String> {
    let dial = match &args.task {
        Some(Task::Connect(args)) => &args.dial,
        Some(Task::Bench(args)) => &args.dial,
        Some(Task::Check(args)) => &args.dial,
        _ => return Ok(()),
    };
    check_url(&dial.url)?;
    check_authorization(dial)
}

fn check_url(url: &str) -> Result<(), String> {
    if let Some(advice) = advice_on_scheme(url) {
        let shown = printable(&shown_url(url));
        return Err(format!("`{shown}` does not begin with ws:// or wss://{advice}"));
    }
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    if host.is_empty() || host.starts_with(':') {
        let shown = printable(&shown_url(url));
        return Err(format!("`{shown}` has no host; say ws://HOST:PORT/PATH, like ws://localhost:8000/"));
    }
    Ok(())
}

/// What to say behind the words that a URL does not begin with ws:// or wss://; `None` if it does, or with http:// or
/// https://, which mean the same.
pub(super) fn advice_on_scheme(url: &str) -> Option<String> {
    if let Some((scheme, _)) = url.split_once("://") {
        let is_known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        return (!is_known).then(String::new);
    }
    let shown = printable(&shown_url(url));
    // `ws:host` and `ws:/host` miss a slash or two; `//host` has them.
    let bare = match shown.split_once(':') {
        Some((scheme, rest)) if SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) => {
            rest.trim_start_matches('/')
        }
        // `mailto:me`, and not `host:8000`.
        Some((scheme, rest)) if is_scheme(scheme) && !rest.starts_with(|c: char| c.is_ascii_digit()) => {
            return Some(String::new());
        }
        _ => shown.strip_prefix("//").unwrap_or(&shown),
    };
    Some(match bare.chars().next() {
        None => "; say ws://HOST:PORT/PATH, like ws://localhost:8000/".to_owned(),
        Some(':') => format!("; say ws://localhost{bare}"),
        Some('/') => format!("; say ws://HOST{bare}"),
        Some(_) => format!("; say ws://{bare}, or wss://{bare} with TLS"),
    })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte))
}

const SCHEMES: [&str; 4] = ["ws", "wss", "http", "https"];

/// One header of that name is sent.
fn check_authorization(dial: &DialOptions) -> Result<(), String> {
    let is_authorization = |header: &String| {
        header.split(':').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("authorization"))
    };
    if !dial.header.iter().any(is_authorization) {
        return Ok(());
    }
    let authority = dial.url.split(['/', '?', '#']).nth(2).unwrap_or_default();
    let other = match dial {
        _ if dial.user.is_some() => "--user",
        _ if dial.bearer.is_some() => "--bearer",
        _ if dial.bearer_file.is_some() => "--bearer-file",
        _ if authority.contains('@') => "the user name in the URL",
        _ if env::var_os("SILVERBACK_BEARER").is_some_and(|token| !super::is_blank(&token)) => {
            "the variable SILVERBACK_BEARER"
        }
        _ => return Ok(()),
    };
    Err(format!("--header gives an Authorization, and so does {other}: only one can be sent"))
}
