//! A message as one short line that is safe on any terminal.

use std::fmt::{self, Write};

use silverback::MessageRef;

use crate::printable::{is_visible, write_escaped};

/// The beginning of a message, and its whole length.
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
    /// Copies only the part to show, so that the message is not kept.
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

/// Escapes invisible characters. The backslash is escaped too, so that a message cannot fake an escape.
fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            c if is_visible(c) => f.write_char(c)?,
            c => write_escaped(f, c)?,
        }
    }
    Ok(())
}

/// A few lines of a terminal for text, and less than one line for bytes.
const MOST_CHARS: usize = 200;
const MOST_BYTES: usize = 16;

#[cfg(test)]
#[path = "excerpt_tests.rs"]
mod tests;
