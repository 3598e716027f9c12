//! What the program carries: `cargo xtask hold` keeps many connections, `cargo xtask soak` mixes everything for minutes.
//! What they showed is in docs/capacity.md.

pub(crate) mod herd;
pub(crate) mod hold;
pub(crate) mod soak;
mod watch;
