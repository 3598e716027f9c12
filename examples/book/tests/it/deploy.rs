//! Part 4 of the tutorial: two servers on one broker, behind each of the proxies, with the configurations of docs/deploy/.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use silverback::{Conn, Dialer, Message};
use silverback_testkit::{
    broker::{Broker, installed, nats::Nats},
    front::{self, Front, free_address, written},
};
use tokio::{net::TcpStream, time::sleep};

use crate::support::{Running, ask, log_in, say, start_with, within};

#[tokio::test]
async fn nginx_serves_two_servers_and_one_of_them_stops() {
    if let Some(nginx) = front::nginx() {
        talk_through(|configuration| Front::nginx(&nginx, &configuration("nginx.conf"))).await;
    }
}

#[tokio::test]
async fn haproxy_serves_two_servers_and_one_of_them_stops() {
    if let Some(haproxy) = front::haproxy() {
        talk_through(|configuration| Front::haproxy(&haproxy, &configuration("haproxy.cfg"))).await;
    }
}

#[tokio::test]
async fn envoy_serves_two_servers_and_one_of_them_stops() {
    if let Some(envoy) = installed("SILVERBACK_ENVOY", "envoy", "PyPI") {
        talk_through(|configuration| {
            Front::start(|folder| {
                let mut command = Command::new(&envoy);
                command.args(["--log-level", "warning", "--concurrency", "1", "--use-dynamic-base-id", "-c"]);
                command.arg(written(folder, "envoy.yaml", &configuration("envoy.yaml")));
                command.stderr(Stdio::null());
                command
            })
        })
        .await;
    }
}

#[tokio::test]
async fn caddy_serves_two_servers_and_one_of_them_stops() {
    if let Some(caddy) = installed("SILVERBACK_CADDY", "caddy", "PyPI") {
        talk_through(|configuration| {
            Front::start(|folder| {
                let mut command = Command::new(&caddy);
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                command.arg(written(folder, "Caddyfile", &configuration("Caddyfile")));
                command.env("HOME", folder).stderr(Stdio::null());
                command
            })
        })
        .await;
    }
}

/// Guests on both servers talk through a proxy; one server is stopped; nobody misses a message.
async fn talk_through(proxy: impl FnOnce(&dyn Fn(&str) -> String) -> Front) {
    let Some(nats) = Nats::installed() else { return };
    let broker = Broker::start(nats);
    let mut servers = [server(&broker), server(&broker)];
    let address = free_address();
    let addresses = [("8001", servers[0].address), ("8002", servers[1].address), ("8080", address)];
    let configuration = |file: &str| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deploy").join(file));
        addresses.iter().fold(text.unwrap(), |text, (port, address)| {
            assert!(text.contains(port), "{file} has no port {port}");
            text.replace(port, &address.port().to_string())
        })
    };
    let _proxy = proxy(&configuration);
    within(until_it_answers(address)).await;

    let cookie = log_in(address, "ada").await;
    let dialer = || Dialer::new().header("Cookie", &cookie);
    let mut guests = Vec::new();
    for _ in 0..GUESTS {
        guests.push(within(come_back(address, dialer())).await);
    }
    say(&mut guests[0], "hello").await;
    for guest in &mut guests {
        assert_eq!(next(guest).await.as_deref(), Some("ada: hello"));
    }

    let listening: Vec<_> = guests.into_iter().map(|guest| tokio::spawn(listen(guest, address, dialer()))).collect();
    servers[0].terminate();
    within(servers[0].ended()).await;
    let mut speaker = within(come_back(address, dialer())).await;
    say(&mut speaker, "one server has stopped").await;
    let mut moved = 0;
    for guest in listening {
        moved += usize::from(guest.await.unwrap());
    }
    assert!((1..GUESTS).contains(&moved), "{moved} of {GUESTS} guests were on the server that stopped");
}

/// Listens until the last message, and returns whether the server has told this guest to come back.
async fn listen(mut guest: Conn, address: SocketAddr, dialer: Dialer) -> bool {
    let mut has_moved = false;
    // Who comes back gets the last messages again.
    while next(&mut guest).await.as_deref() != Some("ada: one server has stopped") {
        if let Some(info) = guest.close_info() {
            assert!(info.has_code([1012]) && !has_moved, "{info}");
            has_moved = true;
            guest = within(come_back(address, dialer.clone())).await;
        }
    }
    has_moved
}

/// A server of part 4 on a free port.
fn server(broker: &Broker) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_two_machines"));
    command.arg("127.0.0.1:0").env("NATS_URL", broker.url()).env("SECRET", "a secret of at least 32 random bytes");
    start_with(&mut command)
}

/// Connects as the page does: again and again.
async fn come_back(address: SocketAddr, dialer: Dialer) -> Conn {
    let dialer = dialer.origin(&format!("http://{address}"));
    loop {
        match dialer.dial(&format!("ws://{address}/ws")).await {
            Ok(conn) => return conn,
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn next(guest: &mut Conn) -> Option<String> {
    let message = within(guest.read_message()).await.unwrap();
    message.as_ref().and_then(Message::as_text).map(str::to_owned)
}

async fn until_it_answers(address: SocketAddr) {
    while TcpStream::connect(address).await.is_err()
        || !ask(address, "GET /healthz", &[], "").await.0.starts_with("HTTP/1.1 200")
    {
        sleep(Duration::from_millis(50)).await;
    }
}

const GUESTS: usize = 8;
