//! The data of the hub without tasks, locks, clock or random source. Instants and fresh epochs come in as arguments, so
//! that a test owns them.
//!
//! ```text
//! index      members of one shard and their subscriptions
//! backlog    what waits for one member, and what is dropped
//! stream     the publications of one topic as they arrive at a node: duplicates, gaps, recovery
//! recovery   joins a replay and the publications that arrived meanwhile
//! store      what the memory engine keeps: history, idempotency window (window), presence (leases)
//! spread     when to close each member of a drain
//! ```

pub(crate) mod backlog;
pub(crate) mod history;
pub(crate) mod index;
pub(crate) mod leases;
pub(crate) mod recovery;
pub(crate) mod spread;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod window;

#[cfg(test)]
mod tests;
