//! The engine under a connection: sockets, buffers, wakers, timers and locks around the state machines of
//! `silverback_proto`. It knows neither how a connection came about (`dial`, `upgrade`) nor what applications hold (`conn`).
//!
//! ```text
//! driver        reads: bytes in, events out, deadlines
//! output        writes: the queue's owner, the flusher of a thread, the close sequence
//! transport     what the bytes come from and go to: TCP, Unix sockets, boxed streams
//! read_buffer   one buffer for each thread
//! ```

pub(crate) mod clock;
pub(crate) mod driver;
pub(crate) mod head;
pub(crate) mod last_look;
pub(crate) mod mask_source;
#[cfg(all(test, silverback_loom))]
mod models;
pub(crate) mod observer;
pub(crate) mod output;
pub(crate) mod read_buffer;
pub(crate) mod settings;
pub(crate) mod sync;
pub(crate) mod transport;
pub(crate) mod yields;
