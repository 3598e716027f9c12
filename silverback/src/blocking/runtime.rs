//! The thread that watches the sockets of all blocking connections and wakes the threads that wait for them.

use std::{
    future::pending,
    io,
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

use tokio::runtime::{Builder, Handle};

/// Returns the runtime of the process for blocking connections. The first call starts it, and it never ends.
pub(super) fn runtime() -> io::Result<&'static Handle> {
    if let Some(handle) = RUNTIME.get() {
        return Ok(handle);
    }
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    match RUNTIME.get() {
        Some(handle) => Ok(handle),
        None => {
            let handle = start()?;
            Ok(RUNTIME.get_or_init(|| handle))
        }
    }
}

/// Starts a current-thread runtime. One thread is enough, because the calling threads do most of the work.
fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().thread_name(RESOLVER).build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name(THREAD.to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}

static RUNTIME: OnceLock<Handle> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// Linux shows only 15 bytes of a thread's name.
const THREAD: &str = "silverback-io";
const RESOLVER: &str = "silverback-dns";
