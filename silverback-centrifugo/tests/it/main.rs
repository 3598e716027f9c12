//! The server against hand-written messages on the kit's pipe. Clocks are paused: time passes only when every task waits.

#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod channels;
mod expiry;
mod recovery;
mod support;
mod talking;
