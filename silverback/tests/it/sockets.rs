//! Real sockets: sizes around every boundary, half-closed and reset connections, and Close frames that arrive.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr},
    thread,
    time::Duration,
};

use silverback::{ByteStream, Config, Conn, Dialer, Error, Message, Negotiated, Role, Settings, Upgrader};
use silverback_testkit::wire::{CLIENT_KEY, Frame, binary, close, decode_all, frame, text};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::{PATIENCE, echo, within};

/// Around the lengths' forms, the pages, the sizes from which payloads are shared, read directly and pooled.
const SIZES: [usize; 33] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 124, 125, 126, 127, 128, 4082, 4086, 4090, 4095, 4096, 4097, 8192, 16_383, 16_384,
    16_385, 32_768, 65_525, 65_535, 65_536, 65_537, 131_072, 262_145, 1_048_576, 1_048_577,
];

fn payloads() -> impl Iterator<Item = Message> {
    let text = |size: usize| {
        let mut text: String = "aé\u{1f98d}".chars().cycle().take(size / 2).collect();
        while text.len() > size {
            text.pop();
        }
        text.extend(std::iter::repeat_n('.', size - text.len()));
        text
    };
    let binary = |size: usize| (0..size).map(|at| (at * 7 + at / 256) as u8).collect::<Vec<u8>>();
    SIZES.into_iter().flat_map(move |size| [Message::from(text(size)), Message::from(binary(size))])
}

/// Everything one by one, then everything at once.
async fn check_echo(near: impl ByteStream, far: impl ByteStream, asking: Role) {
    let settings = Settings::default();
    let mut asker = Conn::from_handshake(near, asking, Negotiated::default(), [], &settings);
    let answerer = Conn::from_handshake(far, asking.peer(), Negotiated::default(), [], &settings);
    let echoing = tokio::spawn(echo(answerer));
    for message in payloads() {
        asker.write_message(message.clone()).await.unwrap();
        let answer = within(asker.read_message()).await.unwrap().unwrap();
        assert!(answer == message, "{} bytes of {}", message.len(), message.kind());
    }
    let (writer, mut reader) = asker.split();
    let writing = tokio::spawn(async move {
        for message in payloads() {
            writer.write_message(message).await.unwrap();
        }
        writer
    });
    for message in payloads() {
        let answer = within(reader.read_borrowed()).await.unwrap().unwrap();
        assert!(answer.as_ref() == message.as_ref(), "{} bytes of {}, in a row", message.len(), message.kind());
    }
    let writer = within(writing).await.unwrap();
    writer.start_close(1000, "").unwrap();
    assert_eq!(within(reader.read_message()).await.unwrap(), None);
    within(echoing).await.unwrap().unwrap();
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_all_sizes_come_back_over_tcp() {
    for asking in [Role::Client, Role::Server] {
        let (near, far) = tcp_pair().await;
        check_echo(near, far, asking).await;
    }
}

/// 40 ms of Nagle's algorithm would be worse than small packets: output is gathered already.
#[tokio::test]
async fn tcp_sends_without_delay() {
    let (near, _far) = tcp_pair().await;
    let near = near.into_std().unwrap();
    let same = near.try_clone().unwrap();
    assert!(!same.nodelay().unwrap());
    let near = TcpStream::from_std(near).unwrap();
    let _conn = Conn::from_handshake(near, Role::Client, Negotiated::default(), [], &Settings::default());
    assert!(same.nodelay().unwrap());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_all_sizes_come_back_over_a_unix_socket() {
    for asking in [Role::Client, Role::Server] {
        let (near, far) = tokio::net::UnixStream::pair().unwrap();
        check_echo(near, far, asking).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_all_sizes_come_back_over_a_stream_of_another_type() {
    for capacity in [1000, 1 << 20] {
        let (near, far) = tokio::io::duplex(capacity);
        check_echo(near, far, Role::Client).await;
        let (near, far) = tokio::io::duplex(capacity);
        let (near, far): (Box<dyn ByteStream>, Box<dyn ByteStream>) = (Box::new(near), Box::new(far));
        check_echo(near, far, Role::Server).await;
    }
}

/// We serve one connection, and a plain client acts on it.
fn serve_one<F, T>(serve: impl FnOnce(Conn) -> F + Send + 'static) -> (SocketAddr, JoinHandle<T>)
where
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serving = tokio::spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        let (stream, _) = within(listener.accept()).await.unwrap();
        let config = Config::default().max_message_size(1 << 30).close_timeout(PATIENCE);
        let upgrader = Upgrader::new().config(config);
        serve(upgrader.accept(stream).await.unwrap()).await
    });
    (address, serving)
}

/// A blocking client after its handshake.
fn plain_client(address: SocketAddr) -> std::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(crate::support::request("").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    stream
}

fn send(stream: &mut std::net::TcpStream, frame: Frame) {
    stream.write_all(&frame.masked(CLIENT_KEY).encode()).unwrap();
}

/// All frames until the server has closed; a reset is a failure.
fn read_frames(stream: &mut std::net::TcpStream) -> Vec<Frame> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the server ends in order");
    let (frames, rest) = decode_all(&bytes);
    assert!(rest.is_empty());
    frames
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_has_said_its_last_word_still_hears_the_answers() {
    let (address, serving) = serve_one(echo);
    let client = thread::spawn(move || {
        let mut stream = plain_client(address);
        for number in 0..3 {
            send(&mut stream, text(format!("{number}")));
        }
        stream.shutdown(Shutdown::Write).unwrap();
        read_frames(&mut stream)
    });
    let ended = within(serving).await.unwrap();
    assert!(matches!(ended, Err(Error::Lost)), "{ended:?}");
    assert_eq!(client.join().unwrap(), ["0", "1", "2"].map(text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_is_told_from_an_end() {
    let (address, serving) = serve_one(|mut conn| async move { conn.read_message().await });
    thread::spawn(move || {
        let stream = plain_client(address);
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let error = within(serving).await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Io(source) if source.kind() == std::io::ErrorKind::ConnectionReset), "{error}");
    assert!(error.is_disconnect());

    let (address, serving) = serve_one(|mut conn| async move { conn.read_message().await });
    thread::spawn(move || drop(plain_client(address)));
    let error = within(serving).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Lost), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_dropped_is_an_end_without_a_close() {
    let (address, serving) = serve_one(|conn| async move { drop(conn) });
    let mut conn = within(Dialer::new().dial(&format!("ws://{address}/"))).await.unwrap();
    within(serving).await.unwrap();
    let error = within(conn.read_message()).await.unwrap_err();
    assert!(error.is_disconnect(), "{error}");
    assert_eq!(conn.close_info().unwrap().code.get(), 1006);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_close_is_clean_on_both_sides() {
    let (address, serving) = serve_one(|mut conn| async move {
        let end = conn.read_message().await;
        (end, conn.close_info())
    });
    let mut conn = within(Dialer::new().dial(&format!("ws://{address}/"))).await.unwrap();
    within(conn.close(4321, "enough")).await.unwrap();
    let (end, info) = within(serving).await.unwrap();
    assert_eq!(end.unwrap(), None);
    for info in [info, conn.close_info()] {
        let info = info.unwrap();
        assert!(info.is_clean);
        assert_eq!(info.code.get(), 4321);
    }
}

/// Closing a socket with unread input makes the kernel reset the connection, which destroys a Close frame on its way.
mod a_close_frame_arrives_though_the_client_has_sent_much_that_nobody_read {
    use super::*;

    const MUCH: usize = 4 * 1024 * 1024;

    /// Sends a lot, even after the server has closed, and only then reads.
    fn flood(address: SocketAddr, first: Frame) -> Vec<Frame> {
        let mut stream = plain_client(address);
        send(&mut stream, first);
        for _ in 0..MUCH / 65_536 {
            send(&mut stream, binary(vec![7; 65_536]));
        }
        stream.shutdown(Shutdown::Write).unwrap();
        read_frames(&mut stream)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn when_the_application_closes_and_waits() {
        let (address, serving) = serve_one(|mut conn| async move {
            let closed = conn.close(4000, "too much").await;
            assert!(matches!(closed, Err(Error::Lost)), "the client never answers: {closed:?}");
        });
        let client = thread::spawn(move || flood(address, text("first")));
        within(serving).await.unwrap();
        assert_eq!(client.join().unwrap(), [close(4000, "too much")]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn when_the_application_starts_to_close_and_leaves() {
        let (address, serving) = serve_one(|conn| async move {
            let (writer, mut reader) = conn.split();
            reader.read_message().await.unwrap();
            writer.start_close(4000, "too much").unwrap();
        });
        let client = thread::spawn(move || flood(address, text("first")));
        within(serving).await.unwrap();
        let frames = tokio::task::spawn_blocking(move || client.join().unwrap()).await.unwrap();
        assert_eq!(frames, [close(4000, "too much")]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn when_the_client_is_at_fault() {
        let (address, serving) = serve_one(|mut conn| async move { conn.read_message().await });
        let client = thread::spawn(move || flood(address, frame(0xF, "nonsense")));
        within(serving).await.unwrap().unwrap_err();
        let frames = tokio::task::spawn_blocking(move || client.join().unwrap()).await.unwrap();
        assert_eq!(frames.iter().map(Frame::close_code).collect::<Vec<_>>(), [Some(1002)]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn when_the_client_has_closed_and_goes_on_all_the_same() {
        let (address, serving) = serve_one(|mut conn| async move { conn.read_message().await });
        let client = thread::spawn(move || flood(address, close(1000, "")));
        assert_eq!(within(serving).await.unwrap().unwrap(), None);
        let frames = tokio::task::spawn_blocking(move || client.join().unwrap()).await.unwrap();
        assert_eq!(frames, [close(1000, "")]);
    }
}

/// Messages of other connections must not wait for one whose peer never reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_does_not_disturb_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { echo(Upgrader::new().accept(stream).await?).await });
        }
    });
    let stuck = tokio::task::spawn_blocking(move || {
        let mut stream = plain_client(address);
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let message = binary(vec![7; 100_000]).masked(CLIENT_KEY).encode();
        let mut sent = 0;
        // Until nothing goes in any more: the echo has stopped to read because its answers cannot leave.
        while stream.write_all(&message).is_ok() {
            sent += message.len();
            assert!(sent < 200_000_000, "the server takes everything although the client reads no replies");
        }
        stream
    });
    let stuck = within(stuck).await.unwrap();
    let mut conn = within(Dialer::new().dial(&format!("ws://{address}/"))).await.unwrap();
    for number in 0..100 {
        let message = Message::from(format!("{number}"));
        conn.write_message(message.clone()).await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(message));
    }
    drop(stuck);
}

/// A half-closed connection is one that may still be written to.
mod a_client_that_half_closes {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn behind_its_close_hears_ours() {
        let (address, serving) = serve_one(|mut conn| async move { (conn.read_message().await, conn.close_info()) });
        let client = thread::spawn(move || {
            let mut stream = plain_client(address);
            send(&mut stream, close(4001, "done"));
            stream.shutdown(Shutdown::Write).unwrap();
            read_frames(&mut stream)
        });
        let (end, info) = within(serving).await.unwrap();
        assert_eq!((end.unwrap(), info.unwrap().is_clean), (None, true));
        assert_eq!(client.join().unwrap(), [close(4001, "")]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn without_a_close_hears_ours_too() {
        let (address, serving) = serve_one(|mut conn| async move { conn.close(4002, "and you?").await });
        let client = thread::spawn(move || {
            let mut stream = plain_client(address);
            stream.shutdown(Shutdown::Write).unwrap();
            read_frames(&mut stream)
        });
        let closed = within(serving).await.unwrap();
        assert!(matches!(closed, Err(Error::Lost)), "{closed:?}");
        assert_eq!(client.join().unwrap(), [close(4002, "and you?")]);
    }
}
