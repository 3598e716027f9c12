//! What the connections of a worker share, whatever version of HTTP they speak.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, header::DATE};
use rustls::ServerConfig;
use silverback::{Conn, Upgrader};

use super::{
    open_connections::{OpenConnections, Place, Presence},
    routes::Routes,
    site::Opening,
};

/// State that the connections of a worker share.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) routes: Arc<Routes>,
    pub(crate) open: Arc<OpenConnections>,
    /// The time for each request and its answer. For the first request it starts when the socket is accepted.
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    /// For TCP sockets.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// The ports on which the service also speaks HTTP/3.
    pub(crate) http3_ports: Arc<[u16]>,
}

/// Returns the upgrader for a handshake.
pub(crate) fn for_opening<'a>(upgrader: &'a Upgrader, opening: &Opening) -> Cow<'a, Upgrader> {
    match &opening.subprotocol {
        Some(name) => Cow::Owned(upgrader.clone().subprotocols([name])),
        None => Cow::Borrowed(upgrader),
    }
}

/// Starts the task of a WebSocket that is open.
pub(crate) fn begin(mut conn: Conn, mut presence: Presence, mut place: Place, opening: Opening) {
    if let (Some(record), Some(name)) = (&mut place.record, conn.subprotocol()) {
        record.set_subprotocol(name.as_ref());
    }
    presence.attach(conn.halves().0.clone(), opening.goodbye, place);
    (opening.begin)(conn, presence);
}

/// RFC 9110, 6.6.1: a server with a clock sends the date.
pub(crate) fn date() -> Option<(HeaderName, HeaderValue)> {
    let date = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now()));
    date.ok().map(|date| (DATE, date))
}

/// The time to send an answer, in handshake timeouts.
pub(crate) const ANSWER_FACTOR: u32 = 4;
