//! The page with plots.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::bench::tests::{plan, some_outcome};

#[test]
fn the_page_needs_nothing_else_and_runs_nothing() {
    let page = page(&plan(&[]), &some_outcome());
    for part in ["<script", "http://", "https://", "url(", "@import", " style=", "src=", "href="] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn the_policy_allows_exactly_the_style_that_is_there() {
    let page = page(&plan(&[]), &some_outcome());
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = BASE64.encode(&Sha256::digest(style.as_bytes()));
    assert!(page.contains(&format!("'sha256-{hash}'")));
}

#[test]
fn each_plot_and_table_is_there() {
    let page = page(&plan(&[]), &some_outcome());
    for part in
        ["Latency by percentile", "Throughput over time", "Latency over time", "Errors over time", "Errors by cause"]
    {
        assert!(page.contains(&format!("<h2>{part}</h2>")), "{part}");
    }
    assert_eq!(page.matches("<svg ").count(), 4);
}

#[test]
fn without_errors_there_is_nothing_about_them() {
    let mut outcome = some_outcome();
    outcome.faults.clear();
    outcome.series.iter_mut().for_each(|sample| sample.faults = 0);
    assert!(!page(&plan(&[]), &outcome).contains("Errors by cause"));
}

#[test]
fn what_the_server_said_is_no_markup() {
    let page = page(&plan(&[]), &some_outcome());
    assert!(page.contains("the &lt;server&gt; is gone") && !page.contains("<server>"));
}

#[test]
fn an_outcome_without_anything_is_a_page_too() {
    let page = page(&plan(&[]), &Outcome::nothing(crate::bench::engine::Cause::Resolve, "nowhere"));
    assert!(page.contains("host not found") && page.ends_with("</html>\n"));
}

#[test]
fn percents_are_short() {
    for (part, text) in [(0.0, "0"), (0.5, "50"), (0.999, "99.9"), (0.99999, "99.999")] {
        assert_eq!(percent(part), text);
    }
}
