//! `Dialer` and `Session` over HTTP/2 (RFC 8441): against our own server, hyper's, and servers that the test plays.

mod handshake;
mod hostile;
mod network;
mod routes;
mod sessions;
#[cfg(all(feature = "rustls-tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod versions;
#[cfg(feature = "hyper")]
mod with_hyper;
