//! Every message of a client goes to all clients, through a channel of tokio.
//!
//! ```text
//! cargo run -p silverback --example broadcast [ADDRESS]
//! cargo run -- ws://127.0.0.1:8000/
//! ```
//!
//! Start the second line in two terminals. The trap of `tokio::sync::broadcast` is a client that reads slowly. The
//! channel drops its oldest messages, and the next `recv` of that client returns `Lagged`. A loop such as
//! `while let Ok(message) = news.recv().await` then ends without a word, and one that skips the error loses messages
//! without notice. This server closes such a client with 1013, so the client knows that it must start over. The example
//! `chat` works without a channel.

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, io, time::Duration};

use silverback::{CloseCode, Config, Error, PreparedMessage, Upgrader};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast::{self, error::RecvError},
    time::sleep,
};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}", listener.local_addr()?);
    let (news, _) = broadcast::channel(LONGEST_LAG);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = tokio::spawn(serve(stream, news.clone())),
            // The likely reason is too many open files, which passes.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(stream: TcpStream, news: broadcast::Sender<PreparedMessage>) -> Result<(), Error> {
    // The channel holds messages by their number, so their size needs a limit too.
    let upgrader = Upgrader::new().config(Config::default().max_message_size(LARGEST_MESSAGE));
    // Subscribed before the handshake ends, so that a client hears everything from its first moment on.
    let mut received = news.subscribe();
    let (writer, mut reader) = upgrader.accept(stream).await?.split();
    let publish = async {
        while let Some(message) = reader.read_message().await? {
            // A prepared message is encoded once for all clients. Sending never waits, and this client receives it too.
            let _ = news.send(PreparedMessage::new(message));
        }
        Ok(())
    };
    let deliver = async {
        loop {
            match received.recv().await {
                // Waits while the client's queue is full. Meanwhile the channel holds its messages.
                Ok(message) => writer.write_prepared(&message).await?,
                Err(RecvError::Lagged(missed)) => {
                    return writer.start_close(CloseCode::TRY_AGAIN_LATER, &format!("{missed} messages missed"));
                }
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    };
    // Both run side by side: a client that does not read is still heard.
    tokio::try_join!(publish, deliver)?;
    Ok(())
}

const LONGEST_LAG: usize = 64;
const LARGEST_MESSAGE: u64 = 64 * 1024;
