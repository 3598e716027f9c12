//! `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap,
    header::{DATE, HeaderName, RETRY_AFTER},
};

/// Returns how long to wait, or `None` if the header is missing or invalid.
pub(super) fn in_headers(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number with too many digits means very long.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    // If the server sent its own date, count from that, because our clock may be wrong.
    let now = date(headers, DATE).unwrap_or_else(SystemTime::now);
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
#[path = "retry_after_tests.rs"]
mod tests;
