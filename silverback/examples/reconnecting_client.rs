//! A client that sends JSON every second, prints the replies, and reconnects if it loses the server.
//!
//! ```text
//! cargo run -p silverback --example echo_server
//! cargo run -p silverback --example reconnecting_client [URL]
//! ```
//!
//! Stop the server and start it again: the client waits, with growing and random pauses, and continues. Ctrl-C performs
//! the closing handshake.

#![allow(clippy::print_stdout, reason = "it prints what happens")]

use std::{env, error::Error, time::Duration};

use serde::{Deserialize, Serialize};
use silverback::{
    CloseCode, Dialer, Message, Reconnect,
    reconnect::{ReconnectError, ReconnectEvent, ReconnectingConn},
};
use tokio::time::{MissedTickBehavior, interval};

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    number: u64,
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8000/".to_owned());
    let mut conn = Reconnect::new(Dialer::new(), url)
        .initial_backoff(Duration::from_millis(200))
        .give_up_after(Duration::from_secs(300))
        // Runs after each connect, before any other message: the place to log in and to subscribe.
        .on_connect(|mut conn, _attempt| async move {
            conn.write_message(json(&Note { number: 0, text: "I am here".to_owned() })).await?;
            Ok::<_, silverback::Error>(conn)
        })
        .start();
    let mut every_second = interval(Duration::from_secs(1));
    every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0;
    loop {
        tokio::select! {
            // Without a connection a write would wait, and the replies with it.
            _ = every_second.tick(), if conn.state().is_connected() => {
                number += 1;
                send(&mut conn, vec![json(&Note { number, text: "hello".to_owned() })]).await?;
            }
            event = conn.read_event() => match event? {
                Some(ReconnectEvent::Message(message)) => match serde_json::from_slice::<Note>(message.as_bytes()) {
                    Ok(note) => println!("{} {:?}", note.number, note.text),
                    Err(error) => println!("not a note: {error}"),
                },
                Some(ReconnectEvent::Disconnected(outage)) => {
                    println!("disconnected: {}", outage.cause);
                    send(&mut conn, outage.undelivered).await?;
                }
                Some(_) => {}
                // The server closed for good.
                None => return Ok(()),
            },
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                return Ok(conn.close(CloseCode::NORMAL, "").await?);
            }
        }
    }
}

/// Writes messages in their order, again if the connection breaks before they have left.
async fn send(conn: &mut ReconnectingConn, mut messages: Vec<Message>) -> Result<(), ReconnectError> {
    messages.reverse();
    while let Some(message) = messages.pop() {
        if let Err(error) = conn.write_message(message).await {
            let ReconnectError::Undelivered(outage) = error else { return Err(error) };
            // The list ends with the message that was just written.
            messages.extend(outage.undelivered.into_iter().rev());
        }
    }
    Ok(())
}

fn json(note: &Note) -> Message {
    // Never fails: a note has only fields that JSON has.
    Message::from(serde_json::to_string(note).unwrap_or_default())
}
