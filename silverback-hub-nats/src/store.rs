//! Reading and writing a stream: publish, read one subject from a sequence on, and the newest message of a subject.

use std::time::{Duration, SystemTime};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::{Value, json};
use silverback_hub::EngineError;

use crate::{
    clock,
    link::{Link, NO_RESPONDERS, is_unanswered, number, other},
    streams::{STREAM_NOT_FOUND, Stream, error},
};

/// A message that a stream stores.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    /// When the broker stored it.
    pub(crate) time: Option<SystemTime>,
    pub(crate) payload: Bytes,
    /// It is a mark that everything before it was cleared, and this was the newest sequence then.
    pub(crate) cleared: Option<u64>,
    /// How long a member is present, counted from `time`.
    pub(crate) lease: Option<Duration>,
}

/// The broker's answer to a message for a stream.
#[derive(Debug)]
pub(crate) enum Ack {
    Stored {
        stream: String,
        sequence: u64,
        is_duplicate: bool,
    },
    /// No stream has this subject.
    NoStream,
    /// The newest message of the subject is another one than was expected.
    Changed,
}

/// The newest message of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) sequence: u64,
    pub(crate) cleared: Option<u64>,
}

/// Why a stream cannot be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It does not exist any more. Another one may.
    Gone,
    Engine(EngineError),
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Sends a message to the stream that has its subject.
pub(crate) async fn publish(
    link: &Link,
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
) -> Result<Ack, EngineError> {
    let reply = link.ask(subject, headers, payload).await?.reply().await?;
    if is_unanswered(&reply) {
        return Ok(Ack::NoStream);
    }
    let ack: Value = serde_json::from_slice(&reply.payload).map_err(|_| other("an acknowledgement is not JSON"))?;
    match error(&ack) {
        Some(error) if error.is(WRONG_LAST) => Ok(Ack::Changed),
        Some(error) => Err(other(format!("the stream does not take the message: {error}"))),
        None => {
            let stream = ack["stream"].as_str().unwrap_or_default().to_owned();
            let sequence = ack["seq"].as_u64().ok_or_else(|| other("an acknowledgement has no sequence"))?;
            Ok(Ack::Stored { stream, sequence, is_duplicate: ack["duplicate"].as_bool().unwrap_or(false) })
        }
    }
}

/// Asks the stream's leader for the newest message of a subject. A replica might not have it yet.
pub(crate) async fn newest(link: &Link, stream: &Stream, subject: &str) -> Result<Option<Newest>, Fault> {
    let answer = link.api(&format!("STREAM.MSG.GET.{}", stream.name), &json!({ "last_by_subj": subject })).await?;
    match error(&answer) {
        Some(error) if error.is(MESSAGE_NOT_FOUND) => Ok(None),
        // A server that has no such stream and none in its cluster may not answer at all.
        Some(error) if error.is(STREAM_NOT_FOUND) || error.is(NO_RESPONDERS) => Err(Fault::Gone),
        Some(error) => Err(other(format!("the stream {} cannot be read: {error}", stream.name)).into()),
        None => {
            let message = &answer["message"];
            let sequence = message["seq"].as_u64().ok_or_else(|| other("a stored message has no sequence"))?;
            stream.note(sequence);
            let is_mark = message["data"].as_str().unwrap_or_default().is_empty();
            let cleared = if is_mark { message["hdrs"].as_str().and_then(cleared_in) } else { None };
            Ok(Some(Newest { sequence, cleared }))
        }
    }
}

/// Reads the messages of a subject, which may have a wildcard, from a sequence up to another one. Stops earlier if
/// there are no more, or if `limit` bytes were read.
pub(crate) async fn read(
    link: &Link,
    stream: &Stream,
    subject: &str,
    from: u64,
    up_to: u64,
    limit: usize,
) -> Result<Vec<Stored>, Fault> {
    let mut found = Vec::new();
    let (mut next, mut bytes) = (from.max(1), 0);
    while next <= up_to && bytes < limit {
        // Servers before 2.11 do not know `batch` and send one message.
        let body = json!({ "seq": next, "next_by_subj": subject, "batch": BATCH });
        let subject = format!("$JS.API.DIRECT.GET.{}", stream.name);
        let mut request = link.ask(subject, HeaderMap::new(), body.to_string().into()).await?;
        let before = found.len();
        loop {
            let reply = request.reply().await?;
            if is_unanswered(&reply) {
                return Err(Fault::Gone);
            }
            // 204 ends a batch, and 404 says that there is nothing.
            if reply.status.is_some() {
                break;
            }
            let is_batch = reply.headers.as_ref().is_some_and(|headers| headers.get("Nats-Num-Pending").is_some());
            let Some(stored) = stored(reply) else {
                return Err(other("a stored message does not say what it is").into());
            };
            stream.note(stored.sequence);
            next = stored.sequence + 1;
            bytes += stored.payload.len() + stored.subject.len();
            found.push(stored);
            if !is_batch {
                break;
            }
        }
        if found.len() == before {
            break;
        }
    }
    found.retain(|stored| stored.sequence <= up_to);
    Ok(found)
}

fn stored(message: Message) -> Option<Stored> {
    let headers = message.headers.as_ref()?;
    let subject = headers.get("Nats-Subject")?.as_str().to_owned();
    let time = headers.get("Nats-Time-Stamp").and_then(|time| clock::parse(time.as_str()));
    let cleared = if message.payload.is_empty() { number(&message, CLEARED) } else { None };
    let sequence = number(&message, "Nats-Sequence")?;
    let lease = number(&message, LEASE).map(Duration::from_millis);
    Some(Stored { subject, sequence, time, payload: message.payload, cleared, lease })
}

/// Reads the header of a mark, as the API writes headers.
fn cleared_in(headers: &str) -> Option<u64> {
    let bytes = BASE64.decode(headers.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let value = |line: &str| line.strip_prefix(CLEARED)?.strip_prefix(':')?.trim().parse().ok();
    text.lines().find_map(value)
}

/// The header of a mark.
pub(crate) const CLEARED: &str = "Silverback-Cleared";
/// The header with the time that a member is present, in ms.
pub(crate) const LEASE: &str = "Silverback-Lease";
/// Messages in one answer. All of them are in memory at the same time.
const BATCH: usize = 128;
const MESSAGE_NOT_FOUND: u64 = 10037;
const WRONG_LAST: u64 = 10071;

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::cleared_in;

    #[test]
    fn a_mark_says_what_was_cleared() {
        let encoded = |headers: &str| BASE64.encode(headers.as_bytes());
        assert_eq!(cleared_in(&encoded("NATS/1.0\r\nA: 1\r\nSilverback-Cleared: 42\r\n\r\n")), Some(42));
        for headers in ["NATS/1.0\r\n\r\n", "NATS/1.0\r\nSilverback-Cleared: x\r\n\r\n", ""] {
            assert_eq!(cleared_in(&encoded(headers)), None);
        }
        assert_eq!(cleared_in("!"), None);
    }
}
