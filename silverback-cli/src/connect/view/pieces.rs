//! A message as it is written, piece by piece: a slow reader of our output must not make us hold it in a form that is
//! several times as large.

use std::mem;

use data_encoding::{BASE64, HEXLOWER};
use silverback::Message;

use super::escape::json_string_inside;

/// The part of a message that is not written yet. Pieces have about [`PIECE`] bytes.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The last rendered bytes that were not taken yet.
    next: Vec<u8>,
    message: Message,
    /// Where in the payload the next piece begins, and where the last one ends.
    at: usize,
    end: usize,
    encoding: Encoding,
    /// The text after the payload.
    tail: Vec<u8>,
    /// The least size of a piece that is not the last one.
    enough: usize,
}

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Base64,
    Hex,
    /// Text inside of a JSON string.
    Json,
}

impl Pieces {
    /// Writes `head`, the payload, and `tail`.
    pub(super) fn new(
        head: impl Into<Vec<u8>>,
        message: Message,
        encoding: Encoding,
        tail: impl Into<Vec<u8>>,
    ) -> Self {
        let end = message.len();
        Self { next: head.into(), message, at: 0, end, encoding, tail: tail.into(), enough: PIECE }.rendered()
    }

    /// Does the same in one piece, for a message of which only a limited number of bytes is written.
    pub(super) fn in_one(
        head: impl Into<Vec<u8>>,
        message: Message,
        most: usize,
        encoding: Encoding,
        tail: impl Into<Vec<u8>>,
    ) -> Self {
        let end = part_end(&message, encoding, 0, most);
        Self { next: head.into(), message, at: 0, end, encoding, tail: tail.into(), enough: usize::MAX }.rendered()
    }

    /// Writes this and nothing else.
    pub(crate) fn of(text: String) -> Self {
        Self::new(text, Message::binary(Vec::new()), Encoding::Plain, Vec::new())
    }

    fn rendered(mut self) -> Self {
        self.render();
        self
    }

    /// The size of the next piece; `None` if there is none.
    pub(crate) fn next_len(&self) -> Option<usize> {
        (!self.next.is_empty()).then_some(self.next.len())
    }

    /// Renders the payload up to the end of the next piece.
    fn render(&mut self) {
        while self.at < self.end && self.next.len() < self.enough {
            let to = part_end(&self.message, self.encoding, self.at, PART).min(self.end);
            encode(&mut self.next, &self.message, self.at..to, self.encoding);
            self.at = to;
        }
        if self.at == self.end {
            self.next.append(&mut self.tail);
        }
    }
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let piece = mem::take(&mut self.next);
        self.render();
        (!piece.is_empty()).then_some(piece)
    }
}

fn encode(out: &mut Vec<u8>, message: &Message, range: std::ops::Range<usize>, encoding: Encoding) {
    let bytes = &message.as_bytes()[range.clone()];
    match (encoding, message.as_text().and_then(|text| text.get(range))) {
        (Encoding::Json, Some(text)) => out.extend_from_slice(json_string_inside(text).as_bytes()),
        (Encoding::Base64, _) => out.extend_from_slice(BASE64.encode(bytes).as_bytes()),
        (Encoding::Hex, _) => out.extend_from_slice(HEXLOWER.encode(bytes).as_bytes()),
        (Encoding::Plain | Encoding::Json, _) => out.extend_from_slice(bytes),
    }
}

/// Where a part of about `len` bytes ends: a character is not cut, and base64 has three bytes in four digits.
fn part_end(message: &Message, encoding: Encoding, at: usize, len: usize) -> usize {
    let all = message.len();
    let len = if encoding == Encoding::Base64 { len / 3 * 3 } else { len };
    let mut end = at.saturating_add(len).min(all);
    if let Some(text) = message.as_text() {
        while !text.is_char_boundary(end) {
            end -= 1;
        }
    }
    end
}

/// Enough bytes for one turn of the writing thread.
const PIECE: usize = 64 * 1024;
/// In JSON each byte may become six.
const PART: usize = 16 * 1024;
