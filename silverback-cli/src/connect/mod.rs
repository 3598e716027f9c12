//! `connect URL`: talk to a server, at a prompt or through pipes.
//!
//! | file | what |
//! |---|---|
//! | `args`, `plan` | the options, and the resolved settings |
//! | `input`, `commands`, `file` | the input to send |
//! | `client`, `session` | the parts that outlive a conversation; the conversation, over one or several connections |
//! | `waiting` | the conditions for the end |
//! | `view`, `output`, `notes` | the output |
//! | `recording` | recordings: their lines, how they are written and replayed |
//! | `ending` | the reason for the end, and the exit code |

pub(crate) mod args;
mod client;
mod commands;
mod ending;
mod file;
mod input;
mod notes;
mod output;
mod plan;
mod recording;
mod session;
mod view;
mod waiting;

use self::{args::Args, client::Client, plan::Plan};
use crate::{
    error::{Error, exit_codes},
    signals::Signals,
};

/// Connects, talks until there is nothing more to say, and closes.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let signals = Signals::catch()?;
    let plan = Plan::resolve(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::System(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(async { Client::start(plan, signals)?.run().await });
    // A name lookup may still be running.
    runtime.shutdown_background();
    outcome
}

/// The end of the help text.
pub(crate) fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}\n\n{REMARK}", exit_codes(&CODES))
}

const EXAMPLES: &str = "\
Examples:
  silverback wss://example.com/chat                     talk at a prompt
  echo hi | silverback connect ws://localhost:8000/ws/echo
  silverback connect URL --send subscribe --count 10    print ten messages and end
  silverback connect URL --wait off --format json       print every message as a line of JSON
  silverback connect URL --format raw <in.png >out.png  one binary message there and back
  silverback connect URL --record talk.ndjson           record everything that is said
  silverback connect URL --replay talk.ndjson --expect  send it again, and compare the answers";

const REMARK: &str = "A closed output pipe is not an error.";
const CODES: [u8; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 129, 130, 143];
