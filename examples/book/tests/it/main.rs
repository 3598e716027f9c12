//! Runs the programs of the tutorial as the tutorial does.

#![allow(clippy::unwrap_used)]

mod support;
mod tutorial;
