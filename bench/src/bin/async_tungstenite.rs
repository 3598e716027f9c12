//! async-tungstenite on tokio: the loop of its echo server. The style `best` uses `feed`, flushes once per burst, and has
//! a read buffer of 16 KiB, because the library clears the whole buffer before each read.

use async_tungstenite::{
    tokio::accept_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use silverback_bench::{
    Failure, Options,
    batching::{echo_batches, echo_each},
    options::{MAX_MESSAGE_SIZE, Style},
    serve,
};
use tokio::net::TcpStream;

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
            echo_batches(accept_async_with_config(stream, Some(config)).await?, is_data).await
        }
        _ => echo_each(accept_async_with_config(stream, Some(limited)).await?, is_data).await,
    }
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
