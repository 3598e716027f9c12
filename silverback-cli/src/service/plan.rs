//! The settings of the service: bound addresses, policies and limits.

use std::{num::NonZero, thread, time::Duration};

use silverback::{
    Compression, Config, HostPolicy, MemoryBudget, Origin, OriginPolicy, Upgrader, proto::handshake::HostPattern,
};

use super::{
    args::{AllowedHost, AllowedOrigin, Args, FILE},
    listen::{self, Address, Bound, Place},
    routes::Hosts,
    tls::Tls,
};
use crate::{error::Error, values::List};

/// Everything the service needs to run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) bound: Vec<Bound>,
    /// For TCP sockets.
    pub(crate) tls: Option<Tls>,
    pub(crate) threads: NonZero<usize>,
    pub(crate) upgrader: Upgrader,
    /// Applies to every request, so the upgrader does not check the host again.
    pub(crate) hosts: Hosts,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    pub(crate) max_connections: usize,
    pub(crate) close_timeout: Duration,
    pub(crate) is_quiet: bool,
    /// Warnings about options that open the service to strangers.
    pub(crate) warnings: Vec<&'static str>,
}

impl Plan {
    /// Validates the options and binds the addresses. Calls `before_listening` before a client can connect.
    pub(crate) fn resolve(args: Args, before_listening: impl FnOnce()) -> Result<Self, Error> {
        let compression = compression(&args);
        let config = Config::default()
            .max_message_size(args.max_message_size)
            .ping_interval(args.ping_interval.0)
            .ping_timeout(args.ping_timeout)
            .close_timeout(args.close_timeout)
            .compression(compression);
        let (listen, origins, hosts) = (all(args.listen), all(args.allow_origin), all(args.allow_host));
        let tls = Tls::resolve(args.tls)?;
        if tls.is_some() && listen.iter().all(|address| matches!(address, Address::Unix(_))) {
            return Err(Error::Usage(NO_TCP.to_owned()));
        }
        #[cfg(unix)]
        let mode = args.listen_mode;
        #[cfg(not(unix))]
        let mode = None;
        let bound = listen::bind_all(&listen, mode, before_listening)?;
        let host_policies = Hosts {
            tcp: host_policy(&hosts, &bound, !bound.iter().any(Bound::is_public)),
            #[cfg(unix)]
            unix: host_policy(&hosts, &bound, false),
        };
        let upgrader = Upgrader::new()
            .config(config)
            .handshake_timeout(args.handshake_timeout)
            .max_head_size(args.max_head_size)
            .memory_budget(MemoryBudget::new(args.memory_limit))
            .check_origin(origin_policy(&origins));
        Ok(Self {
            bound,
            tls,
            threads: args.threads.unwrap_or_else(default_threads),
            upgrader,
            hosts: host_policies,
            handshake_timeout: args.handshake_timeout,
            max_head_size: args.max_head_size,
            max_connections: args.max_connections,
            close_timeout: args.close_timeout,
            is_quiet: args.quiet,
            warnings: warnings(&origins, &hosts),
        })
    }
}

/// The items of a list that may be given in several options.
fn all<T>(lists: Vec<List<T>>) -> Vec<T> {
    lists.into_iter().flat_map(|list| list.0).collect()
}

fn origin_policy(allowed: &[AllowedOrigin]) -> OriginPolicy {
    if allowed.contains(&AllowedOrigin::Any) {
        return OriginPolicy::Any;
    }
    let origins = allowed.iter().filter_map(|allowed| match allowed {
        AllowedOrigin::Any => None,
        AllowedOrigin::Null => Some(Origin::dangerous_null()),
        AllowedOrigin::File => Origin::parse(FILE).ok(),
        AllowedOrigin::Web(origin) => Some(origin.clone()),
    });
    OriginPolicy::SameOriginOr(origins.collect())
}

/// A page can reach a service on loopback only through its visitor's browser, by DNS rebinding. Its requests then name
/// a host that is not loopback. A service on another address can have names that this program does not know. A page
/// cannot reach a Unix socket at all.
fn host_policy(allowed: &[AllowedHost], bound: &[Bound], is_loopback: bool) -> HostPolicy {
    if allowed.contains(&AllowedHost::Any) || (allowed.is_empty() && !is_loopback) {
        return HostPolicy::Any;
    }
    let named = allowed.iter().filter_map(|allowed| match allowed {
        AllowedHost::Any => None,
        AllowedHost::Host(host) => Some(host.clone()),
    });
    // The addresses that the service announces.
    let announced = bound.iter().filter_map(|bound| match &bound.place {
        Place::Authority(authority) => HostPattern::parse(authority.rsplit_once(':')?.0).ok(),
        #[cfg(unix)]
        Place::File(_) => None,
    });
    HostPolicy::LoopbackOr(named.chain(announced).collect())
}

fn warnings(origins: &[AllowedOrigin], hosts: &[AllowedHost]) -> Vec<&'static str> {
    let of_origins = [
        (AllowedOrigin::Any, "warning: --allow-origin * lets the pages of every web site connect"),
        (
            AllowedOrigin::Null,
            "warning: --allow-origin null lets every web site connect, because any page can use a sandboxed frame",
        ),
        (AllowedOrigin::File, "warning: --allow-origin file:// lets every page that is opened from a disk connect"),
    ];
    let of_hosts = [(
        AllowedHost::Any,
        "warning: --allow-host * lets the pages of every web site reach this service by DNS rebinding",
    )];
    let given = of_origins.into_iter().filter(|(origin, _)| origins.contains(origin)).map(|(_, warning)| warning);
    given.chain(of_hosts.into_iter().filter(|(host, _)| hosts.contains(host)).map(|(_, warning)| warning)).collect()
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

/// One thread echoes more than most networks carry. A few more keep large messages from delaying small ones.
fn default_threads() -> NonZero<usize> {
    thread::available_parallelism().map_or(NonZero::<usize>::MIN, |cores| cores.min(MOST_THREADS))
}

const NO_TCP: &str =
    "--tls-cert and --tls-self-signed need a TCP address in --listen, because Unix sockets stay without TLS";

const MOST_THREADS: NonZero<usize> = NonZero::new(4).unwrap();
