//! A broadcast with tokio-tungstenite: a tokio channel, and a task for each connection that sends the messages from it.
//! The style `best` flushes once per burst.

use futures_util::{SinkExt as _, StreamExt as _};
use silverback_bench::{Failure, Options, options::Style, serve};
use tokio::{
    net::TcpStream,
    select,
    sync::broadcast::{self, Receiver, Sender},
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

fn main() {
    let options = Options::parse();
    let (sender, _) = broadcast::channel(MOST_WAITING);
    serve(&options, |stream| connection(stream, sender.clone(), options.style));
}

async fn connection(stream: TcpStream, sender: Sender<Message>, style: Style) -> Result<(), Failure> {
    let mut socket = accept_async(stream).await?;
    let mut receiver = sender.subscribe();
    loop {
        select! {
            published = socket.next() => match published.transpose()? {
                Some(message @ (Message::Text(_) | Message::Binary(_))) => _ = sender.send(message),
                Some(_) => {}
                None => return Ok(()),
            },
            news = receiver.recv() => match style {
                Style::Best => send_all(&mut socket, news?, &mut receiver).await?,
                _ => socket.send(news?).await?,
            },
        }
    }
}

async fn send_all(
    socket: &mut WebSocketStream<TcpStream>,
    first: Message,
    receiver: &mut Receiver<Message>,
) -> Result<(), Failure> {
    socket.feed(first).await?;
    while let Ok(message) = receiver.try_recv() {
        socket.feed(message).await?;
    }
    Ok(socket.flush().await?)
}

const MOST_WAITING: usize = 1024;
