//! Days of the calendar, for pages that say when something was measured.

use std::time::SystemTime;

/// Today in UTC, like `2026-01-31`.
pub(crate) fn today() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    day(seconds / SECONDS)
}

/// In a sentence: `on 2026-01-31`, or the first and the last of several days.
pub(crate) fn span<'d>(days: impl Iterator<Item = &'d str>) -> Option<String> {
    let (first, last) = days.fold(None, |span: Option<(&str, &str)>, day| match span {
        None => Some((day, day)),
        Some((first, last)) => Some((first.min(day), last.max(day))),
    })?;
    Some(if first == last { format!("on {first}") } else { format!("from {first} to {last}") })
}

/// The day that begins so many days after 1970-01-01. Years begin in March here, so that a leap day is the last of its year.
fn day(since_epoch: u64) -> String {
    let days = since_epoch + DAYS_BEFORE_EPOCH;
    let (era, of_era) = (days / ERA, days % ERA);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{of_month:02}", year + era * 400 + next)
}

const SECONDS: u64 = 24 * 60 * 60;
/// The days of 400 years.
const ERA: u64 = 146_097;
/// From the first of March of the year 0.
const DAYS_BEFORE_EPOCH: u64 = 719_468;

#[cfg(test)]
#[path = "date_tests.rs"]
mod tests;
