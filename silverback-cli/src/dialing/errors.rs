//! Turns a failed dial into the program's error: an exit code and one line. Every command uses this, so that all have
//! the same codes.

use std::{error::Error as _, io};

use http::header;
use silverback::{
    DialError,
    dial::{DialStep, Refusal},
    proto::{h3, handshake::HeadError},
};

use super::shown::{shown_url, without_secrets};
use crate::{error::Error, printable::printable, values::MAX_HEAD_SIZE};

/// Returns the program's error for a failed dial, without secrets.
pub(crate) fn dial_error(error: &DialError) -> Error {
    let text = words(error);
    match (error.step(), error) {
        (None, _) => Error::Usage(text),
        (Some(_), error) if error.is_timeout() => Error::Timeout(text),
        (Some(DialStep::Connect), error) => of_connecting(connecting(error), text),
        (Some(DialStep::Resolve | DialStep::Proxy), _) => Error::Network(text),
        (Some(_), DialError::HttpVersion { .. }) => Error::Refused(text),
        (Some(DialStep::Tls), _) => Error::Tls(text),
        (Some(_), DialError::Answer { .. } | DialError::Head { .. } | DialError::TooManyInterim { .. }) => {
            Error::Protocol(text)
        }
        (Some(DialStep::Handshake), DialError::Io { source, .. }) if breaks_http(source) => Error::Protocol(text),
        (Some(_), _) => Error::Refused(text),
    }
}

/// Whether the server broke a rule of HTTP/2 or HTTP/3, or exceeded a limit. Errors of the network and of TLS, which
/// may also come this late, are not among them, and neither is what the server said about us.
fn breaks_http(error: &io::Error) -> bool {
    let Some(fault) = error.get_ref() else { return false };
    fault.is::<h3::Error>() || fault.downcast_ref().is_some_and(h2::Error::is_library)
}

/// The same with a hint to run `silverback check`, which finds out more.
pub(crate) fn dial_error_with_advice(error: &DialError, url: &str) -> Error {
    match dial_error(error) {
        // These errors do not concern the server.
        error @ (Error::Usage(_) | Error::System(_)) => error,
        error => error.reworded(|text| with_advice(text, url)),
    }
}

/// Adds the hint to an error about this URL.
pub(crate) fn with_advice(text: String, url: &str) -> String {
    format!("{text}; try `silverback check {}`", shown_url(url))
}

/// Returns the I/O error if connecting the socket failed. If several addresses were tried, returns the error of the
/// first one, which the system prefers.
pub(crate) fn connecting(error: &DialError) -> Option<&io::Error> {
    match error {
        DialError::Io { step: DialStep::Connect, source, .. } => {
            Some(error.attempts().first().map_or(source, |attempt| &*attempt.error))
        }
        _ => None,
    }
}

fn of_connecting(error: Option<&io::Error>, text: String) -> Error {
    match error {
        Some(error) if is_out_of_descriptors(error) => Error::System(text),
        // The operating system timed out before the dialer did.
        Some(error) if error.kind() == io::ErrorKind::TimedOut => Error::Timeout(text),
        _ => Error::Network(text),
    }
}

/// Whether this process ran out of descriptors, which is not the network's fault.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        let out = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
        error.raw_os_error().is_some_and(|code| out.iter().any(|errno| errno.raw_os_error() == code))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

fn words(error: &DialError) -> String {
    let mut text = error.to_string();
    if let Some(refusal) = error.refusal() {
        add_refusal(&mut text, refusal);
    }
    if matches!(head_error(error), Some(HeadError::TooLarge { limit }) if *limit < MAX_HEAD_SIZE) {
        text.push_str("; try --max-head-size 64KiB");
    }
    text
}

/// Returns why the head of an answer, from the server or a proxy, could not be read.
fn head_error(error: &DialError) -> Option<&HeadError> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(head) = error.downcast_ref() {
            return Some(head);
        }
        cause = error.source();
    }
    None
}

/// Adds the helpful parts of the other side's answer.
fn add_refusal(text: &mut String, refusal: &Refusal) {
    for name in ["location", "retry-after", "www-authenticate", "proxy-authenticate", "sec-websocket-version"] {
        if let Some(value) = refusal.headers.get(name) {
            let value = without_secrets(&String::from_utf8_lossy(value.as_bytes()));
            text.push_str(&format!("; {name}: {}", printable(&value)));
        }
    }
    if let Some(coding) = coding(refusal) {
        text.push_str(&format!("; its body is compressed ({})", printable(&coding)));
        return;
    }
    let body = String::from_utf8_lossy(&refusal.body);
    if body.chars().any(is_of_no_text) {
        text.push_str("; its body is not text");
        return;
    }
    let body = without_secrets(&body.split_whitespace().collect::<Vec<_>>().join(" "));
    if !body.is_empty() {
        let start: String = body.chars().take(MOST_CHARS).collect();
        let end = if start.len() < body.len() { "…" } else { "" };
        text.push_str(&format!("; it says: {}{end}", printable(&start)));
    }
}

/// Returns how the body is compressed, if it is. The client does not ask for compression, but some servers compress
/// anyway.
fn coding(refusal: &Refusal) -> Option<String> {
    let codings = [header::CONTENT_ENCODING, header::TRANSFER_ENCODING];
    let lines = codings.iter().flat_map(|name| refusal.headers.get_all(name));
    let list = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect::<Vec<_>>().join(",");
    let is_coding = |name: &&str| !["", "identity", "chunked"].contains(&name.to_ascii_lowercase().as_str());
    let found: Vec<_> = list.split(',').map(str::trim).filter(is_coding).collect();
    (!found.is_empty() && !refusal.body.is_empty()).then(|| found.join(", "))
}

/// Whether a control character cannot be part of a text, unlike white space and colours.
fn is_of_no_text(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0e'..='\x1a' | '\x1c'..='\x1f')
}

const MOST_CHARS: usize = 200;

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
