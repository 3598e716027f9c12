//! The extractor over HTTP/2 (RFC 8441), under `axum::serve`, which takes HTTP/1.1 and HTTP/2 on one port.
#![cfg(feature = "http2")]

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use http::Request;
use silverback_axum::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use silverback_testkit::{
    http2::Client,
    wire::{close, text},
};
use tokio::net::TcpStream;

use crate::support::{dial, serve, within};

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if !matches!(message, Message::Close(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn upgrade(ws: WebSocketUpgrade) -> Response {
    ws.protocols(["chat"]).on_upgrade(echo)
}

/// Says which variant a request is rejected with.
async fn variant(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
    let rejection = ws.expect_err("no handshake");
    let name = format!("{rejection:?}");
    let name = name.split('(').next().expect("a name").to_owned();
    (rejection.status(), name).into_response()
}

async fn client() -> (std::net::SocketAddr, Client) {
    let router = Router::new();
    let router = router.route("/ws", any(upgrade)).route("/get", get(upgrade)).route("/variant", any(variant));
    let address = serve(router).await;
    (address, within(Client::connect(TcpStream::connect(address).await.unwrap())).await)
}

#[tokio::test]
async fn one_route_serves_both_versions() {
    let (address, client) = client().await;
    let mut streams =
        [within(client.open(&[])).await, within(client.open(&[("sec-websocket-protocol", "chat")])).await];
    assert_eq!(streams[1].response.headers()["sec-websocket-protocol"], "chat");
    let mut conn = dial(address, "/ws").await;
    conn.write_message("over HTTP/1.1").await.unwrap();
    for stream in &mut streams {
        stream.send_frame(text("over HTTP/2"));
        within(stream.expect(text("over HTTP/2"))).await;
        stream.send_frame(close(1000, ""));
        within(stream.expect(close(1000, ""))).await;
        assert_eq!(within(stream.receive()).await.unwrap(), None);
    }
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("over HTTP/1.1".into()));
}

#[tokio::test]
async fn a_route_for_get_has_no_connect() {
    let (_, client) = client().await;
    let request = Request::connect("https://example.com/get").header("sec-websocket-version", "13").body(()).unwrap();
    assert_eq!(within(client.send(request, Some("websocket"), false)).await.unwrap().status(), 405);
}

#[tokio::test]
async fn rejections_have_the_names_of_axum() {
    let (_, client) = client().await;
    let uri = "https://example.com/variant";
    let connect = || Request::connect(uri);
    let version = |value| connect().header("sec-websocket-version", value).body(()).unwrap();
    for (request, protocol, status, name) in [
        (Request::get(uri).body(()).unwrap(), None, 405, "MethodNotConnect"),
        (version("13"), Some("webtransport"), 501, "InvalidProtocolPseudoheader"),
        (version("12"), Some("websocket"), 400, "InvalidWebSocketVersionHeader"),
        (connect().body(()).unwrap(), Some("websocket"), 400, "InvalidWebSocketVersionHeader"),
    ] {
        let mut refused = within(client.send(request, protocol, protocol.is_none())).await.unwrap();
        assert_eq!((refused.status(), within(refused.body()).await.as_str()), (status, name));
    }
}
