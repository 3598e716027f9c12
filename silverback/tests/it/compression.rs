//! Compression (RFC 7692) through the whole stack, over real sockets: every way to write against every way to read.

use silverback::{
    Compression, Conn, DialError, Dialer, Message, MessageKind, PreparedMessage, Upgrader,
    proto::{deflate::DeflateParams, handshake::HandshakeError},
};
use silverback_testkit::pipe::pipe;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Head, within};

mod budget;
mod idle;
mod per_writer;

/// Text that repeats at short and long distances, like real messages.
fn prose(items: usize) -> String {
    let item = |number: usize| format!("{{\"id\":{},\"name\":\"user {}\"}},", number * 7919 % 100_003, number % 61);
    (0..items).map(item).collect()
}

/// Bytes without repetition.
fn noise(len: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

fn messages() -> Vec<Message> {
    let sizes = [0, 1, 2, 3, 100, 1_000, 5_000];
    let texts = sizes.map(|items| Message::from(prose(items)));
    let binaries = sizes.map(|items| prose(items).into_bytes().into());
    texts.into_iter().chain(binaries).chain([noise(10).into(), noise(200_000).into(), "short".into()]).collect()
}

/// The negotiated parameters that differ in effect.
fn ways() -> [Compression; 5] {
    let usual = Compression::default;
    [
        usual(),
        usual().no_context_takeover(),
        usual().server_max_window_bits(8).client_max_window_bits(9),
        usual().server_max_window_bits(9).client_max_window_bits(8).no_context_takeover(),
        usual().level(9).memory_level(1).threshold(0),
    ]
}

/// A client and a server that have negotiated over a socket.
async fn connect(client: Option<Compression>, server: Option<Compression>) -> (Conn, Conn) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        Upgrader::new().compression(server).accept(stream).await.unwrap()
    });
    let dialled = within(Dialer::new().compression(client).dial(&url)).await.unwrap();
    (dialled, within(accepting).await.unwrap())
}

/// Tests both directions: one side writes, the other reads.
async fn both_directions(way: Compression) -> [(Conn, Conn); 2] {
    let (client, server) = connect(Some(way.clone()), Some(Compression::default())).await;
    let (other_client, other_server) = connect(Some(Compression::default()), Some(way)).await;
    assert!(client.compression().is_some() && client.compression() == server.compression());
    assert_eq!(other_client.compression(), other_server.compression());
    [(client, server), (other_server, other_client)]
}

#[tokio::test]
async fn whole_messages_arrive_whole() {
    for way in ways() {
        for (mut writing, mut reading) in both_directions(way).await {
            let task = tokio::spawn(async move {
                for message in messages() {
                    writing.write_message(message.clone()).await.unwrap();
                    writing.set_write_compression(false);
                    writing.write_message(message.clone()).await.unwrap();
                    writing.set_write_compression(true);
                    writing.write_borrowed(message.as_ref()).await.unwrap();
                }
                writing
            });
            for message in messages() {
                for _ in 0..2 {
                    assert!(within(reading.read_message()).await.unwrap().unwrap() == message, "{}", message.len());
                }
                let borrowed = within(reading.read_borrowed()).await.unwrap().unwrap();
                assert!(borrowed.as_ref() == message.as_ref(), "borrowed");
            }
            within(task).await.unwrap();
        }
    }
}

#[tokio::test]
async fn streamed_messages_arrive_as_streams_and_whole() {
    for way in ways() {
        for (mut writing, mut reading) in both_directions(way).await {
            let task = tokio::spawn(async move {
                for message in messages().into_iter().flat_map(|message| [message.clone(), message]) {
                    stream(&mut writing, &message).await;
                }
                writing
            });
            for message in messages() {
                let mut bytes = Vec::new();
                let mut reader = within(reading.next_reader()).await.unwrap().unwrap();
                assert_eq!(reader.kind(), message.kind());
                within(reader.read_to_end(&mut bytes)).await.unwrap();
                assert!(bytes == message.as_bytes(), "{} bytes as a stream", message.len());
                assert!(within(reading.read_message()).await.unwrap().unwrap() == message, "{} whole", message.len());
            }
            within(task).await.unwrap();
        }
    }
}

async fn stream(conn: &mut Conn, message: &Message) {
    let mut writer = conn.next_writer(message.kind()).await.unwrap();
    for (number, piece) in message.as_bytes().chunks(5_003).enumerate() {
        writer.write_all(piece).await.unwrap();
        if number % 4 == 1 {
            writer.flush().await.unwrap();
        }
    }
    writer.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_left_unread_of_a_stream_does_not_spoil_the_next_message() {
    for way in ways() {
        for (mut writing, mut reading) in both_directions(way).await {
            let task = tokio::spawn(async move {
                stream(&mut writing, &prose(5_000).into()).await;
                writing.write_message(prose(5_000)).await.unwrap();
                writing
            });
            let mut begun = [0; 10];
            let mut reader = within(reading.next_reader()).await.unwrap().unwrap();
            within(reader.read_exact(&mut begun)).await.unwrap();
            assert_eq!(begun, prose(1).as_bytes()[..10]);
            assert!(within(reading.read_message()).await.unwrap().unwrap() == prose(5_000).into());
            within(task).await.unwrap();
        }
    }
}

/// One prepared message for connections with different parameters, between other messages.
#[tokio::test]
async fn prepared_messages_fit_every_connection() {
    for kind in [MessageKind::Text, MessageKind::Binary] {
        let message = match kind {
            MessageKind::Text => Message::from(prose(1_000)),
            MessageKind::Binary => prose(1_000).into_bytes().into(),
        };
        let prepared = PreparedMessage::new(message.clone());
        for way in ways().map(Some).into_iter().chain([None]) {
            let (mut client, mut server) = connect(way, Some(Compression::default())).await;
            for _ in 0..3 {
                server.write_message(prose(50)).await.unwrap();
                server.write_prepared(&prepared).await.unwrap();
                server.flush().await.unwrap();
                assert_eq!(within(client.read_message()).await.unwrap(), Some(prose(50).into()));
                assert!(within(client.read_message()).await.unwrap().unwrap() == message);
            }
        }
    }
}

#[tokio::test]
async fn writers_on_several_tasks_share_one_window() {
    let (client, server) = connect(Some(Compression::default()), Some(Compression::default())).await;
    let (writer, _reading) = client.split();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let writer = writer.clone();
            tokio::spawn(async move {
                for number in 0..50 {
                    writer.write_message(format!("{task} {number} {}", prose(number))).await.unwrap();
                }
                writer.flush().await.unwrap();
            })
        })
        .collect();
    let (_writer, mut reader) = server.split();
    let mut next = [0; 4];
    for _ in 0..200 {
        let Some(Message::Text(text)) = within(reader.read_message()).await.unwrap() else { panic!("no text") };
        let task: usize = text[..1].parse().unwrap();
        assert_eq!(text.as_str(), format!("{task} {} {}", next[task], prose(next[task])));
        next[task] += 1;
    }
    assert_eq!(next, [50; 4]);
    for task in tasks {
        within(task).await.unwrap();
    }
}

#[tokio::test]
async fn it_saves_most_of_what_repeats_and_nothing_of_what_was_asked_to_go_plain() {
    let (mut client, mut server) = connect(Some(Compression::default()), Some(Compression::default())).await;
    let text = prose(1_000);
    client.write_message(text.clone()).await.unwrap();
    client.flush().await.unwrap();
    let compressed = client.stats().bytes_sent;
    assert!(compressed < text.len() as u64 / 3, "{compressed} of {}", text.len());
    client.set_write_compression(false);
    client.write_message(text.clone()).await.unwrap();
    client.flush().await.unwrap();
    let plain = client.stats().bytes_sent;
    assert!(plain - compressed > text.len() as u64);
    let mut message = client.next_writer(MessageKind::Text).await.unwrap();
    message.write_all(text.as_bytes()).await.unwrap();
    message.finish().await.unwrap();
    client.flush().await.unwrap();
    assert!(client.stats().bytes_sent - plain > text.len() as u64);
    for _ in 0..3 {
        assert_eq!(within(server.read_message()).await.unwrap(), Some(text.clone().into()));
    }
}

#[tokio::test]
async fn is_used_only_if_both_want_it() {
    for (client, server) in [(None, Some(Compression::default())), (Some(Compression::default()), None), (None, None)] {
        let (mut client, mut server) = connect(client, server).await;
        assert_eq!((client.compression(), server.compression()), (None, None));
        client.write_message(prose(100)).await.unwrap();
        assert_eq!(within(server.read_message()).await.unwrap(), Some(prose(100).into()));
    }
}

/// Dials, and gets a response with these extensions.
async fn answered_with(compression: Option<Compression>, extensions: &str) -> Result<Conn, DialError> {
    let (near, remote) = pipe();
    let remote = remote.as_server();
    let dialler = Dialer::new().compression(compression);
    let dialling = tokio::spawn(async move { dialler.dial_on(near, "ws://server.example.com/").await });
    let head = Head::parse(&within(remote.read_until("\r\n\r\n")).await);
    let key = head.header("sec-websocket-key").unwrap();
    let accept = silverback::proto::handshake::Nonce::parse(key.as_bytes()).unwrap().accept_key();
    remote.send(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: {extensions}\r\n\r\n"
    ));
    within(dialling).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_beyond_the_offer_is_an_error() {
    let usual = Compression::default();
    let small = usual.clone().server_max_window_bits(10).client_max_window_bits(10);
    let alone = usual.clone().no_context_takeover();
    for (offered, answer) in [
        (&usual, "permessage-deflate; server_max_window_bits=16"),
        (&usual, "permessage-deflate; client_max_window_bits"),
        (&usual, "permessage-deflate; client_max_window_bits=7"),
        (&usual, "permessage-deflate; level=9"),
        (&usual, "permessage-deflate; server_no_context_takeover=1"),
        (&usual, "permessage-deflate; server_no_context_takeover; server_no_context_takeover"),
        (&small, "permessage-deflate"),
        (&small, "permessage-deflate; server_max_window_bits=11"),
        (&small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11"),
        (&alone, "permessage-deflate"),
    ] {
        match answered_with(Some(offered.clone()), answer).await {
            Err(DialError::Answer { error: HandshakeError::Compression(_), .. }) => {}
            other => panic!("{answer}: {other:?}"),
        }
    }
    for (offered, answer) in
        [(None, "permessage-deflate"), (Some(usual.clone()), "x-webkit-deflate-frame"), (Some(usual), "a, b")]
    {
        assert!(matches!(answered_with(offered, answer).await, Err(DialError::Answer { .. })), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_within_the_offer_is_what_holds() {
    let usual = Compression::default();
    let small = usual.clone().server_max_window_bits(10).client_max_window_bits(10);
    let window = |server_max_window_bits, client_max_window_bits| DeflateParams {
        server_max_window_bits,
        client_max_window_bits,
        ..DeflateParams::default()
    };
    for (offered, answer, agreed) in [
        (&usual, "permessage-deflate", window(15, 15)),
        (&usual, "permessage-deflate; server_max_window_bits=9; client_max_window_bits=\"8\"", window(9, 8)),
        (&small, "permessage-deflate; server_max_window_bits=9", window(9, 10)),
    ] {
        let conn = answered_with(Some(offered.clone()), answer).await.unwrap();
        assert_eq!(conn.compression(), Some(agreed), "{answer}");
    }
}
