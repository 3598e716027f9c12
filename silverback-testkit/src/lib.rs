//! Tools for the project's tests. They share no code with the library: the frame codec, the masking and the UTF-8 check
//! are independent implementations to compare with. So the kit must not depend on `silverback-proto` or `silverback`.
//!
//! | module | contents |
//! |---|---|
//! | [`wire`] | frames that read as a conversation, bytes written as bits or hex, naive mask and UTF-8 |
//! | [`cuts`] | the same input cut at every byte, byte by byte, at random places |
//! | [`pipe`](mod@pipe) | an in-memory transport for tokio that follows a plan, and the test's end of it |
//! | [`peer`] | the scripted peer of a sans-I/O endpoint |
//! | [`poll`] | polling by hand: single polls, counted wake-ups, futures that are dropped early |
//! | [`clock`] | a clock that moves only when the test moves it |
//! | [`pages`] | the commands on the project's pages |
//! | `http2` | a client that opens WebSockets over HTTP/2 by hand (feature `http2`) |
//! | `broker` | a broker that a test kills, freezes and starts again (feature `brokers`, on Unix) |
//! | `front` | a proxy that a test starts in front of servers (feature `brokers`, on Unix) |
//! | `http3` | the bytes of HTTP/3 by hand, and a client that sends them over QUIC (feature `http3`) |
//!
//! The kit fails by a panic whose message describes the failed expectation. It is never shipped.

#[cfg(all(feature = "brokers", unix))]
pub mod broker;
pub mod clock;
pub mod cuts;
#[cfg(all(feature = "brokers", unix))]
pub mod front;
#[cfg(feature = "http2")]
pub mod http2;
#[cfg(feature = "http3")]
pub mod http3;
pub mod pages;
pub mod peer;
pub mod pipe;
pub mod poll;
pub mod wire;
