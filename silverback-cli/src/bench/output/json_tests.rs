//! The JSON object. Its names are a promise: `docs/bench.md` lists them.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::bench::tests::{plan, some_outcome};

#[test]
fn it_is_one_line_that_parses() {
    let text = text(&plan(&[]), &some_outcome());
    assert_eq!(text.lines().count(), 1);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["silverback"], env!("CARGO_PKG_VERSION"));
    assert_eq!(value["format"], 1);
}

#[test]
fn figures_stand_under_their_names() {
    let value = value(&plan(&["-c", "10", "--pipeline", "4", "--fail-if", "errors>0,p99<1ms"]), &some_outcome());
    for (pointer, expected) in [
        ("/settings/mode", json!("echo")),
        ("/settings/pipeline", json!(4)),
        ("/settings/rate", Value::Null),
        ("/settings/sizes", json!([64])),
        ("/connections/opened", json!(10)),
        ("/messages/sent", json!(1001)),
        ("/messages/planned", Value::Null),
        ("/rates/received_per_second", json!(500.0)),
        ("/round_trip_us/count", json!(1000)),
        ("/uncorrected_us", Value::Null),
        ("/errors/reset/count", json!(1)),
        ("/errors/reset/example", json!("the <server> is gone")),
        ("/errors_total", json!(1)),
        ("/fail_if", json!(["errors>0"])),
        ("/series/1/p99_us", json!(18000.0)),
    ] {
        assert_eq!(value.pointer(pointer), Some(&expected), "{pointer}");
    }
    for name in ["min", "mean", "p50", "p75", "p90", "p99", "p99_9", "p99_99", "max"] {
        assert!(value["round_trip_us"][name].is_number(), "{name}");
    }
}

#[test]
fn the_guide_names_every_field() {
    let guide = include_str!("../../../../docs/bench.md");
    let value = value(&plan(&[]), &some_outcome());
    for (name, part) in value.as_object().unwrap() {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
        for name in part.as_object().into_iter().flatten().map(|(name, _)| name).filter(|name| *name != "reset") {
            assert!(guide.contains(&format!("`{name}`")), "{name}");
        }
    }
}
