//! The options of the echo service, from the command line and the environment. `plan` turns them into settings.

use std::{num::NonZero, path::PathBuf, time::Duration};

use clap::Args as ClapArgs;
use silverback::{Origin, proto::handshake::HostPattern};

use super::listen::Address;
use crate::values::{self, List, TimeOrOff};

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
    /// so or have no WebSocket.
    #[arg(long, value_name = "N", env = "SILVERBACK_MAX_CONNECTIONS", hide_env_values = true)]
    #[arg(value_parser = values::connections, default_value = "50000")]
    pub(crate) max_connections: usize,

    /// Do not print a line for each message.
    #[arg(long, env = "SILVERBACK_QUIET", hide_env_values = true, value_parser = values::choice)]
    pub(crate) quiet: bool,
}

/// The options about TLS. Without any of them the service speaks plain text.
#[derive(ClapArgs, Debug)]
#[group(skip)]
pub(crate) struct TlsArgs {
    /// Serve https:// and wss:// with this certificate, a PEM file with its chain, and with its key if --tls-key is not
    /// given. It is read again when it changes and at SIGHUP. Unix sockets stay without TLS.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_TLS_CERT", hide_env_values = true)]
    #[arg(conflicts_with = "tls_self_signed")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Read the private key of --tls-cert from this PEM file.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_TLS_KEY", hide_env_values = true)]
    #[arg(requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Serve https:// and wss:// with a certificate that is made at each start, and print its fingerprint. Clients do not
    /// trust it by themselves, so this is for trying things out.
    #[arg(long, env = "SILVERBACK_TLS_SELF_SIGNED", hide_env_values = true, value_parser = values::choice)]
    pub(crate) tls_self_signed: bool,
}

fn parse_addresses(text: &str) -> Result<List<Address>, String> {
    values::list(text, str::parse)
}

#[cfg(unix)]
fn parse_mode(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let mode = u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8);
    mode.ok().filter(|mode| *mode <= 0o777).ok_or_else(|| "must be in octal, like 660 or 0600".to_owned())
}

/// An origin that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedOrigin {
    Any,
    /// The opaque origin.
    Null,
    /// The origin of files, in some web views.
    File,
    Web(Origin),
}

fn parse_origins(text: &str) -> Result<List<AllowedOrigin>, String> {
    values::list(text, parse_origin)
}

/// Ignores a final slash, which can mean only one thing.
fn parse_origin(text: &str) -> Result<AllowedOrigin, String> {
    if text == "*" {
        return Ok(AllowedOrigin::Any);
    }
    if text.eq_ignore_ascii_case("null") {
        return Ok(AllowedOrigin::Null);
    }
    let origin = match text.strip_suffix('/') {
        Some(rest) if !rest.ends_with(":/") => rest,
        _ => text,
    };
    match Origin::parse(origin) {
        Ok(origin) if origin.to_string() == FILE => Ok(AllowedOrigin::File),
        parsed => parsed.map(AllowedOrigin::Web).map_err(|error| error.to_string()),
    }
}

/// A host that the service answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedHost {
    Any,
    Host(HostPattern),
}

fn parse_hosts(text: &str) -> Result<List<AllowedHost>, String> {
    values::list(text, parse_host)
}

fn parse_host(text: &str) -> Result<AllowedHost, String> {
    match text {
        "*" => Ok(AllowedHost::Any),
        host => HostPattern::parse(host).map(AllowedHost::Host).map_err(|error| error.to_string()),
    }
}

/// The origin that the web views of some apps send for a local page.
pub(crate) const FILE: &str = "file://";

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
