//! How to test an application without a network: both ends of the connection are in memory.
//!
//! ```text
//! cargo test -p silverback --example in_memory_test
//! cargo run -p silverback --example in_memory_test [ADDRESS]
//! ```
//!
//! `Upgrader::accept` and `Dialer::dial_on` take any stream, so a test connects them by a pipe of tokio. Nothing needs a
//! port, and with a paused clock no test waits for a timeout: tokio moves the clock as soon as every task waits.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, io, time::Duration};

use silverback::{CloseCode, Conn, Error, Upgrader};
use tokio::{net::TcpListener, time::timeout};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async { greet(Upgrader::new().accept(stream).await?).await });
    }
}

/// The application: it asks for a name, greets, and closes. A client that does not answer is closed after a minute.
async fn greet(mut conn: Conn) -> Result<(), Error> {
    conn.write_message("who are you?").await?;
    match timeout(Duration::from_secs(60), conn.read_message()).await {
        Ok(message) => match message?.as_ref().and_then(|message| message.as_text()) {
            Some(name) => conn.write_message(format!("hello, {name}")).await?,
            None => return conn.close(CloseCode::UNSUPPORTED, "a name is text").await,
        },
        Err(_) => return conn.close(CloseCode::POLICY_VIOLATION, "too slow").await,
    }
    conn.close(CloseCode::NORMAL, "").await
}

#[cfg(test)]
mod tests {
    use silverback::Dialer;
    use tokio::{io::duplex, task::JoinHandle};

    use super::*;

    /// Returns a client that is connected to the application, and the application's task.
    async fn connected() -> (Conn, JoinHandle<Result<(), Error>>) {
        let (server, client) = duplex(64 * 1024);
        let application = tokio::spawn(async { greet(Upgrader::new().accept(server).await?).await });
        let client = Dialer::new().dial_on(client, "ws://test.example/").await.expect("a connection");
        (client, application)
    }

    #[tokio::test]
    async fn a_guest_is_greeted_by_name() {
        let (mut client, application) = connected().await;
        assert_eq!(client.read_message().await.expect("a message"), Some("who are you?".into()));
        client.write_message("Ada").await.expect("room");
        assert_eq!(client.read_message().await.expect("a message"), Some("hello, Ada".into()));
        assert_eq!(client.read_message().await.expect("a clean close"), None);
        assert!(application.await.expect("no panic").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_guest_who_says_nothing_is_closed_after_a_minute() {
        let begun = tokio::time::Instant::now();
        let (mut client, application) = connected().await;
        while client.read_message().await.expect("a clean close").is_some() {}
        let close = client.close_info().expect("a Close frame");
        assert_eq!((close.code, &*close.reason), (CloseCode::POLICY_VIOLATION, "too slow"));
        assert_eq!(begun.elapsed().as_secs(), 60);
        assert!(application.await.expect("no panic").is_ok());
    }
}
