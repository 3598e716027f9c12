//! The page with plots.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::bench::tests::{plan, some_outcome};

fn made(outcome: &Outcome) -> String {
    let command = "silverback bench ws://localhost/ --header 'X-Api-Key: …' --text".to_owned();
    page(&plan(&[]), outcome, &Run { command, began: SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000) })
}

#[test]
fn the_page_needs_nothing_else_and_runs_nothing() {
    let page = made(&some_outcome());
    for part in ["<script", "http://", "https://", "url(", "@import", " style=", "src=", "href="] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn the_policy_allows_exactly_the_style_that_is_there() {
    let page = made(&some_outcome());
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = BASE64.encode(digest(&SHA256, style.as_bytes()).as_ref());
    assert!(page.contains(&format!("'sha256-{hash}'")));
}

#[test]
fn each_plot_and_table_is_there() {
    let page = made(&some_outcome());
    for part in [
        "Latency by percentile",
        "Histogram",
        "Throughput over time",
        "Latency over time",
        "Errors over time",
        "Errors by cause",
    ] {
        assert!(page.contains(&format!("<h2>{part}</h2>")), "{part}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), 5);
}

#[test]
fn without_errors_there_is_nothing_about_them() {
    let mut outcome = some_outcome();
    outcome.faults.clear();
    outcome.series.iter_mut().for_each(|sample| sample.faults = 0);
    assert!(!made(&outcome).contains("Errors by cause"));
}

#[test]
fn what_the_server_said_is_no_markup() {
    let page = made(&some_outcome());
    assert!(page.contains("the &lt;server&gt; is gone") && !page.contains("<server>"));
}

#[test]
fn an_outcome_without_anything_is_a_page_too() {
    let page = made(&Outcome::nothing(crate::bench::engine::fault::Cause::Resolve, "nowhere"));
    assert!(page.contains("host not found") && page.ends_with("</html>\n"));
}

#[test]
fn percents_are_short() {
    for (part, text) in [(0.0, "0"), (0.5, "50"), (0.999, "99.9"), (0.99999, "99.999")] {
        assert_eq!(percent(part), text);
    }
}

#[test]
fn it_says_what_was_run_and_when() {
    let page = made(&some_outcome());
    assert!(page.contains("<time datetime=\"2026-02-02T02:40:00Z\">2026-02-02 02:40:00 UTC</time>"), "{page}");
    assert!(page.contains("<code>silverback bench ws://localhost/ --header 'X-Api-Key: …' --text</code>"));
}

/// Text that is scaled with its plot is tiny on a phone and huge on a desk.
#[test]
fn only_what_has_no_text_is_scaled() {
    let page = made(&some_outcome());
    for scaled in page.split("<svg viewBox").skip(1) {
        assert!(!scaled.split("</svg>").next().unwrap().contains("<text"));
    }
    assert!(!page.contains("<svg class=\"plot\" role=\"img\" viewBox"));
}

#[test]
fn tables_that_scroll_can_have_the_focus_and_every_header_says_something() {
    let page = made(&some_outcome());
    assert_eq!(page.matches("<table>").count(), 2);
    assert_eq!(page.matches("class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=").count(), 2);
    for header in page.split("<th").skip(1).filter(|rest| !rest.starts_with("ead")) {
        let words = header.split_once('>').unwrap().1.split('<').next().unwrap();
        assert!(!words.is_empty(), "{header}");
    }
}

#[test]
fn the_histogram_counts_all_of_them() {
    let outcome = some_outcome();
    let (name, plot) = histogram(&outcome).unwrap();
    assert_eq!(name, "round trip");
    let number = |says: &str| says.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse::<u64>().unwrap();
    assert_eq!(plot.bars.iter().map(|bar| number(&bar.says)).sum::<u64>(), 1000);
    assert!(plot.bars.windows(2).all(|pair| pair[0].to <= pair[1].from + 1e-9));
}

#[test]
fn a_histogram_of_one_value_is_one_bar() {
    let mut outcome = Outcome::nothing(crate::bench::engine::fault::Cause::Reset, "");
    outcome.counts.round_trips.record(5_000_000, 7);
    let (_, plot) = histogram(&outcome).unwrap();
    assert_eq!(plot.bars.len(), 1);
    assert!(plot.svg().contains("class=\"bar series-1\""));
}
