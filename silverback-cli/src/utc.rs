//! Instants in UTC (RFC 3339), for messages and reports.

use std::time::{Duration, SystemTime};

/// Formats an instant like `2026-01-31T12:30:00.123Z`.
pub(crate) fn full(at: SystemTime) -> String {
    let since_epoch = since_epoch(at);
    let (year, month, day) = date(since_epoch.as_secs() / DAY);
    format!("{year:04}-{month:02}-{day:02}T{}", of_day(at))
}

/// Formats the time of day like `12:30:00.123Z`.
pub(crate) fn of_day(at: SystemTime) -> String {
    let since_epoch = since_epoch(at);
    let seconds = since_epoch.as_secs() % DAY;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}Z", seconds % 60, since_epoch.subsec_millis())
}

fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Returns the Gregorian year, month and day of a day since 1970.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that a leap day is the last day of its year. There are 719,468 days between the
    // first of March of the year 0 and 1970.
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

const DAY: u64 = 24 * 3600;
/// The number of days in 400 years.
const ERA: u64 = 146_097;
