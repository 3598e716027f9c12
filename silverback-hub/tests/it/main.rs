//! The hub on the kit's pipe. Clocks are paused: time passes only when every task waits.

#![allow(clippy::unwrap_used)]

mod access;
mod control;
mod drain;
mod engine;
mod events;
mod examples;
mod fan_out;
mod faulty;
mod nodes;
mod presence;
mod publishing;
mod recovery;
mod slow;
mod stress;
mod support;
mod topics;
