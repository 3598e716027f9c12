//! What a certificate says, in words: whose it is, who vouches for it, for which names, and how long.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::{SystemTime, UNIX_EPOCH},
};

use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time};

use crate::dialing::printable;

/// The server's own certificate. It is a stranger's text: nothing in it that a terminal would act on is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// The names and addresses that it is for.
    pub(super) names: Vec<String>,
    pub(super) not_before: Day,
    pub(super) not_after: Day,
    /// Whole days until it ends; less than 0 after that.
    pub(super) days_left: i64,
    /// Whether it begins in the future.
    pub(super) is_early: bool,
    /// Whether nobody else vouches for it.
    pub(super) is_self_signed: bool,
}

/// As `2026-01-31`, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Day(pub(super) String);

impl Certificate {
    /// `None` if it is none.
    pub(super) fn read(der: &[u8], now: SystemTime) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        let validity = certificate.validity();
        let seconds_left = validity.not_after.timestamp() - now;
        Some(Self {
            subject: printable(&certificate.subject().to_string()),
            issuer: printable(&certificate.issuer().to_string()),
            names: names(&certificate),
            not_before: day(validity.not_before),
            not_after: day(validity.not_after),
            days_left: seconds_left.div_euclid(DAY),
            is_early: validity.not_before.timestamp() > now,
            is_self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        })
    }

    pub(super) fn has_expired(&self) -> bool {
        self.days_left < 0
    }
}

/// RFC 6125, 6.4.4: where there are alternative names, the common name counts for nothing.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    alternatives.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string())).ok()
}

fn day(time: ASN1Time) -> Day {
    let date = time.to_datetime().date();
    Day(format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
}

const DAY: i64 = 24 * 3600;

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
