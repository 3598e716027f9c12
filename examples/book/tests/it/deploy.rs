//! Part 4 of the tutorial: two servers on one broker, behind each of the proxies, with the configurations of docs/deploy/.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use silverback::{Conn, Dialer, Message};
use silverback_testkit::broker::{Broker, nats::Nats};
use tokio::{net::TcpStream, time::sleep};

use crate::support::{Running, ask, log_in, say, start_with, terminate, within};

#[tokio::test]
async fn nginx_serves_two_servers_and_one_of_them_stops() {
    if let Some(nginx) = installed("SILVERBACK_NGINX", "nginx") {
        talk_through(|folder, configuration| {
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {}/{kind};", folder.display()));
            let text = configuration("nginx.conf").replace("http {", &format!("http {{ {}", temporary.join(" ")));
            let global = format!("daemon off; pid {}/nginx.pid;", folder.display());
            let mut command = Command::new(&nginx);
            command.args(["-e", "stderr", "-g", &global, "-c"]).arg(written(folder, "nginx.conf", &text));
            command
        })
        .await;
    }
}

#[tokio::test]
async fn haproxy_serves_two_servers_and_one_of_them_stops() {
    if let Some(haproxy) = installed("SILVERBACK_HAPROXY", "haproxy") {
        talk_through(|folder, configuration| {
            let mut command = Command::new(&haproxy);
            command.arg("-db").arg("-f").arg(written(folder, "haproxy.cfg", &configuration("haproxy.cfg")));
            command
        })
        .await;
    }
}

#[tokio::test]
async fn envoy_serves_two_servers_and_one_of_them_stops() {
    if let Some(envoy) = installed("SILVERBACK_ENVOY", "envoy") {
        talk_through(|folder, configuration| {
            let mut command = Command::new(&envoy);
            command.args(["--log-level", "warning", "--concurrency", "1", "--use-dynamic-base-id", "-c"]);
            command.arg(written(folder, "envoy.yaml", &configuration("envoy.yaml")));
            command
        })
        .await;
    }
}

#[tokio::test]
async fn caddy_serves_two_servers_and_one_of_them_stops() {
    if let Some(caddy) = installed("SILVERBACK_CADDY", "caddy") {
        talk_through(|folder, configuration| {
            let mut command = Command::new(&caddy);
            command.args(["run", "--adapter", "caddyfile", "--config"]);
            command.arg(written(folder, "Caddyfile", &configuration("Caddyfile")));
            command.env("HOME", folder);
            command
        })
        .await;
    }
}

/// Guests on both servers talk through a proxy; one server is stopped; nobody misses a message.
async fn talk_through(proxy: impl FnOnce(&Path, &dyn Fn(&str) -> String) -> Command) {
    let Some(nats) = Nats::installed() else { return };
    let broker = Broker::start(nats);
    let mut servers = [server(&broker), server(&broker)];
    let folder = Folder::new();
    let address = free_address();
    let addresses = [("8001", servers[0].address), ("8002", servers[1].address), ("8080", address)];
    let configuration = |file: &str| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deploy").join(file));
        addresses.iter().fold(text.unwrap(), |text, (port, address)| {
            assert!(text.contains(port), "{file} has no port {port}");
            text.replace(port, &address.port().to_string())
        })
    };
    let _proxy = Ending(proxy(&folder.0, &configuration).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
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

/// The proxy that a variable names or the search path has. Without it, the test says so, and fails in CI.
fn installed(variable: &str, name: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    let places = env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| env::split_paths(&places).map(|folder| folder.join(name)).find(|path| path.is_file()));
    if found.is_none() {
        assert!(env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{name} is not installed, and {variable} is not set");
        eprintln!("SKIPPED: {name} is not installed, and {variable} is not set");
    }
    found
}

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A process that ends with this.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // nginx leaves its workers behind when it is killed.
        terminate(&self.0);
        let _ = self.0.wait();
    }
}

/// A folder that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("silverback-book-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const GUESTS: usize = 8;
