//! Notifications for the devices of a user, on axum. An order that is sent twice notifies once.
//!
//! ```text
//! cargo run -p silverback-hub --example hub_notifications [ADDRESS]
//! cargo run -- ws://127.0.0.1:8000/notifications/42
//! curl -X POST http://127.0.0.1:8000/users/42/orders/17
//! ```

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, error::Error, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{any, post},
};
use silverback_axum::WebSocketUpgrade;
use silverback_hub::{Engine, Hub, Identity, Memory, Start, Topic};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening http://{}", listener.local_addr()?);
    serve(listener, Memory::new()).await
}

pub(crate) async fn serve(listener: TcpListener, engine: impl Engine) -> Result<(), Box<dyn Error>> {
    let hub = Hub::builder()
        .engine(engine) // This line makes it one node or several: those with the same broker, or clones of a `Memory`.
        .topics("user:*", Topic::new().history(100, Duration::from_secs(300)))
        .start()
        .await?;
    let app = Router::new()
        .route("/notifications/{user}", any(listen))
        .route("/users/{user}/orders/{order}", post(order))
        .with_state(hub);
    Ok(axum::serve(listener, app).await?)
}

async fn listen(State(hub): State<Hub>, Path(user): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    // A real application takes the user from a session, as the example `chat_with_login` does.
    upgrade.on_upgrade(async move |socket| {
        let (member, mut reader) = hub.join(socket.into_inner(), Identity::user(user.as_str()));
        if member.subscribe(&format!("user:{user}"), Start::Live).await.is_ok() {
            while let Ok(Some(_)) = reader.read_message().await {}
        }
    })
}

async fn order(State(hub): State<Hub>, Path((user, order)): Path<(String, u64)>) -> StatusCode {
    let text = format!("order {order} has been sent");
    let published = hub.publish(&format!("user:{user}"), text).id(format!("order-{order}")).await;
    published.map_or(StatusCode::SERVICE_UNAVAILABLE, |_| StatusCode::ACCEPTED)
}
