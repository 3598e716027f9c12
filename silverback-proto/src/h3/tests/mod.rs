//! Scripted tests of the HTTP/3 layer. Every input of a stream is also cut at every byte.

#![allow(clippy::unwrap_used)]

mod conversation;
mod error;
mod frame;
mod message;
mod request_stream;
mod settings;
mod support;
mod uni_stream;
mod varint;
