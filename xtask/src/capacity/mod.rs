//! The capacity of the program: `cargo xtask hold` keeps many connections, `cargo xtask soak` mixes all kinds of clients.
//! docs/capacity.md has the results.

pub(crate) mod herd;
pub(crate) mod hold;
pub(crate) mod soak;
mod watch;
