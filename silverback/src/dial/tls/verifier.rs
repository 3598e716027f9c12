//! Verifies the certificates of servers.

use std::{fmt, io, sync::Arc, time::Duration};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use webpki::RawPublicKeyEntity;

use super::certificate::Certificate;

/// Validates a server by its certificate and by its signature in the handshake.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trusts: Trusts,
    pub(super) provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
pub(super) enum Trusts {
    /// Any certificate.
    Everyone,
    /// Exactly these certificates, and those that one of the verifiers trusts.
    These { certificates: Vec<CertificateDer<'static>>, verifiers: Vec<Arc<dyn ServerCertVerifier>> },
}

impl Trusts {
    fn names(&self, certificate: &CertificateDer<'_>) -> bool {
        match self {
            Self::Everyone => false,
            Self::These { certificates, .. } => certificates.contains(certificate),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Trusts::These { certificates, verifiers } = &self.trusts else {
            return Ok(ServerCertVerified::assertion());
        };
        if certificates.contains(end_entity) {
            verify_named(end_entity, server_name, now)?;
        } else {
            verify_by_any(verifiers, |verifier| {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            })
            .map_err(|error| explained(end_entity, error))?;
        }
        check_key_size(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = verify_tls12_signature(message, certificate, signature, algorithms);
        self.or_by_key_alone(verified, signature.scheme, certificate, |key| {
            self.verify_tls12_by_key(message, key, signature)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = verify_tls13_signature(message, certificate, signature, algorithms);
        self.or_by_key_alone(verified, signature.scheme, certificate, |certificate| {
            verify_tls13_signature_with_raw_key(message, &certificate.public_key(), signature, algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.provider.signature_verification_algorithms.supported_schemes();
        if matches!(self.trusts, Trusts::Everyone) {
            // A server with a key of another kind could not sign at all.
            let others = OTHER_SCHEMES.into_iter().filter(|scheme| !schemes.contains(scheme));
            schemes.extend(others.collect::<Vec<_>>());
        }
        schemes
    }
}

impl Verifier {
    /// Verifies the handshake's signature again with the key alone, if we trust this certificate anyway. rustls parses
    /// the whole certificate to get its key, and refuses what RFC 5280 forbids: version 1, or extensions that make no
    /// sense.
    fn or_by_key_alone(
        &self,
        verified: Result<HandshakeSignatureValid, Error>,
        scheme: SignatureScheme,
        certificate: &CertificateDer<'_>,
        by_key: impl FnOnce(&Certificate<'_>) -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Err(error) = verified else { return verified };
        let read = Certificate::read(certificate);
        let knows_scheme = self.provider.signature_verification_algorithms.supported_schemes().contains(&scheme);
        match (&self.trusts, read) {
            (Trusts::These { .. }, Some(read)) if self.trusts.names(certificate) => by_key(&read),
            (Trusts::These { .. }, _) => Err(error),
            // The server must still own the certificate that it presents, if the provider can verify that.
            (Trusts::Everyone, Some(read)) if read.has_ordinary_key() && knows_scheme => by_key(&read),
            (Trusts::Everyone, _) => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    /// Verifies a signature of TLS 1.2 with a key alone. rustls does the same with a certificate's key, or in TLS 1.3
    /// with a key alone.
    fn verify_tls12_by_key(
        &self,
        message: &[u8],
        certificate: &Certificate<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = certificate.public_key();
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
        let mapping = self.provider.signature_verification_algorithms.mapping;
        let algorithms = mapping.iter().filter(|(scheme, _)| *scheme == signature.scheme);
        let mut algorithms = algorithms.flat_map(|(_, algorithms)| algorithms.iter());
        match algorithms.any(|algorithm| key.verify_signature(*algorithm, message, signature.signature()).is_ok()) {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }
}

/// Verifies a certificate that is trusted by itself. Its issuer and the certificates that its key may sign do not
/// matter. It must be for this server and valid now. RFC 5280, 6.1 leaves the rules for trust anchors to the
/// application.
fn verify_named(certificate: &CertificateDer<'_>, server_name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let validity = read.validity().ok_or(CertificateError::BadEncoding)?;
    let time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if time < validity.not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before: instant(validity.not_before) }.into());
    }
    if time > validity.not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after: instant(validity.not_after) }.into());
    }
    if !read.is_for_servers() {
        return Err(CertificateError::InvalidPurpose.into());
    }
    if read.has_extensions() {
        // Parsing the whole certificate refuses unknown critical extensions.
        let parsed = ParsedCertificate::try_from(certificate)?;
        if read.has_alternative_names() {
            return verify_server_name(&parsed, server_name);
        }
    }
    match read.common_name() {
        Some(name) if is_for_name(name, server_name) => Ok(()),
        name => Err(CertificateError::NotValidForNameContext {
            expected: server_name.to_owned(),
            presented: name.map(|name| format!("{name:?}")).into_iter().collect(),
        }
        .into()),
    }
}

/// Returns whether a common name is for this server. RFC 6125, 6.4.4: the common name counts only without alternative
/// names, as in test certificates made with one command. This is used only for certificates that are trusted by
/// themselves.
fn is_for_name(common_name: &str, server_name: &ServerName<'_>) -> bool {
    match server_name {
        ServerName::DnsName(host) => {
            let host = host.as_ref().trim_end_matches('.');
            let is_wild = || {
                let (below, (_, parent)) = (common_name.strip_prefix("*.")?, host.split_once('.')?);
                Some(parent.contains('.') && parent.eq_ignore_ascii_case(below))
            };
            common_name.eq_ignore_ascii_case(host) || is_wild().unwrap_or(false)
        }
        ServerName::IpAddress(address) => {
            common_name.parse().is_ok_and(|named: std::net::IpAddr| named == std::net::IpAddr::from(*address))
        }
        _ => false,
    }
}

/// Succeeds if one of the verifiers succeeds.
fn verify_by_any(
    verifiers: &[Arc<dyn ServerCertVerifier>],
    verify: impl Fn(&dyn ServerCertVerifier) -> Result<ServerCertVerified, Error>,
) -> Result<(), Error> {
    let mut told = CertificateError::UnknownIssuer.into();
    for verifier in verifiers {
        match verify(&**verifier) {
            Ok(_) => return Ok(()),
            // A verifier that knows the issuer gives a better reason.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {}
            Err(error) => told = error,
        }
    }
    Err(told)
}

/// Replaces errors by ones that people can act on. webpki checks the version and the authority flag first. If a
/// certificate is self-signed and not trusted, the missing trust is the real cause.
fn explained(certificate: &CertificateDer<'_>, error: Error) -> Error {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = &error else { return error };
    let fault = match inner.downcast_ref() {
        _ if Certificate::read(certificate).is_some_and(|read| read.is_self_issued()) => {
            return CertificateError::UnknownIssuer.into();
        }
        Some(webpki::Error::UnsupportedCertVersion) => Fault::OldVersion,
        Some(webpki::Error::CaUsedAsEndEntity) => Fault::Authority,
        _ => return error,
    };
    fault.into()
}

/// Returns the reason why a certificate is not trusted, if this crate found it. rustls would show such an error as
/// code: `Other(OtherError(..))`.
pub(crate) fn why_not_trusted(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref()? {
        Error::InvalidCertificate(CertificateError::Other(OtherError(fault))) => {
            Some(format!("invalid peer certificate: {fault}"))
        }
        _ => None,
    }
}

/// Refuses RSA keys that are too short. The provider would report such a key as a wrong signature.
fn check_key_size(certificate: &CertificateDer<'_>) -> Result<(), Error> {
    match Certificate::read(certificate).and_then(|read| read.rsa_bits()) {
        Some(bits) if bits < MIN_RSA_BITS => Err(Fault::ShortKey { bits }.into()),
        _ => Ok(()),
    }
}

/// Faults that rustls has no error for.
enum Fault {
    /// The server's key is so short that others can compute it.
    ShortKey { bits: usize },
    /// The certificate has version 1, but RFC 8446, 4.4.2.2 requires version 3.
    OldVersion,
    /// The certificate is for an authority. webpki does not accept such a certificate from a server.
    Authority,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        CertificateError::Other(OtherError(Arc::new(fault))).into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortKey { bits } => {
                write!(f, "its RSA key has {bits} bits, and at least {MIN_RSA_BITS} are needed")
            }
            Self::OldVersion => f.write_str(
                "it is of X.509 version 1, so it can only be trusted by itself; one with a subjectAltName is of version 3",
            ),
            Self::Authority => f.write_str(
                "it is for an authority (CA:TRUE), so it can only be trusted by itself; servers need one with CA:FALSE",
            ),
        }
    }
}

/// rustls shows unknown errors in their debug form.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Fault {}

/// Converts a time. Times before 1970 count as 1970.
fn instant(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

const MIN_RSA_BITS: usize = 2048;
/// Signatures that no provider of rustls can verify, or not every one.
const OTHER_SCHEMES: [SignatureScheme; 7] = [
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED448,
    // RFC 8446, 4.2.3: RSASSA-PSS with a key for RSASSA-PSS only.
    SignatureScheme::Unknown(0x0809),
    SignatureScheme::Unknown(0x080A),
    SignatureScheme::Unknown(0x080B),
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];
