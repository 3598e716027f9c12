//! Tests our Dialer through proxies of other implementations.
//!
//! ```text
//! cargo run -p silverback --example interop_proxies --features rustls-tls,socks -- PROXY...
//! ```
//!
//! Each proxy is a URL, with user and password if the proxy needs them. The servers behind them are our own, with and
//! without TLS. Prints `ok CHECK` for
//! each check and exits with 0, or prints the error and exits with 1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to people")]

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use silverback::{ByteStream, DialError, Dialer, Upgrader, dial::DialStep, tls::Tls};
use tokio::{net::TcpListener, time::timeout};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

#[tokio::main]
async fn main() -> ExitCode {
    let proxies: Vec<String> = std::env::args().skip(1).collect();
    match timeout(PATIENCE, check_all(&proxies)).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(wrong)) => fail(&wrong.to_string()),
        Err(_) => fail("the proxies do not answer any more"),
    }
}

fn fail(wrong: &str) -> ExitCode {
    println!("FAILED {wrong}");
    ExitCode::FAILURE
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

async fn check_all(proxies: &[String]) -> Outcome {
    if proxies.is_empty() {
        return Err("usage: interop_proxies PROXY...".into());
    }
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
    let acceptor = acceptor(cert.der().clone(), signing_key.serialize_der())?;
    let servers = Servers { plain: serve(None).await?, secure: serve(Some(acceptor)).await?, roots: cert.pem() };
    for proxy in proxies {
        servers.check(proxy).await.map_err(|error| format!("{}: {error}", shown(proxy)))?;
    }
    Ok(())
}

struct Servers {
    plain: SocketAddr,
    secure: SocketAddr,
    /// The self-signed certificate of the TLS server.
    roots: String,
}

impl Servers {
    async fn check(&self, proxy: &str) -> Outcome {
        let dialer = Dialer::new().tls(Tls::new().add_roots(self.roots.as_str()).default_roots(false));
        let (plain, secure) = (format!("ws://{}/", self.plain), format!("wss://localhost:{}/", self.secure.port()));
        let mut schemes = vec![proxy.to_owned()];
        if proxy.starts_with("socks5:") {
            // The same proxy, which then resolves the name itself.
            schemes.push(proxy.replacen("socks5:", "socks5h:", 1));
        }
        for proxy in &schemes {
            let dialer = dialer.clone().proxy(proxy);
            for (scheme, url) in [("ws", &plain), ("wss", &secure)] {
                echo(&dialer, url).await?;
                println!("ok an echo over {scheme} through {}", shown(proxy));
            }
            refused_by_nobody(&dialer, proxy).await?;
        }
        if let Some((scheme, address)) = without_user(proxy) {
            for user in ["", "aladdin:wrong@"] {
                let dialer = dialer.clone().proxy(&format!("{scheme}://{user}{address}"));
                not_let_through(&dialer, &plain).await?;
            }
            println!("ok nothing and a wrong password are not let through by {}", shown(proxy));
        }
        Ok(())
    }
}

async fn echo(dialer: &Dialer, url: &str) -> Outcome {
    let mut conn = dialer.dial(url).await?;
    let large = vec![0xA5; 1 << 20];
    conn.write_message("hello").await?;
    conn.write_message(large.clone()).await?;
    let echoed = (conn.read_message().await?, conn.read_message().await?);
    if echoed != (Some("hello".into()), Some(large.into())) {
        return Err(format!("{url} echoed something else").into());
    }
    Ok(conn.close(1000, "").await?)
}

/// If no server listens behind the proxy, the error comes from the proxy.
async fn refused_by_nobody(dialer: &Dialer, proxy: &str) -> Outcome {
    let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let error = dialer.dial(&format!("ws://{nobody}/")).await.err().ok_or("a server answered where none listens")?;
    if error.step() != Some(DialStep::Proxy) || error.is_timeout() {
        return Err(format!("expected an error of the proxy, got: {error}").into());
    }
    println!("ok nobody behind {}: {error}", shown(proxy));
    Ok(())
}

async fn not_let_through(dialer: &Dialer, url: &str) -> Outcome {
    match dialer.dial(url).await {
        Err(DialError::ProxyRefused { refusal, .. }) if [401, 407].contains(&refusal.status.as_u16()) => Ok(()),
        Err(DialError::Io { step: DialStep::Proxy, source, .. })
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            Ok(())
        }
        Err(error) => Err(format!("expected a refusal of the password, got: {error}").into()),
        Ok(_) => Err("the proxy accepted a missing or wrong password".into()),
    }
}

async fn serve(acceptor: Option<TlsAcceptor>) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => answer(stream).await,
                    Some(acceptor) => answer(acceptor.accept(stream).await?).await,
                }
            });
        }
    });
    Ok(address)
}

async fn answer(stream: impl ByteStream) -> Result<(), silverback::Error> {
    let mut conn = Upgrader::new().accept(stream).await?;
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

fn acceptor(certificate: CertificateDer<'static>, key: Vec<u8>) -> Outcome<TlsAcceptor> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let config = builder.with_single_cert(vec![certificate], PrivateKeyDer::try_from(key)?)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Returns the scheme and the address of a proxy that has a user.
fn without_user(proxy: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = proxy.split_once("://")?;
    Some((scheme, rest.rsplit_once('@')?.1))
}

/// Formats a proxy without its password.
fn shown(proxy: &str) -> String {
    match without_user(proxy) {
        Some((scheme, _)) => format!("{scheme} with a password"),
        None => proxy.split("://").next().unwrap_or_default().to_owned(),
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
