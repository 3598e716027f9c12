//! The histogram in the terminal.
#![allow(clippy::unwrap_used)]

use super::*;

fn times(values: &[(u64, u64)]) -> Times {
    let mut times = Times::new();
    values.iter().for_each(|(nanos, count)| times.record(*nanos, *count));
    times
}

#[test]
fn every_value_is_in_one_row() {
    let values: Vec<_> = (0..40).map(|step| (1000 * 2_u64.pow(step / 4), u64::from(step) + 1)).collect();
    let rows = rows(&times(&values), 16);
    assert!(rows.len() <= 16);
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), values.iter().map(|(_, count)| count).sum::<u64>());
    assert!(rows.windows(2).all(|pair| pair[0].to < pair[1].to));
}

#[test]
fn values_that_are_all_the_same_are_one_row() {
    let rows = rows(&times(&[(5000, 7)]), 16);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].count, 7);
}

#[test]
fn nothing_is_no_row() {
    assert!(rows(&Times::new(), 16).is_empty());
    assert_eq!(draw(&[], 40, false), "");
}

#[test]
fn the_longest_bar_fills_the_width_and_the_rarest_is_seen() {
    let rows = [Row { to: 1000, count: 1_000_000 }, Row { to: 2000, count: 500_000 }, Row { to: 3000, count: 1 }];
    let text = draw(&rows, 10, false);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].contains(&"█".repeat(10)) && lines[0].contains("66.7 %"), "{text}");
    assert!(lines[1].contains(&"█".repeat(5)) && !lines[1].contains(&"█".repeat(6)), "{text}");
    assert!(lines[2].contains('▏') && lines[2].ends_with(" 1"), "{text}");
}

#[test]
fn ascii_is_ascii() {
    let text = draw(&rows(&times(&[(5_000, 3), (50_000, 9)]), 8), 20, true);
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("us") && text.contains(&"#".repeat(20)), "{text}");
}

#[test]
fn rows_that_nothing_fell_into_have_no_bar() {
    let rows = [Row { to: 1000, count: 0 }, Row { to: 2000, count: 2 }];
    assert!(!draw(&rows, 10, true).lines().next().unwrap().contains('#'));
}
