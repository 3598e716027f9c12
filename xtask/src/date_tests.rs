use super::{day, span};

#[test]
fn days_are_those_of_the_calendar() {
    for (since_epoch, expected) in [
        (0, "1970-01-01"),
        (58, "1970-02-28"),
        (59, "1970-03-01"),
        (11_016, "2000-02-29"),
        (11_017, "2000-03-01"),
        (20_787, "2026-11-30"),
        (47_540, "2100-02-28"),
        (47_541, "2100-03-01"),
    ] {
        assert_eq!(day(since_epoch), expected);
    }
}

#[test]
fn a_span_is_one_day_or_the_first_and_the_last() {
    assert_eq!(span(["2026-01-02"; 2].into_iter()).as_deref(), Some("on 2026-01-02"));
    let days = ["2026-01-02", "2025-12-31", "2026-01-01"];
    assert_eq!(span(days.into_iter()).as_deref(), Some("from 2025-12-31 to 2026-01-02"));
    assert_eq!(span([].into_iter()), None);
}
