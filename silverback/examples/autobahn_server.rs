//! An echo server for the Autobahn suite. It echoes in five ways, one per path, so that the suite tests each
//! separately.
//!
//! ```text
//! cargo run -p silverback --example autobahn_server [ADDRESS]
//! wstest --mode fuzzingclient --spec fuzzingclient.json
//! ```
//!
//! In `fuzzingclient.json` each path is an agent: `"servers": [{ "agent": "owned", "url": "ws://127.0.0.1:9001/owned" },
//! ...], "cases": ["*"]`. All cases run, because the library validates text and negotiates compression.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, io};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::{MethodRouter, any},
    serve::ListenerExt,
};
use silverback::{Compression, Conn, Error, PreparedMessage, Upgrader};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}", listener.local_addr()?);
    let app = Router::new()
        .route("/owned", answered_by(owned))
        .route("/lent", answered_by(lent))
        .route("/prepared", answered_by(prepared))
        .route("/streamed", answered_by(streamed))
        .route("/streamed_out", answered_by(streamed_out))
        .with_state(Upgrader::new().compression(Compression::default()));
    tokio::select! {
        served = async { axum::serve(listener.tap_io(|tcp| _ = tcp.set_nodelay(true)), app).await } => served,
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

fn answered_by<F>(echo: fn(Conn) -> F) -> MethodRouter<Upgrader>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    any(async move |State(upgrader): State<Upgrader>, request: Request| upgrade(&upgrader, request, echo))
}

fn upgrade<F>(upgrader: &Upgrader, mut request: Request, echo: fn(Conn) -> F) -> Response
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    match upgrader.upgrade(&mut request) {
        Ok((response, upgrade)) => {
            // Most cases break the protocol on purpose, and then the suite expects an error.
            tokio::spawn(async move { echo(upgrade.await?).await });
            response
        }
        Err(error) => error.response().map(Body::from),
    }
}

/// Reads owned messages, like most applications.
async fn owned(mut conn: Conn) -> Result<(), Error> {
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

/// Borrows each message until the next one, and copies it only into the output, without an allocation.
async fn lent(mut conn: Conn) -> Result<(), Error> {
    let (writer, reader) = conn.halves();
    while let Some(message) = reader.read_borrowed().await? {
        writer.write_borrowed(message).await?;
    }
    Ok(())
}

/// Prepares each message separately from the connection, as for many receivers.
async fn prepared(mut conn: Conn) -> Result<(), Error> {
    while let Some(message) = conn.read_message().await? {
        conn.write_prepared(&PreparedMessage::new(message)).await?;
    }
    Ok(())
}

/// Forwards each message while it arrives, without holding all of it in memory.
async fn streamed(mut conn: Conn) -> Result<(), Error> {
    let (writer, reader) = conn.halves();
    while let Some(mut message) = reader.next_reader().await? {
        let mut answer = writer.next_writer(message.kind()).await?;
        tokio::io::copy(&mut message, &mut answer).await?;
        answer.finish().await?;
    }
    Ok(())
}

/// Reads each message whole and writes it in pieces.
async fn streamed_out(mut conn: Conn) -> Result<(), Error> {
    let (writer, reader) = conn.halves();
    while let Some(mut message) = reader.next_reader().await? {
        let mut whole = Vec::new();
        message.read_to_end(&mut whole).await?;
        let mut answer = writer.next_writer(message.kind()).await?;
        answer.write_all(&whole).await?;
        answer.finish().await?;
    }
    Ok(())
}
