//! silverback behind a route of axum.

use axum::{Extension, Router, response::Response, routing::any};
use silverback::Upgrader;
use silverback_axum::{WebSocket, WebSocketUpgrade};
use silverback_bench::{
    Options,
    options::{MAX_MESSAGE_SIZE, Style},
    route,
};

fn main() {
    let options = Options::parse();
    let style = options.style;
    let upgrader = Upgrader::new()
        .adjust_config(|config| config.max_message_size(MAX_MESSAGE_SIZE as u64))
        .compression(options.deflate.map(silverback_bench::compression));
    let handler = move |ws: WebSocketUpgrade| async move { upgrade(ws, style) };
    route::serve(&options, Router::new().fallback(any(handler)).layer(Extension(upgrader)));
}

fn upgrade(ws: WebSocketUpgrade, style: Style) -> Response {
    match style {
        Style::Lending | Style::Best => ws.on_upgrade(echo_lent),
        _ => ws.on_upgrade(echo),
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn echo_lent(socket: WebSocket) {
    let mut conn = socket.into_inner();
    let (writer, reader) = conn.halves();
    while let Ok(Some(message)) = reader.read_borrowed().await {
        if writer.write_borrowed(message).await.is_err() {
            return;
        }
    }
}
