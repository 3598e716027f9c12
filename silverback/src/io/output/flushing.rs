//! The flusher's work on one connection, and how a connection finds and wakes its flusher.

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

/// Returns the flusher of this thread and runtime. The first connection starts its task.
///
/// # Panics
/// Panics outside of a tokio runtime, as tokio does.
pub(crate) fn current_flusher() -> Arc<Flusher<Shared>> {
    let handle = Handle::current();
    LOCAL.with(|local| match &mut *local.borrow_mut() {
        // A new runtime may get the id of one that has ended. The flusher of the old one is over.
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
        // Checks several times within the stall timeout, so that a stall is found soon after the timeout, which counts
        // from the last progress.
        let pause = inner.transmitter.write_stall_budget() / 4;
        if inner.stalled_since().is_some_and(|since| since.checked_add(pause).is_some_and(|soon| soon <= now)) {
            inner.look_for_life(now);
        }
        let due = inner.stall_deadline();
        if let Some(due) = due.filter(|due| *due > now) {
            return Some(now.checked_add(pause).map_or(due, |soon| soon.min(due)));
        }
        if let Some(due) = due {
            // The I/O driver runs before the next check. It may know that the transport has room again.
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

/// Wakes the flusher, because the transport has room again.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        // This must not take the connection's lock: a pipe may call it while it holds its own lock.
        let flusher = self.flusher.clone();
        flusher.flush_soon(self);
    }
}
