//! Compression of messages, permessage-deflate (RFC 7692). The handshake negotiates it (`handshake/compression.rs`).
//!
//! `options` has the requested and `params` the negotiated parameters. `deflater` compresses and `inflater` decompresses,
//! with streams from `streams`. `history` keeps the bytes of a small window between messages, and `budget` counts the
//! memory of all connections. This room may use `wire` alone.
//!
//! Without the feature `deflate`, `absent` has types of the same names that no value can have. The other rooms then
//! compile unchanged, and their branches for compression are never taken.

#[cfg(not(feature = "deflate"))]
mod absent;
pub(crate) mod budget;
#[cfg(feature = "deflate")]
mod deflater;
#[cfg(feature = "deflate")]
mod history;
#[cfg(feature = "deflate")]
pub(crate) mod inflater;
#[cfg(test)]
mod naive;
#[cfg(feature = "deflate")]
pub(crate) mod options;
pub(crate) mod params;
#[cfg(feature = "deflate")]
mod streams;
#[cfg(test)]
mod tests;

#[cfg(not(feature = "deflate"))]
pub use self::absent::{Compression, release_spare};
#[cfg(not(feature = "deflate"))]
pub(crate) use self::absent::{Deflater, Inflater, Key};
pub use self::params::DeflateParams;
pub(crate) use self::params::Held;
#[cfg(feature = "deflate")]
pub(crate) use self::{
    deflater::{Deflater, Key},
    inflater::Inflater,
};
#[cfg(feature = "deflate")]
pub use self::{options::Compression, streams::release_spare};
