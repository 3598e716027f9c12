//! Values of options as people write them: sizes, times, counts.

use std::{
    env::{self, VarError},
    ffi::OsStr,
    fmt::Display,
    num::NonZero,
    ops::RangeInclusive,
    time::Duration,
};

use crate::error::Error;

/// Parses a number of bytes: `65536`, `64k`, `64KiB`, `1M`, `1MiB`, `1.5MiB`; `kB` and `MB` are powers of 1000.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(SIZE_FORM.to_owned()),
    };
    match scale(number, factor) {
        Some(0) => Err("must be at least one byte".to_owned()),
        Some(bytes) if bytes <= MAX_SIZE => Ok(bytes),
        Some(_) => Err("must be at most 1024GiB".to_owned()),
        None => Err(SIZE_FORM.to_owned()),
    }
}

/// Parses the largest size of a head: from 1 KiB to 64 KiB.
pub(crate) fn head_size(text: &str) -> Result<usize, String> {
    let bytes = usize::try_from(size(text)?).ok().filter(|bytes| HEAD_SIZES.contains(bytes));
    bytes.ok_or_else(|| "must be from 1KiB to 64KiB".to_owned())
}

/// Parses a limit on memory, at least 1 MiB.
pub(crate) fn memory_limit(text: &str) -> Result<usize, String> {
    let bytes = usize::try_from(size(text)?).ok().filter(|bytes| *bytes >= 1 << 20);
    bytes.ok_or_else(|| "must be at least 1MiB".to_owned())
}

/// Parses a number of connections, at least 1.
pub(crate) fn connections(text: &str) -> Result<usize, String> {
    let count = text.trim().parse().ok().filter(|count| (1..=MAX_CONNECTIONS).contains(count));
    count.ok_or_else(|| format!("must be a number from 1 to {MAX_CONNECTIONS}"))
}

/// Parses a number of connections or the like, or `0`.
pub(crate) fn connections_or_none(text: &str) -> Result<usize, String> {
    let count = text.trim().parse().ok().filter(|count| *count <= MAX_CONNECTIONS);
    count.ok_or_else(|| format!("must be a number from 0 to {MAX_CONNECTIONS}"))
}

/// Parses a number of WebSockets in a second, or `0`: `500`, `500/s`.
pub(crate) fn accept_rate(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let rate = text.strip_suffix("/s").unwrap_or(text).trim_end().parse().ok();
    rate.filter(|rate| *rate <= MAX_RATE).ok_or_else(|| format!("must be a number from 0 to {MAX_RATE}"))
}

/// Parses a time that is not zero: `10s`, `500ms`, `2m`, `1h`. A number without a unit means seconds.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let factor: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(TIME_FORM.to_owned()),
    };
    match scale(number, factor) {
        Some(0) => Err("must be at least 1ms".to_owned()),
        Some(millis) if millis <= MAX_MILLIS => Ok(Duration::from_millis(millis)),
        Some(_) => Err("must be at most 24h".to_owned()),
        None => Err(TIME_FORM.to_owned()),
    }
}

/// Parses a time like [`time`], or `0`.
pub(crate) fn time_or_none(text: &str) -> Result<Duration, String> {
    if text.trim() == "0" { Ok(Duration::ZERO) } else { time(text) }
}

/// Parses a time like [`time`]; `off` and `0` mean never.
pub(crate) fn time_or_off(text: &str) -> Result<TimeOrOff, String> {
    match text.trim() {
        "off" | "0" => Ok(TimeOrOff(None)),
        text => time(text).map(|time| TimeOrOff(Some(time))).map_err(|reason| format!("{reason}; `off` for never")),
    }
}

/// A time, or `off`. This needs its own type because clap reads an `Option` as an option that may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeOrOff(pub(crate) Option<Duration>);

/// The items of a comma-separated list in one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

/// Parses a comma-separated list. Blanks around an item and a comma at the end are ignored.
pub(crate) fn list<T, E: Display>(text: &str, item: impl Fn(&str) -> Result<T, E>) -> Result<List<T>, String> {
    let texts: Vec<_> = text.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
    let read = |text: &&str| {
        // A single item needs no name, because the error already quotes the whole value.
        item(text).map_err(|error| match texts[..] {
            [_] => error.to_string(),
            _ => format!("`{}`: {error}", text.escape_debug()),
        })
    };
    match texts.is_empty() {
        true => Err("must not be empty".to_owned()),
        false => texts.iter().map(read).collect::<Result<_, _>>().map(List),
    }
}

/// Parses a number in this range.
pub(crate) fn number(text: &str, range: RangeInclusive<u8>) -> Result<u8, String> {
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("must be a number from {} to {}", range.start(), range.end()))
}

/// Parses a number of threads from 1 to 256.
pub(crate) fn threads(text: &str) -> Result<NonZero<usize>, String> {
    let count = text.trim().parse().ok().filter(|&count: &usize| count <= MAX_THREADS).and_then(NonZero::new);
    count.ok_or_else(|| format!("must be a number from 1 to {MAX_THREADS}"))
}

/// Parses yes or no. These options take no value on the command line but have one in the environment.
pub(crate) fn choice(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// Whether an environment variable with this value counts as not set: Compose files and scripts set variables to nothing
/// for options that they do not give.
pub(crate) fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|value| value.trim().is_empty())
}

/// Returns the value of an environment variable, or `None` if it is not set. Fails if it is not UTF-8: a secret that is left out
/// silently could let everybody in.
pub(crate) fn variable(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !is_blank(value.as_ref()))),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::Usage(format!("{name}: must be UTF-8"))),
    }
}

const MAX_RATE: u32 = 1_000_000;
/// More connections than a process can have.
const MAX_CONNECTIONS: usize = 10_000_000;

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// Returns `number`, which may have a fraction, times `factor`, rounded down.
fn scale(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > MAX_FRACTION || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u64>().ok() };
    let parts = digits(fraction)?.checked_mul(factor)? / 10_u64.pow(fraction.len() as u32);
    digits(whole)?.checked_mul(factor)?.checked_add(parts)
}

const SIZE_FORM: &str = "must be a size like 65536, 64KiB or 1MiB";
const TIME_FORM: &str = "must be a time like 500ms, 10s or 2m";
const HEAD_SIZES: RangeInclusive<usize> = 1024..=MAX_HEAD_SIZE;
/// The largest value of `--max-head-size`.
pub(crate) const MAX_HEAD_SIZE: usize = 64 * 1024;
const MAX_SIZE: u64 = 1 << 40;
const MAX_MILLIS: u64 = 24 * 3_600_000;
const MAX_THREADS: usize = 256;
const MAX_FRACTION: usize = 6;

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
