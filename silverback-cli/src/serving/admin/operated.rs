//! The server that operators look at.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use tokio::sync::Notify;

use super::kept::Kept;
use crate::serving::{
    answers::text,
    open_connections::{OpenConnections, Places},
    site::{Body, Site},
};

/// The figures of a server, and what operators can do with it.
#[derive(Clone, Debug)]
pub(crate) struct Operated {
    pub(crate) places: Arc<Places>,
    /// Of each of its threads.
    pub(crate) open: Vec<Arc<OpenConnections>>,
    pub(crate) site: Arc<dyn Site>,
    /// Tells the server to drain and end.
    pub(crate) drain: Arc<Notify>,
    pub(crate) queues: Arc<Kept<Queues>>,
}

/// Queued output, over the open WebSockets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queues {
    pub(super) bytes: u64,
    pub(super) largest: u64,
    pub(super) slow: u64,
}

impl Operated {
    /// Returns the queued output. The look takes the lock of every connection.
    pub(super) fn queues(&self) -> Queues {
        self.queues.get(|| self.look_at_queues())
    }

    fn look_at_queues(&self) -> Queues {
        let mut queues = Queues::default();
        for (writer, _) in self.open.iter().flat_map(|open| open.records()) {
            let queued = writer.queued_bytes() as u64;
            queues.bytes += queued;
            queues.largest = queues.largest.max(queued);
            queues.slow += u64::from(queued >= SLOW);
        }
        queues
    }

    /// Whether new connections are welcome.
    pub(super) fn is_ready(&self) -> bool {
        self.places.draining().is_none() && self.site.is_ready()
    }
}

/// Figures. No other page may read them, not even as a script.
pub(super) fn of_type(content_type: &'static str, body: String) -> Response<Body> {
    let mut response = text(StatusCode::OK, body.into_bytes());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(policy, HeaderValue::from_static("same-origin"));
    response
}

/// A client that reads takes this much in one go.
const SLOW: u64 = 64 * 1024;

pub(super) const JSON: &str = "application/json";
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
