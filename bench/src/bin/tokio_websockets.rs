//! tokio-websockets: the loop of its own echo server; at its best `feed`, one flush for what came together, and 64 KiB
//! gathered before the sink writes.

use futures_util::{SinkExt as _, StreamExt as _};
use silverback_bench::{Failure, Options, batching::next_or_flush, options::Style, serve};
use tokio::{net::TcpStream, task::unconstrained};
use tokio_websockets::{Config, Limits, ServerBuilder, WebSocketStream};

fn main() {
    let options = Options::parse();
    serve(&options, |stream| connection(stream, options.style));
}

async fn connection(stream: TcpStream, style: Style) -> Result<(), Failure> {
    let config = Config::default().frame_size(usize::MAX);
    let config = if style == Style::Best { config.flush_threshold(64 * 1024) } else { config };
    let (_, socket) = ServerBuilder::new().config(config).limits(Limits::unlimited()).accept(stream).await?;
    match style {
        Style::Best => echo_batches(socket).await,
        _ => unconstrained(echo_each(socket)).await,
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
