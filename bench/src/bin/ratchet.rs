//! ratchet: the loop and the buffers of its own server for the Autobahn suite, without compression. The style `best` has a
//! stream that gathers writes. It helps little, because the library flushes each message itself.

use std::str;

use bytes::BytesMut;
use ratchet_rs::{Message, NoExtProvider, PayloadType, SubprotocolRegistry, WebSocketConfig, WebSocketStream};
use silverback_bench::{
    Failure, Options,
    gathering::Gathering,
    options::{MAX_MESSAGE_SIZE, Style},
    serve,
};
use tokio::{
    io::{BufReader, BufWriter},
    net::TcpStream,
};

fn main() {
    let options = Options::parse();
    serve(&options, |stream| connection(stream, options.style));
}

async fn connection(stream: TcpStream, style: Style) -> Result<(), Failure> {
    match style {
        Style::Best => echo(BufReader::with_capacity(64 * 1024, Gathering::new(stream)), false).await,
        _ => echo(BufReader::new(BufWriter::new(stream)), true).await,
    }
}

async fn echo<S: WebSocketStream>(stream: S, flushes: bool) -> Result<(), Failure> {
    let config = WebSocketConfig { max_message_size: MAX_MESSAGE_SIZE };
    let upgrader = ratchet_rs::accept_with(stream, config, NoExtProvider, SubprotocolRegistry::default()).await?;
    let mut socket = upgrader.upgrade().await?.websocket;
    let mut message = BytesMut::new();
    loop {
        let kind = match socket.read(&mut message).await? {
            Message::Text => {
                // The library leaves the check to the application.
                str::from_utf8(&message)?;
                PayloadType::Text
            }
            Message::Binary => PayloadType::Binary,
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return Ok(()),
        };
        socket.write(&mut message, kind).await?;
        if flushes {
            socket.flush().await?;
        }
        message.clear();
    }
}
