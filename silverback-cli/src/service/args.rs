//! The options of the echo service, from the command line and the environment. `plan` turns them into settings.

use std::{num::NonZero, time::Duration};

use clap::Args as ClapArgs;

#[cfg(unix)]
use crate::serving::args::parse_mode;
use crate::{
    serving::{
        args::{AllowedHost, AllowedOrigin, OperatorArgs, TlsArgs, parse_addresses, parse_hosts, parse_origins},
        listen::Address,
        trust::{ClientHeader, TrustedProxy},
    },
    values::{self, List, TimeOrOff},
};

/// The options of the echo service.
#[derive(ClapArgs, Debug)]
#[group(skip)]
pub(crate) struct Args {
    /// Listen on this address, HOST:PORT or unix:PATH. `localhost` means 127.0.0.1 and ::1; other machines can connect
    /// with 0.0.0.0:8000 or [::]:8000. Port 0 picks a free port. Can be repeated.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_LISTEN", hide_env_values = true)]
    #[arg(value_parser = parse_addresses, default_value = "localhost:8000")]
    pub(crate) listen: Vec<List<Address>>,

    /// Give the Unix sockets of --listen these permissions, in octal like 660. Default: as the umask says.
    #[cfg(unix)]
    #[arg(long, value_name = "MODE", env = "SILVERBACK_LISTEN_MODE", hide_env_values = true)]
    #[arg(value_parser = parse_mode)]
    pub(crate) listen_mode: Option<u32>,

    #[command(flatten)]
    pub(crate) tls: TlsArgs,

    #[command(flatten)]
    pub(crate) operators: OperatorArgs,

    /// Serve connections with this many threads. Default: one for each core, at most 4.
    #[arg(long, value_name = "N", env = "SILVERBACK_THREADS", hide_env_values = true)]
    #[arg(value_parser = values::threads)]
    pub(crate) threads: Option<NonZero<usize>>,

    /// Accept messages up to this size, like 65536, 64KiB or 1MiB. A larger message closes its connection.
    #[arg(long, value_name = "SIZE", env = "SILVERBACK_MAX_MESSAGE_SIZE", hide_env_values = true)]
    #[arg(value_parser = values::size, default_value = "1MiB")]
    pub(crate) max_message_size: u64,

    /// Allow web pages of this origin to connect, like https://example.com or http://localhost:3000. `null` allows
    /// pages opened from a disk and sandboxed pages of any site, `file://` allows the web views that send it, and `*`
    /// allows every page. Non-browser clients are always allowed. Can be repeated. Default: only the page of this
    /// service.
    #[arg(long, value_name = "ORIGIN", env = "SILVERBACK_ALLOW_ORIGIN", hide_env_values = true)]
    #[arg(value_parser = parse_origins)]
    pub(crate) allow_origin: Vec<List<AllowedOrigin>>,

    /// Accept requests for this host, like example.com or *.example.com, with any port; `*` accepts every host. Behind
    /// a proxy, name the host that the proxy passes on. Can be repeated. Default: loopback names such as localhost if
    /// the service only listens on loopback, to prevent DNS rebinding; otherwise every host.
    #[arg(long, value_name = "HOST", env = "SILVERBACK_ALLOW_HOST", hide_env_values = true)]
    #[arg(value_parser = parse_hosts)]
    pub(crate) allow_host: Vec<List<AllowedHost>>,

    /// Believe this proxy about the addresses of clients: an address, a network like 10.0.0.0/8, or `unix` for those that
    /// connect to a Unix socket. Can be repeated. Default: none.
    #[arg(long, value_name = "PROXY", env = "SILVERBACK_TRUSTED_PROXY", hide_env_values = true)]
    #[arg(value_parser = |text: &str| values::list(text, str::parse::<TrustedProxy>))]
    pub(crate) trusted_proxy: Vec<List<TrustedProxy>>,

    /// Read the address from this header of a trusted proxy, `x-forwarded-for` or `forwarded`.
    #[arg(long, value_name = "HEADER", env = "SILVERBACK_CLIENT_HEADER", hide_env_values = true)]
    #[arg(value_parser = |text: &str| text.parse::<ClientHeader>(), default_value = "x-forwarded-for")]
    pub(crate) client_header: ClientHeader,

    /// Require connections of a --trusted-proxy to begin with a header of the PROXY protocol, version 1 or 2, and take the
    /// address of the client from it. Connections from elsewhere have none; one that sends it is refused.
    #[arg(long, env = "SILVERBACK_PROXY_PROTOCOL", hide_env_values = true, value_parser = values::choice)]
    pub(crate) proxy_protocol: bool,

    /// Wait this long for a client's request, and for the client to close after a refusal, like 10s or 500ms.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_HANDSHAKE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = values::time, default_value = "10s")]
    pub(crate) handshake_timeout: Duration,

    /// Accept request heads up to this size, from 1KiB to 64KiB. Large cookies need more.
    #[arg(long, value_name = "SIZE", env = "SILVERBACK_MAX_HEAD_SIZE", hide_env_values = true)]
    #[arg(value_parser = values::head_size, default_value = "16KiB")]
    pub(crate) max_head_size: usize,

    /// Wait this long for a client's reply when its connection is closed, also at shutdown.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_CLOSE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = values::time, default_value = "5s")]
    pub(crate) close_timeout: Duration,

    /// Close connections spread over up to this time at shutdown, with 1012, so that clients do not all reconnect at once.
    /// The service refuses new WebSockets meanwhile, and ends as soon as no connection is left. `0` closes all at once,
    /// with 1001.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_DRAIN", hide_env_values = true)]
    #[arg(value_parser = values::time_or_none, default_value = "0")]
    pub(crate) drain: Duration,

    /// Ping a client after this much silence, in which it sends nothing and takes no output. `off` disables pings.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_PING_INTERVAL", hide_env_values = true)]
    #[arg(value_parser = values::time_or_off, default_value = "20s")]
    pub(crate) ping_interval: TimeOrOff,

    /// Close the connection if the peer stays silent for this long after a ping.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_PING_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = values::time, default_value = "20s")]
    pub(crate) ping_timeout: Duration,

    /// Do not compress messages, even if a client offers it (permessage-deflate, RFC 7692).
    #[arg(long, env = "SILVERBACK_NO_COMPRESSION", hide_env_values = true, value_parser = values::choice)]
    pub(crate) no_compression: bool,

    /// Compress at this level, from 1 (fast) to 9 (small).
    #[arg(long, value_name = "LEVEL", env = "SILVERBACK_COMPRESSION_LEVEL", hide_env_values = true)]
    #[arg(value_parser = |text: &str| values::number(text, 1..=9), default_value = "1")]
    pub(crate) compression_level: u8,

    /// Compress each message independently, in both directions. Connections take less memory, but messages are larger.
    #[arg(long, env = "SILVERBACK_NO_CONTEXT_TAKEOVER", hide_env_values = true, value_parser = values::choice)]
    pub(crate) no_context_takeover: bool,

    /// Limit the compression window to 2^BITS bytes, from 8 to 15. A smaller window takes less memory. Below 15,
    /// connections of clients that cannot limit their own window are not compressed.
    #[arg(long, value_name = "BITS", env = "SILVERBACK_WINDOW_BITS", hide_env_values = true)]
    #[arg(value_parser = |text: &str| values::number(text, 8..=15), default_value = "15")]
    pub(crate) window_bits: u8,

    /// Limit the memory for compression over all connections, at least 1MiB. It covers compressors, decompressors and
    /// incomplete compressed messages. When it is nearly used up, new connections get no compression, and later 503.
    #[arg(long, value_name = "SIZE", env = "SILVERBACK_MEMORY_LIMIT", hide_env_values = true)]
    #[arg(value_parser = values::memory_limit, default_value = "256MiB")]
    pub(crate) memory_limit: usize,

    /// Serve at most this many WebSockets at a time. More get 503. There may be a hundred more connections, which are told
    /// so or have no WebSocket. Default: 50000, or as many as the limit on open files allows.
    #[arg(long, value_name = "N", env = "SILVERBACK_MAX_CONNECTIONS", hide_env_values = true)]
    #[arg(value_parser = values::connections)]
    pub(crate) max_connections: Option<usize>,

    /// Serve at most this many WebSockets at a time from one IPv4 address or one /64 of IPv6. More get 503. Behind a proxy,
    /// this needs --trusted-proxy. `0` is no limit.
    #[arg(long, value_name = "N", env = "SILVERBACK_MAX_CONNECTIONS_PER_ADDRESS", hide_env_values = true)]
    #[arg(value_parser = values::connections_or_none, default_value = "0")]
    pub(crate) max_connections_per_address: usize,

    /// Let at most this many WebSockets open in a second, after a burst of as many. More get 503 with a random Retry-After,
    /// so that clients do not all come back at once. `0` is no limit.
    #[arg(long, value_name = "N", env = "SILVERBACK_ACCEPT_RATE", hide_env_values = true)]
    #[arg(value_parser = values::accept_rate, default_value = "0")]
    pub(crate) accept_rate: u32,

    /// Do not print a line for each message.
    #[arg(long, env = "SILVERBACK_QUIET", hide_env_values = true, value_parser = values::choice)]
    pub(crate) quiet: bool,
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
