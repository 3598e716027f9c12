//! Values as people write them.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn sizes_are_bytes_or_have_a_unit() {
    let mib = 1024 * 1024;
    for (text, bytes) in [
        ("1", 1),
        ("65536", 65_536),
        ("64k", 65_536),
        ("64K", 65_536),
        ("64KiB", 65_536),
        ("64kib", 65_536),
        ("64 KiB", 65_536),
        ("64kB", 64_000),
        ("1M", mib),
        ("1MiB", mib),
        ("1.5MiB", mib * 3 / 2),
        ("2MB", 2_000_000),
        ("1g", 1024 * mib),
        ("1024GiB", 1 << 40),
    ] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_size_is_refused() {
    for text in ["", "MiB", "-1", "1 000", "1e6", "1.", ".5", "1.2.3", "1XB", "0x10", "１", "99999999999999999999"] {
        assert!(size(text).unwrap_err().starts_with("must be a size"), "{text}");
    }
    assert!(size("0").unwrap_err().contains("at least"));
    assert!(size("0.0001k").unwrap_err().contains("at least"));
    assert!(size("1025GiB").unwrap_err().contains("at most"));
    assert!(size("18446744073709551615GiB").is_err());
}

#[test]
fn times_are_seconds_or_have_a_unit() {
    for (text, millis) in
        [("10s", 10_000), ("500ms", 500), ("10", 10_000), ("1.5s", 1_500), ("2m", 120_000), ("24h", 86_400_000)]
    {
        assert_eq!(time(text), Ok(Duration::from_millis(millis)), "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in ["", "s", "-1s", "10 years", "10S", "soon", "off"] {
        assert!(time(text).unwrap_err().starts_with("must be a time"), "{text}");
    }
    assert!(time("0").unwrap_err().contains("at least"));
    assert!(time("0.0001s").unwrap_err().contains("at least"));
    assert!(time("25h").unwrap_err().contains("at most"));
}

#[test]
fn an_interval_can_be_off() {
    assert_eq!(time_or_off("off"), Ok(TimeOrOff(None)));
    assert_eq!(time_or_off("0"), Ok(TimeOrOff(None)));
    assert_eq!(time_or_off("20s"), Ok(TimeOrOff(Some(Duration::from_secs(20)))));
    assert!(time_or_off("never").unwrap_err().contains("`off`"));
}

#[test]
fn a_choice_is_made_in_many_words() {
    for (text, is_yes) in
        [("1", true), ("True", true), ("yes", true), ("on", true), ("0", false), ("off", false), ("", false)]
    {
        assert_eq!(choice(text), Ok(is_yes), "{text}");
    }
    assert!(choice("maybe").is_err());
}

#[test]
fn threads_are_counted_from_1_to_256() {
    assert_eq!(threads("1").unwrap().get(), 1);
    assert_eq!(threads("256").unwrap().get(), 256);
    for text in ["0", "257", "-1", "two", ""] {
        assert!(threads(text).is_err(), "{text}");
    }
}
