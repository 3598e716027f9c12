//! JSON: a line for each message, for programs; and a stranger's JSON laid out for people.

use std::time::SystemTime;

use data_encoding::BASE64;
use serde_json::{Value, json};
use silverback::MessageRef;

use super::{escape::NEXT_LINE, time};
use crate::printable::printable_json;

/// A message as a JSON object on one line.
pub(super) fn line(message: MessageRef<'_>, now: SystemTime) -> String {
    let time = time::full(now);
    let mut line = match message {
        MessageRef::Text(text) => json!({ "time": time, "type": "text", "size": text.len(), "data": text }),
        MessageRef::Binary(bytes) => {
            json!({ "time": time, "type": "binary", "size": bytes.len(), "base64": BASE64.encode(bytes) })
        }
    }
    .to_string();
    line.push('\n');
    printable_json(line)
}

/// Lays a JSON object or array out in lines; `None` if the text is none. Numbers, strings and the order of keys stay as
/// they were written.
pub(super) fn lay_out(text: &str, has_colours: bool) -> Option<String> {
    let is_one = text.trim_start().starts_with(['{', '[']);
    if !is_one || serde_json::from_str::<Value>(text).is_err() {
        return None;
    }
    let mut layout = Layout { out: String::with_capacity(text.len() * 2), depth: 0, has_colours };
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let len = token_len(rest, first);
        let (token, after) = rest.split_at(len);
        rest = after.trim_start();
        layout.push(token, rest);
    }
    Some(layout.out)
}

struct Layout {
    out: String,
    depth: usize,
    has_colours: bool,
}

impl Layout {
    /// Appends a token of valid JSON; `next` is what follows it.
    fn push(&mut self, token: &str, next: &str) {
        match token {
            "{" | "[" => {
                self.out.push_str(token);
                self.depth += 1;
                if !next.starts_with(['}', ']']) {
                    self.new_line();
                }
            }
            "}" | "]" => {
                self.depth -= 1;
                if !self.out.ends_with(['{', '[']) {
                    self.new_line();
                }
                self.out.push_str(token);
            }
            "," => {
                self.out.push(',');
                self.new_line();
            }
            ":" => self.out.push_str(": "),
            _ => {
                let colour = match token.as_bytes()[0] {
                    b'"' if next.starts_with(':') => "34",
                    b'"' => "32",
                    b't' | b'f' | b'n' => "35",
                    _ => "33",
                };
                // Strings may hold what a terminal acts on: JSON escapes C0, but not C1 and marks of direction.
                let token = printable_json(token.to_owned());
                match self.has_colours {
                    true => self.out.push_str(&format!("\x1b[{colour}m{token}\x1b[0m")),
                    false => self.out.push_str(&token),
                }
            }
        }
    }

    fn new_line(&mut self) {
        self.out.push_str(NEXT_LINE);
        (0..self.depth).for_each(|_| self.out.push_str("  "));
    }
}

/// How long the token at the front of valid JSON is.
fn token_len(text: &str, first: char) -> usize {
    match first {
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        '"' => {
            let mut is_escaped = false;
            let end = text.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                ends
            });
            end.map_or(text.len(), |at| at + 2)
        }
        _ => {
            let ends = |c: char| matches!(c, ',' | ':' | '}' | ']') || c.is_whitespace();
            text.find(ends).unwrap_or(text.len()).max(first.len_utf8())
        }
    }
}
