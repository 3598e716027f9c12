//! What the flusher does with a connection, and how it is told.

use std::{cell::RefCell, io, sync::Arc, task::Wake, time::Instant};

use silverback_proto::{ConnectionError, Timeout};
use tokio::runtime::{self, Handle};

use super::{
    compressors::Compresses,
    flusher::{Flush, Flusher},
    inner::Failure,
    shared::Shared,
};
use crate::io::{
    last_look::extra_time,
    sync::{spawn, thread_local},
};

/// The flusher of this thread and runtime; its task is started when the first connection asks.
///
/// # Panics
/// Outside of a tokio runtime, as all of tokio.
pub(crate) fn current_flusher() -> Arc<Flusher<Shared>> {
    let handle = Handle::current();
    LOCAL.with(|local| match &mut *local.borrow_mut() {
        // A runtime may get the number of one that has ended; its flusher is over then.
        Some(found) if found.runtime == handle.id() && !found.flusher.is_over() => found.flusher.clone(),
        local => {
            let (flusher, task) = Flusher::with_task();
            spawn(&handle, task);
            *local = Some(Local { runtime: handle.id(), flusher: flusher.clone() });
            flusher
        }
    })
}

struct Local {
    runtime: runtime::Id,
    flusher: Arc<Flusher<Shared>>,
}

thread_local! {
    static LOCAL: RefCell<Option<Local>> = RefCell::default();
}

impl Compresses for Shared {
    fn release_idle_compressor(&self, sent: Option<u64>) -> Option<u64> {
        let mut inner = self.lock();
        let sent_now = inner.transmitter.stats().messages_sent;
        if sent == Some(sent_now) {
            inner.transmitter.release_compressor();
        }
        inner.is_compressor_watched = inner.transmitter.holds_compressor();
        inner.is_compressor_watched.then_some(sent_now)
    }
}

impl Flush for Shared {
    fn flush_for_others(self: &Arc<Self>) {
        let mut inner = self.lock();
        inner.is_registered = false;
        inner.is_blocked = false;
        self.flush(&mut inner);
        self.close_if_abandoned(inner);
    }

    fn give_up(&self) {
        let mut inner = self.lock();
        inner.fail(Failure::Io(io::ErrorKind::Other));
        self.close_if_abandoned(inner);
    }

    fn watch_stall(&self, now: Instant) -> Option<Instant> {
        let mut inner = self.lock();
        // Looked at several times, so that a stall is found soon after the budget, counted from the last progress, is over.
        let pause = inner.transmitter.write_stall_budget() / 4;
        if inner.stalled_since().is_some_and(|since| since.checked_add(pause).is_some_and(|soon| soon <= now)) {
            inner.look_for_life(now);
        }
        let due = inner.stall_deadline();
        if let Some(due) = due.filter(|due| *due > now) {
            return Some(now.checked_add(pause).map_or(due, |soon| soon.min(due)));
        }
        if let Some(due) = due {
            // The I/O driver runs before the next look: it may know that the transport takes something again.
            let doubt = inner.doubt.get_or_insert_default();
            let look = doubt.stall_look.take().filter(|look| look.0 == due);
            let until = look.as_ref().map_or_else(|| now + extra_time(due, now), |look| look.1);
            if look.is_none() || until > now {
                doubt.stall_look = Some((due, until));
                return Some(until);
            }
        }
        inner.is_watched = false;
        if due.is_some() {
            let timeout = match inner.transmitter.close_deadline() {
                Some(close_due) if close_due <= now => Timeout::Close(inner.transmitter.close_budget()),
                _ => Timeout::WriteStall(inner.transmitter.write_stall_budget()),
            };
            inner.fail(Failure::Connection(ConnectionError::Timeout(timeout)));
            self.close_if_abandoned(inner);
        }
        None
    }
}

/// The transport can take more.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        // No lock of the connection is taken here: a pipe may call this while it holds its own.
        let flusher = self.flusher.clone();
        flusher.flush_soon(self);
    }
}
