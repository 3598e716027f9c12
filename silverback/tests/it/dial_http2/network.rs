//! A dialer whose connections lead to servers in the test, on pipes in memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use silverback::{Dialer, Upgrader, dial::HttpVersion};
use silverback_testkit::http2::Server;
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use crate::support::{echo, within};

pub(super) const URL: &str = "ws://server.example/chat?room=1";

/// The server's ends of the connections that a dialer opens.
pub(super) struct Connections {
    ends: UnboundedReceiver<DuplexStream>,
    count: Arc<AtomicUsize>,
}

impl Connections {
    /// The next connection, before any byte.
    pub(super) async fn next(&mut self) -> DuplexStream {
        within(self.ends.recv()).await.unwrap()
    }

    /// The next connection, with a server of HTTP/2.
    pub(super) async fn next_server(&mut self) -> Server {
        Server::serve(self.next().await)
    }

    /// How many connections have been opened.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// A dialer over HTTP/2 only, and its connections.
pub(super) fn network() -> (Dialer, Connections) {
    let (opened, ends) = unbounded_channel();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let dialer = Dialer::new().http_version(HttpVersion::Http2).connector(move |_| {
        let (near, far) = duplex(1024 * 1024);
        counter.fetch_add(1, Ordering::SeqCst);
        opened.send(far).unwrap();
        async { Ok(near) }
    });
    (dialer, Connections { ends, count })
}

/// A dialer whose connections lead to our own server, which echoes, and the number of connections.
pub(super) fn echo_network(upgrader: &Upgrader) -> (Dialer, Arc<AtomicUsize>) {
    let (dialer, mut connections) = network();
    let (upgrader, count) = (upgrader.clone(), connections.count.clone());
    tokio::spawn(async move {
        while let Some(end) = connections.ends.recv().await {
            tokio::spawn(serve_echo(upgrader.clone(), end));
        }
    });
    (dialer, count)
}

/// Serves one connection. The WebSocket at `/unread` is never read, and the one at `/flood` is sent more than it reads.
async fn serve_echo(upgrader: Upgrader, end: DuplexStream) {
    let mut http2 = upgrader.serve_http2(end);
    while let Some(accepted) = http2.accept().await {
        let Ok((mut conn, request)) = accepted else { continue };
        match request.uri().path() {
            "/flood" => {
                tokio::spawn(async move { while conn.write_message(vec![0; 16 * 1024]).await.is_ok() {} });
            }
            "/trickle" => {
                tokio::spawn(async move { while conn.write_message("").await.is_ok() {} });
            }
            _ => {
                tokio::spawn(echo(conn));
            }
        }
    }
}
