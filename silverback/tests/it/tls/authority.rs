//! A certificate authority for tests, and the certificates that it signs.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// With its private key.
pub(crate) struct Certificate {
    chain: String,
    key: String,
}

pub(crate) enum Validity {
    Now,
    Ended,
    NotYet,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        // A client looks an issuer up by its name: two of one name would be told apart only by their signatures.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("Authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn server(&self, names: &[&str]) -> Certificate {
        self.server_valid(names, Validity::Now)
    }

    pub(crate) fn server_valid(&self, names: &[&str], validity: Validity) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        match validity {
            Validity::Now => {}
            Validity::Ended => params.not_after = date_time_ymd(2020, 1, 1),
            Validity::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Certificate { chain: certificate.pem(), key: key.serialize_pem() }
    }

    /// A client that trusts only this authority and has no certificate.
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(self.store()).with_no_client_auth())
    }

    fn store(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add(self.0.der().clone()).unwrap();
        Arc::new(store)
    }
}

impl Certificate {
    pub(crate) fn chain_pem(&self) -> String {
        self.chain.clone()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.clone()
    }

    /// A server that shows this certificate and asks for none.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        self.config(WebPkiClientVerifier::no_client_auth())
    }

    /// One that wants to see a certificate of an authority's from its clients.
    pub(crate) fn server_config_demanding(&self, clients_of: &Authority) -> Arc<ServerConfig> {
        let verifier = WebPkiClientVerifier::builder_with_provider(clients_of.store(), provider());
        self.config(verifier.build().unwrap())
    }

    /// One that would like to.
    pub(crate) fn server_config_asking(&self, clients_of: &Authority) -> Arc<ServerConfig> {
        let verifier = WebPkiClientVerifier::builder_with_provider(clients_of.store(), provider());
        self.config(verifier.allow_unauthenticated().build().unwrap())
    }

    pub(crate) fn config(&self, clients: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from_pem_slice(self.chain.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let mut config = builder.with_client_cert_verifier(clients).with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
