//! A server for the clients of Centrifugo, on axum. Its channels are those that the clients' own test suites expect.
//!
//! ```text
//! cargo run -p silverback-centrifugo --example centrifugo_server [ADDRESS]
//! ```

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, error::Error, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, Request, State},
    http::StatusCode,
    response::Response,
    routing::any,
};
use silverback_axum::WebSocketUpgrade;
use silverback_centrifugo::{Channel, Format, Joins, Keys, Server};
use silverback_hub::{Hub, Topic};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}/connection/websocket", listener.local_addr()?);

    let kept = Duration::from_secs(300);
    let hub = Server::prepare(Hub::builder())
        .topics("*", Topic::new().history(100, kept).presence())
        .topics("smallhistory:*", Topic::new().history(2, kept))
        .start()
        .await?;
    let channel = Channel::new().publish().history();
    let server = Server::builder(hub)
        .keys(Keys::hmac("secret"))
        .channels("*", channel.clone().presence().joins(Joins::Always))
        .channels("smallhistory:*", channel)
        .personal_channels()
        .api_key("key")
        .build();
    let app =
        Router::new().route("/connection/websocket", any(connect)).route("/api/{method}", any(call)).with_state(server);
    Ok(axum::serve(listener, app).await?)
}

async fn connect(State(server): State<Server>, RawQuery(query): RawQuery, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([Format::PROTOBUF_SUBPROTOCOL, Format::JSON_SUBPROTOCOL]).on_upgrade(async move |socket| {
        let conn = socket.into_inner();
        let format = Format::negotiated(conn.subprotocol().map(|name| name.as_str()), query.as_deref());
        server.serve(conn, format).await;
    })
}

async fn call(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match axum::body::to_bytes(body, 1 << 20).await {
        Ok(body) => body,
        Err(error) => {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return response;
        }
    };
    server.handle_api(Request::from_parts(parts, body)).await.map(Body::from)
}
