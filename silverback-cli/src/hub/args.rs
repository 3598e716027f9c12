//! The options of the hub, from the command line and the environment. `plan` turns them into settings.

use std::{num::NonZero, time::Duration};

use clap::Args as ClapArgs;

#[cfg(unix)]
use crate::serving::args::parse_mode;
use crate::{
    serving::{
        args::{AllowedHost, AllowedOrigin, TlsArgs, parse_addresses, parse_hosts, parse_origins},
        listen::Address,
    },
    values::{self, List},
};

/// The options of the hub.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Listen on this address, HOST:PORT or unix:PATH. `localhost` means 127.0.0.1 and ::1; other machines can connect
    /// with 0.0.0.0:8000 or [::]:8000. Port 0 picks a free port. Can be repeated. Default: localhost:8000.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_LISTEN", hide_env_values = true)]
    #[arg(value_parser = parse_addresses)]
    pub(crate) listen: Vec<List<Address>>,

    /// Give the Unix sockets of --listen these permissions, in octal like 660. Default: as the umask says.
    #[cfg(unix)]
    #[arg(long, value_name = "MODE", env = "SILVERBACK_LISTEN_MODE", hide_env_values = true)]
    #[arg(value_parser = parse_mode)]
    pub(crate) listen_mode: Option<u32>,

    /// Keep topics in this process (`memory`), or share them with other nodes through a broker. Default: memory.
    #[arg(long, value_name = "ENGINE", env = "SILVERBACK_ENGINE", hide_env_values = true)]
    pub(crate) engine: Option<String>,

    /// Let everybody connect, subscribe and publish everywhere without a token. For trying things out. Default: only if
    /// the hub listens on loopback alone and nothing is configured.
    #[arg(long, env = "SILVERBACK_OPEN", hide_env_values = true, value_parser = values::choice)]
    pub(crate) open: bool,

    #[command(flatten)]
    pub(crate) tls: TlsArgs,

    /// Allow web pages of this origin to connect; see the option of the echo service. Can be repeated. Default: only
    /// pages of the same origin.
    #[arg(long, value_name = "ORIGIN", env = "SILVERBACK_ALLOW_ORIGIN", hide_env_values = true)]
    #[arg(value_parser = parse_origins)]
    pub(crate) allow_origin: Vec<List<AllowedOrigin>>,

    /// Accept requests for this host; see the option of the echo service. Can be repeated.
    #[arg(long, value_name = "HOST", env = "SILVERBACK_ALLOW_HOST", hide_env_values = true)]
    #[arg(value_parser = parse_hosts)]
    pub(crate) allow_host: Vec<List<AllowedHost>>,

    /// Close connections spread over up to this time at shutdown, so that clients do not all reconnect at once. The hub
    /// refuses new connections meanwhile, and ends as soon as none is left. Default: 25s.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_DRAIN", hide_env_values = true)]
    #[arg(value_parser = values::time_or_none)]
    pub(crate) drain: Option<Duration>,

    /// Serve at most this many WebSockets at a time. More get 503. Default: 50000.
    #[arg(long, value_name = "N", env = "SILVERBACK_MAX_CONNECTIONS", hide_env_values = true)]
    #[arg(value_parser = values::connections)]
    pub(crate) max_connections: Option<usize>,

    /// Serve connections with this many threads. Default: one for each core, at most 4.
    #[arg(long, value_name = "N", env = "SILVERBACK_THREADS", hide_env_values = true)]
    #[arg(value_parser = values::threads)]
    pub(crate) threads: Option<NonZero<usize>>,
}

pub(crate) fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}", crate::error::exit_codes(&[0, 1, 2, 3, 129, 130, 143]))
}

const EXAMPLES: &str = "\
Examples:
  silverback hub                          serve this machine, open to everybody on it
  silverback hub --listen 0.0.0.0:8000    serve other machines too; clients need tokens

Ctrl-C and SIGTERM drain the hub and end it with 0; a second one ends it at once, with its own exit
code.";
