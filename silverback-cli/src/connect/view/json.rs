//! JSON: a line for each message, for programs; and a stranger's JSON laid out for people.

use std::time::SystemTime;

use serde::de::IgnoredAny;
use silverback::{Message, MessageKind};

use super::{
    escape::{NEXT_LINE, start},
    pieces::{Encoding, Pieces},
};
use crate::{printable::printable_json, utc};

/// A message as a JSON object on one line. With `most` it is in one piece and has at most that many bytes of the
/// payload. An object that lacks some says so. Recordings have a direction.
pub(super) fn line(message: Message, now: SystemTime, direction: Option<&str>, most: Option<usize>) -> Pieces {
    let is_cut = most.is_some_and(|most| message.len() > most);
    let (name, encoding) = match message.kind() {
        MessageKind::Text => ("data", Encoding::Json),
        MessageKind::Binary => ("base64", Encoding::Base64),
    };
    let head = format!("{{\"{name}\":\"");
    let (size, time, kind) = (message.len(), utc::full(now), message.kind());
    let cut = if is_cut { "\"truncated\":true," } else { "" };
    let direction = direction.map_or_else(String::new, |direction| format!("\"direction\":\"{direction}\","));
    let tail = format!("\",{direction}\"size\":{size},\"time\":\"{time}\",{cut}\"type\":\"{kind}\"}}\n");
    match most {
        None => Pieces::new(head, message, encoding, tail),
        Some(most) => Pieces::in_one(head, message, most, encoding, tail),
    }
}

/// Lays a JSON object or array out in lines; `None` if the text is not JSON. Numbers, strings and the order of keys stay
/// as they were written. Ends when it has written about `most` bytes, and returns how many bytes of the text are left.
pub(super) fn lay_out(text: &str, has_colours: bool, most: usize) -> Option<(String, usize)> {
    let is_one = text.trim_start().starts_with(['{', '[']);
    // Values would take many times the memory of the text, and refuse deep ones and large numbers.
    if !is_one || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut layout = Layout { out: String::new(), depth: 0, has_colours };
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let Some(room @ 1..) = most.checked_sub(layout.out.len()) else { break };
        let (token, after) = rest.split_at(token_len(rest, first));
        let shown = start(token, room);
        rest = after.trim_start();
        layout.push(shown, rest);
        if shown.len() < token.len() {
            return Some((layout.out, token.len() - shown.len() + after.len()));
        }
    }
    Some((layout.out, rest.len()))
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
                // Strings may hold characters that control a terminal. JSON escapes C0, but not C1 and direction marks.
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
        (0..self.depth.min(DEEPEST)).for_each(|_| self.out.push_str("  "));
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

/// Deeper values are indented as far as this: half the width of a terminal.
const DEEPEST: usize = 20;
