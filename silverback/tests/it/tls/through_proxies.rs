//! TLS inside the tunnel of a proxy, and TLS to the proxy itself.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use silverback::{DialError, Dialer, dial::DialStep, tls::Tls};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{
    authority::{Authority, Certificate},
    echo_over, is_tls_failure,
    peer::Peer,
};
use crate::support::within;

/// A proxy that connects every client to one server, regardless of the requested name.
struct Proxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    client_certificates: Arc<Mutex<usize>>,
}

impl Proxy {
    async fn start(server: SocketAddr, tls: Option<(Certificate, &Authority)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            client_certificates: Arc::default(),
        };
        let acceptor = tls.map(|(certificate, clients)| TlsAcceptor::from(certificate.server_config_asking(clients)));
        let (requests, certificates) = (proxy.requests.clone(), proxy.client_certificates.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, requests, certificates) = (acceptor.clone(), requests.clone(), certificates.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => tunnel(stream, server, &requests).await,
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            let shown = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
                            *certificates.lock().unwrap() += shown;
                            tunnel(stream, server, &requests).await;
                        }
                    }
                });
            }
        });
        proxy
    }

    fn asked_for(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn tunnel(mut client: impl AsyncRead + AsyncWrite + Unpin, server: SocketAddr, requests: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let line = String::from_utf8(head).unwrap().lines().next().unwrap().to_owned();
    requests.lock().unwrap().push(line);
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let mut server = TcpStream::connect(server).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_server_is_checked_through_the_tunnel() {
    let (authority, other) = (Authority::new(), Authority::new());
    let peer = Peer::start(authority.server(&["server.example"])).await;
    let proxy = Proxy::start(peer.address, None).await;
    let dialer = Dialer::new().proxy(&proxy.address.to_string());
    // Only the proxy can resolve this name.
    let known = dialer.clone().tls(Tls::new().add_roots(authority.pem()));
    echo_over(&known, "wss://server.example/").await;
    assert_eq!(proxy.asked_for(), ["CONNECT server.example:443 HTTP/1.1"]);
    assert_eq!(peer.last_seen().server_name.as_deref(), Some("server.example"));
    let unknown = dialer.tls(Tls::new().add_roots(other.pem()).default_roots(false));
    is_tls_failure(&within(unknown.dial("wss://server.example/")).await.unwrap_err(), "UnknownIssuer");
}

#[tokio::test]
async fn a_proxy_may_be_reached_over_tls_and_is_checked_by_its_own_rules() {
    let (servers, proxies) = (Authority::new(), Authority::new());
    let us = servers.server(&["us.example"]);
    let peer = Peer::start_asking_for_certificates(servers.server(&["server.example"]), &servers).await;
    let proxy = Proxy::start(peer.address, Some((proxies.server(&["proxy.example"]), &servers))).await;
    let tls = Tls::new().add_roots(servers.pem()).client_certificate(us.chain_pem(), us.key_pem());
    let dialer = Dialer::new()
        .proxy(&format!("https://proxy.example:{}", proxy.address.port()))
        .resolve("proxy.example", proxy.address)
        .tls(tls);

    let trusting = dialer.clone().proxy_tls(Tls::new().add_roots(proxies.pem()));
    echo_over(&trusting, "wss://server.example/").await;
    assert_eq!(peer.last_seen().client_certificates, 1);
    assert_eq!(*proxy.client_certificates.lock().unwrap(), 0, "the proxy asked, and the certificate was not for it");

    // The proxy uses neither the roots for servers nor the dangerous settings for them.
    for tls in [Tls::new().add_roots(servers.pem()), Tls::new().dangerous_accept_invalid_certs(true)] {
        let dialer = dialer.clone().tls(tls).proxy_tls(Tls::new().add_roots(servers.pem()).default_roots(false));
        let error = within(dialer.dial("wss://server.example/")).await.unwrap_err();
        assert!(
            matches!(&error, DialError::Io { step: DialStep::Tls, target, .. }
            if *target == format!("proxy.example:{}", proxy.address.port())),
            "{error}"
        );
    }
    assert_eq!(proxy.asked_for().len(), 1, "an impostor is asked nothing");
}
