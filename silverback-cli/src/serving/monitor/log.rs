//! One line on standard output for each WebSocket that ends. A separate thread writes the lines, so that no connection
//! waits for a slow reader.

use std::{
    process, thread,
    time::{Duration, SystemTime},
};

use serde_json::json;
use silverback::Stats;

use super::{
    closes::{End, Side},
    record::{Record, version_number},
};
use crate::{
    diagnostics::Queue,
    error::Error,
    printable::{printable, printable_json},
    standard_output, utc,
};

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// A sentence for people.
    Text,
    /// A JSON object.
    Json,
}

/// The log of ends.
#[derive(Debug)]
pub(crate) struct Log(LogFormat);

impl Log {
    /// Starts the thread that writes.
    pub(crate) fn start(format: LogFormat) -> Result<Self, Error> {
        let work = || QUEUE.write_all(standard_output::unbuffered());
        let started = thread::Builder::new().name("log".to_owned()).spawn(work);
        started.map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
        Ok(Self(format))
    }

    /// The first lines of output: what is announced, with a line about the limits; as JSON, all of it in one line. They are
    /// printed before the log begins, so this does not write them.
    pub(crate) fn announce(&self, mut announced: Vec<String>, most: usize, max_files: Option<u64>) -> Vec<String> {
        let time = utc::full(SystemTime::now());
        match self.0 {
            LogFormat::Text => {
                let files =
                    max_files.map_or_else(|| "as many files as it wants".to_owned(), |most| format!("{most} files"));
                announced.push(format!("{time} started with up to {most} WebSockets; the process may open {files}"));
                announced
            }
            LogFormat::Json => {
                let event = json!({
                    "time": time,
                    "event": "start",
                    "version": env!("CARGO_PKG_VERSION"),
                    "pid": process::id(),
                    "announcement": announced,
                    "max_connections": most,
                    "max_files": max_files,
                });
                vec![event.to_string()]
            }
        }
    }

    pub(super) fn write(&self, record: &Record, stats: &Stats, end: End) {
        QUEUE.push(&match self.0 {
            LogFormat::Text => text(record, stats, end),
            LogFormat::Json => json_line(record, stats, end),
        });
    }

    /// Waits until everything is written, at most for this long.
    pub(crate) fn finish(&self, within: Duration) {
        QUEUE.finish(Some(within));
    }
}

fn text(record: &Record, stats: &Stats, End { code, side }: End) -> String {
    let side = match side {
        Side::Client => "by the client",
        Side::Server => "by this server",
        Side::Nobody => "without a closing handshake",
    };
    let Record { id, client, path, opened, .. } = record;
    let line = format!(
        "{} {client} (connection {id}) closed {path} with {code} {side} after {:.3} s: {} messages and {} bytes in, {} messages \
         and {} bytes out",
        utc::full(SystemTime::now()),
        opened.elapsed().as_secs_f64(),
        stats.messages_received,
        stats.bytes_received,
        stats.messages_sent,
        stats.bytes_sent,
    );
    printable(&line)
}

fn json_line(record: &Record, stats: &Stats, End { code, side }: End) -> String {
    let object = json!({
        "time": utc::full(SystemTime::now()),
        "event": "close",
        "id": record.id,
        "peer": record.client.peer.to_string(),
        "path": record.path,
        "subprotocol": record.subprotocol,
        "http": version_number(record.client.version),
        "code": code,
        "side": side.label(),
        "opened": utc::full(record.opened_at),
        "duration_ms": u64::try_from(record.opened.elapsed().as_millis()).unwrap_or(u64::MAX),
        "messages_in": stats.messages_received,
        "messages_out": stats.messages_sent,
        "bytes_in": stats.bytes_received,
        "bytes_out": stats.bytes_sent,
        "rtt_ms": stats.round_trip.map(|time| time.as_secs_f64() * 1000.0),
    });
    printable_json(object.to_string())
}

static QUEUE: Queue = Queue::new(|left_out| json!({ "event": "lines_left_out", "count": left_out }).to_string());
