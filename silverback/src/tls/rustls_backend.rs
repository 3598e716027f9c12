//! TLS by rustls, with a provider that is named here: what a process has installed, or has not, changes nothing.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, KeyLog,
    client::danger::ServerCertVerifier,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use super::{
    Options, TlsError,
    key_log::KeyLogFile,
    prepared::Connector,
    roots,
    verifier::{Believes, Verifier},
};
use crate::{TlsSession, transport::ByteStream};

pub(super) fn build(options: &Options) -> Result<Connector, TlsError> {
    let provider = provider().ok_or(TlsError::Unsupported("provider: turn on the feature ring or aws-lc-rs"))?;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(configuration)?
        .dangerous()
        .with_custom_certificate_verifier(verifier(options, provider)?);
    let mut config = match &options.client_certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = certificates(chain).map_err(TlsError::ClientCertificate)?;
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|error| TlsError::ClientCertificate(format!("its key: {error}")))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| TlsError::ClientCertificate(error.to_string()))?
        }
    };
    config.alpn_protocols = options.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    if let Some(path) = &options.key_log {
        let file =
            KeyLogFile::open(path).map_err(|error| TlsError::KeyLog { path: path.clone(), error: Arc::new(error) })?;
        config.key_log = Arc::new(file) as Arc<dyn KeyLog>;
    }
    if let Some(name) = &options.server_name {
        ServerName::try_from(name.as_str()).map_err(|_| TlsError::ServerName)?;
    }
    Ok(Connector::Rustls { config: Arc::new(config), unchecked: options.accept_invalid_certs })
}

pub(super) async fn establish(
    config: Arc<ClientConfig>,
    unchecked: bool,
    stream: impl ByteStream,
    name: &str,
) -> io::Result<(Box<dyn ByteStream>, TlsSession)> {
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "TLS cannot ask for a host of this name"))?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    let (_, connection) = stream.get_ref();
    let certificates = connection.peer_certificates().unwrap_or_default();
    let session = TlsSession {
        version: connection.protocol_version().map(|version| format!("{version:?}")),
        cipher_suite: connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())),
        alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        peer_certificates: certificates.iter().map(|certificate| certificate.to_vec()).collect(),
        certificate_unchecked: unchecked,
    };
    Ok((Box::new(stream), session))
}

fn verifier(options: &Options, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    if options.accept_invalid_certs {
        return Ok(Arc::new(Verifier { believes: Believes::Everyone, provider }));
    }
    let mut extra = Vec::new();
    for pem in &options.extra_roots {
        extra.extend(certificates(pem).map_err(TlsError::Roots)?);
    }
    roots::verifier(extra, options.default_roots, provider)
}

/// One or more in PEM.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(certificates) if certificates.is_empty() => Err("there is no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(error.to_string()),
    }
}

fn configuration(error: rustls::Error) -> TlsError {
    TlsError::Configuration(error.to_string())
}

/// With both, the one that was asked for: ring is there by default.
#[cfg(feature = "aws-lc-rs")]
fn provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn provider() -> Option<Arc<CryptoProvider>> {
    None
}
