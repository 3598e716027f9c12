//! A page that shows a file, and follows its changes.
//!
//! ```text
//! cargo run -p silverback --example filewatch FILE [ADDRESS]
//! ```
//!
//! The page does not contain the file. The first message is the current file, so no change can be lost between page and
//! connection. Each message has a version. A page that reconnects names its version and gets only a newer one. A viewer
//! who reads slowly skips versions, but never the last one, and does not slow down the others.
//!
//! The file is read and compared four times a second. That is cheap, because the file is small, and it finds changes
//! that the modification time misses: two changes within its resolution, or another file of the same age in its place.
//! The file may also appear later, be replaced, or disappear.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{
    env,
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::header::CONTENT_SECURITY_POLICY,
    response::{Html, IntoResponse, Response},
    routing::{any, get},
    serve::ListenerExt,
};
use serde_json::json;
use silverback::{CloseCode, Compression, Config, Conn, Error, Message, OriginPolicy, Upgrader};
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args_os().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: filewatch FILE [ADDRESS]")?);
    let address = arguments.next().map(|address| address.to_string_lossy().into_owned());
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8000")).await?;
    let address = listener.local_addr()?;
    // Only its own page may see the file, not a page that reaches this address by DNS rebinding.
    let own = [format!("http://{address}").parse()?, format!("http://localhost:{}", address.port()).parse()?];
    // Viewers need not send messages, so all of them are refused.
    let limits = Config::default().max_message_size(0).compression(Compression::default());
    let (publisher, newest) = watch::channel(Version::of(&path));
    let viewers = TaskTracker::new();
    let upgrader = Upgrader::new().config(limits).check_origin(OriginPolicy::AllowList(own.into()));
    let service = Service { upgrader, newest, viewers: viewers.clone() };
    println!("listening http://{address}");
    let app = Router::new().route("/", get(page)).route("/ws", any(view)).with_state(service);
    tokio::select! {
        served = async { axum::serve(listener.tap_io(|tcp| _ = tcp.set_nodelay(true)), app).await } => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        // If this task ends, the publisher ends, and the viewers are closed.
        () = follow(path, publisher) => {}
    }
    viewers.close();
    // Longer than the close timeout.
    let _ = timeout(Duration::from_secs(10), viewers.wait()).await;
    Ok(())
}

#[derive(Clone)]
struct Service {
    upgrader: Upgrader,
    newest: watch::Receiver<Version>,
    viewers: TaskTracker,
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page.html")))
}

async fn view(State(service): State<Service>, mut request: Request) -> Response {
    let seen = request.uri().query().and_then(|query| query.strip_prefix("seen=")).map(str::to_owned);
    match service.upgrader.upgrade(&mut request) {
        Ok((response, upgrade)) => {
            let newest = service.newest;
            service.viewers.spawn(async move { show(upgrade.await?, newest, seen).await });
            response
        }
        Err(error) => error.response().map(Body::from),
    }
}

/// Sends the current version, unless the page has it, and then each new version.
async fn show(mut conn: Conn, mut newest: watch::Receiver<Version>, seen: Option<String>) -> Result<(), Error> {
    let has_seen = |version: &Version| seen.as_ref() == Some(&version.name);
    let is_new = !has_seen(&newest.borrow_and_update());
    if is_new {
        newest.mark_changed();
    }
    loop {
        tokio::select! {
            message = conn.read_message() => match message? {
                Some(_) => return conn.close(CloseCode::POLICY_VIOLATION, "this service takes no messages").await,
                None => return Ok(()),
            },
            changed = newest.changed() => {
                if changed.is_err() {
                    return conn.close(CloseCode::GOING_AWAY, "the server is going away").await;
                }
                let message = newest.borrow_and_update().message.clone();
                conn.write_message(message).await?;
            }
        }
    }
}

/// The content of the file at one time, or the reason why it cannot be read.
struct Version {
    name: String,
    message: Message,
}

impl Version {
    fn of(path: &Path) -> Self {
        let content = read(path);
        // The version is the same in another run of the program, so a page stays valid after a restart.
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let name = format!("{:016x}", hasher.finish());
        let message = match content {
            Ok(text) => json!({ "version": name, "text": text }),
            Err(problem) => json!({ "version": name, "problem": problem }),
        };
        Self { message: Message::from(message.to_string()), name }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let words = |error: std::io::Error| error.to_string();
    // Opening a pipe would block until a writer opens it.
    if !path.metadata().map_err(words)?.is_file() {
        return Err("this is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(words)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("the file is larger than {} KiB", LARGEST_FILE / 1024));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn follow(path: PathBuf, publisher: watch::Sender<Version>) {
    loop {
        sleep(INTERVAL).await;
        let path = path.clone();
        // A disk can be slow, so it is not read on a thread that serves connections.
        let Ok(version) = tokio::task::spawn_blocking(move || Version::of(&path)).await else { return };
        publisher.send_if_modified(|newest| {
            let is_new = newest.name != version.name;
            *newest = version;
            is_new
        });
    }
}

const INTERVAL: Duration = Duration::from_millis(250);
const LARGEST_FILE: u64 = 1024 * 1024;
/// The page contains its style and script, and connects only to this server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
