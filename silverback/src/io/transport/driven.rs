//! What the streams of an HTTP/2 connection know about the task that drives it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts the turns in which the connection sends what its streams have queued. Each stream has a clone of its `Arc`, so
/// the `Arc` also counts the streams.
#[derive(Debug, Default)]
pub(crate) struct Driven {
    begun: AtomicU64,
    /// The last turn that is over.
    over: AtomicU64,
    ended: Notify,
}

impl Driven {
    /// Notes that the connection is about to send. Returns the number of the turn.
    pub(crate) fn begin_turn(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(crate) fn end_turn(&self, turn: u64) {
        self.over.store(turn, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Returns the last turn that began before now, and so may have missed what was queued just now.
    pub(super) fn now(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// Returns whether a whole turn has followed this one.
    pub(super) fn is_past(&self, turn: u64) -> bool {
        self.over.load(Ordering::Acquire) > turn
    }

    /// Waits until a whole turn has followed this one.
    pub(super) async fn past(&self, turn: u64) {
        loop {
            let ended = self.ended.notified();
            if self.is_past(turn) {
                return;
            }
            ended.await;
        }
    }
}
