//! The project's chores. `cargo xtask test` builds and checks everything, `cargo xtask autobahn` runs the Autobahn
//! suite alone, `cargo xtask bench` measures us and our peers, `cargo xtask hold` and `soak` what the program carries.
//! What a chore does lives in its own module; this file only chooses.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing to the terminal is what a chore is for")]

mod autobahn;
mod bench;
mod browser;
mod capacity;
mod checks;
mod command_line;
mod coverage;
mod fuzz;
mod installs;
mod instructions;
mod kernels;
mod models;
mod outside;
mod own_tests;
mod process;
mod program;
mod ready;
mod step;
mod steps;
mod summary;
mod tools;
mod trouble;
mod version;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;
use command_line::{Chore, CommandLine, TestRequest};
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
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

fn perform(chore: Chore) -> Result<bool, trouble::Trouble> {
    match chore {
        Chore::Test(request) if request.list => {
            steps::list();
            Ok(true)
        }
        Chore::Test(request) => steps::run(&Workspace::load(&request)?, &request),
        Chore::Autobahn(request) => autobahn::run(&Workspace::load(&TestRequest::default())?, &request),
        Chore::Bench(request) => bench::run(&Workspace::load(&TestRequest::default())?, &request),
        Chore::Instructions(request) => instructions::run(&Workspace::load(&TestRequest::default())?, &request),
        Chore::Hold(request) => capacity::hold::run(&Workspace::load(&TestRequest::default())?, &request),
        Chore::Rooms { crates } => checks::rooms::run(&Workspace::load(&TestRequest::default())?, &crates),
        Chore::Soak(request) => capacity::soak::run(&Workspace::load(&TestRequest::default())?, &request),
    }
}
