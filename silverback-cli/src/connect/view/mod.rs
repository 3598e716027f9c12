//! How messages look: formats for programs, and lines for people at a terminal.

mod escape;
mod hex;
mod json;
mod time;

use std::{fmt::Write, time::SystemTime};

use data_encoding::{BASE64, HEXLOWER};
use silverback::MessageRef;

use self::escape::escape;
use super::args::Format;

/// What is written for a message.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) format: Format,
    /// Whether a person reads it.
    pub(crate) on_terminal: bool,
    pub(crate) has_colours: bool,
    pub(crate) has_timestamps: bool,
    /// Whether JSON is laid out for people.
    pub(crate) lays_out_json: bool,
}

impl View {
    /// All that is written for a message that came at `now`.
    pub(crate) fn message(&self, message: MessageRef<'_>, now: SystemTime) -> Vec<u8> {
        if self.format == Format::Json {
            return json::line(message, now).into_bytes();
        }
        if self.on_terminal {
            return self.for_a_person(message, now).into_bytes();
        }
        match self.format {
            Format::Raw => message.as_bytes().to_vec(),
            Format::Hex => self.line(HEXLOWER.encode(message.as_bytes()).as_bytes(), now),
            Format::Text | Format::Json => match message {
                MessageRef::Text(text) => self.line(text.as_bytes(), now),
                MessageRef::Binary(bytes) => self.line(format!("base64:{}", BASE64.encode(bytes)).as_bytes(), now),
            },
        }
    }

    /// A line about what goes on, for a person.
    pub(crate) fn note(&self, text: &str) -> String {
        format!("{}\n", self.paint(DIM, text))
    }

    /// What stands before the line that is typed.
    pub(crate) fn prompt(&self) -> String {
        self.paint(SENT, "> ")
    }

    fn line(&self, payload: &[u8], now: SystemTime) -> Vec<u8> {
        let mut line = Vec::with_capacity(payload.len() + 32);
        if self.has_timestamps {
            line.extend_from_slice(time::full(now).as_bytes());
            line.push(b' ');
        }
        line.extend_from_slice(payload);
        line.push(b'\n');
        line
    }

    fn for_a_person(&self, message: MessageRef<'_>, now: SystemTime) -> String {
        let mut out = String::new();
        if self.has_timestamps {
            let _ = write!(out, "{} ", self.paint(DIM, &time::of_day(now)));
        }
        out.push_str(&self.paint(RECEIVED, "< "));
        match message {
            MessageRef::Text(text) if self.format != Format::Hex => out.push_str(&self.text(text)),
            message => {
                let bytes = message.as_bytes();
                let kind = message.kind();
                out.push_str(&self.paint(DIM, &format!("{kind}, {} bytes", bytes.len())));
                hex::dump(&mut out, bytes, |text| self.paint(DIM, text));
            }
        }
        out.push('\n');
        out
    }

    fn text(&self, text: &str) -> String {
        let laid_out =
            (self.lays_out_json && self.format == Format::Text).then(|| json::lay_out(text, self.has_colours));
        match laid_out.flatten() {
            Some(json) => json,
            None => escape(text, self.has_colours),
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.has_colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

const DIM: &str = "2";
const SENT: &str = "32";
const RECEIVED: &str = "36";

#[cfg(test)]
mod tests;
