//! What clients over HTTP/2 and HTTP/3 have in common: many WebSockets on one connection.

use std::time::Duration;

/// What to do about an error of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The fault is not one of the connection.
    None,
    /// Later handshakes need another connection.
    LeaveConnection,
    /// This handshake can be tried again on another connection.
    NewConnection,
    /// The server wants HTTP/1.1 (RFC 9113, 7).
    #[cfg(feature = "http2")]
    Http1,
}

/// Connections that one dial tries if the server processes no request on them. The second one is for servers that end
/// their connections, the third one for a session whose connection had ended.
pub(super) const MAX_ATTEMPTS: u32 = 3;
/// WebSockets on one connection, if the server allows as many.
pub(super) const MAX_STREAMS: usize = 100;
/// The time between two looks at whether a connection is idle.
pub(super) const CHECK: Duration = Duration::from_secs(10);
/// A session whose last WebSocket has ended keeps its connection for about a minute.
pub(super) const MAX_IDLE_CHECKS: u32 = 6;
