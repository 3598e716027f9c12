//! What a connection has counted since it began.

use std::time::Duration;

/// Counters of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes that came from the transport.
    pub bytes_received: u64,
    /// Bytes that the transport took.
    pub bytes_sent: u64,
    /// Data messages handed out.
    pub messages_received: u64,
    /// Data messages accepted for sending.
    pub messages_sent: u64,
    /// Pings that came from the peer.
    pub pings_received: u64,
    /// The last measured round trip of a keepalive ping.
    pub round_trip: Option<Duration>,
    /// Bytes of output that wait for the peer.
    pub queued_output: usize,
}
