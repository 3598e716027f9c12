use std::time::Duration;

use super::parse;

#[test]
fn a_name_with_spaces_and_parentheses_shifts_no_field() {
    let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 10 20 30 40 11 12 150 25 20 0 1 0 100 200 300";
    assert_eq!(parse(stat), Some(Duration::from_millis(1750)));
}

#[test]
fn a_short_line_has_no_time() {
    assert_eq!(parse("7 (xtask) S 1 7"), None);
    assert_eq!(parse(""), None);
}
