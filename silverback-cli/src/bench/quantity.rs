//! Values of `bench`'s options as people write them: counts, rates, sizes of messages, times down to nanoseconds.

use super::engine::script::Sizes;
use crate::values;

/// A count from 1 on: `1000`, `10k`, `1.5M`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    match number(text) {
        Some(count) if count.fract() == 0.0 && (1.0..=MAX_COUNT).contains(&count) => Ok(count as u64),
        _ => Err("must be a number like 1000 or 10k".to_owned()),
    }
}

/// A rate per second: `500`, `500/s`, `30k/s`, `0.5`.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match number(text.strip_suffix("/s").unwrap_or(text)) {
        Some(rate) if rate > 0.0 && rate <= MAX_COUNT => Ok(rate),
        _ => Err("must be a number per second, like 500 or 30k/s".to_owned()),
    }
}

/// One size, several, or a range of them.
pub(crate) fn sizes(text: &str) -> Result<Sizes, String> {
    if let Some((from, to)) = text.split_once('-') {
        let (from, to) = (size(from)?, size(to)?);
        return if from <= to {
            Ok(Sizes::Between(from, to))
        } else {
            Err("must begin with the smaller size".to_owned())
        };
    }
    text.split(',').map(size).collect::<Result<_, _>>().map(Sizes::Listed)
}

/// A time in nanoseconds: `5ms`, `250us`, `1.5s`.
pub(crate) fn nanos(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (digits, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

/// A number that may end with `k` or `M`.
pub(crate) fn number(text: &str) -> Option<f64> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => match text.strip_suffix('M') {
            Some(digits) => (digits, 1e6),
            None => (text, 1.0),
        },
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits.parse::<f64>().ok().filter(|_| is_plain).map(|number| number * factor)
}

fn size(text: &str) -> Result<usize, String> {
    let text = text.trim();
    // Empty messages are messages too.
    let bytes = if text == "0" { 0 } else { values::size(text)? };
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= MAX_SIZE).ok_or_else(|| "must be at most 256MiB".to_owned())
}

const MAX_COUNT: f64 = 1e12;
const MAX_SIZE: usize = 256 << 20;

#[cfg(test)]
#[path = "quantity_tests.rs"]
mod tests;
