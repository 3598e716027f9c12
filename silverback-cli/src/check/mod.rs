//! `silverback check URL`: each step of reaching a server, what the server shows of itself, and what is wrong.
//!
//! | file | what |
//! |---|---|
//! | `args` | what was asked for |
//! | `probe`, `conversation` | the dial, and what is tried once the connection stands |
//! | `trace`, `certificate` | what was seen on the way |
//! | `second_look` | a further connection, where the first one leaves a question open |
//! | `diagnosis` | what is wrong, in plain words, and what can be done |
//! | `report`, `text`, `json` | all of it, for people and for programs |

pub(crate) mod args;
mod certificate;
mod conversation;
mod diagnosis;
mod finding;
mod json;
mod own_page;
mod probe;
mod report;
mod second_look;
mod text;
mod trace;

use std::io::{self, IsTerminal, Write};

use self::args::{Args, Format};
use crate::{
    signals::Signals,
    trouble::{Trouble, exit_codes},
};

/// Takes each step, prints what was seen, and says with the exit code whether all is well.
pub(crate) fn run(args: Args) -> Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::System(format!("cannot start: {error}")))?;
    // There is nothing to end in order.
    let _signals = Signals::catch()?;
    let report = runtime.block_on(probe::probe(&args));
    // A name may still be looked up in vain.
    runtime.shutdown_background();
    let report = report?;
    let text = match args.format {
        Format::Text if !args.json => text::text(&report, args.color.has_come(io::stdout().is_terminal())),
        _ => json::text(&report),
    };
    print(&text)?;
    report.trouble.map_or(Ok(()), Err)
}

/// A closed pipe behind us is no trouble: whoever reads has seen enough.
fn print(text: &str) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Trouble::System(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// What stands below the options.
pub(crate) fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}\n\n{REMARK}", exit_codes(&CODES))
}

const EXAMPLES: &str = "\
Examples:
  silverback check wss://example.com/chat
  silverback check wss://localhost:8443/ --cacert ca.pem --json
  silverback check ws://example.com/chat --resolve example.com:80:192.0.2.7 --no-echo";

const REMARK: &str = "Whether the server echoes makes no difference to it.";
const CODES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 129, 130, 143];
