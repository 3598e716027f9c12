//! Who is connected to one worker: so that all can be told when the program ends, and so that it can wait for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use silverback::{CloseCode, Writer};
use tokio::sync::Notify;

/// The connections of a worker, from the first byte of the request to the last of the WebSocket.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_closing: bool,
    has_housekeeper: bool,
    count: usize,
    /// The most there were since memory was given back.
    peak: usize,
    /// One seat for each WebSocket; empty ones are in `free`.
    writers: Vec<Option<Writer>>,
    free: Vec<usize>,
}

/// Whoever comes by from time to time while there are connections.
#[derive(Debug)]
pub(crate) struct Housekeeper(Arc<OpenConnections>);

impl Housekeeper {
    /// Once it is not, another one may come.
    pub(crate) fn is_needed(&self) -> bool {
        let mut state = self.0.lock();
        state.has_housekeeper = (state.count > 0 || state.peak > 0) && !state.is_closing;
        state.has_housekeeper
    }

    /// How many there were, if most of them have left since this was asked last.
    pub(crate) fn have_left(&self) -> Option<usize> {
        let mut state = self.0.lock();
        if state.count > state.peak / 2 {
            return None;
        }
        if state.count == 0 {
            (state.writers, state.free) = (Vec::new(), Vec::new());
        }
        let count = state.count;
        Some(std::mem::replace(&mut state.peak, count))
    }
}

/// A connection is open while this exists.
#[derive(Debug)]
pub(crate) struct Presence {
    open: Arc<OpenConnections>,
    seat: Option<usize>,
}

impl OpenConnections {
    /// Counts a connection.
    pub(crate) fn enter(self: &Arc<Self>) -> Presence {
        let mut state = self.lock();
        state.count += 1;
        state.peak = state.peak.max(state.count);
        drop(state);
        Presence { open: self.clone(), seat: None }
    }

    /// A housekeeper, unless there is one.
    pub(crate) fn housekeeper(self: &Arc<Self>) -> Option<Housekeeper> {
        let mut state = self.lock();
        let is_first = !state.has_housekeeper;
        state.has_housekeeper = true;
        is_first.then(|| Housekeeper(self.clone()))
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }

    /// Starts the closing handshake on every WebSocket, and on each that is still to come.
    pub(crate) fn close_all(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        for writer in state.writers.iter().flatten() {
            start_close(writer);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Ready when `close_all` was called.
    pub(crate) async fn closing(&self) {
        self.wait_until(|state| state.is_closing).await;
    }

    /// Ready when nobody is connected.
    pub(crate) async fn emptied(&self) {
        self.wait_until(|state| state.count == 0).await;
    }

    async fn wait_until(&self, is_so: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// The connection has become a WebSocket: it is told when all are closed.
    pub(crate) fn attach(&mut self, writer: Writer) {
        let mut state = self.open.lock();
        if state.is_closing {
            start_close(&writer);
        }
        let seat = state.free.pop().unwrap_or(state.writers.len());
        match state.writers.get_mut(seat) {
            Some(empty) => *empty = Some(writer),
            None => state.writers.push(Some(writer)),
        }
        self.seat = Some(seat);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut state = self.open.lock();
        state.count -= 1;
        let is_empty = state.count == 0;
        let writer = self.seat.and_then(|seat| {
            state.free.push(seat);
            state.writers[seat].take()
        });
        drop(state);
        // Outside of the lock: the last handle of a connection may send.
        drop(writer);
        if is_empty {
            self.open.changed.notify_waiters();
        }
    }
}

fn start_close(writer: &Writer) {
    // 1001 is always sendable.
    let _ = writer.start_close(CloseCode::GOING_AWAY, "the server is shutting down");
}

#[cfg(test)]
#[path = "open_connections_tests.rs"]
mod tests;
