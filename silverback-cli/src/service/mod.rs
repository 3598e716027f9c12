//! The echo service from its first line of output to its last connection.

mod accept;
pub(crate) mod args;
mod connection;
mod context;
mod echo;
mod excerpt;
mod http3;
mod listen;
mod memory;
mod open_connections;
mod page;
mod page_sockets;
mod plan;
mod printer;
mod refusals;
mod routes;
mod siblings;
mod sockets;
mod tls;
#[cfg(unix)]
mod unix_socket;
mod worker;

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use self::{
    accept::Acceptor,
    args::Args,
    http3::Endpoints,
    listen::{Bound, Place},
    open_connections::Places,
    plan::Plan,
    printer::Printer,
    tls::Tls,
    worker::{Worker, WorkerConfig, WorkerHandle, new_runtime},
};
use crate::{
    error::{self, Error},
    signals::Signals,
    standard_output,
};

/// Serves until a signal arrives, and then closes every connection.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let signals = Signals::catch()?;
    let patience = args.close_timeout + LAST_LINES;
    // During name lookups there is nothing to shut down, so a signal may end the program at once.
    let plan = Plan::resolve(args, || signals.end_in_order(patience))?;
    raise_descriptor_limit();
    memory::note_start();
    let (printer, printing) = Printer::start(standard_output::unbuffered(), plan.is_quiet)?;
    plan.warnings.iter().for_each(error::report);
    if let Some(tls) = &plan.tls {
        tls.reload(&signals)?;
    }
    let udp = if plan.tls.is_some() { http3::bind_beside(&plan.bound) } else { Vec::new() };
    let announcement = announcement(&plan.bound, plan.tls.as_ref());
    let config = WorkerConfig {
        upgrader: plan.upgrader,
        hosts: plan.hosts,
        printer,
        handshake_timeout: plan.handshake_timeout,
        max_head_size: plan.max_head_size,
        tls: plan.tls.clone(),
        http3_ports: udp.iter().filter_map(|socket| Some(socket.local_addr().ok()?.port())).collect(),
        places: Arc::new(Places::new(plan.max_connections)),
        page_sockets: Arc::default(),
        close_timeout: plan.close_timeout,
    };
    let (accepting, handles) = start_workers(&plan.bound, plan.threads.get() - 1, &config)?;
    let runtime = new_runtime()?;
    let announce = || printing.announce(announcement);
    let endpoints = {
        let _entered = runtime.enter();
        Endpoints::new(udp, plan.tls.map(|tls| tls.config()).as_deref())?
    };
    runtime.block_on(serve(plan.bound, endpoints, Worker::new(config), accepting, handles, announce, signals))?;
    drop(runtime);
    printing.finish();
    Ok(())
}

/// How threads get their sockets.
#[derive(Clone, Copy, Debug)]
enum Accepting {
    /// Each thread accepts its own.
    Each,
    /// The first thread accepts for all.
    First,
}

fn start_workers(
    bound: &[Bound],
    count: usize,
    config: &WorkerConfig,
) -> Result<(Accepting, Vec<WorkerHandle>), Error> {
    let listeners: Vec<_> = bound.iter().flat_map(|bound| &bound.listeners).collect();
    let (accepting, sets) = match siblings::for_threads(&listeners, count) {
        Some(sets) => (Accepting::Each, sets),
        None => (Accepting::First, (0..count).map(|_| Vec::new()).collect()),
    };
    let start = |(number, set)| WorkerHandle::start(number, config.clone(), set);
    let handles = (1..).zip(sets).map(start).collect::<Result<_, _>>()?;
    Ok((accepting, handles))
}

async fn serve(
    bound: Vec<Bound>,
    endpoints: Endpoints,
    worker: Worker,
    accepting: Accepting,
    handles: Vec<WorkerHandle>,
    announce: impl FnOnce(),
    mut signals: Signals,
) -> Result<(), Error> {
    let (listeners, places): (Vec<_>, Vec<_>) = bound.into_iter().map(|bound| (bound.listeners, bound.place)).unzip();
    let mut acceptor = Acceptor::new(listeners.into_iter().flatten())?;
    announce();
    let handed_to: &[WorkerHandle] = match accepting {
        Accepting::Each => &[],
        Accepting::First => &handles,
    };
    tokio::select! {
        () = accept(&mut acceptor, &worker, handed_to) => {}
        () = accept_http3(&endpoints, &worker) => {}
        _ = signals.next() => {}
    }
    // Remove socket files first, so that a client cannot find a socket without a listener.
    drop(places);
    drop(acceptor);
    finish(&worker, handles, &endpoints).await;
    Ok(())
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

async fn finish(worker: &Worker, handles: Vec<WorkerHandle>, endpoints: &Endpoints) {
    let count = worker.count() + handles.iter().map(WorkerHandle::count).sum::<usize>();
    if count > 0 {
        let connections = if count == 1 { "connection" } else { "connections" };
        error::report(&format_args!("closing {count} {connections}; a second signal ends at once"));
    }
    let threads: Vec<_> = handles.into_iter().map(WorkerHandle::finish).collect();
    // The packets that tell clients of HTTP/3 about the end must leave, too.
    let packets = timeout(worker.close_timeout() + LAST_PACKETS, endpoints.shut_down());
    let _ = tokio::join!(worker.finish(), packets);
    // The other workers began to finish at the same moment and have the same time.
    let joined = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| _ = thread.join()));
    let _ = joined.await;
}

/// The first lines of output: where to connect.
fn announcement(bound: &[Bound], tls: Option<&Tls>) -> String {
    let (http, ws) = if tls.is_some() { ("https", "wss") } else { ("http", "ws") };
    let line = |bound: &Bound| match &bound.place {
        Place::Authority(authority) => {
            format!("Open {http}://{authority}/ in a browser, or connect to {ws}://{authority}/ws/echo\n")
        }
        #[cfg(unix)]
        Place::File(file) => {
            format!("Connect to ws://localhost/ws/echo through the Unix socket {}\n", file.path.display())
        }
    };
    let mut lines: Vec<_> = bound.iter().map(line).collect();
    // `0.0.0.0` and `[::]` are announced alike.
    lines.dedup();
    let fingerprint = tls.and_then(Tls::self_signed_fingerprint);
    lines.extend(
        fingerprint
            .map(|fingerprint| format!("The certificate is self-signed. Its SHA-256 fingerprint is {fingerprint}\n")),
    );
    format!("silverback {} echoes WebSocket messages.\n{}", env!("CARGO_PKG_VERSION"), lines.concat())
}

/// The time for the last packets of HTTP/3 after the close timeout.
const LAST_PACKETS: Duration = Duration::from_millis(500);

/// The time to print the last lines after every connection is closed.
const LAST_LINES: Duration = Duration::from_secs(3);

/// Raises the soft limit on descriptors, which is often 1024. Each connection needs a descriptor.
pub(crate) fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // If this fails, the program serves fewer connections, and reports when it runs out of descriptors.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}
