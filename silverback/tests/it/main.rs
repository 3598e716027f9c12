//! The tokio layer against the kit's pipe, which plays every network there is, and against real sockets.
//!
//! Clocks are paused: time passes only when everybody waits, and a test that waits for something that never comes fails
//! at once, when [`support::PATIENCE`] has passed in no time.

#![allow(clippy::unwrap_used)]

mod batching;
mod cancelling;
mod closing;
mod compression;
mod conversations;
mod dialling;
mod dropping;
mod ends;
mod examples;
mod halves;
mod keepalive;
mod on_hyper;
mod joining;
#[cfg(feature = "json")]
mod json;
mod output;
mod observing;
mod proxies;
mod racing;
mod redirects;
mod questions;
mod sockets;
mod reading_into;
mod streaming;
mod support;
#[cfg(all(feature = "rustls-tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod tls;
mod turns;
mod upgrading;
mod tunnels;
mod urls;
mod ways;
