//! TLS that does not come about: certificates above all.

use rustls::{AlertDescription, CertificateError, Error as TlsFault, InvalidMessage};
use silverback::DialError;

use super::facts::Facts;
use crate::check::{certificate::Certificate, finding::Diagnosis};

/// What is wrong with the certificate, if that is what is wrong.
pub(crate) fn certificate_fault(error: &DialError) -> Option<&CertificateError> {
    match fault(error)? {
        TlsFault::InvalidCertificate(fault) => Some(fault),
        _ => None,
    }
}

fn fault(error: &DialError) -> Option<&TlsFault> {
    match error {
        DialError::Io { source, .. } => source.get_ref()?.downcast_ref(),
        _ => None,
    }
}

pub(super) fn failed(error: &DialError, facts: &Facts<'_>) -> Diagnosis {
    if error.target().is_some_and(|target| target != facts.place) {
        return Diagnosis::new("proxy-tls", format!("There is no TLS with the proxy: {error}.")).advise(
            "Its certificate is judged by the system's authorities, or by --proxy-cacert; --cacert is for servers.",
        );
    }
    if let Some(fault) = certificate_fault(error) {
        let shown = facts.security.and_then(|security| security.certificate.as_ref());
        return certificate(fault, shown, facts);
    }
    match fault(error) {
        Some(TlsFault::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            Diagnosis::new("plain-on-tls-url", format!("{} answers with something that is no TLS.", facts.place))
                .advise("If it speaks plain HTTP, the URL begins with ws://. Otherwise check the port.")
        }
        Some(TlsFault::AlertReceived(alert)) => refused_us(*alert),
        Some(TlsFault::PeerIncompatible(_)) => {
            Diagnosis::new("tls-too-old", "The server speaks no version or cipher of TLS that is safe today.")
                .advise("TLS 1.2 or newer is needed, with forward secrecy.")
        }
        _ if error.is_timeout() => {
            Diagnosis::new("tls-timeout", format!("{} takes the connection, but says nothing about TLS.", facts.place))
                .advise("If it speaks plain HTTP, the URL begins with ws://. Otherwise check the port.")
        }
        _ => Diagnosis::new("tls-hung-up", format!("{} ends the connection instead of doing TLS.", facts.place))
            .advise("It may know no certificate for this name, speak no TLS at this port, or be a proxy whose server is gone."),
    }
}

fn certificate(fault: &CertificateError, shown: Option<&Certificate>, facts: &Facts<'_>) -> Diagnosis {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let since = shown.map_or_else(String::new, |certificate| format!(" on {}", certificate.not_after.0));
            Diagnosis::new("certificate-expired", format!("The server's certificate has expired{since}."))
                .advise("Whoever runs the server must renew it, and have the server load it again.")
                .advise("If it has not, check this machine's clock.")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let from = shown.map_or_else(String::new, |certificate| format!(" before {}", certificate.not_before.0));
            Diagnosis::new("certificate-not-yet-valid", format!("The server's certificate is not valid{from}."))
                .advise("Check this machine's clock.")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => wrong_name(shown, facts),
        CertificateError::Revoked => {
            Diagnosis::new("certificate-revoked", "The server's certificate was revoked by whoever issued it.")
                .advise("Whoever runs the server must get a new one.")
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
                .advise_if(!facts.is_named, "--cacert FILE with the server's own certificate trusts it by itself.")
        }
        fault => Diagnosis::new("certificate", format!("The server's certificate cannot be trusted: {fault}.")),
    }
}

fn unknown_issuer(shown: Option<&Certificate>, facts: &Facts<'_>) -> Diagnosis {
    let meaning = match shown {
        Some(certificate) if certificate.is_self_signed => {
            "The server's certificate is signed by nobody but itself.".to_owned()
        }
        Some(certificate) => {
            format!("The server's certificate is issued by {}, whom nobody here vouches for.", certificate.issuer)
        }
        None => "The server's certificate is issued by somebody whom nobody here vouches for.".to_owned(),
    };
    let has_roots = facts.options.cacert.is_some();
    let is_alone = facts.security.is_some_and(|security| security.chain == 1);
    Diagnosis::new("unknown-issuer", meaning)
        .advise_if(
            !has_roots,
            "For an authority of your own, or a certificate made for a test: --cacert FILE, with it in PEM.",
        )
        .advise_if(
            has_roots && !facts.is_named,
            "It is not among the certificates of --cacert, and none of them is an authority that vouches for it.",
        )
        .advise_if(
            is_alone,
            "The server sends one certificate only: it may have forgotten those between its own and the authority's.",
        )
        .advise("--insecure (-k) accepts any certificate. Then nobody knows who the server is: for tests only.")
}

/// Whoever makes an authority anew under its old name meets this.
fn wrong_key(facts: &Facts<'_>) -> Diagnosis {
    Diagnosis::new(
        "wrong-key",
        "The server's certificate names an authority that is believed, but that one's key has not signed it.",
    )
    .advise_if(
        facts.options.cacert.is_some(),
        "The authority of --cacert may be an older or newer one of the same name.",
    )
    .advise("Somebody may also try to pass for the server.")
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
            "It has no alternative names (subjectAltName), which clients look at. A common name alone is not enough.",
        )
        .advise("Use a name that the certificate has; --resolve NAME:PORT:ADDRESS leads it to the same machine.")
}

fn refused_us(alert: AlertDescription) -> Diagnosis {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => {
            Diagnosis::new("client-certificate", "The server wants a certificate of ours that it believes.")
                .advise("Show it one with --cert and --key.")
        }
        AlertDescription::UnrecognisedName => {
            Diagnosis::new("unknown-name", "The server knows no certificate for the name that it was asked for.")
                .advise("Check the host of the URL.")
        }
        AlertDescription::ProtocolVersion => {
            Diagnosis::new("tls-too-old", "The server does not speak TLS 1.2 or newer.")
        }
        alert => Diagnosis::new("tls-refused", format!("The server ends the TLS handshake with the alert {alert:?}."))
            .advise("It may want a certificate of ours (--cert), or share no cipher with us."),
    }
}
