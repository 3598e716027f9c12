//! TLS for `rediss://`, by rustls, and what it is used on.

use std::{io, path::Path};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use crate::error::RedisError;

/// TCP, TLS or a Unix socket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

#[cfg(feature = "tls")]
#[derive(Clone)]
pub(crate) struct Tls(Option<tokio_rustls::TlsConnector>);

#[cfg(feature = "tls")]
impl Tls {
    /// Trusts the certificates of this file, or Mozilla's roots.
    pub(crate) fn new(is_used: bool, roots: Option<&Path>) -> Result<Self, RedisError> {
        use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};

        if !is_used {
            return Ok(Self(None));
        }
        let other = |error: String| RedisError::RootCertificates(io::Error::other(error));
        let mut store = RootCertStore::empty();
        match roots {
            None => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                use rustls::pki_types::pem::PemObject as _;
                let pem = std::fs::read(path).map_err(RedisError::RootCertificates)?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|error| other(error.to_string()))?;
                    store.add(certificate).map_err(|error| other(error.to_string()))?;
                }
                if store.is_empty() {
                    return Err(other("the file has none".to_owned()));
                }
            }
        }
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| other(error.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self(Some(std::sync::Arc::new(config).into())))
    }

    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<Box<dyn Stream>> {
        let Some(connector) = &self.0 else { return Err(io::ErrorKind::Unsupported.into()) };
        let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub(crate) struct Tls;

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn new(is_used: bool, _: Option<&Path>) -> Result<Self, RedisError> {
        if is_used { Err(RedisError::NoTls) } else { Ok(Self) }
    }

    pub(crate) async fn connect(&self, _: &str, _: TcpStream) -> io::Result<Box<dyn Stream>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
