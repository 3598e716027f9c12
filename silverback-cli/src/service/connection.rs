//! One accepted socket: HTTP/1.1 until it becomes a WebSocket or is done.
//!
//! The usual first request is the opening handshake of the echo. It is answered here, without the way through an HTTP
//! server and back out of it, which costs as much as all the rest. Whatever else comes goes to hyper, with every byte
//! that was read.

mod first_request;

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
use silverback::Conn;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tower_service::Service;

use self::first_request::{FirstRequest, Handshake, Rewound};
use super::{
    echo::{self, Echo},
    memory,
    open_connections::OpenConnections,
    routes::{Peer, Routes},
};

/// What the connections of a worker have in common.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) router: Arc<Routes>,
    pub(crate) open: Arc<OpenConnections>,
    /// For the head of each request; for more of it accordingly.
    pub(crate) head_timeout: Duration,
}

/// Serves a socket. Ready when it is closed, or belongs to a WebSocket.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, http: Http) {
    keep_house(&http);
    let presence = http.open.enter();
    if let Some(conn) = http.begin(stream, peer).await {
        let printer = http.router.service.printer.clone();
        // A task of its own, as small as what an idle connection needs: what the handshake needed is gone.
        tokio::spawn(echo::serve(Echo { conn, presence, peer, printer, waiting: None }));
    }
}

impl Http {
    /// Reads the first request. Gives a connection if it was a handshake, and has served the socket if not.
    async fn begin(&self, mut stream: TcpStream, peer: SocketAddr) -> Option<Conn> {
        let first = tokio::select! {
            first = timeout(self.head_timeout, FirstRequest::read(&mut stream)) => first.ok()?,
            () = self.open.closing() => return None,
        };
        match first.ok()? {
            FirstRequest::Handshake(handshake) => self.accept(stream, *handshake).await,
            FirstRequest::Other(input) => {
                Box::pin(self.serve_http(Rewound::new(input, stream), peer)).await;
                None
            }
        }
    }

    /// Whoever is turned away has been told why.
    async fn accept(&self, stream: TcpStream, handshake: Handshake) -> Option<Conn> {
        let Handshake { handshake, early } = handshake;
        let upgrader = &self.router.upgrader;
        // An echo speaks whatever it is spoken to in. Browsers give up where none of theirs is agreed on.
        let accepted = match handshake.subprotocols().first().cloned() {
            Some(first) => upgrader.clone().subprotocols([first]).accept_handshake(stream, handshake, early).await,
            None => upgrader.accept_handshake(stream, handshake, early).await,
        };
        accepted.ok()
    }

    async fn serve_http(&self, stream: Rewound, peer: SocketAddr) {
        let requests = AtomicU64::new(0);
        let answer = |request| {
            requests.fetch_add(1, Ordering::Relaxed);
            answer(self.router.router.clone(), request, peer)
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
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
                () = self.open.closing(), if !is_closing => {
                    is_closing = true;
                    connection.as_mut().graceful_shutdown();
                }
                // A client that does not take its answer, or sends a body for ever, is dropped too.
                () = sleep(self.head_timeout * EXCHANGE_FACTOR) => match requests.load(Ordering::Relaxed) {
                    count if count == seen => return,
                    count => seen = count,
                }
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

/// Gives memory back when connections have left. And keeps a timer that is due before those of new connections, while there
/// are any: the runtime's driver is woken, by a write to itself, for each timer that is due before all others.
fn keep_house(http: &Http) {
    if let Some(housekeeper) = http.open.housekeeper() {
        let period = http.head_timeout / 2;
        tokio::spawn(async move {
            while housekeeper.is_needed() {
                sleep(period).await;
                if let Some(count) = housekeeper.have_left() {
                    memory::give_back(count);
                }
            }
        });
    }
}

const MAX_HEAD_SIZE: usize = 16 * 1024;

/// A request with its body and its answer may take this many times as long as its head.
const EXCHANGE_FACTOR: u32 = 4;
