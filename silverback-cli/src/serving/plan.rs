//! From the settings of a server to bound addresses, policies and limits.

use std::{num::NonZero, sync::Arc, thread, time::Duration};

use silverback::{Config, MemoryBudget, Origin, OriginPolicy, Upgrader};

use super::{
    activation,
    admin::AdminPlan,
    args::{AllowedHost, AllowedOrigin, FILE, Operators, TlsArgs},
    descriptors::{self, MaxConnections},
    hosts::host_policy,
    listen::{self, Address, Bound, Place},
    monitor::{Monitor, log::Log},
    open_connections::Places,
    routes::Hosts,
    tls::Tls,
    trust::Trust,
};
use crate::error::Error;

/// The settings that all commands which serve have in common.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<Address>,
    /// The permissions of Unix sockets.
    pub(crate) listen_mode: Option<u32>,
    pub(crate) tls: TlsArgs,
    pub(crate) operators: Operators,
    pub(crate) trust: Trust,
    pub(crate) origins: Vec<AllowedOrigin>,
    pub(crate) hosts: Vec<AllowedHost>,
    /// Of each connection.
    pub(crate) config: Config,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    pub(crate) memory_limit: usize,
    pub(crate) max_connections: MaxConnections,
    /// Zero for no limit.
    pub(crate) max_connections_per_address: usize,
    /// How many WebSockets may open in a second, if that is limited.
    pub(crate) accept_rate: Option<NonZero<u32>>,
    pub(crate) close_timeout: Duration,
    /// The longest time over which connections are closed at the end.
    pub(crate) drain: Duration,
}

impl Settings {
    /// Reads the certificate, and fails if no address can have it. No address is bound.
    pub(crate) fn validate_tls(&self) -> Result<(), Error> {
        resolve_tls(self.tls.clone(), self.has_tcp()).map(drop)
    }

    fn has_tcp(&self) -> bool {
        self.listen.iter().any(|address| matches!(address, Address::Tcp { .. }))
    }
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
    pub(crate) trust: Trust,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    /// Counts the connections that are allowed.
    pub(crate) places: Arc<Places>,
    pub(crate) close_timeout: Duration,
    pub(crate) drain: Duration,
    /// The listener for operators.
    pub(crate) admin: Option<AdminPlan>,
    /// The listener with the metrics alone.
    pub(crate) metrics: Option<AdminPlan>,
    /// Warnings about options that open the service to strangers, and limits that do not fit.
    pub(crate) warnings: Vec<String>,
    /// The number of files that the process may open, if it is limited.
    max_files: Option<u64>,
}

impl Plan {
    /// Validates the settings and binds the addresses. Calls `before_listening` before a client can connect.
    pub(crate) fn resolve(settings: Settings, before_listening: impl FnOnce()) -> Result<Self, Error> {
        let given = activation::take()?;
        let has_tcp = match given.main.is_empty() {
            true => settings.has_tcp(),
            false => given.main.iter().any(Bound::has_tcp),
        };
        let Settings { listen, listen_mode, origins, hosts, .. } = settings;
        let tls = resolve_tls(settings.tls, has_tcp)?;
        if tls.is_none() && given.needs_tls {
            return Err(Error::Usage(NO_CERTIFICATE.to_owned()));
        }
        let Operators { admin, token, metrics, log_format } = settings.operators;
        let admin = AdminPlan::bind(given.admin, admin.as_ref()).map_err(listen::naming("--admin"))?;
        let metrics = AdminPlan::bind(given.metrics, metrics.as_ref()).map_err(listen::naming("--metrics"))?;
        let is_watching = admin.is_some() || metrics.is_some();
        let admin = admin.map(|bound| AdminPlan::resolve(bound, token, &hosts, tls.as_ref())).transpose()?;
        let metrics = metrics.map(|bound| AdminPlan::of_metrics(bound, &hosts));
        // The sockets that the program is given take the place of those of `--listen`.
        let bound = match given.main.is_empty() {
            true => listen::bind_all(&listen, listen_mode, before_listening).map_err(listen::naming("--listen"))?,
            false => {
                before_listening();
                given.main
            }
        };
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
            .check_origin(origin_policy(&origins))
            .metrics(is_watching);
        let registry = is_watching.then(Monitor::install_registry);
        let log = log_format.map(Log::start).transpose()?;
        let max_files = descriptors::raise_limit();
        let (most, too_many) = settings.max_connections.under(max_files);
        let places = Places::new(most, Monitor::new(registry, log))
            .most_from_each_address(settings.max_connections_per_address)
            .most_in_a_second(settings.accept_rate);
        Ok(Self {
            bound,
            tls,
            upgrader,
            hosts: host_policies,
            trust: settings.trust,
            handshake_timeout: settings.handshake_timeout,
            max_head_size: settings.max_head_size,
            places: Arc::new(places),
            close_timeout: settings.close_timeout,
            drain: settings.drain,
            warnings: warnings(&origins, &hosts, admin.as_ref()).map(str::to_owned).chain(too_many).collect(),
            max_files,
            admin,
            metrics,
        })
    }

    /// The first lines of output: what this is, and how clients reach its addresses (whether by TLS, and the socket's file
    /// if it is one).
    pub(crate) fn announcement(
        &self,
        what: &str,
        of_authority: impl Fn(&str, &str, &str) -> String,
        of_file: &str,
    ) -> String {
        let (http, ws) = if self.tls.is_some() { ("https", "wss") } else { ("http", "ws") };
        let line = |bound: &Bound| match &bound.place {
            Place::Authority(authority) => of_authority(http, ws, authority),
            #[cfg(unix)]
            Place::File(file) => {
                format!("Connect to ws://localhost{of_file} through the Unix socket {}", file.path.display())
            }
        };
        let mut lines = vec![format!("silverback {} {what}.", env!("CARGO_PKG_VERSION"))];
        lines.extend(self.bound.iter().map(line));
        // `0.0.0.0` and `[::]` are announced alike.
        lines.dedup();
        let fingerprint = self.tls.as_ref().and_then(Tls::self_signed_fingerprint);
        lines
            .extend(fingerprint.map(|fingerprint| {
                format!("The certificate is self-signed. Its SHA-256 fingerprint is {fingerprint}")
            }));
        lines.extend(self.admin.as_ref().map(|admin| format!("Metrics and the admin page are at {}", admin.shown(""))));
        lines.extend(self.metrics.as_ref().map(|metrics| format!("Metrics are at {}", metrics.shown("metrics"))));
        if let Some(log) = self.places.monitor.log() {
            lines = log.announce(lines, self.places.taken().1, self.max_files);
        }
        lines.join("\n") + "\n"
    }
}

/// Reads the certificate, and fails if no address can have it.
fn resolve_tls(tls: TlsArgs, has_tcp: bool) -> Result<Option<Tls>, Error> {
    match Tls::resolve(tls)? {
        Some(_) if !has_tcp => Err(Error::Usage(NO_TCP.to_owned())),
        tls => Ok(tls),
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

fn warnings(
    origins: &[AllowedOrigin],
    hosts: &[AllowedHost],
    admin: Option<&AdminPlan>,
) -> impl Iterator<Item = &'static str> {
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
    let of_hosts = of_hosts.into_iter().filter(|(host, _)| hosts.contains(host)).map(|(_, warning)| warning);
    let of_admin = admin.is_some_and(AdminPlan::sends_token_in_plain_text).then_some(PLAIN_TOKEN);
    given.chain(of_hosts).chain(of_admin)
}

/// One thread serves more than most networks carry. A few more keep large messages from delaying small ones.
pub(crate) fn default_threads() -> NonZero<usize> {
    thread::available_parallelism().map_or(NonZero::<usize>::MIN, |cores| cores.min(MOST_THREADS))
}

const PLAIN_TOKEN: &str =
    "warning: the token of --admin travels without encryption; --tls-cert also encrypts that address";

const NO_CERTIFICATE: &str = "a socket of LISTEN_FDS is named `tls`, so --tls-cert or --tls-self-signed is needed";

const NO_TCP: &str =
    "--tls-cert and --tls-self-signed need a TCP address in --listen, because Unix sockets stay without TLS";

/// Few networks carry more clients to one machine, and few programs may open more files.
pub(crate) const DEFAULT_MAX_CONNECTIONS: MaxConnections = MaxConnections::Default(50_000);

const MOST_THREADS: NonZero<usize> = NonZero::new(4).unwrap();
