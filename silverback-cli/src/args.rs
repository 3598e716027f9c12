//! The command line: joins the commands and their options, which live with each command. `explain` words the errors of a
//! command line that clap cannot read.

mod explain;

use std::{env, ffi::OsString, path::PathBuf};

use clap::{
    Arg, ArgAction, Command, CommandFactory, FromArgMatches, Parser, Subcommand, builder::Resettable, error::ErrorKind,
};
use clap_complete::Shell;

use crate::{
    bench, check, connect,
    dialing::target,
    error::{Error, exit_codes},
    hub, service, values,
};

/// A WebSocket echo service with a page to try it in a browser, and tools to connect to, check and load servers.
///
/// Without a command it serves: it sends every message to ws://localhost:8000/ws/echo back unchanged, and prints it. Open
/// http://localhost:8000/ in a browser to send some.
#[derive(Debug, Parser)]
#[command(name = "silverback", version, after_help = after_help(), max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "COMMAND")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Option<Task>,

    #[command(flatten)]
    pub(crate) service: service::args::Args,
}

/// The commands beside the service.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Connect to a server and talk to it, at a prompt or through pipes. `silverback URL` does the same.
    ///
    /// At a terminal each typed line is a message, and /help lists commands. Otherwise each line of standard input is a
    /// message, and received messages are printed. After the end of the input the connection stays open until the answers
    /// have arrived (see --wait).
    #[command(after_help = connect::after_help())]
    Connect(Box<connect::args::Args>),
    /// Load a server and measure its answers.
    Bench(Box<bench::args::Args>),
    /// Test each step of connecting to a server, time it, and explain what is wrong.
    ///
    /// The test looks the name up, connects, and does TLS and the WebSocket handshake. Then it sends a ping and a short
    /// text, and closes the connection. It also shows what the server reveals about itself.
    #[command(after_help = check::after_help())]
    Check(Box<check::args::Args>),
    /// Serve topics over WebSockets: for clients of Centrifugo, for raw WebSockets, and with an HTTP API.
    ///
    /// Clients of Centrifugo connect to /connection/websocket, raw ones to /ws/topic/NAME, and other services call
    /// /api/METHOD. Without configuration on loopback, everybody on this machine may subscribe and publish.
    #[command(after_help = hub::args::after_help(), args_conflicts_with_subcommands = true)]
    Hub(Box<hub::args::HubArgs>),
    /// Print a completion script for a shell to load.
    Completions {
        /// Write the script for this shell.
        shell: Shell,
    },
    /// Print the man pages of all commands.
    Man {
        /// Write each page to a file in this folder instead, like silverback-connect.1.
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

impl Args {
    /// Parses the command line. Returns `None` after printing the help or the version.
    pub(crate) fn parse() -> Result<Option<Self>, Error> {
        Self::parse_from(env::args_os())
    }

    pub(crate) fn parse_from(words: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, Error> {
        let mut words: Vec<_> = words.into_iter().collect();
        let read = |words: &[OsString]| {
            with_set_variables(Self::command())
                .try_get_matches_from(words)
                .and_then(|found| Self::from_arg_matches(&found))
        };
        let mut parsed = read(&words);
        if parsed.as_ref().is_err_and(is_misread)
            && let Some(longer) = with_connect(&words)
        {
            words = longer;
            parsed = read(&words);
        }
        match parsed {
            Ok(args) => Ok(Some(args)),
            Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                // A reader of `--help` may close its pipe early.
                let _ = asked.print();
                Ok(None)
            }
            Err(error) => Err(Error::Usage(explain::explain(&error, &words, &Self::command()))),
        }
    }
}

/// Validates options that clap cannot check alone.
pub(crate) fn check(args: &Args) -> Result<(), Error> {
    match &args.task {
        Some(Task::Connect(args)) => target::check(&args.dial),
        Some(Task::Bench(args)) => target::check(&args.dial),
        Some(Task::Check(args)) => target::check(&args.dial),
        None | Some(Task::Hub(_) | Task::Completions { .. } | Task::Man { .. }) => Ok(()),
    }
}

/// Removes variables that are empty: Compose files and scripts set them for options that they do not give.
fn with_set_variables(command: Command) -> Command {
    let of_option = |option: Arg| {
        // A list may be made of empty variables: `$A,$B`.
        let is_list = matches!(option.get_action(), ArgAction::Append);
        let is_unset = |value: OsString| match value.to_str() {
            Some(list) if is_list => list.split(',').all(|item| item.trim().is_empty()),
            _ => values::is_blank(&value),
        };
        match option.get_env().and_then(env::var_os).is_some_and(is_unset) {
            true => option.env(Resettable::Reset),
            false => option,
        }
    };
    command.mut_args(of_option).mut_subcommands(with_set_variables)
}

/// Returns `silverback connect [OPTIONS] URL` for `silverback [OPTIONS] URL`, if there is a URL and no other command.
fn with_connect(words: &[OsString]) -> Option<Vec<OsString>> {
    let is_url =
        |word: &OsString| word.to_str().is_some_and(|word| SCHEMES.iter().any(|scheme| starts_with(word, scheme)));
    let first = words.get(1)?;
    // Any other first word is a command, or a misspelled one.
    let is_first = is_url(first) || first.to_str().is_some_and(|word| word.starts_with('-'));
    if !is_first || !words[1..].iter().any(is_url) {
        return None;
    }
    let mut longer = words.to_vec();
    longer.insert(1, "connect".into());
    Some(longer)
}

fn starts_with(word: &str, scheme: &str) -> bool {
    word.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Whether the words may belong to `connect` instead of the service. A wrong value of a known option does not count.
fn is_misread(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand | ErrorKind::ArgumentConflict)
}

const SCHEMES: [&str; 4] = ["ws://", "wss://", "http://", "https://"];

fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit_codes(&[0, 1, 2, 3, 129, 130, 143]))
}

const EXAMPLES: &str = "\
Examples:
  silverback                              serve this machine, at http://localhost:8000/
  silverback --listen 0.0.0.0:80 --quiet  serve other machines too, without a line for each message
  silverback --tls-self-signed            with TLS, over HTTP/1.1, HTTP/2 and HTTP/3
  SILVERBACK_LISTEN=localhost:9000 silverback
  silverback ws://localhost:8000/ws/echo  talk to a server

Ctrl-C and SIGTERM close every connection and end the program with 0; a second one ends it at once,
with its own exit code.";

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
