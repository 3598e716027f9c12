//! An echo server behind TLS that records what its clients presented.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use silverback::Upgrader;
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, Certificate};

pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    ends: watch::Receiver<Option<End>>,
}

/// Code and reason, or `None` without a Close frame.
type End = Option<(u16, String)>;

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) client_certificates: usize,
}

impl Peer {
    pub(crate) async fn start(certificate: Certificate) -> Self {
        Self::serve(TlsAcceptor::from(certificate.server_config())).await
    }

    pub(crate) async fn start_asking_for_certificates(certificate: Certificate, authority: &Authority) -> Self {
        Self::serve(TlsAcceptor::from(certificate.server_config_demanding(authority))).await
    }

    pub(crate) async fn start_with(config: rustls::ServerConfig) -> Self {
        Self::serve(TlsAcceptor::from(Arc::new(config))).await
    }

    async fn serve(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (ended, ends) = watch::channel(None);
        tokio::spawn({
            let seen = seen.clone();
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let Ok(stream) = acceptor.accept(stream).await else { continue };
                    let (_, session) = stream.get_ref();
                    seen.lock().unwrap().push(Seen {
                        server_name: session.server_name().map(str::to_owned),
                        alpn: session.alpn_protocol().map(<[u8]>::to_vec),
                        client_certificates: session.peer_certificates().map_or(0, <[_]>::len),
                    });
                    let Ok(mut conn) = Upgrader::new().accept(stream).await else { continue };
                    while let Ok(Some(message)) = conn.read_message().await {
                        conn.write_message(message).await.unwrap();
                    }
                    let end = conn.close_info().map(|info| (info.code.get(), info.reason.to_string()));
                    ended.send_replace(Some(end));
                }
            }
        });
        Self { address, seen, ends }
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("wss://{host}:{}/echo", self.address.port())
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn last_seen(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }

    /// How the next connection to end ended.
    pub(crate) async fn last_end(&self) -> Option<End> {
        let mut ends = self.ends.clone();
        crate::support::within(ends.wait_for(Option::is_some)).await.unwrap().clone()
    }
}
