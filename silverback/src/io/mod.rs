//! The engine of a connection: sockets, buffers, wakers, timers and locks around the state machines of
//! `silverback_proto`. It does not know how a connection was opened (`dial`, `upgrade`) or which types applications
//! hold (`conn`).
//!
//! ```text
//! driver        reads: bytes in, events out, deadlines
//! output        writes: the queue, the flusher of a thread, the close sequence
//! transport     the stream below: TCP, Unix sockets, boxed streams
//! read_buffer   the read buffer of each thread
//! meter         what connections report to the recorder of the crate `metrics`
//! ```

pub(crate) mod clock;
pub(crate) mod driver;
pub(crate) mod head;
pub(crate) mod last_look;
pub(crate) mod mask_source;
pub(crate) mod meter;
#[cfg(all(test, silverback_loom))]
mod models;
pub(crate) mod observer;
pub(crate) mod output;
pub(crate) mod read_buffer;
pub(crate) mod settings;
pub(crate) mod sync;
pub(crate) mod transport;
pub(crate) mod yields;
