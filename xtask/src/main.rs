//! The project's chores. `cargo xtask test` builds and checks everything, `cargo xtask autobahn` runs the Autobahn
//! suite alone, and `cargo xtask bench` compares us with our peers. `cargo xtask --help` lists all chores.
//! Each chore has its own module.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "chores print to the terminal")]

mod autobahn;
mod bench;
mod book;
mod brokers;
mod browser;
mod capacity;
mod checks;
mod command_line;
mod coverage;
mod cpu_time;
mod date;
mod drain;
mod error;
mod fronts;
mod fuzz;
mod hub_faults;
mod instructions;
mod interop;
mod kernels;
mod models;
mod own_tests;
mod package;
mod process;
mod program;
mod ready;
mod step;
mod steps;
mod summary;
mod tools;
mod version;
mod workspace;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use command_line::{Chore, CommandLine};
use workspace::Workspace;

fn main() -> ExitCode {
    let chore = CommandLine::parse().chore;
    if let Err(error) = process::end_children_on_signals() {
        eprintln!("cannot listen for signals: {error}");
        return ExitCode::FAILURE;
    }
    match perform(chore) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(chore: Chore) -> Result<bool, error::Error> {
    match chore {
        Chore::Test(request) if request.list => {
            steps::list();
            Ok(true)
        }
        Chore::Test(request) => {
            let mut workspace = Workspace::load()?;
            workspace.is_quick = request.quick;
            workspace.fuzz_time = request.fuzz_seconds.map_or(workspace.fuzz_time, Duration::from_secs);
            steps::run(&workspace, &request)
        }
        Chore::Autobahn(request) => autobahn::run(&Workspace::load()?, &request),
        Chore::Bench(request) => bench::run(&Workspace::load()?, &request),
        Chore::Drain(request) => drain::run(&Workspace::load()?, &request),
        Chore::Fanout(request) => bench::fanout::run(&Workspace::load()?, &request),
        Chore::Instructions(request) => instructions::run(&Workspace::load()?, &request),
        Chore::Hold(request) => capacity::hold::run(&Workspace::load()?, &request),
        Chore::Package(request) => package::run(&Workspace::load()?, &request),
        Chore::PublicApi(request) => checks::public_api::run(&Workspace::load()?, &request),
        Chore::Rooms { crates } => checks::rooms::run(&Workspace::load()?, &crates),
        Chore::HubFaults(request) => hub_faults::run(&Workspace::load()?, &request),
        Chore::Soak(request) => capacity::soak::run(&Workspace::load()?, &request),
    }
}
