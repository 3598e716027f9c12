//! The steps of a dial as they happened.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, StatusCode, Version};
use silverback::dial::{DialEvent, TlsSession};

/// An event of the dial.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    Resolved {
        host: String,
        addresses: Vec<SocketAddr>,
        took: Duration,
    },
    /// An address that did not answer as it should.
    Unreachable {
        address: SocketAddr,
        why: String,
        took: Duration,
    },
    Connected {
        target: String,
        address: Option<SocketAddr>,
        took: Duration,
    },
    Proxied {
        proxy: String,
        took: Duration,
    },
    Secured {
        target: String,
        session: TlsSession,
        took: Duration,
    },
    /// The server's settings over HTTP/2 or HTTP/3.
    Settings {
        version: Version,
        takes_websockets: bool,
        took: Duration,
    },
    /// The dialer goes back to HTTP/1.1.
    FellBack,
    Answered {
        version: Version,
        status: StatusCode,
        headers: HeaderMap,
        took: Duration,
    },
    Redirected {
        to: String,
    },
}

/// Records the events that a `Dialer` reports to its observer.
#[derive(Clone, Debug)]
pub(super) struct Trace(Arc<Mutex<Notes>>);

#[derive(Debug)]
struct Notes {
    seen: Vec<Seen>,
    attempts: HashMap<SocketAddr, Instant>,
    /// The start of the current step.
    since: Instant,
    /// The version of the last request.
    version: Version,
}

impl Trace {
    pub(super) fn start() -> Self {
        Self(Arc::new(Mutex::new(Notes {
            seen: Vec::new(),
            attempts: HashMap::new(),
            since: Instant::now(),
            version: Version::HTTP_11,
        })))
    }

    pub(super) fn note(&self, event: &DialEvent<'_>) {
        let mut notes = self.notes();
        let now = Instant::now();
        let seen = match event {
            DialEvent::Resolved { host, addresses, took } => {
                Seen::Resolved { host: (*host).to_owned(), addresses: addresses.to_vec(), took: *took }
            }
            DialEvent::Connecting { address } => {
                notes.attempts.insert(*address, now);
                return;
            }
            DialEvent::ConnectFailed { address, error } => {
                let began = notes.attempts.get(address).copied().unwrap_or(now);
                notes.seen.push(Seen::Unreachable { address: *address, why: error.to_string(), took: now - began });
                return;
            }
            DialEvent::Connected { target, address, took } => {
                Seen::Connected { target: (*target).to_owned(), address: *address, took: *took }
            }
            DialEvent::ProxyConnected { proxy, took } => Seen::Proxied { proxy: (*proxy).to_owned(), took: *took },
            DialEvent::TlsEstablished { target, session, took } => {
                Seen::Secured { target: (*target).to_owned(), session: (*session).clone(), took: *took }
            }
            DialEvent::Http2Settings { extended_connect, took, .. } => {
                Seen::Settings { version: Version::HTTP_2, takes_websockets: *extended_connect, took: *took }
            }
            DialEvent::Http3Settings { extended_connect, took, .. } => {
                Seen::Settings { version: Version::HTTP_3, takes_websockets: *extended_connect, took: *took }
            }
            DialEvent::FellBack { .. } => Seen::FellBack,
            DialEvent::Requested { request } => {
                notes.version = request.version();
                return;
            }
            DialEvent::Answered { status, headers, took } => {
                Seen::Answered { version: notes.version, status: *status, headers: (*headers).clone(), took: *took }
            }
            DialEvent::Redirected { to } => Seen::Redirected { to: (*to).to_owned() },
            _ => return,
        };
        notes.since = now;
        notes.seen.push(seen);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.notes().seen.clone()
    }

    /// Returns how long the current step has taken.
    pub(super) fn current_step_took(&self) -> Duration {
        self.notes().since.elapsed()
    }

    /// Code that holds the lock does not panic, and the notes would still be right after a panic.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
