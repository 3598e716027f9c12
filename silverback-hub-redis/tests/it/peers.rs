//! Servers that a test plays: they load, are too old, of a cluster, replicas, or send nonsense.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use silverback_hub::EngineEvent;
use silverback_hub_redis::Redis;
use silverback_hub_testkit::Node;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{assert_down, is_up, until};

const HELLO: &str = "%3\r\n+version\r\n+7.0.15\r\n+mode\r\n+standalone\r\n+role\r\n+master\r\n";
const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:1\r\n\
    # Replication\r\nrole:master\r\n# Persistence\r\nloading:0\r\naof_enabled:1\r\n";

/// A server that answers each of some commands with one text.
struct Played {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Played {
    /// `answer` gets the number of the connection and the name of a command.
    async fn start(answer: impl Fn(usize, &str) -> String + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(play(stream, number, answer.clone()));
            }
        });
        Self { url, connections }
    }

    async fn node(&self) -> Node<Redis> {
        Node::of(Redis::connect(&self.url).await.unwrap()).await
    }

    /// Waits until the engine has come again and again, and checks that it is down.
    async fn expect_never_up(&self) {
        let engine = Redis::builder(&self.url).connect_timeout(Duration::from_millis(200)).connect().await.unwrap();
        let node = Node::of(engine).await;
        until("it has tried several times", async || self.connections.load(Ordering::SeqCst) >= 6).await;
        assert_down(silverback_hub::Engine::control(&*node.engine, "x".into()).await);
    }
}

async fn play(mut stream: TcpStream, number: usize, answer: impl Fn(usize, &str) -> String) {
    let mut bytes = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut bytes).await {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for line in text.lines().filter(|line| COMMANDS.contains(line)) {
            if stream.write_all(answer(number, line).as_bytes()).await.is_err() {
                return;
            }
        }
        bytes.clear();
    }
}

fn usual(command: &str) -> String {
    match command {
        "HELLO" => HELLO.to_owned(),
        "INFO" => blob(INFO),
        "SSUBSCRIBE" => ">3\r\n+ssubscribe\r\n+silverback:control\r\n:1\r\n".to_owned(),
        "CLIENT" => "+OK\r\n".to_owned(),
        _ => "+PONG\r\n".to_owned(),
    }
}

fn blob(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

const COMMANDS: &[&str] = &["HELLO", "CLIENT", "INFO", "SSUBSCRIBE", "PING", "SPUBLISH"];

#[tokio::test]
async fn a_server_that_loads_its_data_is_down_until_it_is_done() {
    let server = Played::start(|number, command| match command {
        "INFO" if number < 6 => blob(&INFO.replace("loading:0", "loading:1")),
        command => usual(command),
    })
    .await;
    let mut node = server.node().await;
    node.wait_for("Up", is_up).await;
    assert!(server.connections.load(Ordering::SeqCst) > 6);
}

#[tokio::test]
async fn a_call_that_a_loading_server_refuses_is_down_and_the_engine_connects_again() {
    let server = Played::start(|_, command| match command {
        "SPUBLISH" => "-LOADING Redis is loading the dataset in memory\r\n".to_owned(),
        command => usual(command),
    })
    .await;
    let mut node = server.node().await;
    node.wait_for("Up", is_up).await;
    assert_down(silverback_hub::Engine::control(&*node.engine, "x".into()).await);
    node.wait_for("Down", |event| matches!(event, EngineEvent::Down)).await;
    node.wait_for("Up", is_up).await;
}

#[tokio::test]
async fn servers_that_are_of_no_use_keep_the_engine_down() {
    for (what, other) in [("7.0.15", "6.2.0"), ("standalone", "cluster"), ("master", "slave"), ("7.0.15", "")] {
        let server = Played::start(move |_, command| match command {
            "INFO" => blob(&INFO.replace(what, other)),
            command => usual(command),
        })
        .await;
        server.expect_never_up().await;
    }
}

/// The text of an old server repeats the command, and with it the password.
#[tokio::test]
async fn nonsense_and_errors_keep_the_engine_down_without_a_panic() {
    for nonsense in [
        "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 'secret'\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "*99999999999\r\n",
        "$99999999999\r\n",
        "%1\r\n:1\r\n",
        "\r\n",
        "_\r\n",
        "",
    ] {
        for broken in ["HELLO", "INFO", "SSUBSCRIBE"] {
            // The crate takes any reply to HELLO that is not an error. What comes after it is looked at.
            if (nonsense, broken) == ("_\r\n", "HELLO") {
                continue;
            }
            let server = Played::start(move |_, command| match command {
                command if command == broken => nonsense.to_owned(),
                command => usual(command),
            })
            .await;
            server.expect_never_up().await;
        }
    }
}
