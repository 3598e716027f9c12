//! Certificates that break the rules, byte by byte, and a server that shows them.

use std::sync::{Arc, Mutex, OnceLock};

use rcgen::{KeyPair, PublicKeyData, SigningKey as _};
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureAlgorithm, SignatureScheme,
    SupportedProtocolVersion,
    client::danger::HandshakeSignatureValid,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey},
};

/// The content of a certificate. Fields of bytes are DER.
pub(crate) struct Handmade {
    pub(crate) version: u8,
    pub(crate) common_name: &'static str,
    /// The issuer's common name, if it is another.
    pub(crate) issuer: Option<&'static str>,
    pub(crate) not_before: &'static [u8],
    pub(crate) not_after: &'static [u8],
    /// Each extension with its tag.
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) key: KeyPair,
    /// Signatures are random, so that there is one.
    pub(crate) signed: OnceLock<CertificateDer<'static>>,
}

impl Handmade {
    pub(crate) fn new(common_name: &'static str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            version: 3,
            common_name,
            issuer: None,
            not_before: b"200101000000Z",
            not_after: b"491231235959Z",
            extensions: Vec::new(),
            public_key: key.subject_public_key_info(),
            key,
            signed: OnceLock::new(),
        }
    }

    /// Of X.509 version 1, which has no extensions.
    pub(crate) fn old(common_name: &'static str) -> Self {
        Self { version: 1, ..Self::new(common_name) }
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.signed.get_or_init(|| self.sign()).clone()
    }

    fn sign(&self) -> CertificateDer<'static> {
        let version = if self.version == 1 { vec![] } else { element(0xA0, &[element(2, &[vec![self.version - 1]])]) };
        let algorithm = element(0x30, &[ECDSA_WITH_SHA256.to_vec()]);
        let name = |common_name: &str| {
            let attribute = [element(6, &[vec![0x55, 4, 3]]), element(0x0C, &[common_name.into()])];
            element(0x30, &[element(0x31, &[element(0x30, &attribute)])])
        };
        let times = [element(0x17, &[self.not_before.to_vec()]), element(0x17, &[self.not_after.to_vec()])];
        let extensions = match self.extensions.is_empty() {
            true => vec![],
            false => element(0xA3, &[element(0x30, &self.extensions)]),
        };
        let signed = element(
            0x30,
            &[
                version,
                element(2, &[vec![7]]),
                algorithm.clone(),
                name(self.issuer.unwrap_or(self.common_name)),
                element(0x30, &times),
                name(self.common_name),
                self.public_key.clone(),
                extensions,
            ],
        );
        let signature = element(3, &[vec![0], self.key.sign(&signed).unwrap()]);
        element(0x30, &[signed, algorithm, signature]).into()
    }

    pub(crate) fn pem(&self) -> String {
        pem(&self.der())
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// A server that has the certificate and its key.
    pub(crate) fn server(&self) -> ServerConfig {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        server(self.der(), ring::sign::any_supported_type(&key).unwrap(), rustls::ALL_VERSIONS)
    }
}

pub(crate) fn server(
    certificate: CertificateDer<'static>,
    key: Arc<dyn SigningKey>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let certified = CertifiedKey::new(vec![certificate], key);
    builder.with_no_client_auth().with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
}

pub(crate) fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", data_encoding::BASE64.encode(der))
}

pub(crate) fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        length @ 0..=127 => vec![length as u8],
        length @ 128..=255 => vec![0x81, length as u8],
        length => [&[0x82], &(length as u16).to_be_bytes()[..]].concat(),
    };
    [&[tag], &length[..], &content].concat()
}

/// The public key of RSA with a modulus of so many bytes.
pub(crate) fn rsa_key(bytes: usize) -> Vec<u8> {
    let modulus = element(2, &[vec![0], vec![0xC5; bytes]]);
    let key = element(0x30, &[modulus, element(2, &[vec![1, 0, 1]])]);
    let algorithm = element(0x30, &[element(6, &[vec![0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1]]), vec![5, 0]]);
    element(0x30, &[algorithm, element(3, &[vec![0], key])])
}

/// Signs nothing that anybody could verify.
#[derive(Debug)]
pub(crate) struct Scribble(pub(crate) SignatureScheme);

impl SigningKey for Scribble {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.0).then(|| Box::new(Self(self.0)) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.0 {
            SignatureScheme::RSA_PSS_SHA256 | SignatureScheme::RSA_PKCS1_SHA1 | SignatureScheme::RSA_PKCS1_SHA256 => {
                SignatureAlgorithm::RSA
            }
            SignatureScheme::ED448 => SignatureAlgorithm::ED448,
            _ => SignatureAlgorithm::ECDSA,
        }
    }
}

impl Signer for Scribble {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(vec![0x30; 70])
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}

/// A server's opinion of its clients: any will do, and what they showed is kept.
#[derive(Debug, Default)]
pub(crate) struct Curious(pub(crate) Mutex<Vec<CertificateDer<'static>>>);

impl ClientCertVerifier for Curious {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.0.lock().unwrap().push(end_entity.clone().into_owned());
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// 1.2.840.10045.4.3.2
const ECDSA_WITH_SHA256: &[u8] = &[6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
