//! A server: listeners, TLS, HTTP/1.1, HTTP/2 and HTTP/3, limits, and an end in order. The echo service and the hub are
//! sites on it.

mod accept;
mod accept_rate;
pub(crate) mod activation;
mod admin;
pub(crate) mod answers;
pub(crate) mod args;
mod connection;
mod context;
pub(crate) mod descriptors;
mod drain;
mod hosts;
mod http3;
pub(crate) mod listen;
mod memory;
pub(crate) mod monitor;
pub(crate) mod open_connections;
pub(crate) mod plan;
mod proxy_header;
pub(crate) mod query;
mod refusals;
pub(crate) mod routes;
mod service_manager;
mod siblings;
pub(crate) mod site;
pub(crate) mod sockets;
mod tls;
pub(crate) mod token;
pub(crate) mod trust;
#[cfg(unix)]
mod unix_socket;
mod worker;

use std::{num::NonZero, sync::Arc, time::Duration};

use silverback::Upgrader;
use tokio::{runtime::Runtime, sync::Notify, time::timeout};

use self::{
    accept::Acceptor,
    admin::{AdminPlan, metrics_site::MetricsSite, operated::Operated, site::AdminSite},
    drain::Drain,
    http3::Endpoints,
    listen::{Bound, Place},
    monitor::Monitor,
    open_connections::Places,
    plan::Plan,
    site::Site,
    token::Token,
    trust::Trust,
    worker::{Worker, WorkerConfig, WorkerHandle},
};
use crate::{
    error::{self, Error},
    signals::Signals,
};

pub(crate) use self::worker::new_runtime;

/// Prepares the process. To be called once the addresses are bound.
pub(crate) fn begin(plan: &Plan, signals: &Signals) -> Result<(), Error> {
    memory::note_start();
    plan.warnings.iter().for_each(error::report);
    plan.tls.as_ref().map_or(Ok(()), |tls| tls.reload(signals))
}

/// The threads of a server.
#[derive(Debug)]
pub(crate) enum Threads {
    /// Each of this many threads has its own connections.
    Apart(NonZero<usize>),
    /// The threads of the runtime share all connections.
    Shared,
}

/// Serves until a signal arrives, and then closes every connection. Calls `announce` once clients are accepted.
pub(crate) fn run(
    plan: Plan,
    site: Arc<dyn Site>,
    runtime: &Runtime,
    threads: &Threads,
    announce: impl FnOnce(),
    signals: Signals,
) -> Result<(), Error> {
    let udp = if plan.tls.is_some() { http3::bind_beside(&plan.bound) } else { Vec::new() };
    let config = WorkerConfig {
        site: site.clone(),
        upgrader: plan.upgrader,
        hosts: plan.hosts,
        trust: plan.trust,
        handshake_timeout: plan.handshake_timeout,
        max_head_size: plan.max_head_size,
        tls: plan.tls.clone(),
        http3_ports: udp.iter().filter_map(|socket| Some(socket.local_addr().ok()?.port())).collect(),
        places: plan.places,
        close_timeout: plan.close_timeout,
    };
    let more = match threads {
        Threads::Apart(count) => count.get() - 1,
        Threads::Shared => 0,
    };
    let (accepting, handles) = start_workers(&plan.bound, more, &config)?;
    let endpoints = {
        let _entered = runtime.enter();
        Endpoints::new(udp, plan.tls.map(|tls| tls.config()).as_deref())?
    };
    let places = config.places.clone();
    let mut server = Server {
        beside: Vec::new(),
        drain: Drain { window: plan.drain, places: places.clone() },
        endpoints,
        worker: Worker::new(config),
        accepting,
        handles,
        drain_asked: Arc::default(),
    };
    let operated = server.operated(site);
    let admin =
        plan.admin.map(|plan| beside("admin", plan, |token| admin_site(operated.clone(), token))).transpose()?;
    let metrics = plan.metrics.map(|plan| beside("metrics", plan, |_| Arc::new(MetricsSite(operated)))).transpose()?;
    server.beside.extend(admin.into_iter().chain(metrics));
    let served = runtime.block_on(server.serve(plan.bound, announce, signals));
    if let Some(log) = places.monitor.log() {
        log.finish(LAST_LINES);
    }
    served
}

/// A listener for operators, on which a site with its own small limits serves until the end of a drain. It has a thread,
/// so that readers of long lists do not hold up the clients.
struct Beside {
    _place: Place,
    _thread: WorkerHandle,
}

fn beside(name: &str, plan: AdminPlan, site: impl FnOnce(Option<Token>) -> Arc<dyn Site>) -> Result<Beside, Error> {
    let AdminPlan { bound: Bound { listeners, place, .. }, hosts, token, tls } = plan;
    let config = WorkerConfig {
        site: site(token),
        upgrader: Upgrader::new(),
        hosts,
        handshake_timeout: TIMEOUT_BESIDE,
        max_head_size: MOST_HEAD_BESIDE,
        tls,
        http3_ports: Arc::default(),
        trust: Trust::default(),
        // No WebSockets, and a hundred other connections.
        places: Arc::new(Places::new(0, Monitor::default())),
        close_timeout: TIMEOUT_BESIDE,
    };
    Ok(Beside { _place: place, _thread: WorkerHandle::start(name, config, listeners)? })
}

fn admin_site(server: Operated, token: Option<Token>) -> Arc<dyn Site> {
    Arc::new(AdminSite { server, token, origins: Upgrader::new() })
}

/// How threads get their sockets.
#[derive(Clone, Copy, Debug)]
enum Accepting {
    /// Each thread accepts its own.
    Each,
    /// The first thread accepts for all.
    First,
}

struct Server {
    /// The listeners for operators.
    beside: Vec<Beside>,
    drain: Drain,
    endpoints: Endpoints,
    worker: Worker,
    accepting: Accepting,
    handles: Vec<WorkerHandle>,
    /// An operator wants the server to drain and end.
    drain_asked: Arc<Notify>,
}

fn start_workers(
    bound: &[Bound],
    count: usize,
    config: &WorkerConfig,
) -> Result<(Accepting, Vec<WorkerHandle>), Error> {
    let (accepting, sets) = match siblings::for_threads(bound, count) {
        Some(sets) => (Accepting::Each, sets),
        None => (Accepting::First, (0..count).map(|_| Vec::new()).collect()),
    };
    let start = |(number, set)| WorkerHandle::start(&format!("worker-{number}"), config.clone(), set);
    let handles = (1..).zip(sets).map(start).collect::<Result<_, _>>()?;
    Ok((accepting, handles))
}

impl Server {
    fn operated(&self, site: Arc<dyn Site>) -> Operated {
        let (places, drain) = (self.drain.places.clone(), self.drain_asked.clone());
        Operated { places, open: self.open(), site, drain, queues: Arc::default() }
    }

    async fn serve(mut self, bound: Vec<Bound>, announce: impl FnOnce(), mut signals: Signals) -> Result<(), Error> {
        let (listeners, places): (Vec<_>, Vec<_>) =
            bound.into_iter().map(|bound| (bound.listeners, bound.place)).unzip();
        let mut acceptor = Acceptor::new(listeners.into_iter().flatten())?;
        announce();
        service_manager::ready();
        let end = async {
            tokio::select! {
                _ = signals.next() => {}
                () = self.drain_asked.notified() => {}
            }
            self.announce_end();
            service_manager::stopping();
            // Until the last WebSocket is told to close, requests are still answered, so that a load balancer learns by
            // the readiness check, and clients by 503.
            //
            // If an operator has asked for the drain, the first signal changes nothing: it asks for the same, and often comes
            // from a service manager right after the operator. The second ends the program at once in any case.
            self.drain.run(&self.open()).await;
        };
        let handed_to: &[WorkerHandle] = match self.accepting {
            Accepting::Each => &[],
            Accepting::First => &self.handles,
        };
        tokio::select! {
            () = accept(&mut acceptor, &self.worker, handed_to) => {}
            () = accept_http3(&self.endpoints, &self.worker) => {}
            () = service_manager::report(&self.drain.places) => {}
            () = end => {}
        }
        // Remove socket files first, so that a client cannot find a socket without a listener.
        drop(places);
        // The threads of the listeners for operators end by themselves, or with the process.
        self.beside.clear();
        drop(acceptor);
        self.finish().await;
        Ok(())
    }

    fn open(&self) -> Vec<Arc<open_connections::OpenConnections>> {
        std::iter::once(self.worker.open()).chain(self.handles.iter().map(WorkerHandle::open)).cloned().collect()
    }

    fn announce_end(&self) {
        let count: usize = self.open().iter().map(|open| open.count()).sum();
        if count > 0 {
            let connections = if count == 1 { "connection" } else { "connections" };
            error::report(&format_args!("closing {count} {connections}; a second signal ends at once"));
        }
    }

    async fn finish(self) {
        let Self { endpoints, worker, handles, .. } = self;
        let threads: Vec<_> = handles.into_iter().map(WorkerHandle::finish).collect();
        // The packets that tell clients of HTTP/3 about the end must leave, too.
        let packets = timeout(worker.close_timeout() + LAST_PACKETS, endpoints.shut_down());
        let _ = tokio::join!(worker.finish(), packets);
        // The other workers began to finish at the same moment and have the same time.
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| _ = thread.join()));
        let _ = joined.await;
    }
}

/// Accepts connections over HTTP/3, which stay on this thread.
async fn accept_http3(endpoints: &Endpoints, worker: &Worker) {
    loop {
        worker.take_http3(endpoints.accept().await);
    }
}

/// Accepts sockets, and hands them to the threads in turn.
async fn accept(acceptor: &mut Acceptor, worker: &Worker, handles: &[WorkerHandle]) {
    loop {
        let (stream, peer) = acceptor.accept().await;
        worker.take(stream, peer);
        for handle in handles {
            let (stream, peer) = acceptor.accept().await;
            handle.take(stream, peer);
        }
    }
}

/// Operators are near and send short requests.
const TIMEOUT_BESIDE: Duration = Duration::from_secs(10);
const MOST_HEAD_BESIDE: usize = 16 * 1024;

/// The time to write the last lines about connections that have ended.
const LAST_LINES: Duration = Duration::from_millis(500);

/// The time for the last packets of HTTP/3 after the close timeout.
const LAST_PACKETS: Duration = Duration::from_millis(500);
