//! tokio-tungstenite: `next` and `send`; at its best `feed`, one flush for what came together, and a read buffer of
//! 16 KiB, because it clears the whole of it before each read.

use futures_util::{SinkExt as _, StreamExt as _};
use silverback_bench::{
    Failure, Options,
    batching::next_or_flush,
    options::{MAX_MESSAGE_SIZE, Style},
    serve,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, tungstenite::protocol::WebSocketConfig};

fn main() {
    let options = Options::parse();
    serve(&options, |stream| connection(stream, options.style));
}

async fn connection(stream: TcpStream, style: Style) -> Result<(), Failure> {
    let limited =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_SIZE)).max_frame_size(Some(MAX_MESSAGE_SIZE));
    match style {
        Style::Best => {
            let config = limited.read_buffer_size(16 * 1024);
            echo_batches(accept_async_with_config(stream, Some(config)).await?).await
        }
        _ => echo_each(accept_async_with_config(stream, Some(limited)).await?).await,
    }
}

async fn echo_each(mut socket: WebSocketStream<TcpStream>) -> Result<(), Failure> {
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

async fn echo_batches(mut socket: WebSocketStream<TcpStream>) -> Result<(), Failure> {
    while let Some(message) = next_or_flush(&mut socket).await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.feed(message).await?;
        }
    }
    Ok(())
}
