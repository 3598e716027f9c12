//! Releases idle compressors. The flusher does this, because a server that only pushes, or has dropped its reader, has
//! no reader that waits for a deadline. One timer serves all connections of a thread.

use std::{pin::Pin, sync::Weak, task::Context, time::Duration};

use tokio::time::{Sleep, sleep_until};

use crate::io::clock;

/// A connection that may hold a compressor.
pub(crate) trait Compresses {
    /// Releases the compressor if the number of sent messages is still `sent`. Otherwise returns the current number, if
    /// there is a compressor.
    fn release_idle_compressor(&self, sent: Option<u64>) -> Option<u64>;
}

/// The connections of a flusher that hold a compressor.
pub(super) struct Compressors<C> {
    watched: Vec<Watched<C>>,
    /// The timer for the next check of all connections.
    look: Option<Pin<Box<Sleep>>>,
    /// The length at which dropped connections are removed.
    tidy_at: usize,
}

struct Watched<C> {
    /// Weak, so that a dropped connection frees its compressor at once.
    connection: Weak<C>,
    /// The number of messages sent at the last check, if there was one.
    sent: Option<u64>,
}

impl<C: Compresses> Compressors<C> {
    pub(super) fn new() -> Self {
        Self { watched: Vec::new(), look: None, tidy_at: 0 }
    }

    pub(super) fn watch(&mut self, connections: Vec<Weak<C>>) {
        self.watched.extend(connections.into_iter().map(|connection| Watched { connection, sent: None }));
        if self.watched.len() >= self.tidy_at {
            self.watched.retain(|watched| watched.connection.strong_count() > 0);
            self.tidy_at = (self.watched.len() * 2).max(TIDY_FROM);
        }
    }

    /// Checks all connections when the timer ends, and starts the next timer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        while !self.watched.is_empty() {
            let look = self.look.get_or_insert_with(|| Box::pin(sleep_until(clock::now_and(LOOK_EVERY).into())));
            if look.as_mut().poll(cx).is_pending() {
                return;
            }
            self.look = None;
            self.release_idle();
        }
    }

    /// Releases a compressor after two checks without a message between them. Its last message is then 10 to 20 s old.
    fn release_idle(&mut self) {
        self.watched.retain_mut(|watched| {
            let Some(connection) = watched.connection.upgrade() else { return false };
            watched.sent = connection.release_idle_compressor(watched.sent);
            watched.sent.is_some()
        });
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(10);

const TIDY_FROM: usize = 64;
