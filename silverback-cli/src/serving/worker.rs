//! One thread of the service. A connection stays on its thread.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use silverback::{Http3Incoming, Upgrader};
use tokio::{
    runtime::{self, Runtime},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

use super::{
    accept::Acceptor,
    connection,
    context::Http,
    open_connections::{OpenConnections, Places},
    routes::{Hosts, Routes},
    site::Site,
    sockets::{Listener, Peer, StdStream, Stream},
    tls::Tls,
    trust::Trust,
};
use crate::error::{self, Error};

/// The configuration of every worker.
#[derive(Clone, Debug)]
pub(crate) struct WorkerConfig {
    pub(crate) site: Arc<dyn Site>,
    pub(crate) upgrader: Upgrader,
    pub(crate) hosts: Hosts,
    pub(crate) trust: Trust,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    /// For TCP sockets.
    pub(crate) tls: Option<Tls>,
    pub(crate) http3_ports: Arc<[u16]>,
    pub(crate) places: Arc<Places>,
    pub(crate) close_timeout: Duration,
}

/// The state with which a thread serves.
pub(crate) struct Worker {
    http: Http,
    close_timeout: Duration,
}

/// A worker on another thread.
#[derive(Debug)]
pub(crate) struct WorkerHandle {
    /// Hands sockets to a worker without its own listeners. Dropping it tells any worker to end.
    sockets: UnboundedSender<(StdStream, Peer)>,
    open: Arc<OpenConnections>,
    thread: JoinHandle<()>,
}

impl Worker {
    pub(crate) fn new(config: WorkerConfig) -> Self {
        let WorkerConfig {
            site,
            upgrader,
            hosts,
            trust,
            handshake_timeout,
            max_head_size,
            tls,
            http3_ports,
            places,
            close_timeout,
        } = config;
        let routes = Arc::new(Routes { upgrader, hosts, trust, places: places.clone(), site });
        let open = Arc::new(OpenConnections::new(places));
        let tls = tls.as_ref().map(Tls::config);
        Self { http: Http { routes, open, handshake_timeout, max_head_size, tls, http3_ports }, close_timeout }
    }

    /// Starts to serve a socket.
    pub(crate) fn take(&self, stream: Stream, peer: Peer) {
        // Counted before its task runs, so that a shutdown in between waits for it.
        let Some(admitted) = self.http.admit() else { return };
        let http = self.http.clone();
        match stream {
            Stream::Tcp(stream) if http.tls.is_some() => {
                tokio::spawn(connection::serve_tls(stream, peer, admitted, http))
            }
            Stream::Tcp(stream) => tokio::spawn(connection::serve(stream, peer, admitted, http)),
            #[cfg(unix)]
            Stream::Unix(stream) => tokio::spawn(connection::serve(stream, peer, admitted, http)),
        };
    }

    /// Starts to serve a client over HTTP/3.
    pub(crate) fn take_http3(&self, client: Http3Incoming) {
        tokio::spawn(connection::serve_http3(client, self.http.clone()));
    }

    pub(crate) fn close_timeout(&self) -> Duration {
        self.close_timeout
    }

    pub(crate) fn open(&self) -> &Arc<OpenConnections> {
        &self.http.open
    }

    /// Closes all connections, and waits for their ends up to the timeout.
    pub(crate) async fn finish(&self) {
        self.http.open.close_all();
        // Connections that are still open now are dropped with the runtime.
        let _ = timeout(self.close_timeout, self.http.open.emptied()).await;
    }
}

impl WorkerHandle {
    /// Starts a worker on a new thread. It accepts from these listeners, and takes the sockets handed to it.
    pub(crate) fn start(name: &str, config: WorkerConfig, listeners: Vec<Listener>) -> Result<Self, Error> {
        let worker = Worker::new(config);
        let open = worker.http.open.clone();
        let runtime = new_runtime()?;
        let entered = runtime.enter();
        let acceptor = Acceptor::new(listeners)?;
        drop(entered);
        let (sockets, incoming) = unbounded_channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(work(worker, acceptor, incoming)))
            .map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
        Ok(Self { sockets, open, thread })
    }

    /// Hands a socket to the worker.
    pub(crate) fn take(&self, stream: Stream, peer: Peer) {
        match stream.into_std() {
            // If the worker has ended, its sockets are lost, including this one.
            Ok(stream) => _ = self.sockets.send((stream, peer)),
            Err(error) => error::report(&format_args!("cannot hand a connection over: {error}")),
        }
    }

    pub(crate) fn open(&self) -> &Arc<OpenConnections> {
        &self.open
    }

    /// Tells the worker to stop accepting, close its connections and end. Returns its thread.
    pub(crate) fn finish(self) -> JoinHandle<()> {
        self.thread
    }
}

/// Makes the runtime of a worker, which has one thread.
pub(crate) fn new_runtime() -> Result<Runtime, Error> {
    let built = runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Error::System(format!("cannot start the runtime: {error}")))
}

async fn work(worker: Worker, mut acceptor: Acceptor, mut incoming: UnboundedReceiver<(StdStream, Peer)>) {
    loop {
        tokio::select! {
            (stream, peer) = acceptor.accept() => worker.take(stream, peer),
            handed = incoming.recv() => match handed.map(|(stream, peer)| (stream.into_async(), peer)) {
                Some((Ok(stream), peer)) => worker.take(stream, peer),
                Some((Err(error), _)) => error::report(&format_args!("cannot take a connection over: {error}")),
                None => break,
            }
        }
    }
    drop(acceptor);
    worker.finish().await;
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
