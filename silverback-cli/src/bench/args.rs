//! What was asked of `bench` on the command line. What it will do is in `plan`.

use std::{net::IpAddr, num::NonZero, path::PathBuf, time::Duration};

use clap::Args as ClapArgs;

use super::{
    condition::Condition,
    engine::script::{Filling, Sizes},
    quantity::{self, Span},
};
use crate::{dialing::options::DialOptions, values};

/// The options of `bench`.
#[derive(ClapArgs, Debug)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) dial: DialOptions,

    /// How many connections.
    #[arg(short, long, value_name = "N", value_parser = quantity::count, default_value = "10")]
    pub(crate) connections: u64,

    /// Open this many connections a second. Without it they are opened as fast as the server answers. The load begins
    /// when all are open.
    #[arg(long, value_name = "N/s", value_parser = quantity::rate)]
    pub(crate) ramp: Option<f64>,

    /// Send this many messages a second over all connections, whatever the server does (an open model). Round trips
    /// count from when a message was due, so that a server that stalls does not hide its stall.
    #[arg(long, value_name = "N/s", value_parser = quantity::rate, conflicts_with = "pipeline")]
    pub(crate) rate: Option<f64>,

    /// How many messages each connection has in flight (a closed model): the next is sent when one is answered.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value = "1")]
    pub(crate) pipeline: u32,

    /// How long to measure, like 30s or 5m. Default 10s.
    #[arg(short, long, value_name = "TIME", value_parser = values::time)]
    pub(crate) duration: Option<Duration>,

    /// How many messages to send instead, over all connections; with --handshakes, how many of those.
    #[arg(short = 'n', long, value_name = "N", value_parser = quantity::count)]
    pub(crate) messages: Option<u64>,

    /// How long to send before it counts. Default 1s, and none with --messages.
    #[arg(long, value_name = "TIME", value_parser = quantity::span)]
    pub(crate) warmup: Option<Span>,

    /// How large messages are: one size, several in turn (16,1k,16k), or anything between two (64-4096).
    #[arg(long, value_name = "SIZES", value_parser = quantity::sizes, default_value = "64")]
    pub(crate) size: Sizes,

    /// Send text.
    #[arg(long, conflicts_with = "binary")]
    pub(crate) text: bool,

    /// Send binary messages: the default, unless --payload is text.
    #[arg(long)]
    pub(crate) binary: bool,

    /// What messages are filled with. Default: random, or ascii for text.
    #[arg(long, value_name = "KIND", value_enum)]
    pub(crate) payload: Option<Filling>,

    /// Offer compression (permessage-deflate). Each message is compressed once, before the load begins.
    #[arg(long)]
    pub(crate) compress: bool,

    /// The source addresses of connections, in turn: each has some 28,000 ports.
    #[arg(long, value_name = "IP,IP..", value_delimiter = ',')]
    pub(crate) source: Vec<IpAddr>,

    /// Measure a broadcast: the first N connections send (default 1), and every connection receives.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", require_equals = true)]
    #[arg(value_parser = quantity::count, conflicts_with_all = ["handshakes", "hold"])]
    pub(crate) broadcast: Option<u64>,

    /// With --broadcast: the server does not send a message back to its sender.
    #[arg(long, requires = "broadcast")]
    pub(crate) not_to_sender: bool,

    /// Measure handshakes: each of the connections is opened and reset, again and again.
    #[arg(long, conflicts_with_all = ["rate", "hold", "ramp"])]
    pub(crate) handshakes: bool,

    /// Open the connections and hold them. Nothing is sent; with --messages, so many at first over all connections.
    #[arg(long, conflicts_with = "rate")]
    pub(crate) hold: bool,

    /// Compare each answer byte for byte with what was sent.
    #[arg(long, conflicts_with_all = ["broadcast", "handshakes", "hold"])]
    pub(crate) verify: bool,

    /// Send the same bytes to a server that gives back all that it gets, over TCP alone, without a handshake: what a load
    /// costs without WebSocket.
    #[arg(long, conflicts_with_all = ["rate", "broadcast", "compress", "verify"])]
    pub(crate) raw_tcp: bool,

    /// Tell what this process of the same machine uses meanwhile, which should be the server: processor time for each
    /// answer, and memory (Linux).
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,

    /// How many threads make the load.
    #[arg(long, value_name = "N", value_parser = values::threads, default_value = "1")]
    pub(crate) threads: NonZero<usize>,

    /// How long each answer may take, and each step of opening a connection unless --connect-timeout is given.
    #[arg(long, value_name = "TIME", value_parser = values::time, default_value = "10s")]
    pub(crate) timeout: Duration,

    /// End with exit code 9 if this is so, like 'p99>5ms', 'errors>0' or 'rate<1000'. Several with commas, or given
    /// several times.
    #[arg(long, value_name = "CONDITION", value_delimiter = ',')]
    pub(crate) fail_if: Vec<Condition>,

    /// Print one JSON object instead of the summary.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a page with plots to this file.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,

    /// Draw with ASCII characters only.
    #[arg(long)]
    pub(crate) ascii: bool,

    /// Show no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  silverback bench ws://localhost:8000/ws/echo
  silverback bench URL -c 64 --pipeline 32 --size 16              as fast as the server answers
  silverback bench URL -c 64 --rate 30000 --fail-if 'p99>5ms'     at a fixed rate
  silverback bench URL -c 1000 --ramp 200/s --size 64-4096 --text --report report.html
  silverback bench URL -c 32 --handshakes
  silverback bench URL -c 1000 --broadcast=2

Metrics of --fail-if: p50 p75 p90 p99 p99.9 p99.99 min mean max of the round trip; connect.p99 and the like of opening \
a connection; uncorrected.p99, delay.p99 (how late messages were sent), fanout.p99; errors, rate (messages or \
handshakes per second), sent, received, unsent, unanswered, incomplete (broadcasts). Operators: < > <= >=. Times as 5ms or 250us. A time that \
was never measured meets every condition.

Exit codes: 0 done, 1 the system does not allow it, 2 an option makes no sense, 8 not one message arrived, 9 a condition \
of --fail-if was met, 130 interrupted. Where not one connection is left, what most of them met: 3 cannot connect, 4 TLS failed, \
5 handshake refused or not answered, 6 closed or reset by the server, 7 the server broke the protocol or answered with \
something else, 8 no answer in time.";

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
