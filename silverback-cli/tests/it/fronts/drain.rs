//! One of two programs behind a proxy drains under load, and no message that it has accepted is lost.
//!
//! A short form runs with all tests. `cargo xtask drain --full` sets `SILVERBACK_DRAIN_CLIENTS`, and makes tables of
//! docs/operations.md of the figures that are printed.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use silverback::{Conn, Dialer, Message};
use silverback_testkit::{
    broker::{Broker, nats::Nats},
    front::{Front, free_address, haproxy, nginx},
};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::documented;
use crate::support::{Program, get, try_ask, wait_until, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_drains_behind_nginx_and_every_answer_arrives() {
    if let Some(nginx) = nginx() {
        echo("nginx", |behind| Front::nginx(&nginx, &configuration("nginx.conf", behind))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_drains_behind_haproxy_and_every_answer_arrives() {
    if let Some(haproxy) = haproxy() {
        echo("HAProxy", |behind| Front::haproxy(&haproxy, &configuration("haproxy.cfg", behind))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_drains_behind_nginx_and_every_publication_arrives_once() {
    if let (Some(nginx), Some(nats)) = (nginx(), Nats::installed()) {
        hub("nginx", nats, |behind| Front::nginx(&nginx, &configuration("nginx.conf", behind))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_drains_behind_haproxy_and_every_publication_arrives_once() {
    if let (Some(haproxy), Some(nats)) = (haproxy(), Nats::installed()) {
        hub("HAProxy", nats, |behind| Front::haproxy(&haproxy, &configuration("haproxy.cfg", behind))).await;
    }
}

/// The addresses of a proxy and of the two programs behind it.
struct Behind {
    front: SocketAddr,
    programs: [SocketAddr; 2],
}

/// A file of docs/deploy/ with these addresses.
fn configuration(file: &str, Behind { front, programs: [first, second] }: &Behind) -> String {
    let addresses = [("127.0.0.1:8001", first), ("127.0.0.1:8002", second), ("127.0.0.1:8080", front)];
    // More connections than by default, and the readiness check of the program.
    let text =
        documented(file).replace("events {}", "events { worker_connections 8192; }").replace("/healthz", "/readyz");
    addresses.iter().fold(text, |text, (documented, address)| {
        assert!(text.contains(documented), "{file} has no {documented}");
        text.replace(documented, &address.to_string())
    })
}

fn start_front(programs: &[Program; 2], start: impl FnOnce(&Behind) -> Front) -> (Front, SocketAddr) {
    let behind = Behind { front: free_address(), programs: [programs[0].address, programs[1].address] };
    let front = start(&behind);
    wait_until("the proxy answers", || {
        TcpStream::connect(behind.front).is_ok() && get(behind.front, "/healthz").status == 200
    });
    (front, behind.front)
}

/// How many clients there are, and whether the run is the long one.
fn clients() -> (u32, bool) {
    let chosen = env::var("SILVERBACK_DRAIN_CLIENTS").ok().map(|text| text.parse().unwrap());
    (chosen.unwrap_or(16), chosen.is_some())
}

/// Prints the figures of a long run: a column of a table.
#[expect(clippy::print_stdout, reason = "cargo xtask drain reads the figures")]
fn tell(table: &str, proxy: &str, figures: &[(&str, String)]) {
    if clients().1 {
        for (name, value) in figures {
            println!("\nDRAIN | {table} | {proxy} | {name} | {value}");
        }
    }
}

/// Sends SIGTERM, and returns how long the program took to end.
fn drain(program: &mut Program) -> Duration {
    let begin = Instant::now();
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
    begin.elapsed()
}

// The echo.

/// What all clients of the echo have seen.
#[derive(Default)]
struct Seen {
    is_over: AtomicBool,
    /// Echoes that have arrived.
    answered: AtomicU64,
    /// Messages that had no echo when the connection closed. They were sent again.
    sent_again: AtomicU64,
    /// Connections that the draining program closed.
    told_to_go: AtomicU64,
}

async fn echo(name: &str, front: impl FnOnce(&Behind) -> Front) {
    let start = || Program::start(&["--log-format", "json", "--drain", "25s"]);
    let mut programs = [start(), start()];
    let (_front, address) = start_front(&programs, front);
    let (clients, is_long) = clients();
    let seen = Arc::new(Seen::default());
    let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(talk(address, clients, seen.clone()))).collect();
    let more = if is_long { u64::from(clients) * 20 } else { u64::from(clients) * 10 };
    let progress = |by: u64| {
        let from = seen.answered.load(SeqCst);
        wait_until("messages are answered", || {
            let has_failed = tasks.iter().any(tokio::task::JoinHandle::is_finished);
            has_failed || seen.answered.load(SeqCst) >= from + by
        });
    };
    progress(more);
    let took = drain(&mut programs[0]);
    progress(more);
    seen.is_over.store(true, SeqCst);
    for task in tasks {
        within(task).await.expect("each client got its echoes in order, and no connection was lost");
    }
    drain(&mut programs[1]);

    let ends = programs.each_ref().map(ends);
    let closed_first: Vec<_> = ends[0].iter().map(|end| end["code"].as_u64().unwrap()).collect();
    assert!(!closed_first.is_empty() && closed_first.iter().all(|code| *code == 1012), "{closed_first:?}");
    let told = seen.told_to_go.load(SeqCst);
    assert_eq!(closed_first.len() as u64, told, "each client read the Close frame of its connection");
    let sum = |of: &str| ends.iter().flatten().map(|end| end[of].as_u64().unwrap()).sum::<u64>();
    let answered = seen.answered.load(SeqCst);
    assert_eq!(sum("messages_out"), answered, "each answer that a program has queued has arrived");
    let figures = [
        ("clients that were told to go (1012)", told.to_string()),
        ("the drain took", format!("{:.1} s", took.as_secs_f64())),
        ("answers that both programs have queued", sum("messages_out").to_string()),
        ("answers that have arrived, in order", answered.to_string()),
        ("messages that crossed with the Close frame and were sent again", seen.sent_again.load(SeqCst).to_string()),
    ];
    tell("echo service", name, &figures);
}

/// The lines about ended connections.
fn ends(program: &Program) -> Vec<Value> {
    let output = program.output();
    let lines = output.lines().filter(|line| line.contains("\"event\":\"close\""));
    lines.map(|line| line.parse().unwrap()).collect()
}

/// Sends numbers and waits for their echoes, over one connection after the other.
async fn talk(front: SocketAddr, clients: u32, seen: Arc<Seen>) {
    let mut answered = 0;
    let mut ticks = interval(PAUSE * clients);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (writer, mut reader) = come_back(front, "/ws/echo").await.split();
        let mut sent = answered;
        let mut is_open = true;
        while is_open {
            tokio::select! {
                message = reader.read_message() => match message.expect("the connection was not lost") {
                    Some(echo) => {
                        answered += 1;
                        assert_eq!(echo.as_text(), Some(&*answered.to_string()));
                        seen.answered.fetch_add(1, SeqCst);
                    }
                    None => is_open = false,
                },
                _ = ticks.tick() => match seen.is_over.load(SeqCst) {
                    false if sent - answered < IN_FLIGHT => {
                        // A connection that closes takes no more messages.
                        sent += u64::from(writer.write_message((sent + 1).to_string()).await.is_ok());
                    }
                    true if sent == answered => {
                        reader.close(1000, "").await.expect("the connection was not lost");
                        return;
                    }
                    _ => {}
                },
            }
        }
        let info = reader.close_info().expect("it is closed");
        assert!(info.has_code([1012]), "{info}");
        seen.told_to_go.fetch_add(1, SeqCst);
        seen.sent_again.fetch_add(sent - answered, SeqCst);
    }
}

/// Connects as a browser's page does: again and again.
async fn come_back(front: SocketAddr, path: &str) -> Conn {
    loop {
        match within(Dialer::new().dial(&format!("ws://{front}{path}"))).await {
            Ok(conn) => return conn,
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

// The hub.

async fn hub(name: &str, nats: Nats, front: impl FnOnce(&Behind) -> Front) {
    let broker = Broker::start(nats);
    let folder = env::temp_dir().join(format!("silverback-it-drain-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("hub.toml");
    fs::write(&file, HUB).unwrap();
    let start = || start_hub(&file, &broker.url());
    let mut programs = [start(), start()];
    for program in &programs {
        wait_until("the hub is ready", || get(program.address, "/readyz").status == 200);
    }
    let (_front, address) = start_front(&programs, front);
    let (clients, is_long) = clients();
    let last = Arc::new(AtomicU64::new(u64::MAX));
    let members: Vec<_> = (0..clients).map(|_| tokio::spawn(follow(address, last.clone()))).collect();
    wait_until("all have subscribed", || subscribers(&programs) == u64::from(clients));

    let is_draining = Arc::new(AtomicBool::new(false));
    let publisher = thread::spawn({
        let is_draining = is_draining.clone();
        move || publish(address, BETWEEN_PUBLICATIONS.max(PAUSE_FOR_MEMBER * clients), &is_draining)
    });
    let pause = if is_long { Duration::from_secs(1) } else { Duration::from_millis(100) };
    thread::sleep(pause);
    let took = drain(&mut programs[0]);
    is_draining.store(true, SeqCst);
    let (accepted, refused) = publisher.join().unwrap();
    last.store(accepted, SeqCst);
    let (mut told, mut recovered) = (0, 0);
    for member in members {
        let moved = within(member).await.expect("each member got each publication once and in order");
        told += moved.told_to_go;
        recovered += moved.recovered;
    }
    assert!(told > 0, "nobody was on the node that drained");
    fs::remove_dir_all(folder).unwrap();
    let figures = [
        ("members that were told to go (3001)", told.to_string()),
        ("the drain took", format!("{:.1} s", took.as_secs_f64())),
        ("publications that the HTTP API has accepted, through the proxy", accepted.to_string()),
        ("attempts to publish that failed and were repeated", refused.to_string()),
        ("deliveries: each publication once to each member, in order", (accepted * u64::from(clients)).to_string()),
        ("of them from the history, to members that came back", recovered.to_string()),
    ];
    tell("hub on NATS", name, &figures);
}

fn start_hub(file: &Path, engine: &str) -> Program {
    let environment = [("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_ENGINE", engine)];
    Program::start_with(&["hub", "--config", file.to_str().unwrap(), "--drain", "25s"], &environment)
}

/// How many subscriptions there are on both nodes.
fn subscribers(programs: &[Program; 2]) -> u64 {
    let of = |program: &Program| {
        let body = r#"{"channel": "load:1"}"#;
        let answer = try_ask(program.address, &call(program.address, "presence_stats", body)).unwrap();
        let value: Value = serde_json::from_str(&answer.body).unwrap();
        value["result"]["num_clients"].as_u64().unwrap_or_else(|| panic!("{value}"))
    };
    // Presence is that of all nodes.
    of(&programs[0])
}

/// Publishes numbers until the drain is over, and some after it. Returns the last number that the hub has accepted, and how
/// often one had to be repeated.
fn publish(front: SocketAddr, pause: Duration, is_over: &AtomicBool) -> (u64, u64) {
    let (mut accepted, mut refused, mut left) = (0, 0, AFTER_THE_DRAIN);
    while left > 0 {
        let number = accepted + 1;
        // The hub takes a repeated one for the same, because the answer may be lost and not the publication.
        let body = json!({"channel": "load:1", "data": {"n": number}, "idempotency_key": number.to_string()});
        match try_ask(front, &call(front, "publish", &body.to_string())) {
            Ok(answer) if answer.status == 200 && answer.body.contains("\"offset\"") => {
                accepted = number;
                left -= u64::from(is_over.load(SeqCst));
                thread::sleep(pause);
            }
            _ => {
                refused += 1;
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
    (accepted, refused)
}

fn call(address: SocketAddr, method: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /api/{method} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {KEY}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[derive(Default)]
struct Moved {
    told_to_go: u64,
    recovered: u64,
}

/// Subscribes as a client of Centrifugo, recovers after each close, and checks that no number is missing or comes twice.
async fn follow(front: SocketAddr, last: Arc<AtomicU64>) -> Moved {
    let mut moved = Moved::default();
    let mut number = 0;
    let mut position: Option<(u64, String)> = None;
    loop {
        let mut conn = come_back(front, "/connection/websocket").await;
        let subscribe = match &position {
            Some((offset, epoch)) => json!({"channel": "load:1", "recover": true, "offset": offset, "epoch": epoch}),
            None => json!({"channel": "load:1"}),
        };
        let commands = format!("{}\n{}", json!({"id": 1, "connect": {}}), json!({"id": 2, "subscribe": subscribe}));
        // If the node closes now, the reading below says so.
        let _ = within(conn.write_message(commands)).await;
        let mut ticks = interval(Duration::from_millis(50));
        let info = loop {
            let message = tokio::select! {
                message = conn.read_message() => message.expect("the connection was not lost"),
                _ = ticks.tick() => match number == last.load(SeqCst) {
                    true => return moved,
                    false => continue,
                },
            };
            let Some(message) = message else { break conn.close_info().expect("it is closed") };
            for value in values(&message) {
                if value == json!({}) {
                    let _ = conn.write_message("{}").await;
                } else if let Some(reply) = value.get("subscribe") {
                    let publications = reply["publications"].as_array().cloned().unwrap_or_default();
                    assert!(position.is_none() || reply["recovered"] == true, "{reply}");
                    publications.iter().for_each(|publication| take(&mut number, publication));
                    moved.recovered += publications.len() as u64;
                    let offset = publications.last().map_or(&reply["offset"], |last| &last["offset"]);
                    position = Some((offset.as_u64().unwrap_or_default(), reply["epoch"].as_str().unwrap().to_owned()));
                } else if let Some(publication) = value["push"].get("pub") {
                    take(&mut number, publication);
                    if let Some((offset, _)) = &mut position {
                        *offset = publication["offset"].as_u64().unwrap();
                    }
                } else {
                    assert!(value.get("error").is_none(), "{value}");
                }
            }
        };
        assert!(info.has_code([3001]), "{info}");
        moved.told_to_go += 1;
    }
}

fn values(message: &Message) -> Vec<Value> {
    message.as_text().unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

/// The next publication must have the next number.
#[track_caller]
fn take(number: &mut u64, publication: &Value) {
    assert_eq!(publication["data"]["n"].as_u64(), Some(*number + 1), "{publication}");
    *number += 1;
}

const KEY: &str = "the key of the load";
const HUB: &str = r#"
open = true
api_key = ["the key of the load"]
[namespaces."load:*"]
history_size = 100000
presence = true
"#;

/// The load is the same however many clients there are: 2,000 messages in a second, if the machine can.
const PAUSE: Duration = Duration::from_micros(500);
const IN_FLIGHT: u64 = 8;
const BETWEEN_PUBLICATIONS: Duration = Duration::from_millis(10);
/// With many members, 5,000 deliveries in a second.
const PAUSE_FOR_MEMBER: Duration = Duration::from_micros(200);
const AFTER_THE_DRAIN: u64 = 50;
