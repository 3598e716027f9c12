//! `/metrics`, on an address of its own.

use std::{collections::BTreeMap, net::SocketAddr};

use rustix::process::Signal;

use super::{closed_with, connect, dial, frame, start, subscribe};
use crate::support::{Program, ask, get, handshake, run, wait_until};

/// The address that the program has announced for the metrics.
fn address_of(program: &Program) -> SocketAddr {
    program.wait_for_output("/metrics");
    let output = program.output();
    let line = output.lines().find(|line| line.contains("/metrics")).unwrap();
    line.split("://").nth(1).unwrap().split('/').next().unwrap().replace("localhost", "127.0.0.1").parse().unwrap()
}

/// The values by name and labels. Checks the form of each line.
fn metrics(address: SocketAddr) -> BTreeMap<String, f64> {
    let answer = get(address, "/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut types = BTreeMap::new();
    let mut values = BTreeMap::new();
    for line in answer.body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {name}");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            if ["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| types.contains_key(family.strip_suffix(end).unwrap_or_default()))
            {
                continue;
            }
            assert_eq!(types.get(family).map(String::as_str) == Some("counter"), family.ends_with("_total"), "{line}");
            assert!(values.insert(name.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
        }
    }
    values
}

#[tokio::test]
async fn what_happens_is_counted() {
    let program = start(&["--metrics", "localhost:0"]);
    let address = address_of(&program);
    assert_eq!(metrics(address)["websocket_connections{role=\"server\"}"], 0.0);
    let mut client = connect(program.address).await;
    subscribe(&mut client, "chat:7").await;
    let mut raw = dial(program.address, "/ws/topic/chat:7").await;
    raw.write_message("1").await.unwrap();
    assert_eq!(raw.read_message().await.unwrap().unwrap().to_text().unwrap(), "1");
    frame(&mut client).await;
    let refused = handshake(program.address, &[("Origin", "https://other.example")]);
    assert_eq!(ask(program.address, &refused.replace("/ws/echo", "/ws/topic/a")).status, 403);
    let found = metrics(address);
    for (name, expected) in [
        ("websocket_connections{role=\"server\"}", 2.0),
        ("websocket_connections_total{role=\"server\",http=\"1.1\"}", 2.0),
        ("websocket_connections_total{role=\"server\",http=\"2\"}", 0.0),
        ("websocket_handshakes_total{role=\"server\",result=\"origin\"}", 1.0),
        ("websocket_messages_total{role=\"server\",direction=\"out\",opcode=\"text\"}", 4.0),
        ("hub_members", 2.0),
        ("hub_channels", 1.0),
        ("hub_subscriptions", 2.0),
        ("hub_backplane_up{engine=\"memory\"}", 1.0),
    ] {
        assert_eq!(found[name], expected, "{name}");
    }
    // The other publication tells the subscribers that the client has joined.
    wait_until("both are counted", || {
        metrics(address).get("hub_publications_total{result=\"accepted\"}") == Some(&2.0)
    });
    raw.close(4321, "").await.unwrap();
    wait_until("the close is counted", || {
        metrics(address).get("websocket_closes_total{role=\"server\",code=\"4xxx\",side=\"client\"}") == Some(&1.0)
    });
    let after = metrics(address);
    assert_eq!(after["websocket_connections{role=\"server\"}"], 1.0);
    assert!(
        after["websocket_messages_total{role=\"server\",direction=\"out\",opcode=\"text\"}"] >= 4.0,
        "traffic of those that have left stays counted"
    );
}

#[tokio::test]
async fn metrics_are_nowhere_without_the_option_and_never_where_clients_connect() {
    let program = start(&["--metrics", "127.0.0.1:0"]);
    assert_eq!(get(program.address, "/metrics").status, 404);
    let address = address_of(&program);
    for path in ["/connection/websocket", "/ws/topic/a", "/api/info", "/"] {
        assert_eq!(get(address, path).status, 404, "{path}");
    }
    assert_eq!((get(address, "/healthz").status, get(address, "/readyz").status), (200, 200));
}

#[tokio::test]
async fn health_checks_beside_the_metrics_tell_of_a_drain() {
    let mut program = start(&["--metrics", "127.0.0.1:0", "--drain", "1h"]);
    let address = address_of(&program);
    let mut members = Vec::new();
    for _ in 0..60 {
        members.push(dial(program.address, "/ws/topic/a").await);
    }
    program.signal(Signal::TERM);
    wait_until("it is not ready", || get(address, "/readyz").status == 503);
    assert_eq!(get(address, "/healthz").status, 200);
    for member in &mut members {
        assert_eq!(closed_with(member).await, 1012);
    }
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let program = start(&[]);
    let (code, _, errors) = run(&["hub", "--listen", "127.0.0.1:0", "--metrics", &program.address.to_string()], &[]);
    assert_eq!(code, Some(3), "{errors}");
}
