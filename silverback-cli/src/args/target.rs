//! Options of a request that make no sense, alone or together, though each can be read.

use std::env;

use super::{Args, Task};
use crate::dialing::{DialOptions, shown_url};

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
    let Some((_, rest)) = url.split_once("://") else {
        let shown = shown_url(url);
        let shown = shown.escape_debug();
        return Err(format!("the URL has no scheme: say ws://{shown}, or wss://{shown} with TLS"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    match host.is_ascii() {
        true => Ok(()),
        false => {
            Err(format!("the host `{}` must be written in punycode, like xn--bcher-kva.example", host.escape_debug()))
        }
    }
}

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
