//! A message as one short line that is safe on any terminal.

use std::fmt::{self, Write};

use silverback::MessageRef;

/// The beginning of a message, and how long all of it is.
#[derive(Debug)]
pub(crate) struct Excerpt {
    start: Start,
    len: usize,
}

#[derive(Debug)]
enum Start {
    Text(Box<str>),
    Binary(Box<[u8]>),
}

impl Excerpt {
    /// Copies what will be shown: the message itself is not kept.
    pub(crate) fn of(message: MessageRef<'_>) -> Self {
        let start = match message {
            MessageRef::Text(text) => Start::Text(cut(text).into()),
            MessageRef::Binary(bytes) => Start::Binary(bytes[..bytes.len().min(MOST_BYTES)].into()),
        };
        Self { start, len: message.as_bytes().len() }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.start {
            Start::Text(text) => {
                escape(text, f)?;
                if text.len() < self.len {
                    write!(f, "… ({} bytes)", self.len)?;
                }
                Ok(())
            }
            Start::Binary(bytes) => {
                write!(f, "({} binary bytes)", self.len)?;
                for byte in bytes {
                    write!(f, " {byte:02x}")?;
                }
                if bytes.len() < self.len { f.write_str(" …") } else { Ok(()) }
            }
        }
    }
}

fn cut(text: &str) -> &str {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Everything that could move the cursor, change colours or hide: control characters, marks of direction, separators of
/// lines, and what is not assigned. Also the backslash, so that an escape cannot be feigned. Quotes stay.
fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for part in text.split_inclusive(QUOTES) {
        let plain = part.trim_end_matches(QUOTES);
        write!(f, "{}", plain.escape_debug())?;
        if let Some(quote) = part[plain.len()..].chars().next() {
            f.write_char(quote)?;
        }
    }
    Ok(())
}

const QUOTES: [char; 2] = ['\'', '"'];

/// A few lines of a terminal for text, less than one for bytes.
const MOST_CHARS: usize = 200;
const MOST_BYTES: usize = 16;

#[cfg(test)]
#[path = "excerpt_tests.rs"]
mod tests;
