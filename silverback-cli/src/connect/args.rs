//! The options of `connect` as the user gave them. `plan` derives the program's actions from them.

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, ValueEnum};
use regex::bytes::Regex;

use super::recording::replay::Speed;
use crate::{
    colours::When,
    dialing::options::{DialOptions, OfferOptions},
    values::{self, TimeOrOff},
};

/// The options of `connect`.
#[derive(ClapArgs, Debug)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) dial: DialOptions,

    #[command(flatten)]
    pub(crate) offer: OfferOptions,

    /// Send this text first, also after each reconnect. @FILE sends a file, as text if it is UTF-8 and as a binary
    /// message otherwise, @- sends standard input, and @@TEXT a text that begins with @. Can be repeated.
    #[arg(long, value_name = "TEXT", help_heading = MESSAGES)]
    pub(crate) send: Vec<String>,

    /// Read and write messages in this format where the input or output is not a terminal. `text` and `hex` use a line
    /// for each message. `json` writes a JSON object for each message, and reads text. `raw` writes the bytes
    /// unchanged, and sends the whole input as one binary message.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = MESSAGES)]
    pub(crate) format: Format,

    /// Send lines, and the files of --send, as binary messages.
    #[arg(short, long, help_heading = MESSAGES)]
    pub(crate) binary: bool,

    /// With --format raw: send input as soon as it arrives, in binary messages up to this size, like 64KiB.
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = MESSAGES)]
    pub(crate) chunk: Option<u64>,

    /// Accept messages, and send files, up to this size, like 65536, 64KiB or 1MiB.
    #[arg(long, value_name = "SIZE", value_parser = values::size, default_value = "64MiB", visible_alias = "max-message")]
    #[arg(help_heading = MESSAGES)]
    pub(crate) max_message_size: u64,

    /// Record all messages in this new file, a JSON object on a line for each. Only its owner can read it. Headers are not
    /// recorded.
    #[arg(long, value_name = "FILE", help_heading = RECORDING)]
    pub(crate) record: Option<PathBuf>,

    /// Send the messages that this recording has sent, at the same times, instead of standard input.
    #[arg(long, value_name = "FILE", help_heading = RECORDING)]
    pub(crate) replay: Option<PathBuf>,

    /// With --replay: replay this many times as fast. 0 sends everything at once.
    #[arg(long, value_name = "FACTOR", value_parser = Speed::parse, default_value = "1", requires = "replay")]
    #[arg(help_heading = RECORDING)]
    pub(crate) speed: Speed,

    /// With --replay: expect the messages that the recording has received, in their order. End with 9 if one differs or
    /// there are more, and with 8 if some do not arrive in time.
    #[arg(long, requires = "replay", conflicts_with_all = ["count", "until"], help_heading = RECORDING)]
    pub(crate) expect: bool,

    /// Close the connection after this much silence from the server once the input has ended, like 1s. 0 closes at
    /// once, and `off` leaves it to the server. Default: 1s, but 10s until the server has answered the last message.
    #[arg(short, long, value_name = "TIME", value_parser = parse_wait, help_heading = END)]
    pub(crate) wait: Option<TimeOrOff>,

    /// Close the connection after receiving this many messages; 0 waits for none. End with 8 if fewer arrive in time.
    #[arg(short = 'n', long, value_name = "N", help_heading = END)]
    pub(crate) count: Option<u64>,

    /// Close the connection after a message that matches this regular expression. End with 8 if none arrives in time.
    #[arg(long, value_name = "REGEX", value_parser = parse_regex, help_heading = END)]
    pub(crate) until: Option<Regex>,

    /// Reconnect when the connection is lost or the server goes away, at most MAX times in a row.
    #[arg(long, value_name = "MAX", num_args = 0..=1, require_equals = true, default_missing_value = "4294967295")]
    #[arg(help_heading = END)]
    pub(crate) reconnect: Option<u32>,

    /// Ping the server after this much silence, in which it sends nothing and takes no output. `off` disables pings.
    #[arg(long, value_name = "TIME", value_parser = values::time_or_off, default_value = "20s", help_heading = END)]
    pub(crate) ping_interval: TimeOrOff,

    /// Close the connection if the peer stays silent for this long after a ping.
    #[arg(long, value_name = "TIME", value_parser = values::time, default_value = "20s", help_heading = END)]
    pub(crate) ping_timeout: Duration,

    /// Wait this long for the server's reply when the connection is closed.
    #[arg(long, value_name = "TIME", value_parser = values::time, default_value = "5s", help_heading = END)]
    pub(crate) close_timeout: Duration,

    /// Use colours. `auto` uses them on a terminal unless the variable NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = SHOW)]
    pub(crate) color: When,

    /// Show when each message arrived (UTC).
    #[arg(short, long, help_heading = SHOW)]
    pub(crate) timestamps: bool,

    /// Keep the prompt's history in this file. Lines that begin with a space are not kept.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_HISTORY", hide_env_values = true, help_heading = SHOW)]
    pub(crate) history: Option<PathBuf>,

    /// Do not keep the prompt's history.
    #[arg(long, help_heading = SHOW)]
    pub(crate) no_history: bool,

    /// Show each step of connecting, headers, pings and closes on standard error. Secrets are hidden.
    #[arg(short, long, help_heading = SHOW)]
    pub(crate) verbose: bool,

    /// Show only messages and errors.
    #[arg(short, long, conflicts_with = "verbose", help_heading = SHOW)]
    pub(crate) quiet: bool,
}

/// The format of written messages, and of input that is not a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Raw,
    Hex,
}

/// Like `values::time_or_off`, but 0 means no waiting.
fn parse_wait(text: &str) -> Result<TimeOrOff, String> {
    match text {
        "0" | "0s" | "0ms" => Ok(TimeOrOff(Some(Duration::ZERO))),
        text => values::time_or_off(text),
    }
}

/// Keeps only the last line of the parser's long error.
fn parse_regex(text: &str) -> Result<Regex, String> {
    let in_short = |error: regex::Error| error.to_string().lines().last().unwrap_or_default().to_owned();
    Regex::new(text).map_err(in_short)
}

const MESSAGES: &str = "Messages";
const RECORDING: &str = "Recording";
const END: &str = "Waiting and ending";
const SHOW: &str = "Display";
