//! `silverback hub`: the real program, talked to as clients and other services do.

mod calls;
mod clients;
mod config;
mod drain;
mod engines;
mod metrics;
mod raw;

use std::net::SocketAddr;

use serde_json::{Value, json};
use silverback::{Conn, Dialer};

use crate::support::{Answer, Program, ask, within};

/// Starts a hub on 127.0.0.1.
fn start(options: &[&str]) -> Program {
    Program::start(&[&["hub"], options].concat())
}

async fn dial(address: SocketAddr, path: &str) -> Conn {
    within(Dialer::new().dial(&format!("ws://{address}{path}"))).await.unwrap()
}

/// Connects as a client of Centrifugo, in JSON.
async fn connect(address: SocketAddr) -> Conn {
    let mut conn = dial(address, "/connection/websocket").await;
    let reply = command(&mut conn, json!({"id": 1, "connect": {}})).await;
    assert!(reply["connect"]["client"].is_string(), "{reply}");
    conn
}

/// Sends a command, and returns the next frame.
async fn command(conn: &mut Conn, command: Value) -> Value {
    within(conn.write_message(command.to_string())).await.unwrap();
    frame(conn).await
}

async fn frame(conn: &mut Conn) -> Value {
    let message = within(conn.read_message()).await.unwrap().expect("the hub has closed the connection");
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

async fn subscribe(conn: &mut Conn, channel: &str) {
    let reply = command(conn, json!({"id": 2, "subscribe": {"channel": channel}})).await;
    assert!(reply["subscribe"].is_object(), "{reply}");
}

/// Calls the HTTP API.
fn call(address: SocketAddr, method: &str, key: &str, body: &str) -> Answer {
    let length = body.len();
    ask(
        address,
        &format!(
            "POST /api/{method} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

/// The close code of a connection that the hub closes.
async fn closed_with(conn: &mut Conn) -> u16 {
    while within(conn.read_message()).await.unwrap().is_some() {}
    conn.close_info().unwrap().code.get()
}
