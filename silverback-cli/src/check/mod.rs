//! `silverback check URL`: tests each step of connecting to a server and explains failures.
//!
//! | file | what |
//! |---|---|
//! | `args` | the options |
//! | `probe`, `conversation` | the dial, and the ping, text and close on the open connection |
//! | `trace`, `certificate` | observations during the dial |
//! | `versions` | the versions of HTTP over which the server takes WebSockets |
//! | `second_look` | a second connection, if the first one leaves a question open |
//! | `finding`, `diagnosis` | the problem in plain words, and what to try |
//! | `report`, `text`, `json` | the result, for people and for programs |

pub(crate) mod args;
mod certificate;
mod conversation;
mod diagnosis;
mod finding;
mod json;
mod own_page;
mod probe;
mod reason;
mod report;
mod second_look;
mod text;
mod trace;
mod versions;

use std::io::{self, IsTerminal};

use self::args::{Args, Format};
use crate::{
    error::{Error, exit_codes},
    signals::Signals,
    standard_output::print,
};

/// Runs the test and prints the report. An error carries the exit code of the problem found.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::System(format!("cannot start: {error}")))?;
    // There is nothing to end in order.
    let _signals = Signals::catch()?;
    let report = runtime.block_on(probe::probe(&args));
    // A name lookup may still be running.
    runtime.shutdown_background();
    let report = report?;
    let text = match args.format {
        Format::Text if !args.json => text::text(&report, args.color.has_come(io::stdout().is_terminal())),
        _ => json::text(&report),
    };
    print(text.as_bytes())?;
    report.error.map_or(Ok(()), Err)
}

/// The end of the help text.
pub(crate) fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}\n\n{REMARK}", exit_codes(&CODES))
}

const EXAMPLES: &str = "\
Examples:
  silverback check wss://example.com/chat
  silverback check wss://localhost:8443/ --cacert ca.pem --json
  silverback check ws://example.com/chat --resolve example.com:80:192.0.2.7 --no-echo";

const REMARK: &str = "The exit code does not depend on whether the server echoes.";
const CODES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 129, 130, 143];
