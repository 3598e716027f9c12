//! The end of a server on axum, whose graceful shutdown knows nothing of WebSockets.

use std::time::Duration;

use axum::{Extension, Router, extract::State, response::Response, routing::any};
use silverback::{CloseCode, Connections, Upgrader};
use silverback_axum::WebSocketUpgrade;
use tokio::net::TcpListener;

use crate::support::{dial, within};

async fn handler(State(connections): State<Connections>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let mut conn = socket.into_inner();
        let _tracked = connections.track(&conn);
        while let Ok(Some(message)) = conn.read_message().await {
            if conn.write_message(message).await.is_err() {
                return;
            }
        }
    })
}

#[tokio::test]
async fn websockets_are_closed_and_waited_for_when_axum_stops_to_accept() {
    let connections = Connections::new();
    let upgrader = Upgrader::new().connections(&connections);
    let app = Router::new().route("/ws", any(handler)).layer(Extension(upgrader)).with_state(connections.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = axum::serve(listener, app).with_graceful_shutdown(connections.clone().draining());
    let serving = tokio::spawn(async move { serving.await });
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = dial(address, "/ws").await;
        client.write_message("before").await.unwrap();
        assert_eq!(within(client.read_message()).await.unwrap().unwrap().to_text().unwrap(), "before");
        clients.push(client);
    }
    let reading = tokio::spawn(async move {
        for client in &mut clients {
            assert_eq!(within(client.read_message()).await.unwrap(), None);
            assert_eq!(client.close_info().unwrap().code, CloseCode::SERVICE_RESTART);
        }
    });
    within(connections.drain(Duration::from_millis(100))).await;
    assert_eq!(connections.count(), 0);
    within(serving).await.unwrap().unwrap();
    within(reading).await.unwrap();
}
