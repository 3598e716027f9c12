//! Frames: several commands of a client in one message, and the replies and pushes to it.

use bytes::{Buf as _, Bytes};
use prost::Message as _;
use silverback::Message;

use super::messages::{Command, Reply};

/// The encoding of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON document on each line.
    #[default]
    Json,
    /// Protobuf messages, each after its length.
    Protobuf,
}

impl Format {
    /// The subprotocol of JSON. Clients need not ask for it.
    pub const JSON_SUBPROTOCOL: &'static str = "centrifuge-json";
    /// The subprotocol of Protobuf.
    pub const PROTOBUF_SUBPROTOCOL: &'static str = "centrifuge-protobuf";

    /// Returns the format that a client has asked for: by the subprotocol that was negotiated, or by
    /// `format=protobuf` or `cf_protocol=protobuf` in the query of its URL. JSON otherwise.
    ///
    /// ```
    /// use silverback_centrifugo::Format;
    ///
    /// assert_eq!(Format::negotiated(Some("centrifuge-protobuf"), None), Format::Protobuf);
    /// assert_eq!(Format::negotiated(None, Some("cf_protocol=protobuf")), Format::Protobuf);
    /// assert_eq!(Format::negotiated(None, None), Format::Json);
    /// ```
    pub fn negotiated(subprotocol: Option<&str>, query: Option<&str>) -> Self {
        let mut pairs = query.unwrap_or_default().split('&');
        let asks = pairs.any(|pair| matches!(pair, "format=protobuf" | "cf_protocol=protobuf"));
        if asks || subprotocol == Some(Self::PROTOBUF_SUBPROTOCOL) { Self::Protobuf } else { Self::Json }
    }
}

/// A message that is not made of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedFrame;

/// Reads the commands of a message one by one, so that a message with many of them costs no memory.
#[derive(Debug)]
pub(crate) struct Commands {
    format: Format,
    rest: Bytes,
}

impl Commands {
    pub(crate) fn new(format: Format, message: Message) -> Self {
        Self { format, rest: message.into_data() }
    }

    fn json(&mut self) -> Option<Result<Command, MalformedFrame>> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len());
            let line = self.rest.split_to(end);
            self.rest.advance(self.rest.len().min(1));
            if !line.trim_ascii().is_empty() {
                return Some(serde_json::from_slice(&line).map_err(|_| MalformedFrame));
            }
        }
        None
    }

    fn protobuf(&mut self) -> Option<Result<Command, MalformedFrame>> {
        (!self.rest.is_empty()).then(|| Command::decode_length_delimited(&mut self.rest).map_err(|_| MalformedFrame))
    }
}

impl Iterator for Commands {
    type Item = Result<Command, MalformedFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match self.format {
            Format::Json => self.json(),
            Format::Protobuf => self.protobuf(),
        };
        if let Some(Err(_)) = next {
            // What follows cannot be told apart any more.
            self.rest.clear();
        }
        next
    }
}

/// Puts replies into one message.
pub(crate) fn encode<'a>(format: Format, replies: impl IntoIterator<Item = &'a Reply>) -> Message {
    let mut out = Vec::new();
    for reply in replies {
        match format {
            Format::Json => {
                if !out.is_empty() {
                    out.push(b'\n');
                }
                // It cannot fail: keys are strings, and payloads are made JSON.
                let encoded = serde_json::to_writer(&mut out, reply);
                debug_assert!(encoded.is_ok(), "{encoded:?}");
            }
            Format::Protobuf => out.extend(reply.encode_length_delimited_to_vec()),
        }
    }
    match format {
        Format::Json => match String::from_utf8(out) {
            Ok(text) => Message::from(text),
            Err(error) => Message::from(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        },
        Format::Protobuf => Message::from(out),
    }
}
