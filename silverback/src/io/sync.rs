//! The locks, counters, tasks and split streams that the halves of a connection, its flusher and its close sequence
//! share. The models replace them by loom's, which tries the possible orders of the threads.

#[cfg(all(test, silverback_loom))]
pub(crate) use crate::io::models::sync::*;

#[cfg(not(all(test, silverback_loom)))]
pub(crate) use self::shipped::*;

#[cfg(not(all(test, silverback_loom)))]
mod shipped {
    pub(crate) use std::{
        sync::{
            Mutex, MutexGuard,
            atomic::{AtomicBool, AtomicU16, AtomicUsize},
        },
        thread_local,
    };

    pub(crate) use tokio::io::{ReadHalf, WriteHalf, split};
    use tokio::runtime::Handle;

    /// Runs `task` in the background.
    pub(crate) fn spawn(runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        runtime.spawn(task);
    }
}
