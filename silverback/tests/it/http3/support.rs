//! A server, its certificate, and what it has seen.

use std::{net::SocketAddr, sync::Arc};

use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use silverback::{Error, Http3Endpoint, Http3Incoming, UpgradeError, Upgrader};
use silverback_testkit::http3::Client;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{echo, within};

/// A certificate for `localhost` (DER), and the configuration of a server that has it.
pub(crate) fn certificate() -> (Vec<u8>, ServerConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    (made.cert.der().to_vec(), config)
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
    pub(crate) certificate: Vec<u8>,
    pub(crate) seen: UnboundedReceiver<Seen>,
}

impl Server {
    pub(crate) fn start(upgrader: &Upgrader) -> Self {
        let (certificate, tls) = certificate();
        let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), tls).unwrap();
        let address = endpoint.local_addr().unwrap();
        let (tell, seen) = unbounded_channel();
        let upgrader = upgrader.clone();
        tokio::spawn(async move {
            while let Some(client) = endpoint.accept().await {
                tokio::spawn(serve(upgrader.clone(), client, tell.clone()));
            }
        });
        Self { address, certificate, seen }
    }

    pub(crate) async fn connect(&self) -> Client {
        within(Client::connect(self.address, &self.certificate)).await
    }

    pub(crate) async fn connect_silently(&self) -> Client {
        within(Client::connect_silently(self.address, &self.certificate)).await
    }

    #[track_caller]
    pub(crate) fn sees(&mut self) -> impl Future<Output = Seen> {
        let seen = within(self.seen.recv());
        async { seen.await.unwrap() }
    }
}

/// Echoes on every path but these: `/unread` is never read, `/dropped` is dropped at once, and `/welcome` begins with a
/// message.
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
