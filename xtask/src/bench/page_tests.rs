use super::super::cells::{self, Cell, Kind};
use super::super::contestants::Group;
use super::super::results::{Figures, Outcome, Results, Row, median};
use super::{grouped, kept_of, table, whole};

const CELL: Cell = Cell { name: "some", title: "Some load", group: Group::Echo, kind: Kind::Echo, load: "--conns 1" };

fn row(server: &str, cpus: &[Option<f64>]) -> Row {
    let run = |cpu: &Option<f64>| cpu.map(|cpu| Figures { cpu: Some(cpu), ..Figures::default() });
    Row { server: server.to_owned(), runs: cpus.iter().map(run).collect() }
}

#[test]
fn a_ratio_is_taken_round_by_round_and_a_failed_round_is_left_out() {
    let base = row("raw", &[Some(1.0), Some(10.0), Some(2.0), None]);
    let other = row("other", &[Some(2.0), Some(20.0), None, Some(7.0)]);
    assert_eq!(other.ratio(&base, |figures| figures.cpu), Some(2.0));
    assert_eq!(other.median(|figures| figures.cpu), Some(7.0));
}

#[test]
fn the_median_of_nothing_is_nothing() {
    assert_eq!(median(vec![]), None);
    assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
    assert_eq!(median(vec![9.0, 1.0, 4.0]), Some(4.0));
}

#[test]
fn a_server_that_failed_stays_in_the_table_with_dashes() {
    let rows = vec![row("raw", &[Some(1.5)]), row("broken", &[None])];
    let text =
        table(&CELL, &Outcome { date: String::new(), machine: String::new(), load: (0.0, 1.0), seconds: 1.0, rows });
    assert!(text.contains("| raw | 1.50 | 1.00 |"), "{text}");
    assert!(text.contains("| broken | - | - | - | - | - |"), "{text}");
}

#[test]
fn thousands_are_set_apart() {
    assert_eq!(grouped("1234567"), "1,234,567");
    assert_eq!(grouped("123.25"), "123.25");
    assert_eq!(grouped("-1000.5"), "-1,000.5");
}

#[test]
fn text_below_the_mark_is_kept() {
    let page = whole(&Results::default(), "silverback 0.1.0", None);
    let own = format!("{page}\n## Why\n\nBecause.\n");
    assert_eq!(kept_of(&page), Some(""));
    assert_eq!(kept_of(&own), Some("\n## Why\n\nBecause.\n"));
    assert_eq!(whole(&Results::default(), "silverback 0.1.0", kept_of(&own)), own);
}

#[test]
fn the_answer_says_when_it_was_measured() {
    let mut results = Results::default();
    for (cell, date) in [(&cells::ALL[0], "2026-01-31"), (&cells::ALL[1], "2026-02-01")] {
        let rows = vec![row("raw", &[Some(1.0)])];
        results.put(
            cell,
            &Outcome { date: date.to_owned(), machine: String::new(), load: (0.0, 1.0), seconds: 1.0, rows },
        );
    }
    let page = whole(&results, "silverback 0.1.0", None);
    let answer = page.split("\n\n").nth(1).unwrap_or_default();
    assert!(answer.ends_with(" Measured from 2026-01-31 to 2026-02-01."), "{answer}");
}

#[test]
fn a_goal_that_was_not_measured_is_said_to_be_so() {
    let page = whole(&Results::default(), "silverback 0.1.0", None);
    assert!(
        page.contains("| 64 connections, 16 KiB | at most 1.1 of the first server's CPU time | not measured |"),
        "{page}"
    );
}
