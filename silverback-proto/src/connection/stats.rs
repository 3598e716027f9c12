//! What a connection has counted since it began.

use std::{num::NonZeroU64, time::Duration};

/// How far output has come, in bytes of what was accepted in its order: control frames that went before their turn do
/// not count. A message has left when `left` has reached what `accepted` was when it had been accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputProgress {
    /// Bytes accepted, also those that were forgotten when the connection was lost.
    pub accepted: u64,
    /// Bytes of those that the transport took.
    pub left: u64,
}

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

/// What is counted; how much waits is asked of the queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) messages_received: u64,
    pub(super) messages_sent: u64,
    pub(super) pings_received: u64,
    /// In nanoseconds, plus one: half the size of a `Duration`.
    round_trip: Option<NonZeroU64>,
}

impl Counters {
    pub(super) fn note_round_trip(&mut self, round_trip: Duration) {
        let nanoseconds = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        self.round_trip = Some(NonZeroU64::MIN.saturating_add(nanoseconds));
    }

    pub(super) fn with_queued(self, queued_output: usize) -> Stats {
        let Self { bytes_received, bytes_sent, messages_received, messages_sent, pings_received, round_trip } = self;
        Stats {
            bytes_received,
            bytes_sent,
            messages_received,
            messages_sent,
            pings_received,
            round_trip: round_trip.map(|nanoseconds| Duration::from_nanos(nanoseconds.get() - 1)),
            queued_output,
        }
    }
}
