//! The errors of TLS inside of QUIC. quinn reports them as an alert and a text. Here they become those of rustls again, so
//! that an application tells them apart as over TCP.

use std::{fmt, sync::Arc};

use rustls::{AlertDescription, CertificateError, Error, OtherError};

/// The server ended the handshake with this alert (RFC 9001, 4.8).
pub(super) fn from_server(alert: u8) -> Error {
    Error::AlertReceived(AlertDescription::from(alert))
}

/// We ended the handshake. `reason` is the error of rustls as text.
pub(super) fn of_ours(reason: &str) -> Error {
    match reason.strip_prefix("invalid peer certificate: ") {
        Some(why) => Error::InvalidCertificate(certificate_error(why)),
        None => Error::General(reason.to_owned()),
    }
}

fn certificate_error(why: &str) -> CertificateError {
    let known = [
        CertificateError::UnknownIssuer,
        CertificateError::BadEncoding,
        CertificateError::Revoked,
        CertificateError::UnhandledCriticalExtension,
        CertificateError::UnknownRevocationStatus,
        CertificateError::InvalidPurpose,
        CertificateError::ApplicationVerificationFailure,
    ];
    if let Some(error) = known.into_iter().find(|error| error.to_string() == why) {
        return error;
    }
    // These texts go on with details.
    for (begin, error) in [
        ("certificate not valid for name", CertificateError::NotValidForName),
        ("certificate expired", CertificateError::Expired),
        ("certificate not valid yet", CertificateError::NotValidYet),
    ] {
        if why.starts_with(begin) {
            return error;
        }
    }
    CertificateError::Other(OtherError(Arc::new(Fault(why.to_owned()))))
}

/// A fault that our own verifier has found, or one that is not known here.
#[derive(Debug)]
struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}
