//! Part 2 of the tutorial: a chat room.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, error::Error, time::Duration};

use axum::{
    Router,
    extract::State,
    response::{Html, Response},
    routing::{any, get},
};
use silverback::Conn;
use silverback_axum::WebSocketUpgrade;
use silverback_hub::{Hub, Identity, Start, Topic};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let room = Topic::new().history(50, Duration::from_secs(3600));
    let hub = Hub::builder().topics("room:*", room).start().await?;
    let app = Router::new().route("/", get(page)).route("/ws", any(enter)).with_state(hub);
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("Open http://{}/", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn page() -> Html<&'static str> {
    Html(include_str!("chat.html"))
}

async fn enter(State(hub): State<Hub>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(4096).on_upgrade(async |socket| {
        if let Err(error) = talk(hub, socket.into_inner()).await {
            println!("a guest has gone: {error}");
        }
    })
}

async fn talk(hub: Hub, conn: Conn) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (member, mut reader) = hub.join(conn, Identity::anonymous());
    member.subscribe("room:lobby", Start::Recent(50)).await?;
    while let Some(message) = reader.read_message().await? {
        member.publish("room:lobby", message).await?;
    }
    Ok(()) // Dropping the member leaves the room.
}
