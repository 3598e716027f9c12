//! TLS with the system's library: SChannel, Security Framework or OpenSSL.

use std::io;

use native_tls::{Certificate, Identity};
use tokio_native_tls::TlsConnector;

use super::{
    error::TlsError,
    options::{Library, Options},
    pem,
};
use crate::{dial::TlsSession, io::transport::ByteStream};

pub(super) fn build(options: &Options) -> Result<Library, TlsError> {
    if options.key_log.is_some() {
        return Err(TlsError::Unsupported("key log; rustls has"));
    }
    let mut builder = native_tls::TlsConnector::builder();
    builder.disable_built_in_roots(!options.default_roots);
    builder.danger_accept_invalid_certs(options.accept_invalid_certs);
    builder.danger_accept_invalid_hostnames(options.accept_invalid_certs);
    let alpn: Vec<&str> = options.alpn.iter().map(String::as_str).collect();
    builder.request_alpns(&alpn);
    for pem in &options.extra_roots {
        let roots = Certificate::stack_from_pem(pem::without_mark(pem))
            .map_err(|error| TlsError::Roots(pem::why_no_certificate(pem, &error.to_string())))?;
        if roots.is_empty() {
            return Err(TlsError::Roots(pem::why_no_certificate(pem, "it is empty")));
        }
        for root in roots {
            builder.add_root_certificate(root);
        }
    }
    if let Some((chain, key)) = &options.client_certificate {
        let identity = Identity::from_pkcs8(pem::without_mark(chain), pem::without_mark(key));
        builder.identity(identity.map_err(|error| {
            // The library does not say which of the two it cannot read.
            let why = pem::why_no_identity(chain, key, &error.to_string());
            TlsError::ClientCertificate(why)
        })?);
    }
    let connector = builder.build().map_err(|error| TlsError::Configuration(error.to_string()))?;
    Ok(Library::Native(connector.into()))
}

pub(super) async fn establish(
    connector: &TlsConnector,
    stream: impl ByteStream,
    name: &str,
) -> io::Result<(Box<dyn ByteStream>, TlsSession)> {
    let stream = connector.connect(name, stream).await.map_err(io::Error::other)?;
    let certificate = stream.get_ref().peer_certificate().ok().flatten();
    let session = TlsSession {
        alpn: stream.get_ref().negotiated_alpn().ok().flatten(),
        peer_certificates: certificate.and_then(|certificate| certificate.to_der().ok()).into_iter().collect(),
        ..TlsSession::default()
    };
    Ok((Box::new(stream), session))
}
