//! From the options of the echo service to the settings of its server.

use std::num::NonZero;

use silverback::{Compression, Config};

use super::args::Args;
use crate::{
    error::Error,
    serving::{
        descriptors::MaxConnections,
        plan::{DEFAULT_MAX_CONNECTIONS, Settings},
        trust::Trust,
    },
    values::List,
};

/// Returns the settings that the options stand for.
pub(crate) fn settings(args: Args) -> Result<Settings, Error> {
    let config = Config::default()
        .max_message_size(args.max_message_size)
        .ping_interval(args.ping_interval.0)
        .ping_timeout(args.ping_timeout)
        .close_timeout(args.close_timeout)
        .compression(compression(&args));
    Ok(Settings {
        listen: all(args.listen),
        #[cfg(unix)]
        listen_mode: args.listen_mode,
        #[cfg(not(unix))]
        listen_mode: None,
        tls: args.tls,
        operators: args.operators.resolve()?,
        trust: Trust::new(all(args.trusted_proxy), args.client_header, args.proxy_protocol)
            .ok_or_else(|| Error::Usage(NO_PROXY.to_owned()))?,
        origins: all(args.allow_origin),
        hosts: all(args.allow_host),
        config,
        handshake_timeout: args.handshake_timeout,
        max_head_size: args.max_head_size,
        memory_limit: args.memory_limit,
        max_connections: args.max_connections.map_or(DEFAULT_MAX_CONNECTIONS, MaxConnections::Chosen),
        max_connections_per_address: args.max_connections_per_address,
        accept_rate: NonZero::new(args.accept_rate),
        close_timeout: args.close_timeout,
        drain: args.drain,
    })
}

/// The items of a list that may be given in several options.
fn all<T>(lists: Vec<List<T>>) -> Vec<T> {
    lists.into_iter().flat_map(|list| list.0).collect()
}

/// The compression that the echo accepts.
fn compression(args: &Args) -> Option<Compression> {
    let wanted = Compression::default()
        .level(args.compression_level)
        .server_max_window_bits(args.window_bits)
        .client_max_window_bits(args.window_bits)
        .server_no_context_takeover(args.no_context_takeover)
        .client_no_context_takeover(args.no_context_takeover);
    (!args.no_compression).then_some(wanted)
}

const NO_PROXY: &str = "--proxy-protocol needs --trusted-proxy, because everybody could send such a header";
