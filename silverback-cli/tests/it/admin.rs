//! The listener for operators: figures, actions, and who may use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::SocketAddr,
};

use serde_json::{Value, json};
use silverback::{CloseCode, Conn, Dialer};

use crate::support::{Answer, Program, ask, check_echo, dial, get, run, wait_until, within};

/// Starts the program with a listener for operators, and returns its address too.
pub(crate) fn start(options: &[&str]) -> (Program, SocketAddr) {
    let program = Program::start(&[options, &["--admin", "127.0.0.1:0"]].concat());
    let address = admin_address(&program);
    (program, address)
}

pub(crate) fn admin_address(program: &Program) -> SocketAddr {
    program.wait_for_output("the admin page are at ");
    let output = program.output();
    let url = output.split("the admin page are at http://").nth(1).unwrap();
    url.split('/').next().unwrap().replace("localhost", "127.0.0.1").parse().unwrap()
}

pub(crate) fn stats(admin: SocketAddr) -> Value {
    serde_json::from_str(&get(admin, "/stats.json").body).unwrap()
}

pub(crate) fn connections(admin: SocketAddr, query: &str) -> Vec<Value> {
    let answer = get(admin, &format!("/connections.json{query}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list: Value = serde_json::from_str(&answer.body).unwrap();
    list["connections"].as_array().unwrap().clone()
}

/// Returns the list once it has so many. A client may know of its connection before the list does.
pub(crate) fn listed(admin: SocketAddr, query: &str, count: usize) -> Vec<Value> {
    wait_until("all are listed", || connections(admin, query).len() == count);
    connections(admin, query)
}

pub(crate) fn post(admin: SocketAddr, path: &str, more: &str, body: &str) -> Answer {
    let length = body.len();
    ask(admin, &format!("POST {path} HTTP/1.1\r\nHost: {admin}\r\nContent-Length: {length}\r\n{more}\r\n{body}"))
}

/// Returns the value of a metric, with its labels as written.
pub(crate) fn metric(admin: SocketAddr, sample: &str) -> Option<f64> {
    let answer = get(admin, "/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let line = answer.body.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned));
    line.map(|value| value.parse().unwrap())
}

#[tokio::test]
async fn the_figures_tell_what_a_connection_has_done() {
    let (program, admin) = start(&["--quiet", "--threads", "2"]);
    let url = format!("ws://{}/ws/echo?token=secret", program.address);
    let mut conn = within(Dialer::new().subprotocols(["chat"]).dial(&url)).await.unwrap();
    for _ in 0..3 {
        check_echo(&mut conn, "hello").await;
    }
    listed(admin, "", 1);
    wait_until("three messages are counted", || connections(admin, "")[0]["messages_in"] == 3);
    let one = connections(admin, "?sort=age&limit=1").remove(0);
    assert_eq!((&one["path"], &one["subprotocol"], &one["http"]), (&"/ws/echo".into(), &"chat".into(), &"1.1".into()));
    assert_eq!(one["peer"], conn.local_addr().unwrap().to_string());
    assert_eq!((&one["messages_out"], &one["queued_bytes"], &one["is_open"]), (&3.into(), &0.into(), &true.into()));
    assert_eq!(one["bytes_in"], 3 * (2 + 4 + 5), "{one}");
    assert_eq!(metric(admin, "websocket_connections{role=\"server\"}"), Some(1.0));
    assert_eq!(metric(admin, "websocket_handshake_duration_seconds_count{role=\"server\"}"), Some(1.0));
    let payload = "websocket_payload_bytes_total{role=\"server\",direction=\"in\"}";
    assert_eq!(metric(admin, payload), Some(3.0 * 5.0));
    assert_eq!(metric(admin, "websocket_connections_total{role=\"server\",http=\"1.1\"}"), Some(1.0));
    assert_eq!(metric(admin, "websocket_messages_total{role=\"server\",direction=\"in\",opcode=\"text\"}"), Some(3.0));
    let all = stats(admin).to_string() + &get(admin, "/metrics").body + &one.to_string();
    assert!(!all.contains("secret"), "clients send tokens in the query: {all}");

    within(conn.close(CloseCode::NORMAL, "")).await.unwrap();
    wait_until("the end is counted", || stats(admin)["connections"]["open"] == 0);
    assert_eq!(metric(admin, "websocket_closes_total{role=\"server\",code=\"1000\",side=\"client\"}"), Some(1.0));
    assert_eq!(metric(admin, "websocket_connection_duration_seconds_count{role=\"server\"}"), Some(1.0));
    assert_eq!(
        metric(admin, "websocket_messages_total{role=\"server\",direction=\"out\",opcode=\"text\"}"),
        Some(3.0),
        "it still counts"
    );
    assert_eq!(stats(admin)["closes"], json!([{"code": "1000", "side": "client", "count": 1}]));
    assert!(connections(admin, "").is_empty());
    assert_eq!(metric(admin, "process_max_fds").map(|limit| limit >= 256.0), Some(true));
}

// Waiting for a condition blocks one thread, and the flood needs another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_at_the_top_of_the_list() {
    let (program, admin) = start(&["--quiet", "--no-compression"]);
    let mut idle = dial(program.address).await;
    check_echo(&mut idle, "x").await;
    let (writer, _unread) = dial(program.address).await.split();
    let flood = tokio::spawn(async move {
        let large = "x".repeat(512 * 1024);
        while writer.write_message(large.clone()).await.is_ok() {}
    });
    wait_until("output waits", || stats(admin)["queue"]["slow"] == 1);
    let list = connections(admin, "?sort=queue");
    assert_eq!(list.len(), 2);
    assert!(list[0]["queued_bytes"].as_u64() >= Some(64 * 1024), "{list:?}");
    assert_eq!(list[1]["queued_bytes"], 0);
    assert_eq!(metric(admin, "websocket_slow_consumers"), Some(1.0));
    flood.abort();
}

#[tokio::test]
async fn refused_handshakes_are_counted_by_their_reason() {
    let (program, admin) = start(&["--max-connections", "1"]);
    let _first = dial(program.address).await;
    assert!(within(Dialer::new().dial(&format!("ws://{}/ws/echo", program.address))).await.is_err());
    let foreign = [("Origin", "https://evil.example")];
    assert_eq!(ask(program.address, &crate::support::handshake(program.address, &foreign)).status, 403);
    wait_until("the first is counted", || stats(admin)["handshakes"]["accepted"] == 1);
    let handshakes = stats(admin)["handshakes"].clone();
    assert_eq!(
        (&handshakes["accepted"], &handshakes["overloaded"], &handshakes["origin"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(metric(admin, "websocket_handshakes_total{role=\"server\",result=\"origin\"}"), Some(1.0));
}

async fn close_seen_by(mut conn: Conn) -> (u16, String) {
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    let info = conn.close_info().unwrap();
    (info.code.get(), info.reason.into_owned())
}

#[tokio::test]
async fn an_operator_closes_one_connection_and_no_other() {
    let (program, admin) = start(&["--quiet"]);
    let (first, mut second) = (dial(program.address).await, dial(program.address).await);
    let id = listed(admin, "?sort=age", 2)[0]["id"].as_u64().unwrap();
    let answer = post(admin, "/kick", "", &format!("{{\"id\": {id}, \"code\": 4001, \"reason\": \"enough\"}}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(close_seen_by(first).await, (4001, "enough".to_owned()));
    check_echo(&mut second, "still here").await;
    wait_until("it has gone", || connections(admin, "").len() == 1);
    assert_eq!(metric(admin, "websocket_closes_total{role=\"server\",code=\"4xxx\",side=\"server\"}"), Some(1.0));

    assert_eq!(post(admin, "/kick", "", &format!("{{\"id\": {id}}}")).status, 404, "it is closed already");
    let other = connections(admin, "")[0]["id"].as_u64().unwrap();
    for wrong in
        ["", "{}", "{\"id\": -1}", "{\"id\": 1, \"kode\": 4000}", &format!("{{\"id\": {other}, \"code\": 1006}}")]
    {
        assert_eq!(post(admin, "/kick", "", wrong).status, 400, "{wrong}");
    }
    check_echo(&mut second, "no mistake closes it").await;
}

#[tokio::test]
async fn an_operator_drains_the_program() {
    let (mut program, admin) = start(&["--quiet", "--drain", "100ms"]);
    let conn = dial(program.address).await;
    let answer = post(admin, "/drain", "", "{}");
    assert_eq!(answer.status, 200);
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), json!({"draining": true, "open": 1}));
    assert_eq!(close_seen_by(conn).await.0, 1012);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

#[tokio::test]
async fn a_signal_after_an_operator_does_not_cut_the_drain_short() {
    let (mut program, admin) = start(&["--quiet", "--drain", "1m"]);
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(dial(program.address).await);
    }
    let begun = std::time::Instant::now();
    assert_eq!(post(admin, "/drain", "", "{}").status, 200);
    program.signal(rustix::process::Signal::TERM);
    // As any service manager does that asks a server to drain and then stops it.
    for client in clients {
        assert_eq!(close_seen_by(client).await.0, 1012);
    }
    // At most 20 are closed in a second, however busy the machine is.
    assert!(begun.elapsed() >= std::time::Duration::from_millis(950), "{:?}", begun.elapsed());
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

#[tokio::test]
async fn pages_of_other_origins_and_other_hosts_can_do_nothing() {
    let (program, admin) = start(&["--quiet"]);
    let mut conn = dial(program.address).await;
    let id = listed(admin, "", 1)[0]["id"].clone();
    for origin in ["https://evil.example", "null", &format!("http://{}", program.address)] {
        let answer = post(admin, "/kick", &format!("Origin: {origin}\r\n"), &format!("{{\"id\": {id}}}"));
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(post(admin, "/drain", &format!("Origin: {origin}\r\n"), "{}").status, 403, "{origin}");
    }
    // A name that an attacker has pointed to loopback.
    for path in ["/", "/metrics", "/stats.json", "/connections.json"] {
        let answer = ask(admin, &format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
        assert_eq!(answer.status, 403, "{path}");
    }
    for path in ["/kick", "/drain"] {
        assert_eq!(get(admin, path).status, 405, "{path}");
    }
    let answer = get(admin, "/stats.json");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    check_echo(&mut conn, "still here").await;
    let own = post(admin, "/kick", &format!("Origin: http://{admin}\r\n"), &format!("{{\"id\": {id}}}"));
    assert_eq!(own.status, 200, "the page of the listener may");
}

#[test]
fn an_address_that_others_can_reach_needs_a_token() {
    let (code, _, error) = run(&["--admin", "0.0.0.0:0", "--listen", "127.0.0.1:0"], &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("needs a token"), "{error}");
    let short = [("SILVERBACK_ADMIN_TOKEN", "0123456789abcde")];
    let (code, _, error) = run(&["--admin", "127.0.0.1:0", "--listen", "127.0.0.1:0"], &short);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("at least 16 characters") && !error.contains("0123456789"), "{error}");

    let lines = [("SILVERBACK_ADMIN_TOKEN", "0123456789abcdef\n0123456789")];
    let (code, _, error) = run(&["--admin", "127.0.0.1:0", "--listen", "127.0.0.1:0"], &lines);
    assert_eq!((code, error.contains("must be one line")), (Some(2), true), "{error}");

    let environment = [("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_ADMIN_TOKEN", TOKEN)];
    let program = Program::start_with(&["--admin", "0.0.0.0:0"], &environment);
    let admin = admin_address(&program);
    let with = |token: &str| {
        let authorization = format!("Authorization: {token}\r\n");
        ask(admin, &format!("GET /stats.json HTTP/1.1\r\nHost: {admin}\r\n{authorization}\r\n")).status
    };
    assert_eq!(with(&format!("Bearer {TOKEN}")), 200);
    for wrong in [TOKEN, "Bearer", "Bearer ", &format!("Bearer {TOKEN}x"), &format!("Basic {TOKEN}")] {
        assert_eq!(with(wrong), 401, "{wrong}");
    }
    for path in ["/metrics", "/stats.json", "/connections.json"] {
        let answer = get(admin, path);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{path}");
    }
    assert_eq!(post(admin, "/drain", "", "{}").status, 401);
    // The page has no figures, and health checks have no token.
    for path in ["/", "/healthz", "/readyz"] {
        assert_eq!(get(admin, path).status, 200, "{path}");
    }
    assert!(program.errors().contains("travels without encryption"), "{}", program.errors());
    assert!(!(program.output() + &program.errors()).contains(TOKEN));
}

#[test]
fn the_token_may_come_from_a_file() {
    let folder = std::env::temp_dir().join(format!("silverback-admin-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let (_program, admin) = start(&["--admin-token-file", file.to_str().unwrap()]);
    assert_eq!(get(admin, "/stats.json").status, 401);
    let request = format!("GET /stats.json HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    assert_eq!(ask(admin, &request).status, 200);
    std::fs::remove_dir_all(&folder).unwrap();
    let (code, _, error) = run(&["--admin", "127.0.0.1:0", "--admin-token-file", file.to_str().unwrap()], &[]);
    assert_eq!(code, Some(2), "{error}");
}

#[tokio::test]
async fn the_hub_tells_its_own_figures_too() {
    let program = Program::start(&["hub", "--admin", "127.0.0.1:0", "--log-format", "json"]);
    let admin = admin_address(&program);
    let url = format!("ws://{}/ws/topic/news?key=secret", program.address);
    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    wait_until("it has joined", || metric(admin, "hub_subscriptions") == Some(1.0));
    within(conn.write_message("hello")).await.unwrap();
    within(conn.read_message()).await.unwrap();
    for (name, value) in [
        ("hub_members", 1.0),
        ("hub_channels", 1.0),
        ("hub_publications_total{result=\"accepted\"}", 1.0),
        ("hub_backplane_up{engine=\"memory\"}", 1.0),
    ] {
        assert_eq!(metric(admin, name), Some(value), "{name}");
    }
    assert_eq!(metric(admin, "hub_dropped_total{policy=\"conflate\"}"), Some(0.0));
    within(conn.close(CloseCode::NORMAL, "")).await.unwrap();
    program.wait_for_output("\"event\":\"close\"");
    assert!(program.output().contains("\"path\":\"/ws/topic/news\"") && !program.output().contains("secret"));
}

#[tokio::test]
async fn each_end_is_a_line_of_json() {
    let program = Program::start(&["--log-format", "json"]);
    let mut conn = dial(program.address).await;
    let address = conn.local_addr().unwrap().to_string();
    check_echo(&mut conn, "hello").await;
    within(conn.close(4002, "bye")).await.unwrap();
    program.wait_for_output("\"event\":\"close\"");
    drop(dial(program.address).await);
    wait_until("two lines after that of the start", || program.output().lines().count() == 3);
    let output = program.output();
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [start, first, second] = &lines[..] else { panic!("{output}") };
    assert_eq!((&start["event"], &start["announcement"].as_array().unwrap().len()), (&"start".into(), &2), "{start}");
    let expected = json!({
        "event": "close", "id": 1, "peer": address, "path": "/ws/echo", "subprotocol": null, "http": "1.1",
        "code": 4002, "side": "client", "messages_in": 1, "messages_out": 1,
        "duration_ms": first["duration_ms"].as_u64().unwrap(), "time": first["time"].as_str().unwrap(),
        "opened": first["opened"].as_str().unwrap(), "rtt_ms": null,
        // A message of 5 bytes and a Close frame with 5, masked. The server answers with the code alone.
        "bytes_in": (2 + 4 + 5) + (2 + 4 + 5), "bytes_out": (2 + 5) + (2 + 2),
    });
    assert_eq!(*first, expected);
    assert_eq!((&second["id"], &second["messages_in"]), (&2.into(), &0.into()), "{second}");
}

#[tokio::test]
async fn each_end_is_a_line_for_people() {
    let mut program = Program::start(&["--log-format", "text"]);
    let mut conn = dial(program.address).await;
    check_echo(&mut conn, "hello").await;
    program.signal(rustix::process::Signal::TERM);
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(program.wait().code(), Some(0));
    let output = program.output();
    let line = output.lines().nth(3).unwrap_or_else(|| panic!("no line: {output}"));
    assert!(line.contains(" (connection 1) closed /ws/echo with 1001 by this server after "), "{line}");
    assert!(line.contains(": 1 messages and "), "{line}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_up_neither_connections_nor_the_end() {
    let mut program = Program::start_unread(&["--log-format", "json"], &[("SILVERBACK_LISTEN", "127.0.0.1:0")]);
    // Each line has about 300 bytes, and the pipe takes 64 KiB.
    for _ in 0..300 {
        let mut conn = dial(program.address).await;
        within(conn.close(CloseCode::NORMAL, "")).await.unwrap();
    }
    program.signal(rustix::process::Signal::TERM);
    // The output is still not read.
    wait_until("the program ends", || !program.is_running());
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The names of metrics in a query of Prometheus.
fn names_in(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| {
        ["websocket_", "hub_", "process_"].iter().any(|start| word.starts_with(start)) || *word == "build_info"
    })
}

/// A row of the page about metrics: type and labels.
fn described(page: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        let mut cells = rest.split('|').map(str::trim);
        let kind = cells.next().filter(|kind| ["counter", "gauge", "histogram"].contains(kind))?;
        let labels = cells.nth(1).unwrap_or_default().split(", ").map(|label| label.trim_matches('`'));
        let labels = labels.filter(|label| !label.is_empty()).map(str::to_owned).collect();
        Some((name.to_owned(), (kind.to_owned(), labels)))
    })
    .collect()
}

#[tokio::test]
async fn the_page_the_dashboard_and_the_program_have_the_same_metrics() {
    let program = Program::start(&["hub", "--admin", "127.0.0.1:0"]);
    let admin = admin_address(&program);
    let url = format!("ws://{}/ws/topic/news", program.address);
    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    within(conn.write_message("hello")).await.unwrap();
    within(conn.read_message()).await.unwrap();
    within(conn.close(CloseCode::NORMAL, "")).await.unwrap();
    let closed = "websocket_closes_total{role=\"server\",code=\"1000\",side=\"client\"}";
    wait_until("the end is counted", || metric(admin, closed) == Some(1.0));
    let metrics = get(admin, "/metrics").body;

    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let page = std::fs::read_to_string(format!("{root}/docs/reference/metrics.md")).unwrap();
    let described = described(&page);
    let kinds: BTreeMap<_, _> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert_eq!(kinds.len(), metrics.lines().filter(|line| line.starts_with("# TYPE ")).count(), "one head for each");
    let on_page: BTreeMap<_, _> = described.iter().map(|(name, (kind, _))| (name.as_str(), kind.as_str())).collect();
    assert_eq!(kinds, on_page, "docs/reference/metrics.md on the right");
    let mut labels: BTreeMap<&str, BTreeSet<String>> = kinds.keys().map(|name| (*name, BTreeSet::new())).collect();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, rest) = series.split_once('{').unwrap_or((series, ""));
        let family =
            ["", "_bucket", "_sum", "_count"].iter().find_map(|end| kinds.get_key_value(name.strip_suffix(end)?));
        let (family, _) = family.unwrap_or_else(|| panic!("{line}"));
        for (label, value) in rest.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('=')) {
            if label != "le" {
                labels.get_mut(family).unwrap().insert(label.to_owned());
            }
            let value = value.trim_matches('"');
            assert!(["le", "version"].contains(&label) || page.contains(&format!("`{value}`")), "{line}: {value}");
        }
    }
    for (name, labels) in labels {
        assert_eq!(labels, described[name].1, "labels of {name}, those of docs/reference/metrics.md on the right");
    }

    let dashboard = std::fs::read_to_string(format!("{root}/deploy/grafana/silverback.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    let asked: BTreeSet<_> =
        queries.iter().flat_map(|query| names_in(query)).map(|name| name.trim_end_matches("_bucket")).collect();
    assert_eq!(asked, kinds.keys().copied().collect());
}

#[tokio::test]
async fn topics_are_listed_by_a_part_of_their_name() {
    let program = Program::start(&["hub", "--admin", "127.0.0.1:0"]);
    let admin = admin_address(&program);
    let subscribe = async |topic: &str| {
        within(Dialer::new().dial(&format!("ws://{}/ws/topic/{topic}", program.address))).await.unwrap()
    };
    let _open =
        [subscribe("chat:1").await, subscribe("chat:1").await, subscribe("chat:2").await, subscribe("news").await];
    let list = |query: &str| -> Value {
        let answer = get(admin, &format!("/topics.json{query}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut list: Value = serde_json::from_str(&answer.body).unwrap();
        for topic in list["topics"].as_array_mut().unwrap() {
            assert!(topic["epoch"].take().is_string(), "{topic}");
        }
        list
    };
    wait_until("all have subscribed", || metric(admin, "hub_subscriptions") == Some(4.0));
    let row =
        |name: &str, subscribers: u64| json!({"name": name, "subscribers": subscribers, "offset": 0, "epoch": null});
    assert_eq!(list(""), json!({"total": 3, "topics": [row("chat:1", 2), row("chat:2", 1), row("news", 1)]}));
    assert_eq!(list("?q=hat&limit=1"), json!({"total": 2, "topics": [row("chat:1", 2)]}));
    assert_eq!(list("?q=*%3A2"), json!({"total": 1, "topics": [row("chat:2", 1)]}));
    assert_eq!(list("?q=nothing"), json!({"total": 0, "topics": []}));
    assert_eq!(get(admin, "/topics.json?limit=0").status, 400);
    let engine = stats(admin)["engine"].clone();
    assert_eq!(
        (&engine["name"], &engine["up"], &engine["nodes"]),
        (&"memory".into(), &true.into(), &1.into()),
        "{engine}"
    );

    let (_echo, admin) = start(&["--quiet"]);
    assert_eq!(get(admin, "/topics.json").status, 404, "the echo service has none");
    assert_eq!(stats(admin)["engine"], Value::Null);
}

/// Starts many readers of the metrics at once, and some that leave in the middle.
#[test]
fn many_readers_of_metrics_at_once_are_answered_or_turned_away_and_clients_go_on() {
    let (program, admin) = start(&["--quiet"]);
    let readers: Vec<_> = (0..150)
        .map(|number| {
            std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(admin).unwrap();
                let request = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = String::new();
                // One in three leaves without reading.
                if number % 3 > 0 && stream.read_to_string(&mut answer).is_ok() && !answer.is_empty() {
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                    return 1;
                }
                0
            })
        })
        .collect();
    let answered: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    assert!(answered > 0);
    wait_until("the listener is free again", || get(admin, "/healthz").status == 200);
    assert_eq!(get(program.address, "/healthz").status, 200);
}

#[test]
fn queries_of_the_lists_are_checked() {
    let (_program, admin) = start(&["--quiet"]);
    for query in [
        "sort=peer",
        "sort=",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=1e3",
        "limit=99999999999999999999",
        "x=1",
        "sort",
    ] {
        let answer = get(admin, &format!("/connections.json?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert!(!answer.body.contains("99999"), "it quotes nothing: {}", answer.body);
    }
}

#[tokio::test]
async fn text_of_a_client_is_only_text_in_the_lists() {
    let (program, admin) = start(&["--quiet"]);
    let path = "/ws/echo/..;%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let hostile = [("Sec-WebSocket-Protocol", "a'!#$%&*+-.^_`|~b"), ("X-<script>\"", "\"}]<script>")];
    // A header name must not have such bytes.
    assert_eq!(ask(program.address, &crate::support::handshake(program.address, &hostile)).status, 400);
    let dialer = Dialer::new().subprotocols(["a'!#$%&*+-.^_`|~b"]);
    let _conn = within(dialer.dial(&format!("ws://{}/ws/echo", program.address))).await.unwrap();
    let list = listed(admin, "", 1);
    assert_eq!(list[0]["subprotocol"], "a'!#$%&*+-.^_`|~b");
    assert_eq!(get(program.address, path).status, 404);
    let answer = get(admin, "/connections.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn the_address_of_a_client_comes_from_a_trusted_proxy_alone() {
    let (program, admin) = start(&["--quiet", "--trusted-proxy", "127.0.0.0/8"]);
    let url = format!("ws://{}/ws/echo", program.address);
    let through = |chain: &'static str| Dialer::new().header("X-Forwarded-For", chain);
    let _client = within(through("198.51.100.1, 203.0.113.9").dial(&url)).await.unwrap();
    assert_eq!(listed(admin, "", 1)[0]["peer"], "203.0.113.9");
    let request = crate::support::handshake(program.address, &[("X-Forwarded-For", "garbage")]);
    let refused = ask(program.address, &request);
    assert_eq!((refused.status, refused.body.contains("malformed x-forwarded-for")), (400, true), "{}", refused.body);

    let (distrustful, admin) = start(&["--quiet"]);
    let url = format!("ws://{}/ws/echo", distrustful.address);
    let client = within(through("203.0.113.9").dial(&url)).await.unwrap();
    assert_eq!(listed(admin, "", 1)[0]["peer"], client.local_addr().unwrap().to_string());
}

#[tokio::test]
async fn an_address_has_a_limited_number_of_connections() {
    let program = Program::start(&["--quiet", "--trusted-proxy", "127.0.0.1", "--max-connections-per-address", "1"]);
    let url = format!("ws://{}/ws/echo", program.address);
    let from = |address: &'static str| Dialer::new().header("X-Forwarded-For", address);
    let first = within(from("203.0.113.9").dial(&url)).await.unwrap();
    assert!(within(from("203.0.113.9").dial(&url)).await.unwrap_err().to_string().contains("503"));
    // The operator is told which limit it was.
    let line = "503: its address has as many WebSockets as --max-connections-per-address allows";
    wait_until("it is reported", || program.errors().contains(line));
    let _other = within(from("203.0.113.10").dial(&url)).await.unwrap();
    drop(first);
    // Its place is free once the program has noticed.
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while within(from("203.0.113.9").dial(&url)).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "its place is never free");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn systemd_is_told_about_the_life_of_the_program() {
    let folder = std::env::temp_dir().join(format!("silverback-notify-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    let receive = || {
        let mut buffer = [0; 4096];
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    };
    let until = |text: &str| while !receive().contains(text) {};
    let environment =
        [("SILVERBACK_LISTEN", "127.0.0.1:0"), ("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let mut program = Program::start_with(&["--quiet"], &environment);
    assert!(receive().starts_with("READY=1\n"), "the first message");
    until("WATCHDOG=1");
    let _conn = dial(program.address).await;
    until("STATUS=1 WebSockets are open");
    until("WATCHDOG=1");
    program.signal(rustix::process::Signal::TERM);
    until("STOPPING=1");
    assert_eq!(program.wait().code(), Some(0));
    std::fs::remove_dir_all(&folder).unwrap();
}
