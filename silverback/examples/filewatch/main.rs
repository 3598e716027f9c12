//! A page that shows a file, and follows its changes.
//!
//! ```text
//! cargo run -p silverback --example filewatch FILE [ADDRESS]
//! ```
//!
//! The page comes without the content: the first message is the file as it is, so nothing can change unnoticed between
//! the two. Each message has a version; a page that connects again names the one it shows, and is sent only a newer one.
//! A viewer who reads slowly misses versions in between, never the last, and holds nobody up.
//!
//! The file is read four times a second and compared. That is less than it sounds, because it is small, and notices
//! what the time of modification does not tell: two changes within its resolution, another file of the same age put in
//! its place. The file may also come into being later, be replaced, or disappear.

#![allow(clippy::print_stdout, reason = "it tells where it listens")]

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
use silverback::{CloseCode, Compression, Config, Conn, Error, Message, Upgrader, handshake::OriginPolicy};
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
    // The file is for its own page, and not for one that came to this address by DNS rebinding.
    let own = [format!("http://{address}").parse()?, format!("http://localhost:{}", address.port()).parse()?];
    // A viewer has nothing to say: its messages are refused before they arrive.
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
        // Its end is the end of the publisher, of which the viewers learn.
        () = follow(path, publisher) => {}
    }
    viewers.close();
    // Longer than a closing handshake takes at most.
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

/// Sends the version that there is, unless it has been seen, and each that follows.
async fn show(mut conn: Conn, mut newest: watch::Receiver<Version>, seen: Option<String>) -> Result<(), Error> {
    let has_seen = |version: &Version| seen.as_ref() == Some(&version.name);
    let is_new = !has_seen(&newest.borrow_and_update());
    if is_new {
        newest.mark_changed();
    }
    loop {
        tokio::select! {
            message = conn.read_message() => match message? {
                Some(_) => return conn.close(CloseCode::POLICY_VIOLATION, "nothing is expected here").await,
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

/// What the file says at one time, or why it says nothing.
struct Version {
    name: String,
    message: Message,
}

impl Version {
    fn of(path: &Path) -> Self {
        let content = read(path);
        // The same in another run of the program: what a page shows stays valid.
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
    // Opening a pipe would wait for whoever writes to it.
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
        // A disk can be slow: it is not waited for on a thread that serves connections.
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
/// The page has its style and script inside, and talks to this server only.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
