//! TLS with rustls. The crypto provider is chosen here, so the provider that the process has installed does not matter.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, KeyLog,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio_rustls::TlsConnector;

use super::{
    certificate::Certificate,
    error::TlsError,
    key_log::KeyLogFile,
    options::{Library, Options},
    pem, roots,
    verifier::{Trusts, Verifier},
};
use crate::{dial::TlsSession, io::transport::ByteStream};

pub(super) fn build(options: &Options, provider: Arc<CryptoProvider>) -> Result<Library, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(configuration)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier(options, provider.clone())?));
    let mut config = match &options.client_certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let certified = certified_key(chain, key, &provider).map_err(TlsError::ClientCertificate)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
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
    Ok(Library::Rustls(Arc::new(config)))
}

pub(super) async fn establish(
    config: Arc<ClientConfig>,
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
        ..TlsSession::default()
    };
    Ok((Box::new(stream), session))
}

fn verifier(options: &Options, provider: Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
    if options.accept_invalid_certs {
        return Ok(Verifier { trusts: Trusts::Everyone, provider });
    }
    let mut extra = Vec::new();
    for pem in &options.extra_roots {
        extra.extend(certificates(pem).map_err(TlsError::Roots)?);
    }
    roots::verifier(extra, options.default_roots, provider)
}

/// Reads one or more certificates in PEM.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = |pem: &[u8]| CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    // The PEM reader fails at an encrypted key in front, although it is asked only for certificates.
    let found = read(pem::without_mark(pem)).or_else(|_| read(&pem::certificates(pem)));
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(pem::why_no_certificate(pem, "it is empty")),
        Err(error) => Err(pem::why_no_certificate(pem, &error.to_string())),
    }
}

/// Reads the client certificate and its key. The server decides whether to accept the certificate.
fn certified_key(chain: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let chain = certificates(chain)?;
    // An encrypted or damaged key may come before a usable one.
    let mut keys = PrivateKeyDer::pem_slice_iter(pem::without_mark(key));
    let key = match keys.next() {
        Some(Ok(key)) => key,
        Some(Err(error)) => keys.find_map(Result::ok).ok_or_else(|| pem::why_no_key(key, &error.to_string()))?,
        None => return Err(pem::why_no_key(key, "it is empty")),
    };
    let key = provider.key_provider.load_private_key(key).map_err(|error| {
        format!("its key is of a kind that cannot sign here; ECDSA, Ed25519 and RSA from 2048 bits can ({error})")
    })?;
    let public_key = key.public_key();
    let certificate = chain.first().and_then(|certificate| Certificate::read(certificate));
    let certificate = certificate.ok_or("the data marked as a certificate is not an X.509 certificate")?;
    match public_key {
        Some(other) if other != certificate.public_key() => Err("its key belongs to another certificate".to_owned()),
        _ => Ok(CertifiedKey::new(chain, key)),
    }
}

fn configuration(error: rustls::Error) -> TlsError {
    TlsError::Configuration(error.to_string())
}

/// Returns the crypto provider. If both are enabled, aws-lc-rs is used, because ring is on by default and aws-lc-rs
/// only by choice.
#[cfg(feature = "aws-lc-rs")]
pub(super) fn provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(super) fn provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
pub(super) fn provider() -> Option<Arc<CryptoProvider>> {
    None
}
