//! tokio-websockets: the loop from its echo server. The style `best` uses `feed`, flushes once per burst, and gathers
//! 64 KiB before the sink writes.

use silverback_bench::{
    Failure, Options,
    batching::{echo_batches, echo_each},
    options::Style,
    serve,
};
use tokio::{net::TcpStream, task::unconstrained};
use tokio_websockets::{Config, Limits, Message, ServerBuilder};

fn main() {
    let options = Options::parse();
    serve(&options, |stream| connection(stream, options.style));
}

async fn connection(stream: TcpStream, style: Style) -> Result<(), Failure> {
    let config = Config::default().frame_size(usize::MAX);
    let config = if style == Style::Best { config.flush_threshold(64 * 1024) } else { config };
    let (_, socket) = ServerBuilder::new().config(config).limits(Limits::unlimited()).accept(stream).await?;
    match style {
        Style::Best => echo_batches(socket, is_data).await,
        _ => unconstrained(echo_each(socket, is_data)).await,
    }
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
