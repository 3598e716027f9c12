//! What operators can do: close one connection, and drain the server.

use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use silverback::CloseCode;

use super::operated::{JSON, Operated, of_type};
use crate::serving::{answers::text, site::Body};

/// The body of `/kick`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kick {
    id: u64,
    #[serde(default = "default_code")]
    code: u16,
    #[serde(default = "default_reason")]
    reason: String,
}

/// Closes a connection with a code and a reason.
pub(super) fn kick(site: &Operated, body: &[u8]) -> Response<Body> {
    let bad = |words: String| text(StatusCode::BAD_REQUEST, words.into_bytes());
    let Kick { id, code, reason } = match serde_json::from_slice(body) {
        Ok(kick) => kick,
        Err(error) => return bad(format!("{error}; the body must be like {EXAMPLE}\n")),
    };
    let found = site.open.iter().flat_map(|open| open.records()).find(|(_, record)| record.id == id);
    match found.map(|(writer, _)| writer.start_close(CloseCode::new(code), &reason)) {
        Some(Ok(())) => of_type(JSON, json!({ "kicked": id, "code": code }).to_string()),
        Some(Err(error)) if error.is_closing() || error.is_disconnect() => gone(id),
        Some(Err(error)) => bad(format!("{error}\n")),
        None => gone(id),
    }
}

/// Begins to drain the server, which then ends.
pub(super) fn drain(site: &Operated) -> Response<Body> {
    let (open, _) = site.places.taken();
    site.drain.notify_one();
    of_type(JSON, json!({ "draining": true, "open": open }).to_string())
}

fn gone(id: u64) -> Response<Body> {
    text(StatusCode::NOT_FOUND, format!("There is no open connection {id}.\n").into_bytes())
}

/// A code from 4500 on tells clients of the hub not to come back. For others it has no meaning.
fn default_code() -> u16 {
    4500
}

fn default_reason() -> String {
    "closed by an operator".to_owned()
}

const EXAMPLE: &str = r#"{"id": 7, "code": 4500, "reason": "closed by an operator"}"#;
