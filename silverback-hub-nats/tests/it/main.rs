//! Hubs on a real nats-server. Each test starts its own, and is left out on machines without one.
#![cfg(unix)]

mod faults;
mod nodes;
mod secrets;
mod setup;
mod suite;
mod support;
