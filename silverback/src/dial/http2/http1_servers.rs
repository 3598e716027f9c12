//! The servers that speak HTTP/2 but take WebSockets over HTTP/1.1 only.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use silverback_proto::handshake::ClientRequest;
use tokio::time::Instant;

/// A list of such servers. Clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::dial) struct Http1Servers(Arc<Mutex<VecDeque<(Origin, Instant)>>>);

/// Scheme, host and port (RFC 6454, 4).
type Origin = (bool, String, u16);

impl Http1Servers {
    pub(super) fn contains(&self, request: &ClientRequest) -> bool {
        let origin = origin(request);
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        servers.retain(|(_, noted)| noted.elapsed() < KEPT);
        servers.iter().any(|(server, _)| *server == origin)
    }

    pub(super) fn add(&self, request: &ClientRequest) {
        let origin = origin(request);
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        servers.retain(|(server, _)| *server != origin);
        if servers.len() == MAX_SERVERS {
            servers.pop_front();
        }
        servers.push_back((origin, Instant::now()));
    }
}

fn origin(request: &ClientRequest) -> Origin {
    (request.is_secure(), request.uri_host(), request.port())
}

/// A forgotten server costs one connection more.
const MAX_SERVERS: usize = 256;
/// A program that runs for months notices that a server was updated.
const KEPT: Duration = Duration::from_secs(3600);

#[cfg(test)]
#[path = "http1_servers_tests.rs"]
mod tests;
