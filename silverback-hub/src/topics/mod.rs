//! The data of the hub without tasks, locks, clock or random source. Instants and fresh epochs come in as arguments, so
//! that a test owns them.
//!
//! ```text
//! index      members of one shard and their subscriptions
//! backlog    the messages that wait for one member, and the policies that drop some
//! stream     the publications of one topic as they arrive at a node: duplicates, gaps, recovery
//! questions  many members that ask for what came after their positions, answered from few replays
//! recovery   joins a replay and the publications that arrived meanwhile
//! store      the state of the memory engine: history, idempotency ids (window), presence (leases)
//! spread     when to close each member of a drain
//! ```

pub(crate) mod backlog;
pub(crate) mod history;
pub(crate) mod index;
pub(crate) mod leases;
pub(crate) mod questions;
pub(crate) mod recovery;
pub(crate) mod spread;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod window;

#[cfg(test)]
mod tests;
