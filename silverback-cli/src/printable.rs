//! Makes foreign text safe for a terminal. Characters that could move the cursor, change colours, or hide or reverse
//! text are written as escapes.

use std::fmt::{self, Write};

/// Escapes a text for one line.
pub(crate) fn printable(text: &str) -> String {
    escape(text, is_visible)
}

/// Escapes a text and keeps its line breaks.
pub(crate) fn printable_lines(text: &str) -> String {
    escape(text, |c| c == '\n' || is_visible(c))
}

/// Escapes JSON with `\uXXXX`, which does not change its meaning (RFC 8259, 7).
pub(crate) fn printable_json(json: String) -> String {
    if json.bytes().all(|byte| byte < DELETE) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    for c in json.chars() {
        // Line breaks occur only between values, because the serializer has escaped those in strings.
        if c == '\n' || is_visible(c) {
            out.push(c);
        } else {
            // Writing to a string cannot fail.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(out, "\\u{unit:04x}"));
        }
    }
    out
}

/// Whether a terminal draws this character and it has no other effect.
pub(crate) fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        // Latin, Greek and Cyrillic letters, and most ideographs are the common case.
        '\u{c0}'..='\u{2ff}' | '\u{400}'..='\u{481}' | '\u{4e00}'..='\u{9fff}' => true,
        c if BLANK.contains(&c) => false,
        c => {
            // `escape_debug` also escapes a lone combining mark. After a letter it escapes only format characters,
            // separators, and unassigned or private characters.
            let mut pair = [b'x', 0, 0, 0, 0];
            let len = 1 + c.encode_utf8(&mut pair[1..]).len();
            std::str::from_utf8(&pair[..len]).is_ok_and(|pair| pair.escape_debug().skip(1).eq([c]))
        }
    }
}

/// Writes an invisible character as an escape, like `\r` or `\u{9b}`.
pub(crate) fn write_escaped(out: &mut impl Write, c: char) -> fmt::Result {
    match c.is_control() {
        true => write!(out, "{}", c.escape_debug()),
        // `escape_debug` considers blank letters visible.
        false => write!(out, "{}", c.escape_unicode()),
    }
}

fn escape(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_kept(c) {
            true => out.push(c),
            // Writing to a string cannot fail.
            false => _ = write_escaped(&mut out, c),
        }
    }
    out
}

/// Letters and marks without a visible form: the fillers of Hangul, the joiner of graphemes, two vowels of Khmer.
const BLANK: [char; 7] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}', '\u{34f}', '\u{17b4}', '\u{17b5}'];
const DELETE: u8 = 0x7f;

#[cfg(test)]
#[path = "printable_tests.rs"]
mod tests;
