//! Numbers with their units.

use super::*;

#[test]
fn times_have_three_digits() {
    for (nanos, text) in [
        (0, "0 ns"),
        (851, "851 ns"),
        (12_420, "12.4 µs"),
        (999_960, "1000 µs"),
        (3_070_000, "3.07 ms"),
        (123_400_000, "123 ms"),
        (1_500_000_000, "1.50 s"),
        (3_600_000_000_000, "3600 s"),
    ] {
        assert_eq!(duration(nanos), text);
    }
}

#[test]
fn bytes_go_by_powers_of_1024() {
    for (count, text) in [(0.0, "0 B"), (1023.0, "1023 B"), (1024.0, "1.00 KiB"), (16.0 * 1048576.0, "16.0 MiB")] {
        assert_eq!(bytes(count), text);
    }
}

#[test]
fn thousands_are_apart() {
    for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(count(number), text);
    }
}

#[test]
fn small_rates_have_a_fraction() {
    assert_eq!((rate(0.5), rate(99.94), rate(12_345.6)), ("0.5".to_owned(), "99.9".to_owned(), "12,346".to_owned()));
}
