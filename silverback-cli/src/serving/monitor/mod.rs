//! The view of an operator on the WebSockets of a server: metrics, a record of each open one, and a line when one ends.
//! Without `--admin`, `--metrics` and `--log-format` the program keeps none of it.

pub(crate) mod closes;
pub(crate) mod exposition;
pub(crate) mod log;
pub(crate) mod record;
pub(crate) mod registry;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use metrics::{counter, histogram};
use silverback::{CloseInfo, Stats, proto::handshake::Rejection};

use self::{
    closes::End,
    log::Log,
    record::Record,
    registry::{HANDSHAKE_DURATION, HANDSHAKES, Registry},
};
use super::sockets::Client;

/// The metrics and the log of all threads of a server, from its start.
#[derive(Debug)]
pub(crate) struct Monitor {
    /// The metrics, if there is a listener for operators.
    registry: Option<Arc<Registry>>,
    log: Option<Log>,
    pub(crate) started: SystemTime,
    next_id: AtomicU64,
}

/// Why this program has refused a handshake that the library did not see. The order is that of [`RESULTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Timeout,
    Tls,
    Draining,
    /// The site refused it: no token, or not allowed.
    Site,
    /// Too many WebSockets have opened in this second.
    Rate,
    /// A trusted proxy did not begin with a header of the PROXY protocol, or another client did.
    ProxyHeader,
}

/// The last ones are those of [`Rejection::label`], and the one that the library counts.
const RESULTS: [&str; 11] = [
    "timeout",
    "tls",
    "draining",
    "not_allowed",
    "rate",
    "proxy_header",
    "host",
    "origin",
    "overloaded",
    "malformed",
    "accepted",
];

impl Monitor {
    /// Without a listener for operators, `registry` is `None`.
    pub(crate) fn new(registry: Option<Arc<Registry>>, log: Option<Log>) -> Self {
        Self { registry, log, started: SystemTime::now(), next_id: AtomicU64::new(1) }
    }

    /// Begins to keep metrics, for a listener for operators.
    pub(crate) fn install_registry() -> Arc<Registry> {
        Registry::install(&RESULTS)
    }

    /// Makes the record of a WebSocket that is about to open, if anybody wants to know.
    pub(crate) fn record(&self, client: Client, path: &str) -> Option<Box<Record>> {
        let is_kept = self.registry.is_some() || self.log.is_some();
        let id = is_kept.then(|| self.next_id.fetch_add(1, Ordering::Relaxed))?;
        Some(Box::new(Record::new(id, client, path)))
    }

    pub(crate) fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// Returns the metrics, if there is a listener for operators.
    pub(crate) fn registry(&self) -> Option<&Registry> {
        self.registry.as_deref()
    }

    pub(crate) fn note_end(&self, record: &Record, stats: &Stats, close: Option<&CloseInfo>) {
        if let Some(log) = &self.log {
            log.write(record, stats, End::of(close));
        }
    }

    /// Counts a handshake that this program has refused. The library counts those that reach it.
    pub(crate) fn note_refusal(&self, refusal: Refusal) {
        self.note_result(RESULTS[refusal as usize]);
    }

    pub(crate) fn note_rejection(&self, rejection: &Rejection) {
        self.note_result(rejection.label());
    }

    fn note_result(&self, result: &'static str) {
        if self.registry.is_some() {
            counter!(HANDSHAKES, "role" => "server", "result" => result).increment(1);
        }
    }

    /// Records how long a client took from its first byte to its WebSocket.
    pub(crate) fn note_handshake_took(&self, time: Duration) {
        if self.registry.is_some() {
            histogram!(HANDSHAKE_DURATION, "role" => "server").record(time);
        }
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Self::new(None, None)
    }
}
