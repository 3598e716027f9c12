//! Other forms of a connection, built on the verbs of `conn` alone: JSON, messages that are joined from a stream, a tunnel
//! of bytes, and reading into a buffer of the application's.

pub(crate) mod join;
#[cfg(feature = "json")]
pub mod json;
pub(crate) mod read_into;
pub(crate) mod tunnel;
