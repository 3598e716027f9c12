//! What an operator wants to know about the WebSockets of a server: counters, a record of each open one, and a line when
//! one ends. Without `--admin` and `--log-format` nobody asks, and nothing is kept.

pub(crate) mod closes;
mod durations;
pub(crate) mod exposition;
pub(crate) mod log;
pub(crate) mod record;

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use silverback::{CloseInfo, Stats, proto::handshake::Rejection};

use self::{
    closes::Closes,
    durations::Durations,
    log::Log,
    record::{Record, VERSIONS, version_index},
};
use super::sockets::Client;

/// Counts over all threads of a server, from its start.
#[derive(Debug)]
pub(crate) struct Monitor {
    is_watching: bool,
    log: Option<Log>,
    pub(crate) started: SystemTime,
    next_id: AtomicU64,
    /// By version of HTTP.
    opened: [AtomicU64; 3],
    handshakes: [AtomicU64; RESULTS.len()],
    pub(crate) closes: Closes,
    pub(crate) durations: Durations,
    /// Of the WebSockets that have ended.
    ended: Traffic,
    /// The largest sums that were returned. See [`traffic`](Self::traffic).
    returned: Traffic,
}

/// The end of a handshake. The order is that of [`RESULTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeResult {
    Accepted,
    Host,
    Origin,
    Malformed,
    Timeout,
    Tls,
    Overloaded,
    Draining,
    /// The site refused it: no token, or not allowed.
    Site,
    /// Too many WebSockets have opened in this second.
    Rate,
    /// A trusted proxy did not begin with a header of the PROXY protocol.
    ProxyHeader,
}

const RESULTS: [&str; 11] = [
    "accepted",
    "host",
    "origin",
    "malformed",
    "timeout",
    "tls",
    "overloaded",
    "draining",
    "not_allowed",
    "rate",
    "proxy_header",
];

/// Messages and bytes, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) messages_in: u64,
    pub(crate) messages_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, stats: &Stats) {
        self.messages_in += stats.messages_received;
        self.messages_out += stats.messages_sent;
        self.bytes_in += stats.bytes_received;
        self.bytes_out += stats.bytes_sent;
    }
}

#[derive(Debug, Default)]
struct Traffic {
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Monitor {
    /// `is_watching` says whether somebody may ask for figures.
    pub(crate) fn new(is_watching: bool, log: Option<Log>) -> Self {
        Self {
            is_watching,
            log,
            started: SystemTime::now(),
            next_id: AtomicU64::new(1),
            opened: Default::default(),
            handshakes: Default::default(),
            closes: Closes::default(),
            durations: Durations::default(),
            ended: Traffic::default(),
            returned: Traffic::default(),
        }
    }

    /// Makes the record of a WebSocket that is about to open, if anybody wants to know.
    pub(crate) fn record(&self, client: Client, path: &str) -> Option<Box<Record>> {
        let id = (self.is_watching || self.log.is_some()).then(|| self.next_id.fetch_add(1, Ordering::Relaxed))?;
        Some(Box::new(Record::new(id, client, path)))
    }

    pub(crate) fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    pub(crate) fn note_open(&self, record: &Record) {
        self.note_handshake(HandshakeResult::Accepted);
        self.opened[version_index(record.client.version)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_end(&self, record: &Record, stats: &Stats, close: Option<&CloseInfo>) {
        let end = closes::End::of(close);
        self.closes.count(end);
        self.durations.observe(record.opened.elapsed());
        self.ended.add(stats);
        if let Some(log) = &self.log {
            log.write(record, stats, end);
        }
    }

    pub(crate) fn note_handshake(&self, result: HandshakeResult) {
        self.handshakes[result as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_rejection(&self, rejection: &Rejection) {
        self.note_handshake(match rejection {
            Rejection::Connect(reason) => return self.note_rejection(reason),
            Rejection::Host(_) => HandshakeResult::Host,
            Rejection::Origin(_) => HandshakeResult::Origin,
            Rejection::Timeout => HandshakeResult::Timeout,
            Rejection::Overloaded { .. } => HandshakeResult::Overloaded,
            _ => HandshakeResult::Malformed,
        });
    }

    /// Returns each result of handshakes and its number.
    pub(crate) fn handshakes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        RESULTS.into_iter().zip(self.handshakes.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Returns each version of HTTP and how many WebSockets were opened over it.
    pub(crate) fn opened(&self) -> impl Iterator<Item = (&'static str, u64)> {
        VERSIONS.into_iter().zip(self.opened.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Returns the traffic since the start. `open` has that of the WebSockets that are open.
    ///
    /// A WebSocket that ends meanwhile may count in neither. The sums still never fall, because readers take a counter
    /// that falls for one that began again.
    pub(crate) fn traffic(&self, open: Sums) -> Sums {
        let one = |ended: &AtomicU64, open: u64, returned: &AtomicU64| {
            let sum = ended.load(Ordering::Relaxed).saturating_add(open);
            returned.fetch_max(sum, Ordering::Relaxed).max(sum)
        };
        let (ended, returned) = (&self.ended, &self.returned);
        Sums {
            messages_in: one(&ended.messages_in, open.messages_in, &returned.messages_in),
            messages_out: one(&ended.messages_out, open.messages_out, &returned.messages_out),
            bytes_in: one(&ended.bytes_in, open.bytes_in, &returned.bytes_in),
            bytes_out: one(&ended.bytes_out, open.bytes_out, &returned.bytes_out),
        }
    }
}

impl Traffic {
    fn add(&self, stats: &Stats) {
        self.messages_in.fetch_add(stats.messages_received, Ordering::Relaxed);
        self.messages_out.fetch_add(stats.messages_sent, Ordering::Relaxed);
        self.bytes_in.fetch_add(stats.bytes_received, Ordering::Relaxed);
        self.bytes_out.fetch_add(stats.bytes_sent, Ordering::Relaxed);
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Self::new(false, None)
    }
}

impl fmt::Display for HandshakeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(RESULTS[*self as usize])
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
