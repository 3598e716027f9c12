//! What the user asked of the echo service, on the command line or in the environment. What it will do is in `plan`.

use std::{num::NonZero, time::Duration};

use clap::Args as ClapArgs;
use silverback::handshake::Origin;

use super::listen::Address;
use crate::values;

/// The options of the echo service.
#[derive(ClapArgs, Debug)]
#[group(skip)]
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

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
