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

use command_line::Chore;
use workspace::Workspace;

fn main() -> ExitCode {
    let chore = match command_line::parse(std::env::args().skip(1)) {
        Ok(chore) => chore,
        Err(complaint) => {
            eprintln!("{complaint}\n\n{}", command_line::USAGE);
            return ExitCode::from(2);
        }
    };
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
        Chore::Help => {
            println!("{}", command_line::USAGE);
            Ok(true)
        }
        Chore::ListSteps => {
            for step in steps::ALL {
                println!("{:<19} {}", step.name, step.what);
            }
            Ok(true)
        }
        Chore::Test(request) => steps::run(&Workspace::load(request.fuzz_seconds)?, &request.only),
        Chore::Autobahn(request) => autobahn::run(&Workspace::load(None)?, &request),
        Chore::Bench(request) => bench::run(&Workspace::load(None)?, &request),
        Chore::Instructions(request) => instructions::run(&Workspace::load(None)?, &request),
        Chore::Hold(request) => capacity::hold::run(&Workspace::load(None)?, &request),
        Chore::Rooms(crates) => checks::rooms::run(&Workspace::load(None)?, &crates),
        Chore::Soak(request) => capacity::soak::run(&Workspace::load(None)?, &request),
    }
}
