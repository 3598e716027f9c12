use serde_json::json;

use super::results::{Outcome, Results, Row, Spread};
use super::{cells, chosen, page, servers};

fn outcome(runs: Vec<serde_json::Value>) -> Outcome {
    let rows = vec![Row { server: "some".to_owned(), runs }];
    Outcome { date: "2026-01-31".to_owned(), machine: "m".to_owned(), load: (0.5, 1.5), seconds: 2.5, rows }
}

#[test]
fn names_choose_cells_and_servers() {
    let names = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (all_cells, all_servers) = chosen(&[]).expect("nothing is unknown");
    assert_eq!((all_cells.len(), all_servers.len()), (cells::ALL.len(), servers::ALL.len()));
    let (some_cells, some_servers) = chosen(&names(&["plain-1000", "nchan"])).expect("both are known");
    assert_eq!((some_cells.len(), some_servers.len()), (1, 1));
    assert!(chosen(&names(&["unknown"])).is_err());
}

#[test]
fn a_figure_has_its_median_and_its_spread() {
    let row = outcome([3.0, 1.0, 2.0].map(|cpu| json!({ "single": { "cpu_us": cpu } })).to_vec()).rows.remove(0);
    assert_eq!(row.spread("/single/cpu_us"), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
    assert_eq!(row.spread("/burst/cpu_us"), None);
}

#[test]
fn a_run_that_failed_is_told_and_leaves_the_others() {
    let outcome = outcome(vec![json!({ "idle_bytes": 2048 }), serde_json::Value::Null]);
    let text = page::table(&cells::ALL[0], &outcome);
    assert!(text.contains("1 runs failed") && text.contains(" 2.0 |"), "{text}");
}

#[test]
fn a_load_that_failed_is_told_with_its_reason() {
    let kept = outcome(vec![json!({ "single": { "cpu_us": 1.0 }, "burst_failed": "0 of 5 deliveries" })]);
    assert!(kept.rows[0].has_failed());
    let text = page::table(&cells::ALL[0], &kept);
    assert!(text.contains("some: 0 of 5 deliveries."), "{text}");
}

#[test]
fn the_table_of_slow_subscribers_tells_how_they_ended() {
    let outcome = outcome(vec![json!({ "grown_bytes": 1_048_576, "ends": { "3008": 49, "open": 1 } })]);
    let text = page::table(cells::named("stopped").expect("there is such a cell"), &outcome);
    assert!(text.contains("| 1.0 | 49 closed with 3008, 1 still open |"), "{text}");
}

#[test]
fn results_come_back_as_they_were_kept() {
    let mut results = Results::default();
    let kept = outcome(vec![json!({ "idle_bytes": 1 }), serde_json::Value::Null]);
    results.put(&cells::ALL[0], &kept, "some 1.0");
    assert_eq!(results.outcomes().map(|(_, outcome)| outcome).collect::<Vec<_>>(), [kept]);
    assert!(page::whole(&results).contains("some 1.0"));
}

#[test]
fn the_page_begins_with_its_answer_and_its_day() {
    let row =
        |server: &str, cpu: f64| Row { server: server.to_owned(), runs: vec![json!({ "burst": { "cpu_us": cpu } })] };
    let rows = vec![row("raw-epoll", 0.25), row("nchan", 5.0), row("silverback-hub", 0.5), row("nats-server", 1.0)];
    let mut results = Results::default();
    results.put(&cells::ALL[0], &Outcome { rows, ..outcome(Vec::new()) }, "some 1.0");
    let page = page::whole(&results);
    let answer = page.split("\n\n").nth(1).unwrap_or_default().replace('\n', " ");
    assert!(answer.contains("silverback-hub takes 0.50 µs of CPU for a delivery, and nats-server,"), "{answer}");
    assert!(answer.ends_with("other servers, 1.00 µs. Measured on 2026-01-31."), "{answer}");
}
