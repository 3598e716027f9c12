//! What the program will do: addresses bound, limits checked, counts settled.

use std::{num::NonZero, thread, time::Duration};

use silverback::{Compression, Config, Upgrader, handshake::OriginPolicy};

use super::{args::Args, listen::Bound};
use crate::trouble::Trouble;

/// All that is needed to serve.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) bound: Vec<Bound>,
    pub(crate) threads: NonZero<usize>,
    pub(crate) upgrader: Upgrader,
    pub(crate) handshake_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) is_quiet: bool,
}

impl Plan {
    /// Binds the addresses; everything else cannot fail any more.
    pub(crate) fn resolve(args: Args) -> Result<Self, Trouble> {
        let config = Config::default()
            .max_message_size(args.max_message_size)
            .ping_interval(args.ping_interval.0)
            .ping_timeout(args.ping_timeout)
            .close_timeout(args.close_timeout)
            .compression(compression(&args));
        let policy = match args.allow_origin {
            list if list.is_empty() => OriginPolicy::SameOrigin,
            list => OriginPolicy::SameOriginOr(list),
        };
        Ok(Self {
            bound: args.listen.iter().map(|address| address.bind()).collect::<Result<_, _>>()?,
            threads: args.threads.unwrap_or_else(default_threads),
            upgrader: Upgrader::new().config(config).check_origin(policy),
            handshake_timeout: args.handshake_timeout,
            close_timeout: args.close_timeout,
            is_quiet: args.quiet,
        })
    }
}

/// What the echo offers to clients that ask for compression.
fn compression(args: &Args) -> Option<Compression> {
    let wanted = Compression::default()
        .level(args.compression_level)
        .server_max_window_bits(args.window_bits)
        .client_max_window_bits(args.window_bits)
        .server_no_context_takeover(args.no_context_takeover)
        .client_no_context_takeover(args.no_context_takeover);
    (!args.no_compression).then_some(wanted)
}

/// One thread echoes more than most networks carry; a few more keep large messages from delaying small ones.
fn default_threads() -> NonZero<usize> {
    thread::available_parallelism().map_or(NonZero::<usize>::MIN, |cores| cores.min(MOST_THREADS))
}

const MOST_THREADS: NonZero<usize> = NonZero::new(4).unwrap();
