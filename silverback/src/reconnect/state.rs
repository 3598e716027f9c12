//! What is seen from outside.

use std::{sync::Arc, time::Instant};

use super::Disconnect;

/// Where a [`ReconnectingConn`](super::ReconnectingConn) stands.
///
/// Connecting -> Connected -> Waiting -> Connecting and so on; a failed attempt goes from Connecting to Waiting. Closed
/// and GivenUp are the end, and come from anywhere.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReconnectState {
    /// An attempt is being made, hooks included.
    Connecting {
        /// Its number since there last was a stable connection, from 1.
        attempt: u32,
    },
    /// There is a connection.
    Connected,
    /// There is none, and another attempt comes later.
    Waiting {
        /// When, by tokio's clock.
        until: Instant,
        /// The number of the attempt that will be made.
        attempt: u32,
        /// Why there is no connection.
        cause: Arc<Disconnect>,
    },
    /// The end: the application closed, or the server did and does not want us back.
    Closed,
    /// The end: the cause will not pass, or it was tried often or long enough.
    GivenUp {
        /// Why there is no connection.
        cause: Arc<Disconnect>,
    },
}

impl ReconnectState {
    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }

    /// Whether there will never be one again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Closed | Self::GivenUp { .. })
    }
}
