//! The lines of a recording. Messages are written as `--format json` does, with their direction.

use std::{borrow::Cow, time::SystemTime};

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use silverback::{CloseCode, CloseFrame, Message};

use crate::{connect::view::pieces::Pieces, printable::printable_json, utc};

/// An event of a conversation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `None` in a line that somebody wrote without a time.
    pub(crate) at: Option<SystemTime>,
    pub(crate) event: Event,
}

/// The kinds of events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A connection was opened, or a person was told something: there is nothing to send and to expect.
    Note,
    Sent(Message),
    Received(Message),
    /// We began to close, with this code and reason. 1005 stands for an empty frame (RFC 6455, 7.1.5).
    CloseSent(CloseCode, String),
    CloseReceived,
}

/// The side that a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Sent,
    Received,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

/// The line of a connection that was opened. The URL is one that may be shown.
pub(super) fn open(url: &str, subprotocol: Option<&str>, now: SystemTime) -> Pieces {
    let mut object = json!({ "time": utc::full(now), "type": "open", "url": url });
    if let Some(subprotocol) = subprotocol {
        object["subprotocol"] = subprotocol.into();
    }
    line(&object)
}

/// The line of a Close frame; an empty one has no code.
pub(super) fn close(direction: Direction, frame: Option<(CloseCode, &str)>, now: SystemTime) -> Pieces {
    let mut object = json!({ "direction": direction.name(), "time": utc::full(now), "type": "close" });
    if let Some((code, reason)) = frame {
        object["code"] = code.get().into();
        object["reason"] = reason.into();
    }
    line(&object)
}

fn line(object: &Value) -> Pieces {
    Pieces::of(printable_json(object.to_string()) + "\n")
}

/// Reads a line; a message may have up to `most` bytes. The error is for the person who has the file.
pub(super) fn parse(line: &[u8], most: u64) -> Result<Entry, String> {
    // A list would be taken for one of the fields, and the words of a JSON parser do not help who chose the wrong file.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err("not a recording: each line must be a JSON object".to_owned());
    }
    let Line { kind, direction, data, base64, truncated, code, reason, time } =
        serde_json::from_slice(line).map_err(|error| json_error(&error))?;
    let at = match time {
        Some(time) => Some(utc::parse(&time).ok_or_else(|| format!("`{time}` is not a time like {TIME}"))?),
        None => None,
    };
    let message = match (&*kind, data, base64) {
        ("open" | "advice", ..) => return Ok(Entry { at, event: Event::Note }),
        ("close", ..) => return Ok(Entry { at, event: close_event(direction, code, reason.unwrap_or_default())? }),
        ("text", Some(text), None) => Message::text(text.into_owned()),
        ("text", ..) => return Err("a text needs `data`, and no `base64`".to_owned()),
        ("binary", None, Some(digits)) => {
            let bytes = BASE64.decode(digits.as_bytes()).map_err(|error| format!("`base64` is not valid: {error}"))?;
            Message::binary(bytes)
        }
        ("binary", ..) => return Err("a binary message needs `base64`, and no `data`".to_owned()),
        _ => return Err(format!("unknown type `{kind}`; it is open, text, binary, close or advice")),
    };
    if truncated {
        return Err("the message is not complete (`truncated`)".to_owned());
    }
    if message.len() as u64 > most {
        return Err(format!("the message is larger than {most} bytes; --max-message-size allows more"));
    }
    let event = match direction {
        Some(Direction::Sent) => Event::Sent(message),
        // As in the output of `--format json`.
        Some(Direction::Received) | None => Event::Received(message),
    };
    Ok(Entry { at, event })
}

/// The fields of a line. Unknown ones are ignored.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    direction: Option<Direction>,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
    #[serde(borrow)]
    base64: Option<Cow<'a, str>>,
    #[serde(default)]
    truncated: bool,
    code: Option<u16>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
}

fn close_event(direction: Option<Direction>, code: Option<u16>, reason: Cow<'_, str>) -> Result<Event, String> {
    let Some(Direction::Sent) = direction else { return Ok(Event::CloseReceived) };
    let code = match code.map_or(CloseCode::NO_STATUS, CloseCode::new) {
        CloseCode::NO_STATUS if reason.is_empty() => return Ok(Event::CloseSent(CloseCode::NO_STATUS, String::new())),
        CloseCode::NO_STATUS => return Err("a close with a `reason` needs a `code`".to_owned()),
        code => code,
    };
    if reason.len() > MOST_REASON {
        return Err(format!("the reason of a close has at most {MOST_REASON} bytes"));
    }
    let frame = CloseFrame::new(code, reason.into_owned());
    let sent = |frame: CloseFrame| Event::CloseSent(frame.code, frame.reason.into_owned());
    frame.map(sent).map_err(|error| error.to_string())
}

/// Each line is parsed alone, so that the line in the error says nothing.
fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(text) => format!("{text} (column {})", error.column()),
        None => text,
    }
}

const TIME: &str = "2026-01-31T12:30:00.123Z";
/// A Close frame has 125 bytes, and the code takes two.
const MOST_REASON: usize = 123;

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
