//! The options of `check`.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};

use crate::{
    colours::When,
    dialing::options::{DialOptions, OfferOptions},
    values,
};

/// The options of `check`.
#[derive(ClapArgs, Debug)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) dial: DialOptions,

    #[command(flatten)]
    pub(crate) offer: OfferOptions,

    /// Wait this long for the pong, for the echo, and for the reply to the close.
    #[arg(short, long, value_name = "TIME", value_parser = values::time, default_value = "3s", help_heading = PROBE)]
    pub(crate) wait: Duration,

    /// Send no text message, for servers that fail on messages they do not know.
    #[arg(long, help_heading = PROBE)]
    pub(crate) no_echo: bool,

    /// Write the report in this format: lines for people, or one JSON object.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = SHOW)]
    pub(crate) format: Format,

    /// Write one JSON object, like --format json.
    #[arg(long, conflicts_with = "format", help_heading = SHOW)]
    pub(crate) json: bool,

    /// Use colours. `auto` uses them on a terminal unless the variable NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = SHOW)]
    pub(crate) color: When,
}

/// The format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

const PROBE: &str = "Probes";
const SHOW: &str = "Display";
