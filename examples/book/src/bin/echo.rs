//! Part 1 of the tutorial: an echo and its page.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, io};

use axum::{
    Router,
    response::{Html, Response},
    routing::{any, get},
};
use silverback_axum::{WebSocket, WebSocketUpgrade};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let app = Router::new().route("/", get(page)).route("/ws", any(enter));
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("Open http://{}/", listener.local_addr()?);
    axum::serve(listener, app).await
}

async fn page() -> Html<&'static str> {
    Html(include_str!("echo.html"))
}

async fn enter(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}
