//! Whom to believe: the union of what the features name and of what the application gives.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::TlsError;

pub(super) fn verifier(
    extra: Vec<CertificateDer<'static>>,
    default_roots: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let mut store = RootCertStore::empty();
    for root in extra {
        store.add(root).map_err(|error| TlsError::Roots(error.to_string()))?;
    }
    let mut verifiers = Vec::new();
    if default_roots {
        add_default_roots(&mut store);
        verifiers.extend(platform_verifier(&provider));
    }
    if !store.is_empty() {
        let webpki = WebPkiServerVerifier::builder_with_provider(store.into(), provider).build();
        verifiers.push(webpki.map_err(|error| TlsError::Roots(error.to_string()))? as Arc<dyn ServerCertVerifier>);
    }
    match verifiers.len() {
        0 => Err(TlsError::NoRoots),
        1 => Ok(verifiers.remove(0)),
        _ => Ok(Arc::new(AnyOf(verifiers))),
    }
}

#[cfg_attr(
    not(any(feature = "rustls-tls-webpki-roots", feature = "rustls-tls-native-roots")),
    allow(clippy::needless_pass_by_ref_mut, unused_variables, reason = "no feature names any")
)]
fn add_default_roots(store: &mut RootCertStore) {
    #[cfg(feature = "rustls-tls-webpki-roots")]
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    // Systems have odd certificates among their own; those that cannot be read are worth as much as none.
    #[cfg(feature = "rustls-tls-native-roots")]
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
}

/// A system without roots of its own has no verifier either; others may be there.
#[cfg(feature = "rustls-tls-platform-verifier")]
fn platform_verifier(provider: &Arc<CryptoProvider>) -> Option<Arc<dyn ServerCertVerifier>> {
    let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).ok()?;
    Some(Arc::new(verifier))
}

#[cfg(not(feature = "rustls-tls-platform-verifier"))]
fn platform_verifier(_provider: &Arc<CryptoProvider>) -> Option<Arc<dyn ServerCertVerifier>> {
    None
}

/// Believes what one of them believes. Never empty.
#[derive(Debug)]
struct AnyOf(Vec<Arc<dyn ServerCertVerifier>>);

impl ServerCertVerifier for AnyOf {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut told = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        for verifier in &self.0 {
            match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                Ok(verified) => return Ok(verified),
                // One that knows the issuer knows better what is wrong.
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {}
                Err(error) => told = error,
            }
        }
        Err(told)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0[0].verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0[0].verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0[0].supported_verify_schemes()
    }
}
