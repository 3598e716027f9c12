//! The connections of a flusher that hold a compressor. The flusher checks them, because a server that only pushes, or
//! has dropped its reader, has no reader that waits for a deadline. One timer serves all connections of a thread.

use std::{
    pin::Pin,
    sync::Weak,
    task::Context,
    time::{Duration, Instant},
};

use tokio::time::{Sleep, sleep_until};

use crate::io::clock;

/// A connection that may hold a compressor.
pub(crate) trait Compresses {
    /// Releases the compressor if it is idle. Returns whether the connection still holds one.
    fn check_compressor(&self, now: Instant) -> bool;
}

pub(super) struct Compressors<C> {
    /// Weak, so that a dropped connection frees its compressor at once.
    connections: Vec<Weak<C>>,
    /// The timer for the next check of all connections.
    check: Option<Pin<Box<Sleep>>>,
    /// The length at which dropped connections are removed.
    tidy_at: usize,
}

impl<C: Compresses> Compressors<C> {
    pub(super) fn new() -> Self {
        Self { connections: Vec::new(), check: None, tidy_at: 0 }
    }

    pub(super) fn watch(&mut self, connections: Vec<Weak<C>>) {
        self.connections.extend(connections);
        if self.connections.len() >= self.tidy_at {
            self.connections.retain(|connection| connection.strong_count() > 0);
            self.tidy_at = (self.connections.len() * 2).max(TIDY_FROM);
        }
    }

    /// Checks all connections when the timer ends, and starts the next timer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        while !self.connections.is_empty() {
            let check = self.check.get_or_insert_with(|| Box::pin(sleep_until(clock::now_and(CHECK_EVERY).into())));
            if check.as_mut().poll(cx).is_pending() {
                return;
            }
            self.check = None;
            let now = clock::now();
            let holds = |connection: &Weak<C>| connection.upgrade().is_some_and(|found| found.check_compressor(now));
            self.connections.retain(holds);
        }
    }
}

/// The time between two checks, as in the core. A compressor is freed by the second check without a message between.
const CHECK_EVERY: Duration = Duration::from_secs(10);

const TIDY_FROM: usize = 64;
