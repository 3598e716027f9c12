//! The command line and the environment: what the user asked for. What the program will do is in `plan`.

use std::{env, ffi::OsString, num::NonZero, time::Duration};

use clap::{
    Arg, CommandFactory, FromArgMatches, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use silverback::handshake::Origin;

use crate::{listen::Address, trouble::Trouble, values};

/// A WebSocket echo service, with a page to try it in a browser.
///
/// Every message that is sent to ws://localhost:8000/ws/echo comes back as it was, and is printed here. Open
/// http://localhost:8000/ in a browser to send some.
#[derive(Debug, Parser)]
#[command(name = "silverback", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Args {
    /// Where to listen, as HOST:PORT. `localhost` means 127.0.0.1 and ::1; to be reached by other machines say
    /// 0.0.0.0:8000. Port 0 takes any free port. Can be given several times.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_LISTEN", hide_env_values = true)]
    #[arg(value_delimiter = ',', default_value = "localhost:8000")]
    pub(crate) listen: Vec<Address>,

    /// How many threads serve connections. Default: one for each core, but not more than 4.
    #[arg(long, value_name = "N", env = "SILVERBACK_THREADS", hide_env_values = true)]
    #[arg(value_parser = values::threads)]
    pub(crate) threads: Option<NonZero<usize>>,

    /// The largest message that is accepted, like 65536, 64KiB or 1MiB. A larger one closes its connection.
    #[arg(long, value_name = "SIZE", env = "SILVERBACK_MAX_MESSAGE_SIZE", hide_env_values = true)]
    #[arg(value_parser = values::size, default_value = "1MiB")]
    pub(crate) max_message_size: u64,

    /// Let web pages of this origin connect too, like https://example.com or http://localhost:3000. Without it only the
    /// page that this program serves can. Programs that are no browsers always can. Can be given several times.
    #[arg(long, value_name = "ORIGIN", env = "SILVERBACK_ALLOW_ORIGIN", hide_env_values = true, value_delimiter = ',')]
    pub(crate) allow_origin: Vec<Origin>,

    /// How long a client may take to send the head of its request, like 10s or 500ms.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_HANDSHAKE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = values::time, default_value = "10s")]
    pub(crate) handshake_timeout: Duration,

    /// How long a client may take to answer when its connection is closed, also when this program ends.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_CLOSE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = values::time, default_value = "5s")]
    pub(crate) close_timeout: Duration,

    /// How long nothing may come from a client before it is asked whether it is still there; `off` never asks.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_PING_INTERVAL", hide_env_values = true)]
    #[arg(value_parser = parse_interval, default_value = "20s")]
    pub(crate) ping_interval: Interval,

    /// How long it may take to answer that.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_PING_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = values::time, default_value = "20s")]
    pub(crate) ping_timeout: Duration,

    /// Do not compress messages, also if a client offers it (permessage-deflate, RFC 7692).
    #[arg(long, env = "SILVERBACK_NO_COMPRESSION", hide_env_values = true, value_parser = values::choice)]
    pub(crate) no_compression: bool,

    /// How hard to compress, from 1 (fast) to 9 (small).
    #[arg(long, value_name = "LEVEL", env = "SILVERBACK_COMPRESSION_LEVEL", hide_env_values = true)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=9), default_value = "1")]
    pub(crate) compression_level: u8,

    /// Compress each message by itself, both ways: less memory for each connection, larger messages.
    #[arg(long, env = "SILVERBACK_NO_CONTEXT_TAKEOVER", hide_env_values = true, value_parser = values::choice)]
    pub(crate) no_context_takeover: bool,

    /// How far back a compressed message may refer, as a power of two from 8 to 15: less needs less memory. With less than
    /// 15, clients that cannot limit theirs are not compressed.
    #[arg(long, value_name = "BITS", env = "SILVERBACK_WINDOW_BITS", hide_env_values = true)]
    #[arg(value_parser = clap::value_parser!(u8).range(8..=15), default_value = "15")]
    pub(crate) window_bits: u8,

    /// Do not print a line for each message.
    #[arg(long, env = "SILVERBACK_QUIET", hide_env_values = true, value_parser = values::choice)]
    pub(crate) quiet: bool,
}

/// A time, or never. A type of its own, because clap takes an `Option` for an option that may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval(pub(crate) Option<Duration>);

fn parse_interval(text: &str) -> Result<Interval, String> {
    values::time_or_off(text).map(Interval)
}

impl Args {
    /// What was asked for; `None` if that was help or the version, which has been printed.
    pub(crate) fn parse() -> Result<Option<Self>, Trouble> {
        Self::parse_from(env::args_os())
    }

    fn parse_from(words: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, Trouble> {
        let words: Vec<_> = words.into_iter().collect();
        let parsed = Self::command().try_get_matches_from(&words).and_then(|found| Self::from_arg_matches(&found));
        match parsed {
            Ok(args) => Ok(Some(args)),
            Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                // A closed pipe behind `--help` is no trouble.
                let _ = asked.print();
                Ok(None)
            }
            Err(error) => Err(Trouble::Usage(explain(&error, &words))),
        }
    }
}

/// One line for what clap says in several, and the environment variable where that is where the value stands.
fn explain(error: &clap::Error, words: &[OsString]) -> String {
    let value = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    if let (ErrorKind::ValueValidation | ErrorKind::InvalidValue, Some(option), Some(given)) =
        (error.kind(), value(ContextKind::InvalidArg), value(ContextKind::InvalidValue))
    {
        let option = option.split_whitespace().next().unwrap_or(option);
        let name = variable(option).filter(|_| !is_given(option, words)).unwrap_or_else(|| option.to_owned());
        return match std::error::Error::source(error) {
            Some(reason) => format!("{name} `{}`: {reason}", given.escape_debug()),
            None => format!("{name} needs a value (see silverback --help)"),
        };
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    format!("{} (see silverback --help)", line.strip_prefix("error: ").unwrap_or(line))
}

/// The environment variable that stands for an option.
fn variable(option: &str) -> Option<String> {
    let command = Args::command();
    let is_meant = |argument: &&Arg| argument.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long));
    let argument = command.get_arguments().find(is_meant)?;
    Some(argument.get_env()?.to_string_lossy().into_owned())
}

fn is_given(option: &str, words: &[OsString]) -> bool {
    words.iter().filter_map(|word| word.to_str()).any(|word| word.split('=').next() == Some(option))
}

const EXAMPLES: &str = "\
Examples:
  silverback                              serve this machine, at http://localhost:8000/
  silverback --listen 0.0.0.0:80 --quiet  serve other machines too, without a line for each message
  SILVERBACK_LISTEN=localhost:9000 silverback

Ctrl-C closes every connection and ends the program; a second Ctrl-C ends it at once.
Exit codes: 0 ended as asked, 2 an option makes no sense, 3 an address cannot be used.";

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
