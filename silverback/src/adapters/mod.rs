//! Other ways to use a connection, built only on the methods of `conn`: JSON, messages joined into one stream, and a
//! tunnel of bytes.

pub(crate) mod join;
#[cfg(feature = "json")]
pub mod json;
pub(crate) mod tunnel;
