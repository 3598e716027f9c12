//! The steps of a dial in words, and what of a request can be shown: the names of headers, never what may be secret.

use std::fmt::Write;

use http::{HeaderMap, header};
use silverback::DialEvent;

use super::options::DialOptions;

/// The request as far as it is known before the handshake. Values that may be secret are replaced.
#[derive(Clone, Debug)]
pub(crate) struct ShownRequest {
    lines: Vec<String>,
}

impl ShownRequest {
    pub(super) fn new(url: &str, headers: &[(String, String)], is_authorized: bool, options: &DialOptions) -> Self {
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = after_scheme.find(['/', '?']).map_or("/", |at| &after_scheme[at..]);
        let path = path.split('?').next().unwrap_or(path);
        let query = if after_scheme.contains('?') { "?…" } else { "" };
        let mut lines = vec![format!("GET {path}{query}")];
        for (name, value) in headers {
            let is_secret = !HARMLESS.iter().any(|harmless| name.eq_ignore_ascii_case(harmless));
            let value = if is_secret { HIDDEN } else { value };
            lines.push(format!("{name}: {}", value.escape_debug()));
        }
        if is_authorized {
            lines.push(format!("authorization: {HIDDEN}"));
        }
        lines.extend(options.origin.iter().map(|origin| format!("origin: {}", origin.escape_debug())));
        if !options.subprotocol.is_empty() {
            lines.push(format!("sec-websocket-protocol: {}", options.subprotocol.join(", ").escape_debug()));
        }
        Self { lines }
    }

    /// A line for each header, with `>` before it.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.iter().map(|line| format!("> {line}"))
    }
}

/// A step of a dial, in lines for a person.
pub(crate) fn describe(event: &DialEvent<'_>) -> String {
    match event {
        DialEvent::Resolved { host, addresses, took } => {
            let list: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
            format!("* {host} is {} ({took:.1?})", list.join(", "))
        }
        DialEvent::Connecting { address } => format!("* connecting to {address}"),
        DialEvent::ConnectFailed { address, error } => format!("* {address}: {error}"),
        DialEvent::Connected { target, address: Some(address), took } => {
            format!("* connected to {target} at {address} ({took:.1?})")
        }
        DialEvent::Connected { target, address: None, took } => format!("* connected to {target} ({took:.1?})"),
        DialEvent::ProxyConnected { proxy, took } => format!("* the proxy {proxy} has connected us ({took:.1?})"),
        DialEvent::TlsEstablished { target, session, took } => {
            let mut text = format!("* TLS with {target}:");
            for part in [&session.version, &session.cipher_suite].into_iter().flatten() {
                let _ = write!(text, " {part}");
            }
            if session.certificate_unchecked {
                text.push_str(", certificate NOT checked");
            }
            let _ = write!(text, " ({took:.1?})");
            text
        }
        DialEvent::Answered { status, headers, took } => {
            let mut text = format!("* answered ({took:.1?})\n< {status}");
            add_headers(&mut text, headers);
            text
        }
        DialEvent::Redirected { to } => format!("* redirected to {to}"),
        other => format!("* {other:?}"),
    }
}

fn add_headers(text: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        let value = match *name == header::SET_COOKIE || value.is_sensitive() {
            true => HIDDEN.to_owned(),
            false => String::from_utf8_lossy(value.as_bytes()).escape_debug().to_string(),
        };
        let _ = write!(text, "\n< {name}: {value}");
    }
}

/// Headers whose values are no secrets. Which others are, nobody can know: `X-Api-Key`, `X-Token`, ….
const HARMLESS: [&str; 6] = ["host", "user-agent", "accept", "accept-language", "referer", "x-forwarded-for"];
const HIDDEN: &str = "(hidden)";

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
