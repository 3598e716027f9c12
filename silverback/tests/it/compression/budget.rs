//! The memory budget of an upgrader, from its first connection to its edge.

use silverback::{CloseCode, Compression, Conn, Dialer, Error, LimitError, MemoryBudget, MessageKind, Upgrader};
use silverback_testkit::pipe::pipe;
use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::noise;
use crate::support::{Head, request, within};

fn upgrader(budget: &MemoryBudget) -> Upgrader {
    Upgrader::new().compression(Compression::default()).memory_budget(budget.clone())
}

/// A client without a budget, and the server's end.
async fn connect(upgrader: &Upgrader) -> (Conn, Conn) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let accepting = async { upgrader.accept(listener.accept().await.unwrap().0).await.unwrap() };
    let dialer = Dialer::new().compression(Compression::default());
    let (dialled, accepted) = within(async { tokio::join!(dialer.dial(&url), accepting) }).await;
    (dialled.unwrap(), accepted)
}

/// A message there and back, which leaves a compressor and a decompressor on both sides.
async fn echo_once(client: &mut Conn, server: &mut Conn) {
    let message = "a message that repeats itself, a message that repeats itself, a message that repeats itself";
    client.write_message(message).await.unwrap();
    let read = within(server.read_message()).await.unwrap().unwrap();
    server.write_message(read).await.unwrap();
    assert_eq!(within(client.read_message()).await.unwrap(), Some(message.into()));
}

/// The upgrader's response to a handshake that offers compression.
async fn answer(upgrader: &Upgrader) -> Head {
    let (stream, remote) = pipe();
    remote.send(request("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    remote.half_close();
    let (_, answer) = within(async { tokio::join!(upgrader.accept(stream), remote.read_until("\r\n\r\n")) }).await;
    Head::parse(&answer)
}

#[tokio::test]
async fn compression_ends_before_connections_are_refused() {
    let budget = MemoryBudget::new(1024 * 1024);
    let upgrader = upgrader(&budget);
    let mut first = connect(&upgrader).await;
    assert_eq!(budget.used(), 0, "negotiated compression takes no memory yet");
    echo_once(&mut first.0, &mut first.1).await;
    let of_one = budget.used();
    assert!((300 * 1024..500 * 1024).contains(&of_one), "{of_one}");
    assert!(answer(&upgrader).await.header("sec-websocket-extensions").is_some());

    let mut second = connect(&upgrader).await;
    echo_once(&mut second.0, &mut second.1).await;
    assert_eq!(budget.used(), 2 * of_one);
    assert!(budget.is_scarce() && !budget.is_exhausted());
    let plain = answer(&upgrader).await;
    assert_eq!((plain.status(), plain.header("sec-websocket-extensions")), (101, None));

    // An unfinished message takes most of the rest.
    let mut writer = second.0.next_writer(MessageKind::Binary).await.unwrap();
    writer.write_all(&noise(60_000)).await.unwrap();
    writer.flush().await.unwrap();
    let reading = tokio::spawn(async move { (second.1.read_message().await, second.1) });
    within(async {
        while !budget.is_exhausted() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let refused = answer(&upgrader).await;
    assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("10")));

    // Connected clients continue.
    echo_once(&mut first.0, &mut first.1).await;
    writer.finish().await.unwrap();
    let (read, server) = within(reading).await.unwrap();
    assert_eq!(read.unwrap().map(|message| message.len()), Some(60_000));
    drop((first, second.0, server));
    assert_eq!(budget.used(), 0, "everything is given back");
    assert!(answer(&upgrader).await.header("sec-websocket-extensions").is_some());
}

#[tokio::test]
async fn messages_go_plain_where_there_is_no_room_for_a_compressor() {
    // A decompressor fits.
    let budget = MemoryBudget::new(100 * 1024);
    let (mut client, mut server) = connect(&upgrader(&budget)).await;
    echo_once(&mut client, &mut server).await;
    assert!(budget.used() < 64 * 1024, "{}", budget.used());
    let mut writer = server.next_writer(MessageKind::Text).await.unwrap();
    writer.write_all(b"streamed, streamed, streamed").await.unwrap();
    writer.finish().await.unwrap();
    server.write_message("large ".repeat(100_000)).await.unwrap();
    assert_eq!(within(client.read_message()).await.unwrap(), Some("streamed, streamed, streamed".into()));
    assert_eq!(within(client.read_message()).await.unwrap(), Some("large ".repeat(100_000).into()));
    assert!(budget.used() < 64 * 1024, "{}", budget.used());
    assert!(client.stats().bytes_received > 600_000, "it was not compressed");
}

#[tokio::test]
async fn a_connection_whose_message_finds_no_room_closes_with_1013() {
    let budget = MemoryBudget::new(200 * 1024);
    let (mut client, mut server) = connect(&upgrader(&budget)).await;
    let reading = tokio::spawn(async move { server.read_message().await });
    let mut writer = client.next_writer(MessageKind::Binary).await.unwrap();
    for _ in 0..5 {
        writer.write_all(&noise(60_000)).await.unwrap();
    }
    writer.flush().await.unwrap();
    assert_eq!(within(client.read_message()).await.unwrap(), None);
    assert_eq!(client.close_info().unwrap().code, CloseCode::TRY_AGAIN_LATER);
    drop((writer, client));
    let error = within(reading).await.unwrap().unwrap_err();
    let limit = LimitError::MemoryBudget { limit: 200 * 1024 };
    assert!(matches!(&error, Error::Limit(found) if *found == limit), "{error:?}");
    assert_eq!(budget.used(), 0);
}
