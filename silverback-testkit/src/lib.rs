//! What every test of the project uses. Nothing here shares a line with the library: the frame
//! codec, the masking and the UTF-8 check are second opinions, so the kit may depend neither on
//! `silverback-proto` nor on `silverback`.
//!
//! | module | for |
//! |---|---|
//! | [`wire`] | frames that read as a conversation, bytes written as bits or hex, naive mask and UTF-8 |
//! | [`cuts`] | the same input cut at every byte, byte by byte, at random places |
//! | [`pipe`](mod@pipe) | an in-memory transport for tokio that follows a plan, and the test's end of it |
//! | [`peer`] | the scripted peer of a sans-I/O endpoint |
//! | [`poll`] | polling by hand: one poll, counted wake-ups, futures dropped half way |
//! | [`clock`] | a clock that moves only when told |
//!
//! The kit fails by panicking with a sentence about the test; it is never part of what is shipped.

pub mod clock;
pub mod cuts;
pub mod peer;
pub mod pipe;
pub mod poll;
pub mod wire;
