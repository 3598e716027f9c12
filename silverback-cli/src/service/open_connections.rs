//! Who is connected to one worker: so that all can be told when the program ends, and so that it can wait for them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use silverback::{CloseCode, Writer, handshake::Rejection};
use tokio::sync::Notify;

/// The connections of a worker, from the first byte of the request to the last of the WebSocket.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    state: Mutex<State>,
    changed: Notify,
    places: Arc<Places>,
}

/// How many connections all workers together have, and may have.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    taken: AtomicUsize,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0) }
    }

    /// Whether one more connection may become a WebSocket. The caller's connection is already counted.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        let is_full = self.taken.load(Ordering::Relaxed) > self.most;
        if is_full { Err(Rejection::Overloaded { retry_after: RETRY_AFTER }) } else { Ok(()) }
    }

    /// Whether there is a place even for those who are only told that there is none.
    fn has_room(&self) -> bool {
        self.taken.load(Ordering::Relaxed) < self.most.saturating_add(TURNED_AWAY_AT_ONCE)
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

#[derive(Debug, Default)]
struct State {
    is_closing: bool,
    has_reclaimer: bool,
    count: usize,
    /// How many more times the reclaimer runs without connections. The allocator returns memory one round after it was
    /// freed.
    looks_left: u8,
    /// One seat for each WebSocket; empty ones are in `free`.
    writers: Vec<Option<Writer>>,
    free: Vec<usize>,
}

/// Gives memory back from time to time, while there are connections and a little longer.
#[derive(Debug)]
pub(crate) struct Reclaimer(Arc<OpenConnections>);

impl Reclaimer {
    /// Whether to look again. Once it is not needed, the next connection brings another one.
    pub(crate) fn is_needed(&self) -> bool {
        let mut state = self.0.lock();
        if state.count == 0 {
            (state.writers, state.free) = (Vec::new(), Vec::new());
            state.looks_left = state.looks_left.saturating_sub(1);
        }
        state.has_reclaimer = state.looks_left > 0 && !state.is_closing;
        state.has_reclaimer
    }
}

/// A connection is open while this exists.
#[derive(Debug)]
pub(crate) struct Presence {
    open: Arc<OpenConnections>,
    seat: Option<usize>,
}

impl OpenConnections {
    pub(crate) fn new(places: Arc<Places>) -> Self {
        Self { places, ..Self::default() }
    }

    /// Whether another connection is answered at all.
    pub(crate) fn has_room(&self) -> bool {
        self.places.has_room()
    }

    /// Counts a connection.
    pub(crate) fn enter(self: &Arc<Self>) -> Presence {
        self.places.taken.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        state.count += 1;
        state.looks_left = LOOKS_AFTER_THE_LAST;
        drop(state);
        Presence { open: self.clone(), seat: None }
    }

    /// A reclaimer of memory, unless there is one.
    pub(crate) fn reclaimer(self: &Arc<Self>) -> Option<Reclaimer> {
        let mut state = self.lock();
        let is_first = !state.has_reclaimer;
        state.has_reclaimer = true;
        is_first.then(|| Reclaimer(self.clone()))
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

    /// Completes when there are no connections.
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
        self.open.places.taken.fetch_sub(1, Ordering::Relaxed);
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

const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Connections beyond the limit that are read from, so that they learn why they are turned away.
const TURNED_AWAY_AT_ONCE: usize = 100;

/// The memory of the last connections is free once they have left. Memory that other threads freed for this one follows
/// somewhat later.
const LOOKS_AFTER_THE_LAST: u8 = 4;

#[cfg(test)]
#[path = "open_connections_tests.rs"]
mod tests;
