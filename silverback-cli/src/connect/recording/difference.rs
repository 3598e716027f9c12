//! Words for two messages that should be the same.

use silverback::{Message, MessageKind};

use crate::printable::printable;

/// Says how a message differs from the expected one.
pub(crate) fn difference(expected: &Message, received: &Message) -> String {
    if expected.kind() != received.kind() {
        return format!("expected {}, received {}", excerpt(expected, 0), excerpt(received, 0));
    }
    let (one, other) = (expected.as_bytes(), received.as_bytes());
    let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let at = common.saturating_sub(BEFORE);
    format!("expected {}, received {}, from byte {common} on", excerpt(expected, at), excerpt(received, at))
}

/// The part of a message that begins about at this byte.
pub(crate) fn excerpt(message: &Message, from: usize) -> String {
    let bytes = message.as_bytes();
    let from = match message.as_text() {
        Some(text) => (0..=from.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0),
        None => from.min(bytes.len()),
    };
    let part = &bytes[from..bytes.len().min(from + MOST_SHOWN)];
    let before = if from > 0 { "…" } else { "" };
    let after = if from + part.len() < bytes.len() { "…" } else { "" };
    match message.kind() {
        MessageKind::Text => {
            // The last character may be cut.
            let text = String::from_utf8_lossy(part);
            format!("the text `{before}{}{after}`", printable(text.trim_end_matches('\u{fffd}')))
        }
        MessageKind::Binary => {
            format!("the bytes `{before}{}{after}`", data_encoding::HEXLOWER.encode(part))
        }
    }
}

const BEFORE: usize = 16;
const MOST_SHOWN: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown() {
        let text = |text: &str| Message::text(text.to_owned());
        for (expected, received, words) in [
            (text("a"), text("b"), "expected the text `a`, received the text `b`, from byte 0 on"),
            (text("a"), text(""), "expected the text `a`, received the text ``, from byte 0 on"),
            (text("é"), Message::binary(vec![0, 255]), "expected the text `é`, received the bytes `00ff`"),
            (text("\u{9b}"), text("x"), "expected the text `\\u{9b}`, received the text `x`, from byte 0 on"),
        ] {
            assert_eq!(difference(&expected, &received), words);
        }
        let long = "é".repeat(40);
        let words = difference(&text(&format!("{long}a{long}")), &text(&format!("{long}b")));
        let e = |count| "é".repeat(count);
        assert_eq!(
            words,
            format!("expected the text `…{}a{}…`, received the text `…{}b`, from byte 80 on", e(8), e(15), e(8))
        );
        let bytes = difference(&Message::binary(vec![7; 100]), &Message::binary(vec![7; 99]));
        assert!(bytes.ends_with("from byte 99 on"), "{bytes}");
    }
}
