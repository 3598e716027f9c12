use super::cells::{self, Cell};
use super::chosen;
use super::contestants;
use super::results::{Figures, Outcome, Results, Row};

fn names(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn nothing_named_means_everything() {
    let (cells, servers) = chosen(&[]).expect("nothing is unknown");
    assert_eq!((cells.len(), servers.len()), (cells::ALL.len(), contestants::ALL.len()));
}

#[test]
fn a_cell_that_is_named_keeps_all_its_servers() {
    let (cells, servers) = chosen(&names(&["small"])).expect("there is such a cell");
    assert_eq!(cells.iter().map(|cell| cell.name).collect::<Vec<_>>(), ["small"]);
    assert_eq!(servers.len(), contestants::ALL.len());
}

#[test]
fn an_unknown_name_is_refused() {
    assert!(chosen(&names(&["small", "unknown"])).is_err());
}

#[test]
fn every_name_is_there_once() {
    let mut all: Vec<_> = cells::ALL.iter().map(|cell| cell.name).collect();
    all.extend(contestants::ALL.iter().map(|contestant| contestant.name));
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn results_come_back_as_they_were_kept() {
    let cell: &Cell = &cells::ALL[0];
    let figures = Figures { cpu: Some(1.25), wire: Some(16.0), ..Figures::default() };
    let rows = vec![Row { server: "a".to_owned(), runs: vec![Some(figures), None] }];
    let outcome =
        Outcome { date: "2026-01-31".to_owned(), machine: "m".to_owned(), load: (0.5, 1.5), seconds: 2.5, rows };
    let mut results = Results::default();
    results.put(cell, &outcome);
    assert_eq!(results.outcomes().map(|(_, kept)| kept).collect::<Vec<_>>(), [outcome]);
}
