//! The presentation of messages: formats for programs, and lines for people at a terminal.

mod escape;
mod hex;
mod json;
pub(crate) mod pieces;

use std::{fmt::Write, time::SystemTime};

use silverback::{Message, MessageKind, MessageRef};

use self::{
    escape::{NEXT_LINE, escape},
    pieces::{Encoding, Pieces},
};
use super::args::Format;
use crate::utc;

/// How messages are written.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) format: Format,
    /// Whether a person reads it.
    pub(crate) on_terminal: bool,
    /// Whether it is written above a line that is being typed.
    pub(crate) has_prompt: bool,
    pub(crate) has_colours: bool,
    pub(crate) has_timestamps: bool,
    /// Whether JSON is laid out for people.
    pub(crate) lays_out_json: bool,
}

impl View {
    /// Returns the output for a message that arrived at `now`.
    pub(crate) fn message(&self, message: Message, now: SystemTime) -> Pieces {
        if self.format == Format::Json {
            return json::line(message, now, None, self.has_prompt.then_some(MOST_IN_ONE_LINE));
        }
        if self.on_terminal {
            return Pieces::of(self.for_a_person(message.as_ref(), now));
        }
        let mut head = if self.has_timestamps { utc::full(now) + " " } else { String::new() };
        match (self.format, message.kind()) {
            (Format::Raw, _) => Pieces::new("", message, Encoding::Plain, ""),
            (Format::Hex, _) => Pieces::new(head, message, Encoding::Hex, "\n"),
            (_, MessageKind::Text) => Pieces::new(head, message, Encoding::Plain, "\n"),
            (_, MessageKind::Binary) => {
                head.push_str("base64:");
                Pieces::new(head, message, Encoding::Base64, "\n")
            }
        }
    }

    /// Formats a note for a person.
    pub(crate) fn note(&self, text: &str) -> String {
        format!("{}\n", self.paint(DIM, text))
    }

    /// The prompt, in colour if colours are on.
    pub(crate) fn prompt(&self) -> String {
        self.paint(SENT, PROMPT)
    }

    /// Makes a text look less important.
    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint(DIM, text)
    }

    fn for_a_person(&self, message: MessageRef<'_>, now: SystemTime) -> String {
        let mut out = String::new();
        if self.has_timestamps {
            let _ = write!(out, "{} ", self.paint(DIM, &utc::of_day(now)));
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

    /// Returns the text as a person can read it.
    fn text(&self, text: &str) -> String {
        let is_laid_out = self.lays_out_json && self.format == Format::Text;
        let laid_out = is_laid_out.then(|| json::lay_out(text, self.has_colours, MOST_SHOWN)).flatten();
        let (mut shown, rest) = laid_out.unwrap_or_else(|| escape(text, self.has_colours, MOST_SHOWN));
        if rest > 0 {
            let more = format!("… {rest} bytes more; in a pipe, messages are whole");
            shown.push_str(NEXT_LINE);
            shown.push_str(&self.paint(DIM, &more));
        }
        shown
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.has_colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Returns the line of a recording for a message that was sent or received, as `direction` says.
pub(crate) fn recorded(message: Message, direction: &'static str, now: SystemTime) -> Pieces {
    json::line(message, now, Some(direction), None)
}

/// The most bytes of a text that a terminal shows: thousands of lines, about as far as a terminal can scroll back.
const MOST_SHOWN: usize = 256 * 1024;
/// The most bytes of a message in a line of JSON above the prompt. The line editor prints only whole lines.
const MOST_IN_ONE_LINE: usize = 1024 * 1024;

/// The prompt without its colour.
pub(crate) const PROMPT: &str = "> ";
const DIM: &str = "2";
const SENT: &str = "32";
const RECEIVED: &str = "36";

#[cfg(test)]
mod tests;
