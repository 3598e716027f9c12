//! A server, its certificate, and what it has seen.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use silverback::{Dialer, Error, Http3Endpoint, Http3Incoming, UpgradeError, Upgrader, dial::HttpVersion, tls::Tls};
use silverback_testkit::http3::Connection;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{echo, within};

/// A certificate for `localhost` and its key.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) der: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { pem: made.cert.pem(), der: made.cert.der().to_vec(), key: made.signing_key.serialize_der() }
    }

    /// The configuration of a server that has it.
    pub(crate) fn config(&self) -> ServerConfig {
        let key = PrivateKeyDer::try_from(self.key.clone()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        builder.with_single_cert(vec![self.der.clone().into()], key).unwrap()
    }

    /// A dialer that trusts it.
    pub(crate) fn dialer(&self) -> Dialer {
        let tls = Tls::new().default_roots(false).add_roots(self.pem.clone());
        Dialer::new().http_version(HttpVersion::Http3).tls(tls)
    }
}

/// The server's observations: the path of each request that became a WebSocket, the error of each that did not, and how
/// each WebSocket ended.
#[derive(Debug)]
pub(crate) enum Seen {
    Accepted(String),
    Refused(UpgradeError),
    Ended(Result<(), Error>),
    /// A connection is over.
    Over,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: Certificate,
    /// How many connections were accepted.
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) seen: UnboundedReceiver<Seen>,
}

impl Server {
    pub(crate) fn start(upgrader: &Upgrader) -> Self {
        let certificate = Certificate::new();
        let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), certificate.config()).unwrap();
        let address = endpoint.local_addr().unwrap();
        let (tell, seen) = unbounded_channel();
        let upgrader = upgrader.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Some(client) = endpoint.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(upgrader.clone(), client, tell.clone()));
            }
        });
        Self { address, certificate, connections, seen }
    }

    pub(crate) async fn connect(&self) -> Connection {
        within(Connection::connect(self.address, &self.certificate.der)).await
    }

    pub(crate) async fn connect_silently(&self) -> Connection {
        within(Connection::connect_silently(self.address, &self.certificate.der)).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("wss://localhost:{}{path}", self.address.port())
    }

    /// A dialer that trusts the server and finds it.
    pub(crate) fn dialer(&self) -> Dialer {
        self.certificate.dialer().resolve("localhost", self.address)
    }

    #[track_caller]
    pub(crate) fn sees(&mut self) -> impl Future<Output = Seen> {
        let seen = within(self.seen.recv());
        async { seen.await.unwrap() }
    }
}

/// Echoes on every path but these: `/unread` is never read, `/dropped` is dropped at once, `/last-words` after some
/// messages, and `/welcome` begins with a message.
async fn serve(upgrader: Upgrader, client: Http3Incoming, tell: UnboundedSender<Seen>) {
    let mut http3 = upgrader.serve_http3(client);
    while let Some(accepted) = http3.accept().await {
        let (mut conn, request) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                let _ = tell.send(Seen::Refused(error));
                continue;
            }
        };
        let _ = tell.send(Seen::Accepted(request.uri().path().to_owned()));
        let tell = tell.clone();
        tokio::spawn(async move {
            match request.uri().path() {
                "/unread" => {
                    let _held = conn;
                    std::future::pending::<()>().await;
                }
                "/dropped" => drop(conn),
                "/last-words" => {
                    for number in 0..20 {
                        conn.write_message(format!("{number}")).await.unwrap();
                    }
                    conn.flush().await.unwrap();
                }
                "/welcome" => {
                    conn.write_message("welcome").await.unwrap();
                    let _ = tell.send(Seen::Ended(echo(conn).await));
                }
                _ => _ = tell.send(Seen::Ended(echo(conn).await)),
            }
        });
    }
    let _ = tell.send(Seen::Over);
}
