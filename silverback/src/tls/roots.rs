//! Whom to believe: the union of what the features name and of what the application gives.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::CertificateDer,
};

use super::{
    TlsError,
    verifier::{Believes, Verifier},
};

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
        let webpki = WebPkiServerVerifier::builder_with_provider(store.into(), provider.clone()).build();
        verifiers.push(webpki.map_err(|error| TlsError::Roots(error.to_string()))? as Arc<dyn ServerCertVerifier>);
    }
    match verifiers.len() {
        0 => Err(TlsError::NoRoots),
        1 => Ok(verifiers.remove(0)),
        _ => Ok(Arc::new(Verifier { believes: Believes::AnyOf(verifiers), provider })),
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
