//! Instants in UTC (RFC 3339), for messages and reports.

use std::time::{Duration, SystemTime};

use x509_cert::der::DateTime;

/// Formats an instant like `2026-01-31T12:30:00.123Z`.
pub(crate) fn full(at: SystemTime) -> String {
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds =
        DateTime::from_unix_duration(Duration::from_secs(since_epoch.as_secs())).unwrap_or(DateTime::INFINITY);
    format!("{}.{:03}Z", seconds.to_string().trim_end_matches('Z'), since_epoch.subsec_millis())
}

/// Formats the time of day like `12:30:00.123Z`.
pub(crate) fn of_day(at: SystemTime) -> String {
    full(at).split_off("2026-01-31T".len())
}
