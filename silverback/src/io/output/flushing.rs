//! The flusher's work on one connection, and how a connection finds and wakes its flusher.

use std::{cell::RefCell, io, sync::Arc, task::Wake, time::Instant};

use tokio::runtime::{self, Handle};

use super::{
    compressors::Compresses,
    flusher::{Flush, Flusher},
    inner::Failure,
    shared::Shared,
};
use crate::io::{
    last_look::LastLookAt,
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

impl Flush for Shared {
    fn flush_for_others(self: &Arc<Self>) {
        let mut inner = self.lock();
        inner.listed.due = false;
        self.flush_after_wait(&mut inner);
        self.close_if_unused(inner);
    }

    fn fail(&self) {
        let mut inner = self.lock();
        inner.fail(Failure::Io(io::ErrorKind::Other));
        self.close_if_unused(inner);
    }

    fn check_blocked(&self, now: Instant, look: &mut LastLookAt) -> Option<Instant> {
        let mut inner = self.lock();
        inner.look_for_life(now);
        if let Some(due) = inner.transmitter.blocked_until() {
            let doubt = inner.transmitter.next_doubt(now);
            if due > now {
                return Some(doubt.map_or(due, |doubt| doubt.min(due)));
            }
            // The I/O driver runs before the next check. It may know that the transport has room again.
            if let Some(until) = look.until(due, now) {
                return Some(until);
            }
        }
        inner.listed.blocked = false;
        if let Some(error) = inner.transmitter.handle_output_timeout(now) {
            inner.fail(Failure::Connection(error));
            self.close_if_unused(inner);
        }
        None
    }
}

impl Compresses for Shared {
    fn check_compressor(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        inner.transmitter.release_idle_compressor(now);
        inner.listed.compressing = inner.transmitter.holds_compressor();
        inner.listed.compressing
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
