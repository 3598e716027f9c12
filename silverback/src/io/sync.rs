//! What the halves of a connection, its flusher and its ending meet through: locks, counters, tasks, and a stream in two
//! halves. The models put loom's in their place, which goes through the orders in which threads can come by.

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

    /// Lets `task` run by itself.
    pub(crate) fn spawn(runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        runtime.spawn(task);
    }
}
