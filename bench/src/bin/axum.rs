//! axum's own WebSocket: tokio-tungstenite behind hyper.

use axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    response::Response,
    routing::any,
};
use silverback_bench::{
    Options,
    batching::echo_batches,
    options::{MAX_MESSAGE_SIZE, Style},
    route,
};

fn main() {
    let options = Options::parse();
    let style = options.style;
    let handler = move |ws: WebSocketUpgrade| async move { upgrade(ws, style) };
    route::serve(&options, Router::new().fallback(any(handler)));
}

fn upgrade(ws: WebSocketUpgrade, style: Style) -> Response {
    let ws = ws.max_message_size(MAX_MESSAGE_SIZE).max_frame_size(MAX_MESSAGE_SIZE);
    match style {
        Style::Best => {
            ws.read_buffer_size(16 * 1024).on_upgrade(async |socket| _ = echo_batches(socket, is_data).await)
        }
        _ => ws.on_upgrade(echo_each),
    }
}

async fn echo_each(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if is_data(&message) && socket.send(message).await.is_err() {
            return;
        }
    }
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}
