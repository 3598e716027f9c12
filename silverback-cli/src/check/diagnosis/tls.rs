//! TLS that does not come about: certificates above all.

use rustls::{AlertDescription, CertificateError, Error as TlsFault, InvalidMessage};
use silverback::DialError;

use super::facts::Facts;
use crate::check::{certificate::Certificate, finding::Diagnosis, reason::reason};

/// Returns the fault of the certificate, if the certificate caused the error.
pub(crate) fn certificate_fault(error: &DialError) -> Option<&CertificateError> {
    match fault(error)? {
        TlsFault::InvalidCertificate(fault) => Some(fault),
        _ => None,
    }
}

/// Whether the server has answered in TLS, so that it cannot speak plain HTTP.
pub(crate) fn has_answered(error: &DialError) -> bool {
    matches!(error, DialError::HttpVersion { .. })
        || matches!(
            fault(error),
            Some(TlsFault::AlertReceived(_) | TlsFault::InvalidCertificate(_) | TlsFault::PeerIncompatible(_))
        )
}

/// Whether the server speaks none of the protocols that were offered by ALPN (RFC 7301, 3.2).
pub(crate) fn has_no_common_protocol(error: &DialError) -> bool {
    matches!(error, DialError::HttpVersion { .. })
        || matches!(fault(error), Some(TlsFault::AlertReceived(AlertDescription::NoApplicationProtocol)))
}

fn fault(error: &DialError) -> Option<&TlsFault> {
    match error {
        DialError::Io { source, .. } => source.get_ref()?.downcast_ref(),
        _ => None,
    }
}

pub(super) fn failed(error: &DialError, facts: &Facts<'_>) -> Diagnosis {
    if error.target().is_some_and(|target| target != facts.place) {
        return Diagnosis::new("proxy-tls", format!("TLS with the proxy failed: {error}.")).advise(
            "Its certificate is validated with the system's authorities or --proxy-cacert; --cacert is for servers.",
        );
    }
    if let Some(fault) = certificate_fault(error) {
        let shown = facts.security.and_then(|security| security.certificate.as_ref());
        return certificate(fault, shown, facts);
    }
    match fault(error) {
        Some(TlsFault::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            Diagnosis::new("plain-on-tls-url", format!("{} answers with something other than TLS.", facts.place))
                .advise("If it speaks plain HTTP, the URL begins with ws://. Otherwise check the port.")
        }
        Some(TlsFault::AlertReceived(alert)) => refused_us(*alert),
        Some(TlsFault::PeerIncompatible(_)) => {
            Diagnosis::new("tls-too-old", "The server has no TLS version or cipher that is safe today.")
                .advise("TLS 1.2 or newer is needed, with forward secrecy.")
        }
        _ if facts.options.http3 => Diagnosis::new("tls-refused", format!("TLS within QUIC failed: {}.", reason(error)))
            .advise("Without --http3, more may be known about it."),
        _ if error.is_timeout() => {
            Diagnosis::new("tls-timeout", format!("{} accepts the connection, but does not answer the TLS handshake.", facts.place))
                .advise("If it speaks plain HTTP, the URL begins with ws://. Otherwise check the port.")
        }
        _ => Diagnosis::new("tls-hung-up", format!("{} closes the connection instead of doing TLS.", facts.place))
            .advise("It may have no certificate for this name, not speak TLS at this port, or be a proxy whose server is gone."),
    }
}

fn certificate(fault: &CertificateError, shown: Option<&Certificate>, facts: &Facts<'_>) -> Diagnosis {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let since = shown.map_or_else(String::new, |certificate| format!(" on {}", certificate.not_after.0));
            Diagnosis::new("certificate-expired", format!("The server's certificate has expired{since}."))
                .advise("The server's operator must renew it, and have the server load it.")
                .advise("If it has not, check this machine's clock.")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let from = shown.map_or_else(String::new, |certificate| format!(" before {}", certificate.not_before.0));
            Diagnosis::new("certificate-not-yet-valid", format!("The server's certificate is not valid{from}."))
                .advise("Check this machine's clock.")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => wrong_name(shown, facts),
        CertificateError::Revoked => {
            Diagnosis::new("certificate-revoked", "The server's certificate was revoked by its issuer.")
                .advise("The server's operator must get a new one.")
        }
        CertificateError::UnknownIssuer => unknown_issuer(shown, facts),
        CertificateError::BadSignature => wrong_key(facts),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Diagnosis::new("certificate", "The server's certificate is not made for servers.")
                .advise("Its extended key usage, if it has one, must name serverAuth.")
        }
        // A certificate for an authority that is used by a server itself is refused in its own way.
        _ if !facts.is_named && shown.is_some_and(|certificate| certificate.is_self_signed) => {
            unknown_issuer(shown, facts)
        }
        // Its debug form is for programmers.
        CertificateError::Other(fault) => {
            Diagnosis::new("certificate", format!("The server's certificate cannot be trusted: {fault}."))
                .advise_if(!facts.is_named, "--cacert FILE with the server's own certificate trusts exactly that.")
        }
        fault => Diagnosis::new("certificate", format!("The server's certificate cannot be trusted: {fault}.")),
    }
}

fn unknown_issuer(shown: Option<&Certificate>, facts: &Facts<'_>) -> Diagnosis {
    let meaning = match shown {
        Some(certificate) if certificate.is_self_signed => "The server's certificate is self-signed.".to_owned(),
        Some(certificate) => {
            format!("The server's certificate is issued by {}, which is not a trusted authority.", certificate.issuer)
        }
        None => "The server's certificate is issued by an authority that is not trusted.".to_owned(),
    };
    let has_roots = facts.options.cacert.is_some();
    let is_alone = facts.security.is_some_and(|security| security.chain == 1);
    Diagnosis::new("unknown-issuer", meaning)
        .advise_if(!has_roots, "For your own authority, or a test certificate: --cacert FILE, with it in PEM.")
        .advise_if(
            has_roots && !facts.is_named,
            "It is not among the certificates of --cacert, and none of them is an authority that vouches for it.",
        )
        .advise_if(is_alone, "The server sends one certificate only: its intermediate certificates may be missing.")
        .advise("--insecure (-k) accepts any certificate, so that the server may be an impostor. For tests only.")
}

/// This happens if an authority was made again under its old name.
fn wrong_key(facts: &Facts<'_>) -> Diagnosis {
    Diagnosis::new("wrong-key", "The server's certificate names a trusted authority, but is not signed with its key.")
        .advise_if(
            facts.options.cacert.is_some(),
            "The authority of --cacert may be an older or newer one of the same name.",
        )
        .advise("An attacker may also try to impersonate the server.")
}

fn wrong_name(shown: Option<&Certificate>, facts: &Facts<'_>) -> Diagnosis {
    let host = facts.place.rsplit_once(':').map_or(facts.place, |(host, _)| host);
    let names = shown.map(|certificate| certificate.names.join(", ")).filter(|names| !names.is_empty());
    let meaning = match &names {
        Some(names) => format!("The server's certificate is for {names}, and not for {host}."),
        None => format!("The server's certificate is not for {host}."),
    };
    Diagnosis::new("wrong-name", meaning)
        .advise_if(
            names.is_none(),
            "It has no alternative names (subjectAltName), which clients check. A common name alone is not enough.",
        )
        .advise("Use a name that the certificate has; --resolve NAME:PORT:ADDRESS points it to the same machine.")
}

fn refused_us(alert: AlertDescription) -> Diagnosis {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => {
            Diagnosis::new("client-certificate", "The server requires a client certificate that it trusts.")
                .advise("Present one with --cert and --key.")
        }
        AlertDescription::UnrecognisedName => {
            Diagnosis::new("unknown-name", "The server has no certificate for the requested name.")
                .advise("Check the host of the URL.")
        }
        AlertDescription::NoApplicationProtocol => {
            Diagnosis::new("http-version", "The server does not speak HTTP/1.1: it refuses what was offered by ALPN.")
                .advise("Use --http2, if the lines above say that the server takes WebSockets over it.")
        }
        AlertDescription::ProtocolVersion => {
            Diagnosis::new("tls-too-old", "The server does not speak TLS 1.2 or newer.")
        }
        alert => Diagnosis::new("tls-refused", format!("The server ends the TLS handshake with the alert {alert:?}."))
            .advise("It may require a client certificate (--cert), or share no cipher with the client."),
    }
}
