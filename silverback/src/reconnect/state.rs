//! The state that applications can watch.

use std::{sync::Arc, time::Instant};

use super::Disconnect;

/// The state of a [`ReconnectingConn`](super::ReconnectingConn).
///
/// Connecting -> Connected -> Waiting -> Connecting and so on. A failed attempt goes from Connecting to Waiting. Closed
/// and GivenUp are final and can follow any other state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReconnectState {
    /// An attempt is being made, including its hooks.
    Connecting {
        /// The number of the attempt since the last stable connection, from 1.
        attempt: u32,
    },
    /// A connection is open.
    Connected,
    /// No connection is open, and another attempt will follow.
    Waiting {
        /// When the next attempt begins, by tokio's clock.
        until: Instant,
        /// The number of that attempt.
        attempt: u32,
        /// The cause of the outage.
        cause: Arc<Disconnect>,
    },
    /// Final: the application closed the connection, or the server did and does not want us back.
    Closed,
    /// Final: the cause is not temporary, or the limit on attempts or on time was reached.
    GivenUp {
        /// The cause of the outage.
        cause: Arc<Disconnect>,
    },
}

impl ReconnectState {
    /// Returns whether a connection is open.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }

    /// Returns whether there will never be a connection again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Closed | Self::GivenUp { .. })
    }
}
