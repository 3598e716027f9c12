//! The options of `bench` as the user gave them. `plan` turns them into a load.

use std::{net::IpAddr, num::NonZero, path::PathBuf, time::Duration};

use clap::Args as ClapArgs;

use super::{
    condition::Condition,
    engine::script::{Filling, Sizes},
    quantity,
};
use crate::{
    dialing::options::DialOptions,
    values::{self, TimeOrOff},
};

/// The options of `bench`.
#[derive(ClapArgs, Debug)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) dial: DialOptions,

    /// Open this many connections.
    #[arg(short, long, value_name = "N", value_parser = quantity::count, default_value = "10")]
    pub(crate) connections: u64,

    /// With --http2 or --http3: open this many of the connections, from 1 to 100, as streams of one connection to the
    /// server. Default: 1.
    #[arg(long, value_name = "N", value_parser = |text: &str| values::number(text, 1..=100))]
    #[arg(conflicts_with = "raw_tcp")]
    pub(crate) streams: Option<u8>,

    /// Open this many connections per second. The load begins when all are open. Default: as fast as the server
    /// answers.
    #[arg(long, value_name = "N/s", value_parser = quantity::rate)]
    pub(crate) ramp: Option<f64>,

    /// Send this many messages per second over all connections, however slowly the server answers (an open model). A
    /// round trip counts from the time at which its message was due, so that a server cannot hide a stall.
    #[arg(long, value_name = "N/s", value_parser = quantity::rate, conflicts_with = "pipeline")]
    pub(crate) rate: Option<f64>,

    /// Keep this many messages in flight on each connection (a closed model). Each answer lets the next message go.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value = "1")]
    pub(crate) pipeline: u32,

    /// Measure for this long, like 30s or 5m. Default: 10s.
    #[arg(short, long, value_name = "TIME", value_parser = values::time)]
    pub(crate) duration: Option<Duration>,

    /// Send this many messages over all connections, instead of measuring for a time. With --handshakes: do this many
    /// handshakes.
    #[arg(short = 'n', long, value_name = "N", value_parser = quantity::count)]
    pub(crate) messages: Option<u64>,

    /// Send for this long before measuring. Default: 1s, and none with --messages.
    #[arg(long, value_name = "TIME", value_parser = values::time_or_off)]
    pub(crate) warmup: Option<TimeOrOff>,

    /// Send messages of this size, of several sizes in turn (16,1k,16k), or of random sizes in a range (64-4096).
    #[arg(long, value_name = "SIZES", value_parser = quantity::sizes, default_value = "64")]
    pub(crate) size: Sizes,

    /// Send text messages.
    #[arg(long, conflicts_with = "binary")]
    pub(crate) text: bool,

    /// Send binary messages. This is the default, unless --payload is text.
    #[arg(long)]
    pub(crate) binary: bool,

    /// Fill messages with this kind of data. Default: random, or ascii for text.
    #[arg(long, value_name = "KIND", value_enum)]
    pub(crate) payload: Option<Filling>,

    /// Offer compression (permessage-deflate). Each message is compressed once, before the load begins.
    #[arg(long)]
    pub(crate) compress: bool,

    /// Connect from these source addresses in turn. Each has about 28,000 ports.
    #[arg(long, value_name = "IP,IP..", value_delimiter = ',')]
    pub(crate) source: Vec<IpAddr>,

    /// Measure a broadcast: the first N connections send (default 1), and every connection receives.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", require_equals = true)]
    #[arg(value_parser = quantity::count, conflicts_with_all = ["handshakes", "hold"])]
    pub(crate) broadcast: Option<u64>,

    /// With --broadcast: expect that the server does not send a message back to its sender.
    #[arg(long, requires = "broadcast")]
    pub(crate) not_to_sender: bool,

    /// Measure handshakes: open and reset each of the connections again and again.
    #[arg(long, conflicts_with_all = ["rate", "hold", "ramp"])]
    pub(crate) handshakes: bool,

    /// Open the connections and hold them without sending. With --messages: send that many first, over all connections.
    #[arg(long, conflicts_with = "rate")]
    pub(crate) hold: bool,

    /// Compare each answer byte for byte with its message.
    #[arg(long, conflicts_with_all = ["broadcast", "handshakes", "hold"])]
    pub(crate) verify: bool,

    /// Send the same bytes over plain TCP, without a handshake, to a server that echoes every byte. This measures the
    /// cost of the load without WebSocket.
    #[arg(long, conflicts_with_all = ["rate", "broadcast", "compress", "verify"])]
    pub(crate) raw_tcp: bool,

    /// Show the memory and the processor time for each answer of this process on the same machine, usually the server
    /// (Linux).
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,

    /// Make the load with this many threads.
    #[arg(long, value_name = "N", value_parser = values::threads, default_value = "1")]
    pub(crate) threads: NonZero<usize>,

    /// Time out an answer after this long, and each step of opening a connection unless --connect-timeout is given.
    #[arg(long, value_name = "TIME", value_parser = values::time, default_value = "10s")]
    pub(crate) timeout: Duration,

    /// End with exit code 9 if this condition matches, like 'p99>5ms', 'errors>0' or 'rate<1000'. Can be repeated, or
    /// separated by commas.
    #[arg(long, value_name = "CONDITION", value_delimiter = ',')]
    pub(crate) fail_if: Vec<Condition>,

    /// Print one JSON object instead of the summary.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write an HTML page with plots to this file.
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

Exit codes: 0 success, 1 refused by the operating system, 2 an option is not valid, 8 no message arrived, 9 a condition \
of --fail-if matched, 130 interrupted. If no connection is left, the most frequent cause decides: 3 cannot connect, 4 TLS failed, \
5 handshake refused or not answered, 6 closed or reset by the server, 7 the server broke the protocol or answered with \
something else, 8 no answer in time.";

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
