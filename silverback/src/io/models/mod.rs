//! Models of what is handed over between the halves of a connection, its flusher and its ending, under loom.
//!
//! Nothing of the library is copied here: `crate::io::sync` gives it loom's locks, counters and threads, and loom runs each
//! conversation again and again, in the orders in which threads can come by one another. A wake-up that is lost, a lock
//! that is taken in two orders, a task that never ends: each shows as a deadlock of the model.
//!
//! `cargo xtask test --only loom` runs them, with a bound on preemptions.
#![allow(clippy::unwrap_used, reason = "a model is a test")]

mod endings;
mod flusher;
mod room;
mod support;
pub(crate) mod sync;
