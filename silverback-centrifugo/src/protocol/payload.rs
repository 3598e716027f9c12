//! Payloads of applications inside of JSON.
//!
//! In Protobuf a payload is any bytes. In JSON it is a part of the document, so it must be JSON itself. Bytes that are
//! not JSON become a string: the text itself, or base64 if it is not UTF-8. So no payload can break a frame.

use bytes::Bytes;
use data_encoding::BASE64;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
use serde_json::value::RawValue;

pub(super) fn serialize<S: Serializer>(payload: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let Ok(text) = std::str::from_utf8(payload) else { return serializer.serialize_str(&BASE64.encode(payload)) };
    match as_json(text) {
        Some(json) => json.serialize(serializer),
        None => serializer.serialize_str(text),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let json = <&RawValue>::deserialize(deserializer)?;
    Ok(Bytes::copy_from_slice(json.get().as_bytes()))
}

/// Returns the text as JSON on one line, since line feeds separate the messages of a frame.
fn as_json(text: &str) -> Option<Box<RawValue>> {
    // In valid JSON, line feeds are only between tokens.
    let line = text.trim_ascii().replace(['\n', '\r'], " ");
    RawValue::from_string(line).ok().filter(|_| !has_line_feed_in_string(text))
}

/// Whether a string of the text has a line feed, which JSON does not allow. Replaced by a space, it would look valid.
fn has_line_feed_in_string(text: &str) -> bool {
    let (mut is_in_string, mut is_escaped) = (false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_in_string,
            b'"' => is_in_string = !is_in_string,
            b'\n' | b'\r' => return is_in_string,
            _ => {}
        }
        false
    })
}
