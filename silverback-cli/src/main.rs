//! The program `silverback`: a WebSocket echo service with a page to try it, and the tools around it. This file only
//! joins its parts.

mod addresses;
mod args;
mod bench;
mod check;
mod colours;
mod completions;
mod connect;
mod diagnostics;
mod dialing;
mod error;
mod hub;
mod lateness;
mod printable;
mod service;
mod serving;
mod signals;
mod standard_output;
mod utc;
mod values;

use std::{process::ExitCode, time::Duration};

use mimalloc::MiMalloc;

use crate::{
    args::{Args, Task},
    error::Error,
};

// The system's allocator keeps the memory of 10,000 connections after they have gone (docs/capacity.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let outcome = run();
    if let Some(error) = outcome.as_ref().err().filter(|error| !matches!(error, Error::Signal(_))) {
        error::report(error);
    }
    // Write all lines for a slow reader, but after a signal only for a limited time.
    diagnostics::finish(signals::has_come().then_some(LAST_LINES));
    outcome.map_or_else(|error| error.exit_code(), |()| ExitCode::SUCCESS)
}

fn run() -> Result<(), Error> {
    let Some(args) = Args::parse()? else { return Ok(()) };
    args::check(&args)?;
    match args.task {
        None => service::run(args.service),
        Some(Task::Connect(args)) => connect::run(*args),
        Some(Task::Bench(args)) => bench::run(*args),
        Some(Task::Check(args)) => check::run(*args),
        Some(Task::Hub(args)) => hub::run(*args),
        Some(Task::Completions { shell }) => completions::print_completions(shell),
        Some(Task::Man { directory: None }) => completions::print_man_pages(),
        Some(Task::Man { directory: Some(directory) }) => completions::write_man_pages(&directory),
    }
}

/// The time to write the last lines on standard error after a signal.
const LAST_LINES: Duration = Duration::from_millis(500);
