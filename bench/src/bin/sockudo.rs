//! sockudo-ws: the loop from its echo server. The handshake is written by hand, as in its example, because sockudo's
//! handshake does not negotiate compression. The style `best` uses `feed` and flushes once per burst.

use bytes::BytesMut;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use silverback_bench::{
    Failure, Options,
    batching::next_or_flush,
    options::{Deflate, MAX_MESSAGE_SIZE, Style},
    serve,
};
use sockudo_ws::{
    CompressedWebSocketStream, Config, DeflateConfig, Message, WebSocketStream,
    deflate::{DeflateNegotiation, negotiate_server_deflate},
    handshake::{build_response, generate_accept_key, parse_request},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn main() {
    let options = Options::parse();
    let policy = options.deflate.map(policy);
    serve(&options, |stream| connection(stream, policy.clone(), options.style));
}

/// Without further options these are the library's defaults: level 6, takeover in both directions.
fn policy(wanted: Deflate) -> DeflateConfig {
    let mut policy = DeflateConfig {
        server_no_context_takeover: wanted.is_server_without_takeover(),
        client_no_context_takeover: wanted.is_client_without_takeover(),
        ..DeflateConfig::default()
    };
    if let Some(level) = wanted.level {
        policy.compression_level = level.into();
    }
    if let Some(bits) = wanted.window_bits.and_then(|bits| bits.try_into().ok()) {
        policy.server_max_window_bits = bits;
        policy.client_max_window_bits = bits;
    }
    policy
}

async fn connection(mut stream: TcpStream, policy: Option<DeflateConfig>, style: Style) -> Result<(), Failure> {
    let config = Config { max_message_size: MAX_MESSAGE_SIZE, max_frame_size: MAX_MESSAGE_SIZE, ..Config::default() };
    match shake_hands(&mut stream, policy.as_ref()).await? {
        Some(agreed) => echo(CompressedWebSocketStream::server(stream, config, agreed.config), style).await,
        None => echo(WebSocketStream::server(stream, config), style).await,
    }
}

async fn shake_hands(
    stream: &mut TcpStream,
    policy: Option<&DeflateConfig>,
) -> Result<Option<DeflateNegotiation>, Failure> {
    let mut head = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("closed in the handshake".into());
        }
        let Some((request, _)) = parse_request(&head)? else { continue };
        let agreed =
            request.extensions.zip(policy).and_then(|(offers, policy)| negotiate_server_deflate(offers, policy));
        let extension = agreed.as_ref().map(DeflateNegotiation::to_response_header);
        let response = build_response(&generate_accept_key(request.key), None, extension.as_deref());
        stream.write_all(&response).await?;
        return Ok(agreed);
    }
}

async fn echo<S>(mut socket: S, style: Style) -> Result<(), Failure>
where
    S: Stream<Item = sockudo_ws::Result<Message>> + Sink<Message, Error = sockudo_ws::Error> + Unpin,
{
    loop {
        let message = match style {
            Style::Best => next_or_flush(&mut socket).await,
            _ => socket.next().await,
        };
        match message.transpose()? {
            Some(message @ (Message::Text(_) | Message::Binary(_))) if style == Style::Best => {
                socket.feed(message).await?
            }
            Some(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).await?,
            Some(Message::Close(_)) | None => return Ok(()),
            Some(_) => {}
        }
    }
}
