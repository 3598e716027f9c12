//! A chat with rooms on axum. Who enters gets the last messages of the room first.
//!
//! ```text
//! cargo run -p silverback-hub --example hub_chat [ADDRESS]
//! cargo run -- ws://127.0.0.1:8000/rooms/lobby
//! ```

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, error::Error, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::any,
};
use silverback_axum::WebSocketUpgrade;
use silverback_hub::{Engine, Hub, Identity, Memory, Start, Topic};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}/rooms/lobby", listener.local_addr()?);
    serve(listener, Memory::new()).await
}

pub(crate) async fn serve(listener: TcpListener, engine: impl Engine) -> Result<(), Box<dyn Error + Send + Sync>> {
    let room = Topic::new().history(50, Duration::from_secs(3600));
    let hub = Hub::builder()
        .engine(engine) // This line makes it one node or several: those with the same broker, or clones of a `Memory`.
        .topics("room:*", room)
        .start()
        .await?;
    let app = Router::new().route("/rooms/{room}", any(enter)).with_state(hub);
    Ok(axum::serve(listener, app).await?)
}

async fn enter(State(hub): State<Hub>, Path(room): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let (member, mut reader) = hub.join(socket.into_inner(), Identity::anonymous());
        let talk = async {
            let topic = format!("room:{room}");
            member.subscribe(&topic, Start::Recent(50)).await?;
            while let Some(message) = reader.read_message().await? {
                member.publish(&topic, message).except(&member).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        };
        if let Err(error) = talk.await {
            println!("{}: {error}", member.id());
        }
    })
}
