//! The extractor against real servers and clients.
#![allow(clippy::unwrap_used)]

mod connections;
mod drop_in;
mod ending;
mod examples;
mod http2;
mod requests;
mod spans;
mod support;
