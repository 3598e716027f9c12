use super::super::cells::{Cell, Kind};
use super::super::contestants::Group;
use super::super::results::{Figures, Outcome, Row};
use super::svg;

fn picture(kind: Kind, cpus: &[(&str, Option<f64>)], goal: Option<f64>) -> String {
    let cell = Cell { name: "some", title: "Some <load>", group: Group::Echo, kind, load: "" };
    let run = |cpu: f64| Figures { cpu: Some(cpu), bytes: Some(1000.0 * cpu), ..Figures::default() };
    let rows = cpus.iter().map(|(server, cpu)| Row { server: (*server).to_owned(), runs: vec![cpu.map(run)] });
    let outcome =
        Outcome { date: String::new(), machine: String::new(), load: (0.0, 0.0), seconds: 1.0, rows: rows.collect() };
    svg(&cell, &outcome, goal)
}

#[test]
fn each_server_has_a_bar_and_its_ratio() {
    let text = picture(Kind::Echo, &[("raw-epoll", Some(2.0)), ("silverback", Some(3.0))], Some(1.1));
    assert!(text.contains(">1.50</text>"), "{text}");
    assert!(text.contains("class=\"raw\"") && text.contains("class=\"ours\""), "{text}");
    assert!(text.contains("goal 1.1"), "{text}");
    assert!(text.contains("Some &lt;load>"), "{text}");
}

#[test]
fn memory_is_shown_in_bytes() {
    assert!(picture(Kind::Memory, &[("some", Some(2.5))], None).contains(">2,500</text>"));
}

#[test]
fn a_bar_that_would_hide_the_others_is_cut() {
    let cut = picture(Kind::Echo, &[("a", Some(1.0)), ("b", Some(1.0)), ("c", Some(20.0))], None);
    assert!(cut.contains("<path class=\"cut\"") && cut.contains(">20.00</text>"), "{cut}");
    assert!(!picture(Kind::Echo, &[("a", Some(1.0)), ("b", Some(1.5))], None).contains("<path class=\"cut\""));
}

#[test]
fn a_server_that_failed_is_shown_without_a_bar() {
    let text = picture(Kind::Echo, &[("a", Some(1.0)), ("b", None)], None);
    assert!(text.contains(">failed</text>"), "{text}");
}
