//! One accepted socket: HTTP/1.1 until it becomes a WebSocket or is done.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, response::Response};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time::sleep};
use tower_service::Service;

use super::{open_connections::OpenConnections, routes::Peer};

/// What the connections of a worker have in common.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) router: Router,
    pub(crate) open: Arc<OpenConnections>,
    /// For the head of each request; for more of it accordingly.
    pub(crate) head_timeout: Duration,
}

/// Serves a socket. Ready when it is closed, or belongs to a WebSocket.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, http: Http) {
    let _presence = http.open.enter();
    let requests = AtomicU64::new(0);
    let answer = |request| {
        requests.fetch_add(1, Ordering::Relaxed);
        answer(http.router.clone(), request, peer)
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(http.head_timeout)
        // A larger head is answered with 431.
        .max_buf_size(MAX_HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut seen = 0;
    let mut is_closing = false;
    loop {
        tokio::select! {
            // Whatever went wrong, the client has been told or is gone.
            _ = connection.as_mut() => return,
            () = http.open.closing(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
            // A client that does not take its answer, or sends a body for ever, is dropped too.
            () = sleep(http.head_timeout * EXCHANGE_FACTOR) => match requests.load(Ordering::Relaxed) {
                count if count == seen => return,
                count => seen = count,
            }
        }
    }
}

fn answer(
    mut router: Router,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> impl Future<Output = Result<Response, Infallible>> {
    request.extensions_mut().insert(Peer(peer));
    // A router is always ready.
    router.call(request)
}

const MAX_HEAD_SIZE: usize = 16 * 1024;

/// A request with its body and its answer may take this many times as long as its head.
const EXCHANGE_FACTOR: u32 = 4;
