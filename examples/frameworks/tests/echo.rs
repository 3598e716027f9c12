//! A client talks to each of the servers.

use std::future::Future;
use std::io;
use std::time::Duration;

use ::rocket::Config;
use ::rocket::fairing::AdHoc;
use silverback::{Conn, Dialer, Message, MessageKind};
use silverback_frameworks::{actix_web, poem, rocket, salvo, warp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Runs a server on a listener of its own, and returns the URL of its echo.
async fn start<F: Future<Output = io::Result<()>> + Send + 'static>(serve: fn(TcpListener) -> F) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/echo", listener.local_addr().unwrap());
    tokio::spawn(serve(listener));
    url
}

/// The same for rocket, which makes its listener itself.
async fn start_rocket() -> String {
    let (tell, told) = oneshot::channel();
    let liftoff = AdHoc::on_liftoff("port", |server| Box::pin(async move { tell.send(server.config().port).unwrap() }));
    let config = Config { port: 0, ..Config::debug_default() };
    tokio::spawn(rocket::server().configure(config).attach(liftoff).launch());
    format!("ws://127.0.0.1:{}/echo", told.await.unwrap())
}

async fn check(url: &str) {
    let mut conn = Dialer::new().dial(url).await.unwrap();
    expect_echo(&mut conn, "hello".into()).await;
    expect_echo(&mut conn, "".into()).await;
    expect_echo(&mut conn, vec![0, 159, 146, 150].into()).await;
    expect_echo(&mut conn, vec![7; 3_000_000].into()).await;

    let mut fragments = conn.next_writer(MessageKind::Text).await.unwrap();
    for fragment in ["one ", "message ", "in parts"] {
        fragments.write_all(fragment.as_bytes()).await.unwrap();
        fragments.flush().await.unwrap();
    }
    fragments.finish().await.unwrap();
    assert_eq!(conn.read_message().await.unwrap(), Some("one message in parts".into()));

    conn.close(1000, "").await.unwrap();
    assert!(conn.close_info().unwrap().is_clean);

    let error = Dialer::new().origin("https://evil.example").dial(url).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().status, 403);
}

async fn expect_echo(conn: &mut Conn, message: Message) {
    conn.write_message(message.clone()).await.unwrap();
    assert_eq!(conn.read_message().await.unwrap(), Some(message));
}

#[tokio::test]
async fn actix_web_is_joined_by_a_pipe() {
    check(&start(actix_web::serve).await).await;
}

#[tokio::test]
async fn poem_hands_its_stream_over() {
    check(&start(poem::serve).await).await;
}

#[tokio::test]
async fn rocket_hands_its_stream_over() {
    check(&start_rocket().await).await;
}

#[tokio::test]
async fn salvo_hands_its_stream_over() {
    check(&start(salvo::serve).await).await;
}

#[tokio::test]
async fn warp_hands_its_stream_over() {
    check(&start(warp::serve).await).await;
}

#[tokio::test]
async fn actix_web_waits_for_a_client_that_does_not_read() {
    // The system's own buffers may be as large as the flood, so both sides ask for small ones.
    let listening = small_socket();
    listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listening.local_addr().unwrap();
    tokio::spawn(actix_web::serve(listening.listen(8).unwrap()));
    let stream = small_socket().connect(address).await.unwrap();
    let conn = Dialer::new().dial_on(stream, format!("ws://{address}/echo")).await.unwrap();

    let (writer, mut reader) = conn.split();
    let mut writing = tokio::spawn(async move {
        for number in 0..FLOOD {
            writer.write_message([number; 64 * 1024].to_vec()).await.unwrap();
        }
        writer
    });
    let stalled = timeout(Duration::from_secs(1), &mut writing).await;
    assert!(stalled.is_err(), "the server read everything, although its client read no echo");

    for number in 0..FLOOD {
        let message = reader.read_message().await.unwrap().unwrap();
        assert_eq!(message.into_data()[..], [number; 64 * 1024]);
    }
    writing.await.unwrap();
}

fn small_socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket
}

/// Messages of 64 KiB. Together they are far more than what both sides may queue.
const FLOOD: u8 = 200;
