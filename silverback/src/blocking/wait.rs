//! Waiting in the calling thread, which polls the future itself and sleeps until the thread of `runtime` wakes it.

use std::{
    cell::Cell,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use tokio::{
    runtime::{EnterGuard, Handle},
    task::coop,
};

use super::error::WaitError;
use crate::{error::Error, io::last_look::extra_time};

/// Waits for a cancel-safe future, for at most `limit`.
pub(super) fn wait<F: Future>(runtime: &Handle, limit: Option<Duration>, future: F) -> Result<F::Output, Error> {
    check_not_in_task()?;
    let _inside = enter(runtime)?;
    let seat = Seat::take();
    let waker = &seat.0.waker;
    let mut future = pin!(future);
    let mut until = None;
    let mut is_extended = false;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker)) {
            return Ok(output);
        }
        let Some(limit) = limit else {
            seat.park(None);
            continue;
        };
        let now = Instant::now();
        // If an `Instant` cannot hold the limit, wait without one.
        let rest = match *until.get_or_insert_with(|| now.checked_add(limit)) {
            Some(over) if over <= now => {
                // After a pause of the whole process, the runtime's thread may not have seen yet what arrived
                // meanwhile. So we wait a little longer, once.
                let extra = extra_time(over, now);
                if is_extended || extra.is_zero() {
                    return Err(WaitError::TimedOut(limit).into());
                }
                (is_extended, until) = (true, Some(now.checked_add(extra)));
                Some(extra)
            }
            until => until.map(|until| until - now),
        };
        seat.park(rest);
    }
}

/// Enters the runtime, so that this thread can start timers and tasks in it.
///
/// # Errors
/// Fails if the thread is about to end and tokio's thread-local data is gone.
pub(super) fn enter(runtime: &Handle) -> io::Result<EnterGuard<'_>> {
    match Handle::try_current() {
        Err(error) if error.is_thread_local_destroyed() => Err(io::Error::other(error)),
        _ => Ok(runtime.enter()),
    }
}

/// Fails if tokio is polling a task in this thread, because such a thread must not block. A thread that may block can
/// also have a current runtime (`spawn_blocking`, `block_in_place`, `Runtime::enter`). Only a task has a limited
/// cooperative budget, so we test for that.
pub(super) fn check_not_in_task() -> Result<(), WaitError> {
    if Handle::try_current().is_ok() && uses_up_budget(MAX_BUDGET) { Err(WaitError::InTask) } else { Ok(()) }
}

/// Returns whether this many steps exceed the cooperative budget. The steps are given back, the last one first, so the
/// task of a rejected call continues with the same budget.
fn uses_up_budget(steps: u16) -> bool {
    match coop::poll_proceed(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(_step) => steps > 0 && uses_up_budget(steps - 1),
        Poll::Pending => true,
    }
}

impl From<WaitError> for Error {
    fn from(error: WaitError) -> Self {
        Self::Wait(error)
    }
}

/// A thread that waits.
struct Parker {
    thread: Thread,
    /// Needed in addition to the thread's own park token, because any code in the thread may take that token.
    is_woken: AtomicBool,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

#[derive(Clone)]
struct Waiting {
    parker: Arc<Parker>,
    waker: Waker,
}

/// The thread's parker, taken for one call. Reusing it saves an allocation and keeps the same waker. A call inside
/// another call's poll gets a separate parker, so that neither takes the wake-ups of the other.
struct Seat(Waiting);

impl Seat {
    fn take() -> Self {
        Self(FREE.try_with(Cell::take).ok().flatten().unwrap_or_else(|| {
            let parker = Arc::new(Parker { thread: thread::current(), is_woken: AtomicBool::new(false) });
            Waiting { waker: parker.clone().into(), parker }
        }))
    }

    /// Sleeps until this is woken or the time is over. May return earlier.
    fn park(&self, time: Option<Duration>) {
        if !self.was_woken() {
            match time {
                Some(time) => thread::park_timeout(time),
                None => thread::park(),
            }
            self.was_woken();
        }
    }

    /// Returns whether this was woken since the last such call.
    fn was_woken(&self) -> bool {
        self.0.parker.is_woken.swap(false, Ordering::Acquire)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = FREE.try_with(|free| free.set(Some(self.0.clone())));
    }
}

thread_local! {
    static FREE: Cell<Option<Waiting>> = const { Cell::new(None) };
}

/// More steps than any cooperative budget has, because tokio counts them in 8 bits.
const MAX_BUDGET: u16 = 256;
