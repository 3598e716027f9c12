//! One task per thread that sends what connections held back when their own task went on to wait for something else,
//! and goes on with output that the transport would not take at once. It looks for idle compressors, too.

mod compressors;

use std::{
    cell::RefCell,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Instant,
};

use tokio::{
    runtime::{self, Handle},
    time::{Sleep, sleep_until},
};

use self::compressors::Compressors;
use crate::io::{
    clock,
    output::{Shared, yields},
    sync::{Mutex, MutexGuard, spawn, thread_local},
};

/// Where connections put themselves when somebody else must send for them.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Connections with output to be sent as soon as the task that is running yields.
    due: Vec<Arc<Shared>>,
    /// Connections whose transport takes nothing at the moment.
    blocked: Vec<Arc<Shared>>,
    /// Connections that have begun to hold a compressor.
    compressing: Vec<Weak<Shared>>,
    /// The task is gone, with its runtime: nobody will look at what is added.
    is_over: bool,
    /// The task's, while it waits.
    waker: Option<Waker>,
}

impl Flusher {
    /// The flusher of this thread and runtime; its task is started when the first connection asks.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as all of tokio.
    pub(crate) fn current() -> Arc<Self> {
        let handle = Handle::current();
        LOCAL.with(|local| match &mut *local.borrow_mut() {
            // A runtime may get the number of one that has ended; its flusher is over then.
            Some(found) if found.runtime == handle.id() && !found.flusher.is_over() => found.flusher.clone(),
            local => {
                let (flusher, task) = Self::with_task();
                spawn(&handle, task);
                *local = Some(Local { runtime: handle.id(), flusher: flusher.clone() });
                flusher
            }
        })
    }

    /// A flusher, and its task. The task ends when nobody holds the flusher any more.
    pub(crate) fn with_task() -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let flusher = Arc::new(Self::default());
        let task = run(Task::new(&flusher));
        (flusher, task)
    }

    /// Has `connection` flushed when the running task yields; `false` if nobody will.
    pub(crate) fn flush_soon(&self, connection: Arc<Shared>) -> bool {
        self.add(|queue| queue.due.push(connection))
    }

    /// Watches a connection whose transport takes nothing, until it does or counts as stalled; `false` if nobody will.
    pub(crate) fn watch(&self, connection: Arc<Shared>) -> bool {
        self.add(|queue| queue.blocked.push(connection))
    }

    /// Watches a connection that holds a compressor, until it is given back.
    pub(crate) fn watch_compressor(&self, connection: &Arc<Shared>) {
        self.add(|queue| queue.compressing.push(Arc::downgrade(connection)));
    }

    fn add(&self, add: impl FnOnce(&mut Queue)) -> bool {
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

    /// Whether nobody will look at what is added.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        // The task holds no strong reference: woken now, it finds that nobody needs it any more.
        let queue = self.queue.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let Some(flusher) = self.flusher.upgrade() else { return };
        let mut queue = flusher.lock();
        // A connection in the queue holds the flusher, and the flusher the queue; one whose transport is blocked is held
        // by the transport's waker. Nobody else would part them.
        let left = std::mem::replace(&mut *queue, Queue { is_over: true, ..Queue::default() });
        drop(queue);
        let own = self.due.drain(..).chain(self.blocked.drain(..));
        for connection in left.due.into_iter().chain(left.blocked).chain(own) {
            connection.give_up();
        }
    }
}

/// A transport of somebody else's that panics breaks its own connection and no other.
fn flush_guarded(connection: Arc<Shared>) {
    let flush = AssertUnwindSafe(|| connection.flush_for_others());
    if catch_unwind(flush).is_err() {
        connection.give_up();
    }
}

struct Local {
    runtime: runtime::Id,
    flusher: Arc<Flusher>,
}

thread_local! {
    static LOCAL: RefCell<Option<Local>> = RefCell::default();
}

/// What the task keeps between turns.
struct Task {
    flusher: Weak<Flusher>,
    due: Vec<Arc<Shared>>,
    /// Connections that may be stalled; those that went on leave at the next check.
    blocked: Vec<Arc<Shared>>,
    /// Ends when the first of `blocked` could count as stalled.
    check: Option<Pin<Box<Sleep>>>,
    compressors: Compressors,
}

async fn run(mut task: Task) {
    poll_fn(|cx| task.poll(cx)).await;
}

impl Task {
    fn new(flusher: &Arc<Flusher>) -> Self {
        Self {
            flusher: Arc::downgrade(flusher),
            due: Vec::new(),
            blocked: Vec::new(),
            check: None,
            compressors: Compressors::default(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(flusher) = self.flusher.upgrade() else { return Poll::Ready(()) };
        self.take_over(&flusher, cx);
        for connection in self.due.drain(..) {
            flush_guarded(connection);
        }
        if self.poll_check(cx) {
            self.check_blocked();
            // What is to be looked at again at once is looked at when the I/O driver has run.
            if self.poll_check(cx) {
                let _ = yields(cx);
            }
        }
        self.compressors.poll(cx);
        Poll::Pending
    }

    fn take_over(&mut self, flusher: &Flusher, cx: &Context<'_>) {
        let mut queue = flusher.lock();
        // Swapped, not collected: in steady state neither side allocates.
        std::mem::swap(&mut self.due, &mut queue.due);
        queue.waker = Some(cx.waker().clone());
        let watch = std::mem::take(&mut queue.blocked);
        let compressing = std::mem::take(&mut queue.compressing);
        drop(queue);
        if !compressing.is_empty() {
            self.compressors.watch(compressing);
        }
        if !watch.is_empty() {
            self.watch(watch);
        }
    }

    fn poll_check(&mut self, cx: &mut Context<'_>) -> bool {
        self.check.as_mut().is_some_and(|check| check.as_mut().poll(cx).is_ready())
    }

    fn check_blocked(&mut self) {
        self.check = None;
        let blocked = std::mem::take(&mut self.blocked);
        self.watch(blocked);
    }

    /// Fails what is stalled, forgets what went on, and keeps the rest.
    fn watch(&mut self, connections: Vec<Arc<Shared>>) {
        let now = clock::now();
        for connection in connections {
            if let Some(due) = connection.watch_stall(now) {
                self.check_at(due);
                self.blocked.push(connection);
            }
        }
    }

    fn check_at(&mut self, due: Instant) {
        let due = due.into();
        match &mut self.check {
            Some(check) if check.deadline() <= due => {}
            Some(check) => check.as_mut().reset(due),
            None => self.check = Some(Box::pin(sleep_until(due))),
        }
    }
}
