//! An echo server over TLS (`wss://`).
//!
//! ```text
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
//!     -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem
//! cargo run -p silverback --example tls_server cert.pem key.pem [ADDRESS]
//! cargo run -- --cacert cert.pem wss://localhost:8443/
//! ```
//!
//! The first line makes a certificate for tests, and the last one connects with it. `Upgrader::accept` takes any stream,
//! so TLS is a layer below it.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, error::Error, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use silverback::Upgrader;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let mut arguments = env::args().skip(1);
    let (Some(certificates), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("usage: tls_server CERTIFICATES KEY [ADDRESS]".into());
    };
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8443".to_owned());
    let acceptor = acceptor(&certificates, &key)?;
    let listener = TcpListener::bind(address).await?;
    println!("listening wss://{}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = tokio::spawn(echo(acceptor.clone(), stream)),
            // The likely reason is too many open files, which passes.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Reads the chain of certificates and the key from PEM files.
fn acceptor(certificates: &str, key: &str) -> Result<TlsAcceptor, AnyError> {
    let chain = CertificateDer::pem_file_iter(certificates)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // A client that also knows HTTP/2 must not choose it here.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn echo(acceptor: TlsAcceptor, stream: TcpStream) -> Result<(), AnyError> {
    // The Upgrader does this for a TCP stream, and cannot reach the one below TLS.
    stream.set_nodelay(true)?;
    // The time limit of the Upgrader starts after the TLS handshake, so the TLS handshake gets its own.
    let stream = timeout(Duration::from_secs(10), acceptor.accept(stream)).await??;
    let mut conn = Upgrader::new().accept(stream).await?;
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}
