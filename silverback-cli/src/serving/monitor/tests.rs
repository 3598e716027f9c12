//! Counters, ends and the text of metrics.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{
    closes::{End, Side},
    exposition::{Exposition, Figure, Kind},
    *,
};

#[test]
fn sums_never_fall_although_a_connection_ends_between_two_looks() {
    let monitor = Monitor::new(true, None);
    let open = Sums { messages_in: 5, messages_out: 6, bytes_in: 7, bytes_out: 8 };
    assert_eq!(monitor.traffic(open), open);
    // It has left the list and is not counted yet.
    assert_eq!(monitor.traffic(Sums::default()), open);
    monitor.ended.messages_in.fetch_add(6, Ordering::Relaxed);
    assert_eq!(monitor.traffic(Sums::default()), Sums { messages_in: 6, ..open });
}

#[test]
fn codes_that_clients_choose_get_no_labels_of_their_own() {
    let closes = Closes::default();
    for code in (0..=u16::MAX).filter(|code| *code < 1000 || *code > 1015) {
        closes.count(End { code, side: Side::Client });
    }
    let counts: Vec<_> = closes.counts().collect();
    assert_eq!(counts, [("3xxx", "client", 1000), ("4xxx", "client", 1000), ("other", "client", 65_536 - 16 - 2000)]);
}

#[test]
fn metrics_are_written_as_prometheus_reads_them() {
    let mut page = Exposition::default();
    page.figure(&Figure::plain("a_total", Kind::Counter, "Things.", 3.0));
    page.figure(&Figure::by("b", Kind::Gauge, "More.", "of", [("x\"\\\n", 0.5), ("y", 2e9)]));
    let durations = Durations::default();
    for seconds in [0, 1, 5, 100_000] {
        durations.observe(Duration::from_secs(seconds));
    }
    page.histogram("c_seconds", "How long.", durations.snapshot());
    let text = page.into_text();
    assert!(text.starts_with("# HELP a_total Things.\n# TYPE a_total counter\na_total 3\n# HELP b More.\n"), "{text}");
    assert!(text.contains("b{of=\"x\\\"\\\\\\n\"} 0.5\nb{of=\"y\"} 2000000000\n"), "{text}");
    assert!(text.contains("c_seconds_bucket{le=\"1\"} 2\nc_seconds_bucket{le=\"10\"} 3\n"), "{text}");
    assert!(text.ends_with("c_seconds_bucket{le=\"86400\"} 3\nc_seconds_bucket{le=\"+Inf\"} 4\nc_seconds_sum 100006\nc_seconds_count 4\n"), "{text}");
}
