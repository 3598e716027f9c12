//! The counters of a connection.

use std::{num::NonZeroU64, time::Duration};

/// The progress of output, in bytes. Control frames that were sent ahead of earlier output do not count. A message was
/// sent once `left` reaches the value that `accepted` had directly after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputProgress {
    /// Bytes accepted, including those that were dropped when the connection was lost.
    pub accepted: u64,
    /// How many of the accepted bytes the transport took.
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
    /// Data messages received.
    pub messages_received: u64,
    /// Data messages accepted for sending.
    pub messages_sent: u64,
    /// Pings that came from the peer.
    pub pings_received: u64,
    /// Pings that were queued, of the application and of the keepalive.
    pub pings_sent: u64,
    /// Pongs that came from the peer, whether or not they answer a ping.
    pub pongs_received: u64,
    /// Pongs that were queued. While much output is queued, one pong answers several pings.
    pub pongs_sent: u64,
    /// The last measured round trip of a keepalive ping.
    pub round_trip: Option<Duration>,
    /// Bytes of queued output.
    pub queued_output: usize,
}

/// The control frames that were queued. 32 bits are enough: a ping each second overflows them after a century.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ControlsSent {
    pub(super) pings: u32,
    pub(super) pongs: u32,
}

/// The counters without the queued bytes and control frames, which the queue knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) messages_received: u64,
    pub(super) messages_sent: u64,
    pub(super) pings_received: u32,
    pub(super) pongs_received: u32,
    /// In nanoseconds, plus one. This takes half the size of an `Option<Duration>`.
    round_trip: Option<NonZeroU64>,
}

impl Counters {
    pub(super) fn note_round_trip(&mut self, round_trip: Duration) {
        let nanoseconds = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        self.round_trip = Some(NonZeroU64::MIN.saturating_add(nanoseconds));
    }

    pub(super) fn with_queued(self, queued_output: usize, controls: ControlsSent) -> Stats {
        let Self {
            bytes_received,
            bytes_sent,
            messages_received,
            messages_sent,
            pings_received,
            pongs_received,
            round_trip,
        } = self;
        Stats {
            bytes_received,
            bytes_sent,
            messages_received,
            messages_sent,
            pings_received: pings_received.into(),
            pings_sent: controls.pings.into(),
            pongs_received: pongs_received.into(),
            pongs_sent: controls.pongs.into(),
            round_trip: round_trip.map(|nanoseconds| Duration::from_nanos(nanoseconds.get() - 1)),
            queued_output,
        }
    }
}
