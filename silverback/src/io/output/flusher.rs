//! One task for each thread. It sends output that was held back when the connection's own task began to wait for
//! something else, and continues when a full transport has room again. It also releases idle compressors.

use std::{
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Instant,
};

use tokio::time::{Sleep, sleep_until};

use super::compressors::{Compresses, Compressors};
use crate::io::{
    clock,
    last_look::LastLookAt,
    sync::{Mutex, MutexGuard},
    yields::yields,
};

/// The flusher's work on a connection.
pub(crate) trait Flush: Compresses + Send + Sync + 'static {
    /// Sends held-back output, or continues after the transport was full.
    fn flush_for_others(self: &Arc<Self>);

    /// Fails the connection because its transport panicked or its runtime has ended.
    fn fail(&self);

    /// Fails the connection if its transport has taken nothing for too long. Returns when to check again while the
    /// transport takes nothing. `look` is kept between the checks.
    fn check_blocked(&self, now: Instant, look: &mut LastLookAt) -> Option<Instant>;
}

/// The queue of connections whose output the flusher's task should send.
pub(crate) struct Flusher<C: Flush> {
    queue: Mutex<Queue<C>>,
}

struct Queue<C> {
    /// Connections with output to send as soon as the running task yields.
    due: Vec<Arc<C>>,
    /// Connections whose transport takes nothing at the moment.
    blocked: Vec<Arc<C>>,
    /// Connections that have created a compressor.
    compressing: Vec<Weak<C>>,
    /// The task has ended with its runtime, so connections can no longer be added.
    is_over: bool,
    /// The waker of the task while it waits.
    waker: Option<Waker>,
}

impl<C> Default for Queue<C> {
    fn default() -> Self {
        Self { due: Vec::new(), blocked: Vec::new(), compressing: Vec::new(), is_over: false, waker: None }
    }
}

/// Shows no connections, because they refer to their flusher.
impl<C: Flush> fmt::Debug for Flusher<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flusher")
    }
}

impl<C: Flush> Flusher<C> {
    /// Creates a flusher and its task. The task ends when the last reference to the flusher is dropped.
    pub(crate) fn with_task() -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let flusher = Arc::new(Self { queue: Mutex::new(Queue::default()) });
        let task = run(Task::new(&flusher));
        (flusher, task)
    }

    /// Flushes `connection` when the running task yields. Returns `false` if the flusher's task has ended.
    pub(crate) fn flush_soon(&self, connection: Arc<C>) -> bool {
        self.add(|queue| queue.due.push(connection))
    }

    /// Watches a connection whose transport takes nothing, until it takes something or counts as stalled. Returns
    /// `false` if the flusher's task has ended.
    pub(crate) fn watch_blocked(&self, connection: Arc<C>) -> bool {
        self.add(|queue| queue.blocked.push(connection))
    }

    /// Watches a connection that holds a compressor, until the compressor is released.
    pub(crate) fn watch_compressor(&self, connection: &Arc<C>) {
        self.add(|queue| queue.compressing.push(Arc::downgrade(connection)));
    }

    fn add(&self, add: impl FnOnce(&mut Queue<C>)) -> bool {
        let mut queue = self.lock();
        if queue.is_over {
            return false;
        }
        add(&mut queue);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Returns whether the flusher's task has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    fn lock(&self) -> MutexGuard<'_, Queue<C>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Flush> Drop for Flusher<C> {
    fn drop(&mut self) {
        // The task holds only a weak reference. Once woken, it sees that the flusher is gone and ends.
        let queue = self.queue.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }
}

impl<C: Flush> Drop for Task<C> {
    fn drop(&mut self) {
        let Some(flusher) = self.flusher.upgrade() else { return };
        let mut queue = flusher.lock();
        // A connection in the queue holds the flusher, and the flusher holds the queue. A connection with a blocked
        // transport is held by the transport's waker. Only this code breaks these cycles.
        let left = std::mem::replace(&mut *queue, Queue { is_over: true, ..Queue::default() });
        drop(queue);
        let blocked = self.blocked.drain(..).map(|blocked| blocked.connection);
        let own = self.due.drain(..).chain(blocked);
        for connection in left.due.into_iter().chain(left.blocked).chain(own) {
            connection.fail();
        }
    }
}

/// Flushes a connection. The transport may be code of the application. If it panics, only its own connection fails.
fn flush_guarded<C: Flush>(connection: Arc<C>) {
    let flush = AssertUnwindSafe(|| connection.flush_for_others());
    if catch_unwind(flush).is_err() {
        connection.fail();
    }
}

/// The state of the task between turns.
struct Task<C: Flush> {
    flusher: Weak<Flusher<C>>,
    due: Vec<Arc<C>>,
    /// Connections whose transport may take nothing. Those that have continued are removed at the next check.
    blocked: Vec<Blocked<C>>,
    /// Ends when the first of `blocked` could count as stalled.
    timer: Option<Pin<Box<Sleep>>>,
    compressors: Compressors<C>,
}

struct Blocked<C> {
    connection: Arc<C>,
    look: LastLookAt,
}

async fn run(mut task: Task<impl Flush>) {
    poll_fn(|cx| task.poll(cx)).await;
}

impl<C: Flush> Task<C> {
    fn new(flusher: &Arc<Flusher<C>>) -> Self {
        Self {
            flusher: Arc::downgrade(flusher),
            due: Vec::new(),
            blocked: Vec::new(),
            timer: None,
            compressors: Compressors::new(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(flusher) = self.flusher.upgrade() else { return Poll::Ready(()) };
        self.take_over(&flusher, cx);
        for connection in self.due.drain(..) {
            flush_guarded(connection);
        }
        if self.poll_timer(cx) {
            self.check_blocked();
            // If the next check is already due, it waits until the I/O driver has run.
            if self.poll_timer(cx) {
                let _ = yields(cx);
            }
        }
        self.compressors.poll(cx);
        Poll::Pending
    }

    fn take_over(&mut self, flusher: &Flusher<C>, cx: &Context<'_>) {
        let mut queue = flusher.lock();
        // Swapped, not collected, so that in the steady state neither side allocates.
        std::mem::swap(&mut self.due, &mut queue.due);
        queue.waker = Some(cx.waker().clone());
        let watch = std::mem::take(&mut queue.blocked);
        let compressing = std::mem::take(&mut queue.compressing);
        drop(queue);
        if !compressing.is_empty() {
            self.compressors.watch(compressing);
        }
        if !watch.is_empty() {
            self.check(
                watch.into_iter().map(|connection| Blocked { connection, look: LastLookAt::default() }).collect(),
            );
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
    }

    fn check_blocked(&mut self) {
        self.timer = None;
        let blocked = std::mem::take(&mut self.blocked);
        self.check(blocked);
    }

    /// Fails stalled connections, drops those that have continued, and keeps the rest.
    fn check(&mut self, connections: Vec<Blocked<C>>) {
        let now = clock::now();
        for mut blocked in connections {
            if let Some(due) = blocked.connection.check_blocked(now, &mut blocked.look) {
                self.check_at(due);
                self.blocked.push(blocked);
            }
        }
    }

    fn check_at(&mut self, due: Instant) {
        let due = due.into();
        match &mut self.timer {
            Some(timer) if timer.deadline() <= due => {}
            Some(timer) => timer.as_mut().reset(due),
            None => self.timer = Some(Box::pin(sleep_until(due))),
        }
    }
}
