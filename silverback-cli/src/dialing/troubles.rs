//! What a failed dial means for the exit code, and how it is told in one line.

use silverback::{DialError, DialStep, Refusal};

use crate::trouble::Trouble;

/// The trouble that a failed dial is. Nothing secret is in it.
pub(crate) fn trouble_of(error: &DialError) -> Trouble {
    let text = words(error);
    match error.step() {
        None => Trouble::Usage(text),
        Some(_) if error.is_timeout() => Trouble::Timeout(text),
        Some(DialStep::Resolve | DialStep::Connect | DialStep::Proxy) => Trouble::Network(text),
        Some(DialStep::Tls) => Trouble::Tls(text),
        Some(_) => match error {
            DialError::Answer(_) | DialError::Head(_) => Trouble::Protocol(text),
            _ => Trouble::Refused(text),
        },
    }
}

fn words(error: &DialError) -> String {
    let mut text = error.to_string();
    if let Some(refusal) = error.refusal() {
        add_refusal(&mut text, refusal);
    }
    text
}

/// What the other side said, as far as it helps.
fn add_refusal(text: &mut String, refusal: &Refusal) {
    for name in ["location", "retry-after", "www-authenticate", "proxy-authenticate", "sec-websocket-version"] {
        if let Some(value) = refusal.headers.get(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            text.push_str(&format!("; {name}: {}", value.escape_debug()));
        }
    }
    let body = String::from_utf8_lossy(&refusal.body);
    let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if !body.is_empty() {
        let start: String = body.chars().take(MOST_CHARS).collect();
        let end = if start.len() < body.len() { "…" } else { "" };
        text.push_str(&format!("; it says: {}{end}", start.escape_debug()));
    }
}

const MOST_CHARS: usize = 200;
