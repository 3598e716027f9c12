//! Clients on tokio-tungstenite, which validates the service's output with its own code.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use silverback_bench::Failure;
use tokio::{join, net::TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Bytes, Message as Received, Utf8Bytes,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{
    connect,
    listening::difference,
    material::{Message, Script},
    patiently,
    random::Random,
    tally::Counts,
};

/// Sends several messages at a time and some pings, then closes.
pub(crate) async fn converse(server: SocketAddr, random: &mut Random, counts: &Counts) -> Result<(), Failure> {
    let stream = connect(server, None).await?;
    let (mut socket, _) = patiently("a handshake", client_async(format!("ws://{server}/ws/echo"), stream)).await?;
    let mut script = Script::new(random);
    loop {
        let most = 1 + random.up_to_power(6);
        let batch: Vec<_> = std::iter::from_fn(|| script.next(random)).take(most).collect();
        if batch.is_empty() {
            break;
        }
        exchange(&mut socket, &batch, counts).await?;
        if random.chance(20) {
            let length = random.below(126);
            ping(&mut socket, random.bytes(length).into()).await?;
            counts.pings.add(1);
        }
    }
    close(socket, random.one_of(&[1000, 1001, 4000])).await
}

/// Sends all messages, and checks their echoes meanwhile.
async fn exchange(
    socket: &mut WebSocketStream<TcpStream>,
    messages: &[Message],
    counts: &Counts,
) -> Result<(), Failure> {
    let (mut sink, mut stream) = socket.split();
    let sending = async {
        for message in messages {
            patiently("room to write", sink.feed(to_send(*message))).await?;
        }
        patiently("room to write", sink.flush()).await
    };
    let receiving = async {
        for message in messages {
            compare(next(&mut stream).await?, *message)?;
            counts.messages.add(1);
            counts.bytes.add(message.as_bytes().len());
        }
        Ok(())
    };
    let (sent, received): (_, Result<(), Failure>) = join!(sending, receiving);
    received.map_err(|failure| format!("{failure}; sent: {sent:?}").into())
}

fn to_send(message: Message) -> Received {
    match message {
        Message::Text(text) => Received::Text(Utf8Bytes::from_static(text)),
        Message::Binary(bytes) => Received::Binary(Bytes::from_static(bytes)),
    }
}

fn compare(received: Received, expected: Message) -> Result<(), Failure> {
    match (&received, expected) {
        (Received::Text(text), Message::Text(expected)) if text.as_str() == expected => Ok(()),
        (Received::Binary(bytes), Message::Binary(expected)) if bytes == expected => Ok(()),
        (Received::Text(_), Message::Text(_)) | (Received::Binary(_), Message::Binary(_)) => {
            Err(difference(&received.into_data(), expected.as_bytes()).into())
        }
        _ => Err(format!("{received:?} is not an echo").into()),
    }
}

async fn ping(socket: &mut WebSocketStream<TcpStream>, payload: Bytes) -> Result<(), Failure> {
    patiently("room to write", socket.send(Received::Ping(payload.clone()))).await?;
    match next(socket).await? {
        Received::Pong(answer) if answer == payload => Ok(()),
        other => Err(format!("{other:?} in place of a pong").into()),
    }
}

async fn close(mut socket: WebSocketStream<TcpStream>, code: u16) -> Result<(), Failure> {
    let close = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::from_static("bye") };
    patiently("room to write", socket.close(Some(close.clone()))).await?;
    match next(&mut socket).await? {
        Received::Close(Some(answer)) if answer.code == close.code => {}
        other => return Err(format!("{other:?} in place of a Close frame").into()),
    }
    match patiently("the end", async { socket.next().await.transpose() }).await? {
        None => Ok(()),
        Some(more) => Err(format!("{more:?} after a Close frame").into()),
    }
}

/// Returns the next item that is not a ping; tungstenite answers pings itself.
async fn next<S>(stream: &mut S) -> Result<Received, Failure>
where
    S: futures_util::Stream<Item = Result<Received, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        let received = patiently("a message", async { stream.next().await.transpose() }).await?;
        match received.ok_or("the connection ended without a Close frame")? {
            Received::Ping(_) => {}
            other => return Ok(other),
        }
    }
}
