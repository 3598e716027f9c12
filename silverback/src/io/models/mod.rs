//! Loom models of the hand-over between the halves of a connection, its flusher and its close sequence.
//!
//! The models run the library itself, not a copy: `crate::io::sync` gives it loom's locks, counters and threads. Loom
//! repeats each conversation in the possible orders of the threads. A lost wake-up, two locks taken in different
//! orders, or a task that never ends shows as a deadlock of the model.
//!
//! `cargo xtask test --only loom` runs them, with a limit on preemptions.
#![allow(clippy::unwrap_used, reason = "a model is a test")]

mod endings;
mod flusher;
mod room;
mod support;
pub(crate) mod sync;
