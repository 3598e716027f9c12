//! Values as people write them.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn counts_are_whole_and_not_zero() {
    for (text, value) in [("1", 1), ("1000", 1000), ("10k", 10_000), ("1.5M", 1_500_000)] {
        assert_eq!(count(text), Ok(value), "{text}");
    }
    for text in ["", "0", "-1", "1.5", "k", "many", "1e5", "inf", "NaN"] {
        assert!(count(text).is_err(), "{text}");
    }
}

#[test]
fn rates_may_have_a_fraction_and_say_per_second() {
    for (text, value) in [("500", 500.0), ("500/s", 500.0), ("30k/s", 30_000.0), ("0.5", 0.5)] {
        assert_eq!(rate(text), Ok(value), "{text}");
    }
    for text in ["0", "/s", "5/m", "-1", "1e3", "inf"] {
        assert!(rate(text).is_err(), "{text}");
    }
}

#[test]
fn sizes_are_one_several_or_a_range() {
    assert_eq!(sizes("16"), Ok(Sizes::Listed(vec![16])));
    assert_eq!(sizes("16, 1k,16k"), Ok(Sizes::Listed(vec![16, 1024, 16 * 1024])));
    assert_eq!(sizes("0"), Ok(Sizes::Listed(vec![0])));
    assert_eq!(sizes("64-4k"), Ok(Sizes::Between(64, 4096)));
    for text in ["", "a", "16,", "9-8", "1-", "1GiB"] {
        assert!(sizes(text).is_err(), "{text}");
    }
}

#[test]
fn times_need_a_unit() {
    for (text, value) in [("5ms", 5e6), ("250us", 250e3), ("250µs", 250e3), ("1.5s", 1.5e9), ("7 ns", 7.0)] {
        assert_eq!(nanos(text), Some(value), "{text}");
    }
    for text in ["", "5", "ms", "5 days"] {
        assert_eq!(nanos(text), None, "{text}");
    }
}
