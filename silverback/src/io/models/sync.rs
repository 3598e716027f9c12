//! Loom's locks, counters and threads, under the names that the library uses.

use std::{
    future::poll_fn,
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use loom::{future::block_on, thread};
pub(crate) use loom::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU16, AtomicUsize},
    },
    thread_local,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Handle,
};

/// Runs a task as a thread of the model, so that loom also tries the orders in which a runtime may run tasks.
pub(crate) fn spawn(_: &Handle, task: impl Future<Output = ()> + Send + 'static) {
    let slot = Arc::new(Mutex::new(Slot { task: Some(Box::pin(task)), waker: None }));
    let runs = slot.clone();
    let thread = thread::spawn(move || block_on(poll_fn(|cx| runs.lock().unwrap().poll(cx))));
    TASKS.lock().unwrap().push((slot, thread));
}

/// Ends the runtime: drops tasks that are not done.
pub(super) fn end_runtime() {
    let tasks = mem::take(&mut *TASKS.lock().unwrap());
    for (slot, thread) in tasks {
        let Slot { task, waker } = mem::take(&mut *slot.lock().unwrap());
        drop(task);
        if let Some(waker) = waker {
            waker.wake();
        }
        thread.join().unwrap();
    }
}

/// Holds a task until the task or its runtime has ended.
#[derive(Default)]
struct Slot {
    task: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    waker: Option<Waker>,
}

impl Slot {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(task) = &mut self.task else { return Poll::Ready(()) };
        if task.as_mut().poll(cx).is_pending() {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        *self = Self::default();
        Poll::Ready(())
    }
}

loom::lazy_static! {
    static ref TASKS: Mutex<Vec<(Arc<Mutex<Slot>>, thread::JoinHandle<()>)>> = Mutex::default();
}

/// Splits a stream as tokio does: both halves share it behind a lock.
pub(crate) fn split<T>(stream: T) -> (ReadHalf<T>, WriteHalf<T>) {
    let stream = Arc::new(Mutex::new(stream));
    (ReadHalf(stream.clone()), WriteHalf(stream))
}

#[derive(Debug)]
pub(crate) struct ReadHalf<T>(Arc<Mutex<T>>);

#[derive(Debug)]
pub(crate) struct WriteHalf<T>(Arc<Mutex<T>>);

impl<T: AsyncRead + Unpin> AsyncRead for ReadHalf<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_read(cx, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WriteHalf<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_shutdown(cx)
    }
}
