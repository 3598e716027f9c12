//! Numbers with their units, as people read them.

/// A time in the unit that leaves one to three digits before the point: `851 ns`, `12.4 µs`, `3.07 ms`, `1.50 s`.
pub(crate) fn duration(nanos: u64) -> String {
    let value = nanos as f64;
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => three_digits(value / 1e3, "µs"),
        1_000_000..1_000_000_000 => three_digits(value / 1e6, "ms"),
        _ => three_digits(value / 1e9, "s"),
    }
}

/// Bytes, by powers of 1024.
pub(super) fn bytes(count: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { three_digits(value, units[unit]) }
}

/// A count with its thousands apart: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate, without digits that say nothing.
pub(super) fn rate(per_second: f64) -> String {
    if per_second >= 100.0 { count(per_second.round() as u64) } else { format!("{per_second:.1}") }
}

/// The percentiles that are reported of each histogram: the name in JSON, and the fraction.
pub(super) const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999), ("p99_99", 0.9999)];

fn three_digits(value: f64, unit: &str) -> String {
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
