//! When messages are due.

use super::*;

const SECOND: u64 = 1_000_000_000;

#[test]
fn messages_are_due_at_even_distances_from_the_start() {
    let schedule = Schedule::new(5 * SECOND, 10.0, 0.0);
    let due: Vec<_> = (0..3).map(|index| schedule.due(index)).collect();
    assert_eq!(due, [5 * SECOND, 5 * SECOND + SECOND / 10, 5 * SECOND + SECOND / 5]);
}

#[test]
fn the_phase_moves_them_by_a_part_of_the_gap() {
    let schedule = Schedule::new(0, 10.0, 0.5);
    assert_eq!(schedule.due(0), SECOND / 20);
    assert_eq!(schedule.due(1), SECOND / 20 + SECOND / 10);
}

#[test]
fn errors_do_not_add_up_over_a_day() {
    let schedule = Schedule::new(0, 3.0, 0.0);
    let day = 24 * 3600;
    assert!(schedule.due(3 * day).abs_diff(day * SECOND) < 1000);
}

#[test]
fn as_many_are_planned_as_are_due() {
    assert_eq!(planned(100.0, SECOND), 100);
    assert_eq!(planned(0.5, 3 * SECOND), 2);
    assert_eq!(planned(100.0, 0), 0);
}
