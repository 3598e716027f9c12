//! A chat on axum whose guests log in first. The session is a cookie, because a page cannot set headers on a WebSocket.
//!
//! ```text
//! cargo run -p silverback-axum --example chat_with_login [ADDRESS]
//! ```
//!
//! Open the printed address in two windows. Any name logs in with the password `silver`. The handshake reads the cookie
//! and answers 401 without a session, before there is a WebSocket. A page of another site could open a WebSocket with
//! the cookie of its visitor; the extractor refuses it, because only pages of the same origin may connect. Over TLS, add
//! `Secure` to the cookie.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{
    collections::HashMap,
    env, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{any, get, post},
};
use data_encoding::HEXLOWER;
use silverback::{CloseCode, Conn, Error, Message, PreparedMessage, TryWriteError, Writer};
use silverback_axum::WebSocketUpgrade;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening http://{}", listener.local_addr()?);
    let page = || async { Html(include_str!("page.html")) };
    let app = Router::new()
        .route("/", get(page))
        .route("/login", post(log_in))
        .route("/ws", any(enter))
        .with_state(Arc::<Chat>::default());
    axum::serve(listener, app).await
}

/// Takes a name and a password on two lines.
async fn log_in(State(chat): State<Arc<Chat>>, body: String) -> Response {
    match body.split_once('\n') {
        // A real service looks the name up and compares hashes.
        Some((name, "silver")) if !name.trim().is_empty() => {
            let session = chat.begin_session(name.trim());
            let cookie = format!("session={session}; HttpOnly; SameSite=Strict; Path=/");
            (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
        }
        _ => (StatusCode::UNAUTHORIZED, "wrong name or password").into_response(),
    }
}

async fn enter(State(chat): State<Arc<Chat>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let Some(name) = session(&headers).and_then(|session| chat.lock().sessions.get(session).cloned()) else {
        return (StatusCode::UNAUTHORIZED, "log in first").into_response();
    };
    upgrade.max_message_size(LARGEST_MESSAGE).on_upgrade(move |socket| async move {
        // An error needs no answer: a guest who broke a rule has received the reason.
        let _ = talk(&chat, &name, socket.into_inner()).await;
    })
}

fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="))
}

async fn talk(chat: &Chat, name: &str, conn: Conn) -> Result<(), Error> {
    let (writer, mut reader) = conn.split();
    let guest = chat.join(name, writer);
    // Also ends when this connection is lost or was closed for being too slow.
    let outcome = loop {
        match reader.read_message().await {
            Ok(Some(Message::Text(text))) => chat.tell(&format!("{name}: {text}")),
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    chat.leave(guest, name);
    outcome
}

#[derive(Default)]
struct Chat(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// The name behind each session. A real service lets sessions expire.
    sessions: HashMap<String, String>,
    guests: HashMap<u64, Writer>,
    next_guest: u64,
}

impl Chat {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_session(&self, name: &str) -> String {
        let mut random = [0; 16];
        // An attacker who guesses the number takes over the session.
        getrandom::fill(&mut random).expect("the system has a random source");
        let session = HEXLOWER.encode(&random);
        self.lock().sessions.insert(session.clone(), name.to_owned());
        session
    }

    fn join(&self, name: &str, writer: Writer) -> u64 {
        let mut inner = self.lock();
        inner.next_guest += 1;
        let guest = inner.next_guest;
        inner.guests.insert(guest, writer);
        drop(inner);
        self.tell(&format!("{name} joined"));
        guest
    }

    fn leave(&self, guest: u64, name: &str) {
        self.lock().guests.remove(&guest);
        self.tell(&format!("{name} left"));
    }

    /// Encodes the text once for all guests and never waits. A guest whose queue is full is closed.
    fn tell(&self, text: &str) {
        let message = PreparedMessage::new(text.to_owned());
        self.lock().guests.retain(|_, writer| match writer.try_write_prepared(&message) {
            Ok(()) => true,
            Err(TryWriteError::Full(_)) => {
                let _ = writer.start_close(CloseCode::TRY_AGAIN_LATER, "you read too slowly");
                false
            }
            Err(_) => false,
        });
    }
}

const LARGEST_MESSAGE: usize = 4 * 1024;
