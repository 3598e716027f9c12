//! Reports of `silverback bench`.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn run() -> Value {
    json!({
        "connections": { "opened": 10 },
        "bytes": { "wire_received_per_message": 1030.0 },
        "rates": { "received_per_second": 5000.0, "handshakes_per_second": 70.0 },
        "round_trip_us": { "p50": 1.0, "p99": 2.0 },
        "connect_us": { "p50": 3.0, "p99": 4.0 },
        "server": { "cpu_us_each": 0.5, "resident_before": 1000, "resident_after": 21_000 },
    })
}

#[test]
fn an_echo_has_its_round_trips_and_a_handshake_its_own_times() {
    let echo = figures(Kind::Echo, &run()).unwrap();
    assert_eq!((echo.cpu, echo.rate, echo.p50, echo.p99), (Some(0.5), Some(5000.0), Some(1.0), Some(2.0)));
    assert_eq!((echo.wire, echo.bytes), (Some(1030.0), None));
    let handshakes = figures(Kind::Handshakes, &run()).unwrap();
    assert_eq!((handshakes.rate, handshakes.p50, handshakes.p99), (Some(70.0), Some(3.0), Some(4.0)));
}

#[test]
fn memory_is_what_the_server_has_grown_by() {
    assert_eq!(figures(Kind::Memory, &run()).unwrap().bytes, Some(2000.0));
}

#[test]
fn a_server_that_was_not_seen_has_no_figures() {
    let mut blind = run();
    blind["server"] = Value::Null;
    assert!(figures(Kind::Echo, &blind).is_none());
    assert!(figures(Kind::Memory, &blind).is_none());
}
