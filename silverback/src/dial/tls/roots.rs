//! The certificates to trust: those of the enabled features together with those of the application.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::CertificateDer,
};

use super::{
    TlsError,
    certificate::Certificate,
    verifier::{Trusts, Verifier},
};

/// Creates the verifier. Each certificate of `extra` is trusted if a server presents it. Those of authorities may also
/// sign others, but only those: the key of a certificate for one server must not be able to make certificates for all.
pub(super) fn verifier(
    extra: Vec<CertificateDer<'static>>,
    default_roots: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, TlsError> {
    if !extra.is_empty() && extra.iter().all(|root| Certificate::read(root).is_none()) {
        return Err(TlsError::Roots("the data marked as a certificate is not an X.509 certificate".to_owned()));
    }
    let is_authority = |root: &&CertificateDer<'_>| Certificate::read(root).is_some_and(|root| root.is_authority());
    let mut store = RootCertStore::empty();
    // Bundles may hold odd certificates. Those that cannot be read are skipped.
    store.add_parsable_certificates(extra.iter().filter(is_authority).cloned());
    let mut verifiers = Vec::new();
    if default_roots {
        add_default_roots(&mut store);
        verifiers.extend(platform_verifier(&provider));
    }
    if !store.is_empty() {
        let webpki = WebPkiServerVerifier::builder_with_provider(store.into(), provider.clone()).build();
        verifiers.push(webpki.map_err(|error| TlsError::Roots(error.to_string()))? as Arc<dyn ServerCertVerifier>);
    }
    match verifiers.is_empty() && extra.is_empty() {
        true => Err(TlsError::NoRoots),
        false => Ok(Verifier { trusts: Trusts::These { certificates: extra, verifiers }, provider }),
    }
}

#[cfg_attr(
    not(any(feature = "rustls-tls-webpki-roots", feature = "rustls-tls-native-roots")),
    allow(clippy::needless_pass_by_ref_mut, unused_variables, reason = "no feature names any")
)]
fn add_default_roots(store: &mut RootCertStore) {
    #[cfg(feature = "rustls-tls-webpki-roots")]
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    // The system's roots may hold odd certificates. Those that cannot be read are skipped.
    #[cfg(feature = "rustls-tls-native-roots")]
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
}

/// Returns the system's verifier. Returns `None` on a system without roots, which has no verifier. Other roots may
/// still exist.
#[cfg(feature = "rustls-tls-platform-verifier")]
fn platform_verifier(provider: &Arc<CryptoProvider>) -> Option<Arc<dyn ServerCertVerifier>> {
    let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).ok()?;
    Some(Arc::new(verifier))
}

#[cfg(not(feature = "rustls-tls-platform-verifier"))]
fn platform_verifier(_provider: &Arc<CryptoProvider>) -> Option<Arc<dyn ServerCertVerifier>> {
    None
}
