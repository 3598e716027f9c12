//! The tokio layer against the kit's pipe, which plays every network there is, and against real sockets.
//!
//! Clocks are paused: time passes only when everybody waits, and a test that waits for something that never comes fails
//! at once, when [`support::PATIENCE`] has passed in no time.

#![allow(clippy::unwrap_used)]

mod batching;
#[cfg(feature = "blocking")]
mod blocking;
mod cancelling;
mod closing;
mod compression;
mod connections;
mod conversations;
#[cfg(feature = "http2")]
mod dial_http2;
mod dialling;
mod dropping;
mod ends;
mod examples;
mod failures;
mod guides;
mod halves;
#[cfg(feature = "http2")]
mod http2_floods;
#[cfg(feature = "http2")]
mod http2_hostile;
#[cfg(feature = "http2")]
mod http2_server;
#[cfg(all(feature = "http3", feature = "with-rustls-0_23", feature = "ring"))]
mod http3;
mod joining;
#[cfg(feature = "json")]
mod json;
mod keepalive;
#[cfg(feature = "metrics")]
mod metrics;
mod observing;
mod on_hyper;
#[cfg(all(feature = "http2", feature = "hyper"))]
mod on_hyper_http2;
mod output;
mod proxies;
mod questions;
mod racing;
mod reconnecting;
mod redirects;
mod sockets;
mod spans;
mod streaming;
mod support;
#[cfg(all(feature = "rustls-tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod tls;
mod tracing_names;
mod tunnels;
mod turns;
mod upgrading;
mod urls;
mod ways;
