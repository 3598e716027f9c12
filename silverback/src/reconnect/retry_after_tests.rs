//! Valid and invalid values of `Retry-After`.
#![allow(clippy::unwrap_used)]

use super::*;

fn asked(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
    if let Some(date) = date {
        headers.insert(DATE, date.parse().unwrap());
    }
    in_headers(&headers)
}

#[test]
fn a_number_is_seconds() {
    assert_eq!(asked("120", None), Some(Duration::from_secs(120)));
    assert_eq!(asked(" 0 ", None), Some(Duration::ZERO));
    assert_eq!(asked("99999999999999999999999", None), Some(Duration::from_secs(u64::MAX)));
}

#[test]
fn a_date_is_counted_from_the_servers_own() {
    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(asked("Sun, 06 Nov 1994 08:51:07 GMT", date), Some(Duration::from_secs(90)));
    assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT", date), Some(Duration::ZERO));
    // Recipients must accept the two obsolete formats too (RFC 9110, 5.6.7).
    assert_eq!(asked("Sunday, 06-Nov-94 08:51:07 GMT", date), Some(Duration::from_secs(90)));
    assert_eq!(asked("Sun Nov  6 08:51:07 1994", date), Some(Duration::from_secs(90)));
}

#[test]
fn without_the_servers_date_ours_counts() {
    let in_an_hour = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    let wait = asked(&in_an_hour, None).unwrap();
    assert!(wait > Duration::from_secs(3000) && wait <= Duration::from_secs(3600), "{wait:?}");
}

#[test]
fn what_makes_no_sense_asks_for_nothing() {
    for nonsense in ["", "soon", "-1", "+1", "1.5", "12 s", "Sun, 32 Nov 1994 08:49:37 GMT"] {
        assert_eq!(asked(nonsense, None), None, "{nonsense}");
    }
    assert_eq!(in_headers(&HeaderMap::new()), None);
}
