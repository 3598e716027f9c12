//! A chat room: everyone with the page open sees the messages of the others.
//!
//! ```text
//! cargo run -p silverback --example chat [ADDRESS]
//! ```
//!
//! The room has no task and no channel. Each connection has its own queue, bounded in bytes, so a broadcast never waits
//! for a guest. A guest with a full queue is closed with 1013. A guest who writes a lot is read slowly, so that the
//! others can keep up. Ctrl-C closes every connection with 1001.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{
    collections::BTreeMap,
    env, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
use silverback::{CloseCode, Config, Error, Message, Reader, TryWriteError, Upgrade, Upgrader, Writer};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening http://{}", listener.local_addr()?);
    let room = Arc::<Room>::default();
    let app = Router::new().route("/", get(page)).route("/ws", any(enter)).with_state(room.clone());
    tokio::select! {
        served = async { axum::serve(listener.tap_io(|tcp| _ = tcp.set_nodelay(true)), app).await } => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    room.close().await;
    Ok(())
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page.html")))
}

/// Only pages of the same origin may connect, which is the Upgrader's default.
async fn enter(State(room): State<Arc<Room>>, mut request: Request) -> Response {
    let limits = Config::default()
        .max_message_size(LARGEST_MESSAGE)
        .max_queued_output(LONGEST_QUEUE)
        .close_timeout(CLOSE_BUDGET);
    match Upgrader::new().config(limits).upgrade(&mut request) {
        Ok((response, upgrade)) => {
            // Errors are ignored: a guest who broke a rule has received the reason.
            room.connections.spawn(stay(upgrade, room.clone()));
            response
        }
        Err(error) => error.response().map(Body::from),
    }
}

async fn stay(upgrade: Upgrade, room: Arc<Room>) -> Result<(), Error> {
    let (writer, mut reader) = upgrade.await?.split();
    let Some(guest) = room.join(&writer) else { return finish(&mut reader).await };
    let stayed = listen(guest, &writer, &mut reader, &room).await;
    room.leave(guest);
    stayed
}

async fn listen(guest: u64, writer: &Writer, reader: &mut Reader, room: &Room) -> Result<(), Error> {
    while let Some(message) = reader.read_message().await? {
        match message.as_text() {
            // Messages from a guest who was dropped are not forwarded.
            Some(text) if writer.is_open() && !text.trim().is_empty() => {
                room.guests().tell(&format!("guest {guest}: {text}"))
            }
            Some(_) => {}
            None => {
                writer.start_close(CloseCode::UNSUPPORTED, "this chat takes text")?;
                return finish(reader).await;
            }
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Waits until the other side completes the closing handshake.
async fn finish(reader: &mut Reader) -> Result<(), Error> {
    while reader.read_borrowed().await?.is_some() {}
    Ok(())
}

#[derive(Default)]
struct Room {
    guests: Mutex<Guests>,
    connections: TaskTracker,
}

#[derive(Default)]
struct Guests {
    /// The guests who receive messages. A dropped guest is removed at once.
    writers: BTreeMap<u64, Writer>,
    newest: u64,
    is_closed: bool,
}

impl Room {
    /// Returns the guest's number. If the room is full, it closes the guest and returns `None`.
    fn join(&self, writer: &Writer) -> Option<u64> {
        let mut guests = self.guests();
        if guests.is_closed || guests.writers.len() >= MOST_GUESTS {
            let (code, reason) = if guests.is_closed { GOING_AWAY } else { FULL };
            let _ = writer.start_close(code, reason);
            return None;
        }
        guests.newest += 1;
        let guest = guests.newest;
        guests.tell(&format!("* guest {guest} joined"));
        guests.writers.insert(guest, writer.clone());
        accepts(writer, Message::from(format!("* you are guest {guest}; guests here: {}", guests.writers.len())));
        Some(guest)
    }

    fn leave(&self, guest: u64) {
        let mut guests = self.guests();
        guests.writers.remove(&guest);
        guests.tell(&format!("* guest {guest} left"));
    }

    /// Closes every connection, and waits for the replies.
    async fn close(&self) {
        {
            let mut guests = self.guests();
            guests.is_closed = true;
            for writer in std::mem::take(&mut guests.writers).into_values() {
                let _ = writer.start_close(GOING_AWAY.0, GOING_AWAY.1);
            }
        }
        self.connections.close();
        let _ = timeout(CLOSE_BUDGET * 2, self.connections.wait()).await;
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guests {
    /// Never waits, because it holds the lock.
    fn tell(&mut self, line: &str) {
        let message = Message::from(line);
        let mut dropped = Vec::new();
        self.writers.retain(|guest, writer| {
            let keeps_up = accepts(writer, message.clone());
            dropped.extend((!keeps_up).then_some(*guest));
            keeps_up
        });
        for guest in dropped {
            self.tell(&format!("* guest {guest} could not keep up"));
        }
    }
}

/// Queues a message for a guest, or closes a guest who is too slow.
fn accepts(writer: &Writer, message: Message) -> bool {
    let is_full = matches!(writer.try_write_message(message), Err(TryWriteError::Full(_)));
    if is_full {
        let _ = writer.start_close(TOO_SLOW.0, TOO_SLOW.1);
    }
    // The task of a closing connection removes it from the list.
    !is_full
}

const FULL: (CloseCode, &str) = (CloseCode::TRY_AGAIN_LATER, "the room is full");
const TOO_SLOW: (CloseCode, &str) = (CloseCode::TRY_AGAIN_LATER, "you could not keep up");
const GOING_AWAY: (CloseCode, &str) = (CloseCode::GOING_AWAY, "the server is going away");

const MOST_GUESTS: usize = 1000;
/// The largest message in bytes: a long paragraph.
const LARGEST_MESSAGE: u64 = 4 * 1024;
/// Bytes that may be queued for one guest. Multiplied by the number of guests, this is the memory of the room.
const LONGEST_QUEUE: usize = 64 * 1024;
/// How long a dropped guest may take to read the queued messages and the reason.
const CLOSE_BUDGET: Duration = Duration::from_secs(10);
/// The least time between two messages of one guest.
const PAUSE: Duration = Duration::from_millis(20);
/// The page contains its style and script, and connects only to this server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
