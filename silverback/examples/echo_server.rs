//! An echo server on a plain TCP listener.
//!
//! ```text
//! cargo run -p silverback --example echo_server [ADDRESS]
//! cargo run -p silverback --example echo_client
//! ```
//!
//! Ctrl-C closes every connection with 1001 before the program ends. The program `silverback` does the same with a
//! page, options for limits, and a log.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, io, time::Duration};

use silverback::{CloseCode, Error, Upgrader};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}", listener.local_addr()?);

    let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
    tokio::select! {
        () = accept_all(&listener, &stop, &connections) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    drop(listener);
    stop.cancel();
    connections.close();
    // Longer than the close timeout.
    let _ = timeout(Duration::from_secs(10), connections.wait()).await;
    Ok(())
}

async fn accept_all(listener: &TcpListener, stop: &CancellationToken, connections: &TaskTracker) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = connections.spawn(echo(stream, stop.clone())),
            // The likely reason is too many open files, which passes.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn echo(stream: TcpStream, stop: CancellationToken) -> Result<(), Error> {
    let mut conn = Upgrader::new().accept(stream).await?;
    loop {
        tokio::select! {
            message = conn.read_message() => match message? {
                Some(message) => conn.write_message(message).await?,
                None => return Ok(()),
            },
            () = stop.cancelled() => return conn.close(CloseCode::GOING_AWAY, "the server is going away").await,
        }
    }
}
