//! Compression of messages, permessage-deflate (RFC 7692). The handshake negotiates it (`handshake/compression.rs`).
//!
//! `params` has the requested and the negotiated parameters. `deflater` compresses and `inflater` decompresses, with
//! streams from `streams`. `history` keeps the bytes of a small window between messages, and `budget` counts the memory
//! of all connections. This room may use `wire` alone.

pub(crate) mod budget;
pub(crate) mod deflater;
mod history;
pub(crate) mod inflater;
#[cfg(test)]
mod naive;
pub(crate) mod params;
mod streams;
#[cfg(test)]
mod tests;

pub use self::{
    params::{Compression, DeflateParams},
    streams::release_spare,
};
