//! A message's text on a terminal, where every invisible character is written as an escape.

use serde_json::Value;

use crate::printable::{is_visible, printable_json, write_escaped};

/// The text without anything that a terminal would act on. Its lines are indented, so that none looks like another
/// message. Ends when it has written about `most` bytes, and returns how many bytes of the text are left.
pub(super) fn escape(text: &str, has_colours: bool, most: usize) -> (String, usize) {
    let mut out = String::with_capacity(text.len().min(most));
    for (at, c) in text.char_indices() {
        if out.len() >= most {
            return (out, text.len() - at);
        }
        match c {
            '\n' => out.push_str(NEXT_LINE),
            '\t' => out.push('\t'),
            c if is_visible(c) => out.push(c),
            c => {
                let (on, off) = if has_colours { ("\x1b[35m", "\x1b[0m") } else { ("", "") };
                out.push_str(on);
                // Writing to a string cannot fail.
                let _ = write_escaped(&mut out, c);
                out.push_str(off);
            }
        }
    }
    (out, 0)
}

/// As wide as the mark of a received message.
pub(super) const NEXT_LINE: &str = "\n  ";

/// The beginning of a text, limited to a number of bytes, but at least one character.
pub(super) fn start(text: &str, most: usize) -> &str {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= most).last();
    let first = || text.chars().next().map_or(0, char::len_utf8);
    &text[..end.unwrap_or_else(first)]
}

/// Escapes text for the inside of a JSON string.
pub(super) fn json_string_inside(text: &str) -> String {
    let string = printable_json(Value::from(text).to_string());
    string.get(1..string.len() - 1).unwrap_or_default().to_owned()
}
