//! Words the steps of a dial. It shows the names of headers, but no value that may be secret.

use std::{fmt::Write, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Version, header};
use silverback::{dial::DialEvent, proto::handshake::http1::encode_request};

use super::shown::without_secrets;
use crate::printable::printable;

/// Words a step of a dial in lines for a person.
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
        DialEvent::ProxyConnected { proxy, took } => format!("* connected through the proxy {proxy} ({took:.1?})"),
        DialEvent::TlsEstablished { target, session, took } => {
            let mut text = format!("* TLS with {target}:");
            for part in [&session.version, &session.cipher_suite].into_iter().flatten() {
                let _ = write!(text, " {part}");
            }
            if let Some(alpn) = &session.alpn {
                let _ = write!(text, ", ALPN {}", alpn.escape_ascii());
            }
            if session.certificate_unchecked {
                text.push_str(", certificate NOT checked");
            }
            let _ = write!(text, " ({took:.1?})");
            text
        }
        DialEvent::Http2Settings { extended_connect, took, .. } => settings("HTTP/2", *extended_connect, *took),
        DialEvent::Http3Settings { extended_connect, took, .. } => settings("HTTP/3", *extended_connect, *took),
        DialEvent::FellBack { target } => format!("* falling back to HTTP/1.1 with {target}"),
        DialEvent::Requested { request } => asked(request),
        DialEvent::Answered { status, headers, took } => {
            let mut text = format!("* answered ({took:.1?})\n< {status}");
            add_headers(&mut text, headers);
            text
        }
        DialEvent::Redirected { to } => format!("* redirected to {to}"),
        other => format!("* {other:?}"),
    }
}

/// Words the setting that says whether a server takes WebSockets.
fn settings(version: &str, takes: bool, took: Duration) -> String {
    let takes = if takes { "takes WebSockets" } else { "does not take WebSockets" };
    format!("* {version}: the server's settings say that it {takes} ({took:.1?})")
}

/// Returns the request as sent, without possible secrets. That includes the queries of the target and of `Referer`.
fn asked(request: &Request<()>) -> String {
    let mut shown = request.clone();
    for (name, value) in shown.headers_mut() {
        if value.is_sensitive() && !HARMLESS.contains(&name.as_str()) {
            *value = HeaderValue::from_static(HIDDEN);
        }
    }
    let head = match shown.version() {
        Version::HTTP_2 | Version::HTTP_3 => with_pseudo_headers(&shown),
        _ => String::from_utf8_lossy(&encode_request(&shown)).into_owned(),
    };
    let lines: Vec<_> = head
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("> {}", printable(&without_secrets(line))))
        .collect();
    lines.join("\n")
}

/// Returns an extended CONNECT as lines. HTTP/2 and HTTP/3 send the same fields in a binary form.
fn with_pseudo_headers(request: &Request<()>) -> String {
    let uri = request.uri();
    let mut text = format!(":method: {}\n:protocol: websocket\n", request.method());
    let _ = writeln!(text, ":scheme: {}", uri.scheme_str().unwrap_or_default());
    let _ = writeln!(text, ":authority: {}", uri.authority().map_or("", |authority| authority.as_str()));
    let _ = writeln!(text, ":path: {}", uri.path_and_query().map_or("/", |path| path.as_str()));
    for (name, value) in request.headers() {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text
}

fn add_headers(text: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        let value = shown_value(name, value);
        let _ = write!(text, "\n< {name}: {value}");
    }
}

/// Returns the value of a response header. A `Location` often repeats the query of the request.
pub(crate) fn shown_value(name: &HeaderName, value: &HeaderValue) -> String {
    // A `Location` is sensitive only because of its query, which is hidden below.
    if *name == header::SET_COOKIE || (value.is_sensitive() && *name != header::LOCATION) {
        return HIDDEN.to_owned();
    }
    printable(&without_secrets(&String::from_utf8_lossy(value.as_bytes())))
}

/// Headers whose values are not secret. All others may be: `X-Api-Key`, `X-Token`, ….
const HARMLESS: [&str; 6] = ["host", "user-agent", "accept", "accept-language", "referer", "x-forwarded-for"];
const HIDDEN: &str = "(hidden)";

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
