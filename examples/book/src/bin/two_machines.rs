//! Part 4 of the tutorial: two machines behind a proxy.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, error::Error, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{any, get, post},
};
use silverback::{Conn, Message};
use silverback_axum::WebSocketUpgrade;
use silverback_hub::{Hub, Identity, Start, Topic};
use silverback_hub_nats::Nats;
use tokio::net::TcpListener;

use self::sessions::Sessions;

mod sessions;

#[derive(Clone)]
struct App {
    hub: Hub,
    sessions: Sessions,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let room = Topic::new().history(50, Duration::from_secs(3600)).presence();
    let mut builder = Hub::builder().topics("room:*", room);
    if let Ok(url) = env::var("NATS_URL") {
        builder = builder.engine(Nats::connect(&url).await?); // This line makes one room of all machines.
    }
    let hub = builder.start().await?;
    let sessions = Sessions::new(env::var("SECRET").ok().as_deref());
    let router = Router::new()
        .route("/", get(page))
        .route("/healthz", get(health))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/ws", any(enter))
        .with_state(App { hub: hub.clone(), sessions });
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("Open http://{}/", listener.local_addr()?);
    axum::serve(listener, router).with_graceful_shutdown(stop(hub)).await?;
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM, and then until the members have been told to come back.
async fn stop(hub: Hub) {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    hub.drain(Duration::from_secs(5)).await;
}

/// Fails while the hub drains or has lost the broker, so that the proxy sends nobody here.
async fn health(State(app): State<App>) -> StatusCode {
    if app.hub.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn page(State(app): State<App>, headers: HeaderMap) -> Html<&'static str> {
    match app.sessions.user(&headers) {
        Some(_) => Html(include_str!("chat.html")),
        None => Html(include_str!("login.html")),
    }
}

/// Takes a name and a password, each on its line.
async fn log_in(State(app): State<App>, body: String) -> Response {
    match body.split_once('\n') {
        // A real service looks the name up and compares hashes.
        Some((name, "silver")) if (1..=20).contains(&name.chars().count()) => {
            let cookie = app.sessions.begin(name);
            (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
        }
        _ => (StatusCode::UNAUTHORIZED, "wrong name or password").into_response(),
    }
}

async fn log_out(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Some(user) = app.sessions.user(&headers) {
        // Without this, WebSockets that are open would outlive the session.
        let _ = app.hub.disconnect(user.as_str(), 4501, "logged out").await;
    }
    ([(header::SET_COOKIE, Sessions::END)], Redirect::to("/")).into_response()
}

async fn enter(State(app): State<App>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let Some(user) = app.sessions.user(&headers) else {
        return (StatusCode::UNAUTHORIZED, "log in first").into_response();
    };
    if !app.hub.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "come back later").into_response();
    }
    upgrade.max_message_size(4096).on_upgrade(async |socket| {
        if let Err(error) = talk(app.hub, user, socket.into_inner()).await {
            println!("a guest has gone: {error}");
        }
    })
}

async fn talk(hub: Hub, user: String, conn: Conn) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (member, mut reader) = hub.join(conn, Identity::user(user.as_str()));
    member.subscribe("room:lobby", Start::Recent(50)).await?;
    while let Some(message) = reader.read_message().await? {
        if let Message::Text(text) = message {
            member.publish("room:lobby", format!("{user}: {text}")).await?;
        }
    }
    Ok(())
}
