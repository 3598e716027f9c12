//! A server on axum that ends in order on Ctrl-C or SIGTERM: it finishes the work in hand and closes every connection.
//!
//! ```text
//! cargo run -p silverback --example graceful_shutdown [ADDRESS]
//! cargo run -- ws://127.0.0.1:8000/ws
//! ```
//!
//! `with_graceful_shutdown` of axum waits for HTTP requests. A WebSocket is no longer one of them, so its task would be
//! cut off when the runtime ends. The server therefore tells its connections to stop and waits for them. A second
//! signal ends it at once.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, io, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::any,
};
use silverback::{CloseCode, Error, Upgrade, Upgrader};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[derive(Clone, Default)]
struct Connections {
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}/ws", listener.local_addr()?);
    let connections = Connections::default();
    let app = Router::new().route("/ws", any(enter)).with_state(connections.clone());
    let stop = connections.stop.clone();
    tokio::spawn(async move {
        signalled().await;
        stop.cancel();
    });
    axum::serve(listener, app).with_graceful_shutdown(connections.stop.clone().cancelled_owned()).await?;

    connections.tasks.close();
    tokio::select! {
        // Longer than the work in hand and the close timeout of 5 s together.
        ended = timeout(Duration::from_secs(10), connections.tasks.wait()) => {
            println!("{}", if ended.is_ok() { "all connections closed" } else { "some connections did not close in time" });
        }
        () = signalled() => {}
    }
    Ok(())
}

async fn enter(State(connections): State<Connections>, mut request: Request) -> Response {
    match Upgrader::new().upgrade(&mut request) {
        Ok((response, upgrade)) => {
            connections.tasks.spawn(serve(upgrade, connections.stop.clone()));
            response
        }
        Err(error) => error.response().map(Body::from),
    }
}

async fn serve(upgrade: Upgrade, stop: CancellationToken) -> Result<(), Error> {
    let mut conn = upgrade.await?;
    loop {
        // Only reading is interrupted. A message that was read is answered before the connection closes.
        let message = tokio::select! {
            message = conn.read_message() => message?,
            () = stop.cancelled() => return conn.close(CloseCode::GOING_AWAY, "the server is going away").await,
        };
        let Some(message) = message else { return Ok(()) };
        sleep(WORK).await;
        conn.write_message(message).await?;
    }
}

/// Ctrl-C, or SIGTERM from a service manager.
async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

/// Stands for a query to a database.
const WORK: Duration = Duration::from_millis(300);
