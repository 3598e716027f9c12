//! Validates the URL and the credentials of a request beyond their syntax.

use std::{env, net::Ipv6Addr};

use silverback::proto::handshake::ClientRequest;

use super::{options::DialOptions, shown::shown_url};
use crate::{error::Error, printable::printable, values::is_blank};

/// Returns an error for the user.
pub(crate) fn check(dial: &DialOptions) -> Result<(), Error> {
    check_url(&dial.url).and_then(|()| check_authorization(dial)).map_err(Error::Usage)
}

fn check_url(url: &str) -> Result<(), String> {
    if url.trim().is_empty() {
        return Err("the URL is empty; say ws://HOST:PORT/PATH, like ws://localhost:8000/".to_owned());
    }
    if let Some(advice) = advice_on_scheme(url) {
        let shown = printable(&shown_url(url));
        return Err(format!("`{shown}` does not begin with ws:// or wss://{advice}"));
    }
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    if is_bare_ipv6(host) {
        let shown = printable(&shown_url(url));
        return Err(format!("`{shown}`: an IPv6 address needs brackets, like ws://[::1]:8000/"));
    }
    if host.is_empty() || host.starts_with(':') {
        let shown = printable(&shown_url(url));
        return Err(format!("`{shown}` has no host; say ws://HOST:PORT/PATH, like ws://localhost:8000/"));
    }
    Ok(())
}

/// Returns advice to add to "does not begin with ws:// or wss://". `None` if the URL does, or begins with http:// or
/// https://, which mean the same.
pub(crate) fn advice_on_scheme(url: &str) -> Option<String> {
    if let Some((scheme, _)) = url.split_once("://") {
        let is_known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        return (!is_known).then(String::new);
    }
    let shown = printable(&shown_url(url));
    let address = shown.strip_prefix("//").or_else(|| behind_scheme(&shown)).unwrap_or(&shown);
    let authority = address.split(['/', '?', '#']).next().unwrap_or(address);
    if is_bare_ipv6(authority) {
        let rest = &address[authority.len()..];
        return Some(format!("; say ws://[{authority}]{rest}, or wss://[{authority}]{rest} with TLS"));
    }
    // `mailto:me` has another scheme, but `host:8000` has a port.
    if address == shown && is_other_scheme(address) {
        return Some(String::new());
    }
    Some(match address.chars().next() {
        None => "; say ws://HOST:PORT/PATH, like ws://localhost:8000/".to_owned(),
        Some(':') => format!("; say ws://localhost{address}"),
        Some('/') => format!("; say ws://HOST{address}"),
        // Only suggest a URL that works.
        Some(_) => match ClientRequest::parse(&format!("ws://{authority}/")) {
            Ok(_) => format!("; say ws://{address}, or wss://{address} with TLS"),
            Err(reason) => format!("; {reason}"),
        },
    })
}

/// Returns the rest after a misspelled scheme: `ws:host`, `ws:/host`, `ws//host` and `ws;//host`.
fn behind_scheme(url: &str) -> Option<&str> {
    SCHEMES.iter().find_map(|scheme| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        let is_meant = start.eq_ignore_ascii_case(scheme) && [":", "//", ";//"].iter().any(|end| rest.starts_with(end));
        is_meant.then(|| rest.trim_start_matches([':', ';', '/', '\\']))
    })
}

/// Whether this is an IPv6 address without brackets. It may have a zone.
fn is_bare_ipv6(authority: &str) -> bool {
    let address = authority.split('%').next().unwrap_or(authority);
    address.parse::<Ipv6Addr>().is_ok()
}

fn is_other_scheme(text: &str) -> bool {
    let is_followed = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && is_followed(rest))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte))
}

const SCHEMES: [&str; 4] = ["ws", "wss", "http", "https"];

/// Only one Authorization header can be sent.
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
        _ if env::var_os("SILVERBACK_BEARER").is_some_and(|token| !is_blank(&token)) => {
            "the variable SILVERBACK_BEARER"
        }
        _ => return Ok(()),
    };
    Err(format!("--header and {other} both give an Authorization: only one can be sent"))
}
