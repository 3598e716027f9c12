//! The times of the broker, as RFC 3339 writes them: `2026-11-29T22:33:16.123456789Z`.

use std::time::{Duration, SystemTime};

/// Reads a time of the broker. It always names UTC.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::from(hour * 3600 + minute * 60 + second) + days(year, month, day) * 86_400;
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

/// Returns how old something of this time is. Something of the future, by a clock that differs, is new.
pub(crate) fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Days since 1970, after which February ends the year, so that its length does not matter.
fn days(year: u32, month: u32, day: u32) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    u64::from(days).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::parse;

    #[test]
    fn the_brokers_times_are_read() {
        let at = |seconds, nanos| Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        assert_eq!(parse("1970-01-01T00:00:00Z"), at(0, 0));
        assert!(parse("2026-11-29T23:20:59.1Z") > parse("2026-11-29T23:20:59.015843001Z"), "zeros may be left out");
        assert_eq!(parse("2000-02-29T12:00:01.5Z"), at(951_825_601, 500_000_000));
        assert_eq!(parse("2026-11-29T22:33:16.123456789Z"), at(1_795_991_596, 123_456_789));
        for text in [
            "",
            "Z",
            "2026-11-29",
            "2026-13-01T00:00:00Z",
            "2026-01-01T00:00:00+01:00",
            "x-1-1T0:0:0Z",
            "2026-01-01T00:00:00.1234567890Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
