//! The engine on a real redis-server. Without one the tests are skipped, loudly.

#![allow(clippy::unwrap_used)]

mod faults;
mod login;
mod peers;
mod replays;
mod suite;
mod support;
