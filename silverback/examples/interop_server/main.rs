//! A server for clients and proxies of other implementations, over HTTP/1.1, HTTP/2 and HTTP/3.
//!
//! ```text
//! cargo run -p silverback --example interop_server [--tls CERTIFICATES KEY]
//! ```
//!
//! It listens on a free port of 127.0.0.1 and prints its URL. Without TLS, a client may begin with HTTP/2 at once. With
//! TLS, ALPN decides, and HTTP/3 is served on the UDP port of the same number. `tests/interop/README.md` describes the paths.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to people")]

mod paths;

use std::{env, error::Error, sync::Arc, time::Duration};

use http::{HeaderMap, Request, Response, StatusCode};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use silverback::{ByteStream, Compression, Conn, Http3Endpoint, Upgrader};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use self::paths::Paths;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let tls = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--tls", certificates, key] => Some(tls(certificates, key)?),
        _ => return Err("usage: interop_server [--tls CERTIFICATES KEY]".into()),
    };
    let server = Server {
        upgrader: Upgrader::new()
            .subprotocols([paths::SUBPROTOCOL])
            .compression(Compression::default())
            .dangerous_allow_any_origin()
            .on_request(|request| async move { refusal(&request).map_or(Ok(HeaderMap::new()), Err) }),
        paths: Paths::default(),
        tls: tls.clone().map(|tls| TlsAcceptor::from(Arc::new(tls))),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    match tls {
        Some(tls) => {
            let endpoint = Http3Endpoint::bind(address, tls)?;
            println!("listening wss://localhost:{}", address.port());
            tokio::spawn(server.clone().serve_http3(endpoint));
        }
        None => println!("listening ws://{address}"),
    }
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let server = server.clone();
                tokio::spawn(async move {
                    if let Err(error) = server.serve(stream).await {
                        eprintln!("{error}");
                    }
                });
            }
            // The likely reason is too many open files, which passes.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Reads the chain of certificates and the key from PEM files.
fn tls(certificates: &str, key: &str) -> Result<ServerConfig, AnyError> {
    let chain = CertificateDer::pem_file_iter(certificates)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The answer where no path is, and to a browser that begins with a page.
fn refusal(request: &Request<()>) -> Option<Response<String>> {
    let (status, text) = match request.uri().path() {
        path if paths::ALL.contains(&path) => return None,
        "/" => (StatusCode::OK, "The paths of tests/interop/README.md are here.\n"),
        _ => (StatusCode::NOT_FOUND, "There is nothing at this address.\n"),
    };
    let mut response = Response::new(text.to_owned());
    *response.status_mut() = status;
    Some(response)
}

#[derive(Clone)]
struct Server {
    upgrader: Upgrader,
    paths: Paths,
    tls: Option<TlsAcceptor>,
}

impl Server {
    async fn serve(&self, stream: TcpStream) -> Result<(), AnyError> {
        stream.set_nodelay(true)?;
        match &self.tls {
            Some(tls) => {
                let stream = timeout(PATIENCE, tls.accept(stream)).await??;
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.serve_version(stream, is_http2).await
            }
            None => {
                let is_http2 = timeout(PATIENCE, begins_with_http2(&stream)).await??;
                self.serve_version(stream, is_http2).await
            }
        }
    }

    async fn serve_version(&self, stream: impl ByteStream, is_http2: bool) -> Result<(), AnyError> {
        if !is_http2 {
            let (conn, request) = self.upgrader.accept_with_request(stream).await?;
            self.paths.serve(conn, &request).await;
            return Ok(());
        }
        let mut http2 = self.upgrader.serve_http2(stream);
        while let Some(accepted) = http2.accept().await {
            match accepted {
                Ok((conn, request)) => self.spawn(conn, request),
                Err(error) => eprintln!("{error}"),
            }
        }
        Ok(())
    }

    async fn serve_http3(self, endpoint: Http3Endpoint) {
        while let Some(client) = endpoint.accept().await {
            let server = self.clone();
            tokio::spawn(async move {
                let mut http3 = server.upgrader.serve_http3(client);
                while let Some(accepted) = http3.accept().await {
                    match accepted {
                        Ok((conn, request)) => server.spawn(conn, request),
                        Err(error) => eprintln!("{error}"),
                    }
                }
            });
        }
    }

    fn spawn(&self, conn: Conn, request: Request<()>) {
        let paths = self.paths.clone();
        tokio::spawn(async move { paths.serve(conn, &request).await });
    }
}

/// Whether the client speaks HTTP/2 without asking (RFC 9113, 3.3). No method of HTTP/1.1 begins like its preface.
async fn begins_with_http2(stream: &TcpStream) -> std::io::Result<bool> {
    let mut begun = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut begun).await?;
        if count == begun.len() || begun[..count] != PREFACE[..count] {
            return Ok(begun[..count] == PREFACE[..count] && count > 0);
        }
        if count == 0 {
            return Ok(false);
        }
        sleep(Duration::from_millis(1)).await;
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0";
const PATIENCE: Duration = Duration::from_secs(10);
