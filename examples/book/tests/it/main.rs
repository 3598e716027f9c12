//! Runs the programs of the tutorial as the tutorial does.

#![allow(clippy::unwrap_used)]

#[cfg(unix)]
mod deploy;
mod support;
mod tutorial;
