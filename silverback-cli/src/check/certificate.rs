//! A certificate in words: its subject, issuer, names and validity.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use x509_cert::{
    certificate::TbsCertificate,
    der::{DateTime, Decode},
    ext::pkix::{SubjectAltName, name::GeneralName},
    name::Name,
};

use crate::printable::printable;

/// The server's own certificate. The server controls its texts, so they are escaped for the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// The names and addresses of the certificate.
    pub(super) names: Vec<String>,
    pub(super) not_before: Day,
    pub(super) not_after: Day,
    /// Whole days until it expires. Negative after that.
    pub(super) days_left: i64,
    /// Whether the certificate is not valid yet.
    pub(super) is_early: bool,
    /// Whether the certificate has signed itself.
    pub(super) is_self_signed: bool,
}

/// Formats a date like `2026-01-31`, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Day(pub(super) String);

impl Certificate {
    /// Parses a certificate. Returns `None` if the bytes are not a certificate.
    pub(super) fn read(der: &[u8], now: SystemTime) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let certificate = certificate.tbs_certificate();
        let now = seconds(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        let not_before = certificate.validity().not_before.to_date_time();
        let not_after = certificate.validity().not_after.to_date_time();
        let seconds_left = seconds(not_after.unix_duration()) - now;
        Some(Self {
            subject: distinguished_name(certificate.subject()),
            issuer: distinguished_name(certificate.issuer()),
            names: names(certificate),
            not_before: day(not_before),
            not_after: day(not_after),
            days_left: seconds_left.div_euclid(DAY),
            is_early: seconds(not_before.unix_duration()) > now,
            is_self_signed: certificate.subject() == certificate.issuer(),
        })
    }

    pub(super) fn has_expired(&self) -> bool {
        self.days_left < 0
    }
}

/// Formats a name in the order of the certificate, each part as in RFC 4514.
fn distinguished_name(name: &Name) -> String {
    let parts: Vec<String> = name.iter_rdn().map(ToString::to_string).collect();
    printable(&parts.join(", "))
}

/// RFC 6125, 6.4.4: clients ignore the common name if there are alternative names.
fn names(certificate: &TbsCertificate) -> Vec<String> {
    let Ok(Some((_, alternatives))) = certificate.get_extension::<SubjectAltName>() else { return Vec::new() };
    let name = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => Some(printable(name.as_str())),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()),
        _ => None,
    };
    alternatives.0.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string())).ok()
}

fn day(time: DateTime) -> Day {
    Day(format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.day()))
}

fn seconds(since_1970: Duration) -> i64 {
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}

const DAY: i64 = 24 * 3600;

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
