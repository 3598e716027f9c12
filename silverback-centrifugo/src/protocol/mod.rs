//! The protocol as values: commands of clients, replies and pushes to them, in both encodings. Without I/O.

pub(crate) mod codes;
pub(crate) mod frame;
pub(crate) mod messages;
mod payload;
#[cfg(test)]
mod tests;
