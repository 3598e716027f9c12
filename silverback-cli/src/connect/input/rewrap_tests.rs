//! How far the line is cleared.

use super::*;

#[track_caller]
fn check(line: &str, cursor: usize, columns: (u16, u16), expected: &str) {
    let window = Winsize { ws_row: 40, ws_col: columns.1, ws_xpixel: 0, ws_ypixel: 0 };
    assert_eq!(clearing(line, &line[..cursor], None, columns.0, window), expected);
}

#[test]
fn the_cursor_goes_up_as_far_as_is_right_in_both_widths() {
    let line = "x".repeat(70);
    check(&line, 70, (50, 110), "\r\x1b[J\n\x1b[1A\x1b7\x1b[1B");
    check(&line, 70, (110, 50), "\r\x1b[J\n\x1b[1A\x1b7\x1b[1B");
    check(&line, 70, (50, 60), "\r\x1b[1A\x1b[J\n\x1b[1A\x1b7\x1b[1B");
    check(&line, 10, (50, 60), "\r\x1b[J\n\x1b[1A\x1b7\x1b[1B");
    check("short", 5, (50, 60), "\r\x1b[J\x1b7");
}

#[test]
fn rows_are_counted_as_the_editor_does() {
    for (text, columns, expected) in [
        ("", 10, 0),
        ("1234567", 10, 0),
        ("12345678", 10, 1),
        ("123456789", 10, 1),
        ("世世世世", 10, 1),
        ("世世世世", 11, 0),
        ("1234567世", 10, 1),
        ("e\u{301}e\u{301}e\u{301}e\u{301}", 10, 0),
        ("a\nb\n", 10, 2),
        ("\t", 10, 0),
    ] {
        assert_eq!(place(text, columns, None, least_width).0, expected, "{text:?}");
    }
    // However a terminal draws it.
    let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
    assert_eq!((place(family, 10, None, least_width).0, place(family, 10, None, most_width).0), (0, 1));
}

#[test]
fn a_row_that_was_full_stays_one_when_the_rest_is_rewrapped() {
    let line = "x".repeat(70);
    for (columns, expected) in [(50, (1, 22)), (110, (1, 22)), (25, (2, 22)), (20, (4, 2))] {
        assert_eq!(place(&line, columns, Some(48), least_width), expected, "{columns}");
    }
    assert_eq!(place(&line[..48], 110, Some(48), least_width), (1, 0));
}

#[test]
fn a_line_of_more_rows_than_the_window_scrolls_no_further_than_the_window() {
    let window = Winsize { ws_row: 5, ws_col: 20, ws_xpixel: 0, ws_ypixel: 0 };
    assert_eq!(clearing(&"x".repeat(1000), "", None, 10, window), "\r\x1b[J\n\n\n\n\x1b[4A\x1b7\x1b[4B");
}
