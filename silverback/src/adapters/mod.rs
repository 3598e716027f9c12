//! Other ways to use a connection, built only on the methods of `conn`: JSON, messages joined into one stream, a tunnel
//! of bytes, and reading into a buffer of the application.

pub(crate) mod join;
#[cfg(feature = "json")]
pub mod json;
pub(crate) mod read_into;
pub(crate) mod tunnel;
