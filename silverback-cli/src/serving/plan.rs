//! From the settings of a server to bound addresses, policies and limits.

use std::{num::NonZero, sync::Arc, thread, time::Duration};

use silverback::{Config, HostPolicy, MemoryBudget, Origin, OriginPolicy, Upgrader, proto::handshake::HostPattern};

use super::{
    args::{AllowedHost, AllowedOrigin, FILE, TlsArgs},
    listen::{self, Address, Bound, Place},
    open_connections::Places,
    routes::Hosts,
    tls::Tls,
};
use crate::error::Error;

/// The settings that all commands which serve have in common.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<Address>,
    /// The permissions of Unix sockets.
    pub(crate) listen_mode: Option<u32>,
    pub(crate) tls: TlsArgs,
    pub(crate) origins: Vec<AllowedOrigin>,
    pub(crate) hosts: Vec<AllowedHost>,
    /// Of each connection.
    pub(crate) config: Config,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    pub(crate) memory_limit: usize,
    pub(crate) max_connections: usize,
    /// Zero for no limit.
    pub(crate) max_connections_per_address: usize,
    pub(crate) close_timeout: Duration,
    /// The longest time over which connections are closed at the end.
    pub(crate) drain: Duration,
}

/// Everything that a server needs to run, beside its site.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) bound: Vec<Bound>,
    /// For TCP sockets.
    pub(crate) tls: Option<Tls>,
    pub(crate) upgrader: Upgrader,
    /// Applies to every request, so the upgrader does not check the host again.
    pub(crate) hosts: Hosts,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    /// Counts the connections that are allowed.
    pub(crate) places: Arc<Places>,
    pub(crate) close_timeout: Duration,
    pub(crate) drain: Duration,
    /// Warnings about options that open the service to strangers.
    pub(crate) warnings: Vec<&'static str>,
}

impl Plan {
    /// Validates the settings and binds the addresses. Calls `before_listening` before a client can connect.
    pub(crate) fn resolve(settings: Settings, before_listening: impl FnOnce()) -> Result<Self, Error> {
        let Settings { listen, listen_mode, origins, hosts, .. } = settings;
        let tls = Tls::resolve(settings.tls)?;
        if tls.is_some() && listen.iter().all(|address| matches!(address, Address::Unix(_))) {
            return Err(Error::Usage(NO_TCP.to_owned()));
        }
        let bound = listen::bind_all(&listen, listen_mode, before_listening)?;
        let host_policies = Hosts {
            tcp: host_policy(&hosts, &bound, !bound.iter().any(Bound::is_public)),
            #[cfg(unix)]
            unix: host_policy(&hosts, &bound, false),
        };
        let upgrader = Upgrader::new()
            .config(settings.config)
            .handshake_timeout(settings.handshake_timeout)
            .max_head_size(settings.max_head_size)
            .memory_budget(MemoryBudget::new(settings.memory_limit))
            .check_origin(origin_policy(&origins));
        let places = Places::new(settings.max_connections);
        let places = places.most_from_each_address(settings.max_connections_per_address);
        Ok(Self {
            bound,
            tls,
            upgrader,
            hosts: host_policies,
            handshake_timeout: settings.handshake_timeout,
            max_head_size: settings.max_head_size,
            places: Arc::new(places),
            close_timeout: settings.close_timeout,
            drain: settings.drain,
            warnings: warnings(&origins, &hosts),
        })
    }

    /// The addresses to announce, and how clients reach them: whether by TLS, and the socket's file if it is one.
    pub(crate) fn announcement(&self, of_authority: impl Fn(&str, &str, &str) -> String, of_file: &str) -> String {
        let (http, ws) = if self.tls.is_some() { ("https", "wss") } else { ("http", "ws") };
        let line = |bound: &Bound| match &bound.place {
            Place::Authority(authority) => of_authority(http, ws, authority),
            #[cfg(unix)]
            Place::File(file) => {
                format!("Connect to ws://localhost{of_file} through the Unix socket {}\n", file.path.display())
            }
        };
        let mut lines: Vec<_> = self.bound.iter().map(line).collect();
        // `0.0.0.0` and `[::]` are announced alike.
        lines.dedup();
        let fingerprint = self.tls.as_ref().and_then(Tls::self_signed_fingerprint);
        lines.extend(
            fingerprint.map(|fingerprint| {
                format!("The certificate is self-signed. Its SHA-256 fingerprint is {fingerprint}\n")
            }),
        );
        lines.concat()
    }
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

/// One thread serves more than most networks carry. A few more keep large messages from delaying small ones.
pub(crate) fn default_threads() -> NonZero<usize> {
    thread::available_parallelism().map_or(NonZero::<usize>::MIN, |cores| cores.min(MOST_THREADS))
}

const NO_TCP: &str =
    "--tls-cert and --tls-self-signed need a TCP address in --listen, because Unix sockets stay without TLS";

const MOST_THREADS: NonZero<usize> = NonZero::new(4).unwrap();
