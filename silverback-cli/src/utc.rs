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

/// Parses an instant that [`full`] has formatted, with any number of digits after the second, up to nine.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !(1..=9).contains(&fraction.len()) || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let seconds: DateTime = format!("{seconds}Z").parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(seconds.unix_duration())?.checked_add(Duration::from_nanos(nanos))
}

/// Formats the time of day like `12:30:00.123Z`.
pub(crate) fn of_day(at: SystemTime) -> String {
    full(at).split_off("2026-01-31T".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_formatted_is_parsed_back() {
        let at = |nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
        for millis in [0, 1, 951_827_696_999, 4_107_542_400_010] {
            assert_eq!(parse(&full(at(millis * 1_000_000))), Some(at(millis * 1_000_000)));
        }
        assert_eq!(parse("1970-01-01T00:00:01Z"), Some(at(1_000_000_000)));
        assert_eq!(parse("1970-01-01T00:00:01.000000007Z"), Some(at(1_000_000_007)));
        for text in ["", "Z", "1970-01-01T00:00:01", "1970-01-01T00:00:01.Z", "1970-01-01T00:00:01.0000000001Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["1970-01-01T00:00:01+01:00", "1970-13-01T00:00:01Z", "1970-01-01T00:00:01.-1Z", "-1Z", "é.1Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
