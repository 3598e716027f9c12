//! Compressors that nothing was given for a while go back, also where no reader waits for a deadline: on a server that
//! only pushes, or when the reader has gone. One timer serves all connections of a thread.

use std::{pin::Pin, sync::Weak, task::Context, time::Duration};

use tokio::time::{Sleep, sleep_until};

use crate::io::clock;

/// A connection that may hold a compressor.
pub(crate) trait Compresses {
    /// Gives the compressor back if no message was sent since this many had been. Says how many have been, if it stays.
    fn release_idle_compressor(&self, sent: Option<u64>) -> Option<u64>;
}

/// The connections of a flusher that hold a compressor.
pub(super) struct Compressors<C> {
    watched: Vec<Watched<C>>,
    /// Ends at the next look at all of them.
    look: Option<Pin<Box<Sleep>>>,
    /// Those that are gone are left out when there are so many.
    tidy_at: usize,
}

struct Watched<C> {
    /// Weak: a connection that is dropped takes its compressor along at once.
    connection: Weak<C>,
    /// How many messages had been sent at the last look, if there was one.
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

    /// Looks at all of them when it is time, and waits for the next time.
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

    /// Two looks without a message between them: it was sent 10 to 20 s ago.
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
