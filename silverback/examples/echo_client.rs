//! Sends a line to an echo server every second and prints the replies.
//!
//! ```text
//! cargo run -p silverback --example echo_client [URL]
//! ```
//!
//! Ctrl-C performs the closing handshake before the program ends. If the server closes, the program prints the reason.

#![allow(clippy::print_stdout, reason = "it prints the replies")]

use std::{env, time::Duration};

use silverback::{CloseCode, Conn, Dialer, Error};
use tokio::time::interval;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8000/".to_owned());
    let mut conn = Dialer::new().dial(&url).await?;
    tokio::select! {
        ended = talk(&mut conn) => ended?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            // Waits for the server's reply, up to the close timeout.
            conn.close(CloseCode::NORMAL, "").await?;
        }
    }
    if let Some(close) = conn.close_info() {
        println!("closed with {} {:?}", close.code.get(), close.reason);
    }
    Ok(())
}

/// Ends when the server closes the connection.
async fn talk(conn: &mut Conn) -> Result<(), Error> {
    let mut every_second = interval(Duration::from_secs(1));
    let mut count = 0;
    loop {
        // Both futures are cancel safe, so the one that is dropped loses nothing and runs again in the next turn.
        tokio::select! {
            _ = every_second.tick() => {
                count += 1;
                conn.write_message(format!("hello {count}")).await?;
            }
            answer = conn.read_message() => match answer? {
                // `{:?}` escapes control characters that could move the terminal's cursor.
                Some(answer) => println!("{answer:?}"),
                None => return Ok(()),
            },
        }
    }
}
