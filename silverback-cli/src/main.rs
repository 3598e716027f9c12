//! The program `silverback`: a WebSocket echo service with a page to try it. This file only joins its parts.

mod accept;
mod args;
mod connection;
mod echo;
mod excerpt;
mod listen;
mod open_connections;
mod page;
mod plan;
mod printer;
mod routes;
mod serve;
mod shutdown;
mod trouble;
mod values;
mod worker;

use std::process::ExitCode;

use crate::{args::Args, plan::Plan, trouble::Trouble};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            trouble::report(&trouble);
            trouble.exit_code()
        }
    }
}

fn run() -> Result<(), Trouble> {
    let Some(args) = Args::parse()? else { return Ok(()) };
    serve::run(Plan::resolve(args)?)
}
