//! The thread that watches the sockets of all blocking connections. Whoever waits for one of them is woken from here.

use std::{
    future::pending,
    io,
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

use tokio::runtime::{Builder, Handle};

/// The runtime of the process for blocking connections, started by the first that asks. It never ends.
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

/// Current-thread: the work is done by those who call, and what is left to do here is little.
fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().thread_name(RESOLVER).build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name(THREAD.to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}

static RUNTIME: OnceLock<Handle> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// Linux shows 15 bytes of a name.
const THREAD: &str = "silverback-io";
const RESOLVER: &str = "silverback-dns";
