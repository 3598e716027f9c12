//! `Upgrader::accept` on bare streams (RFC 6455, 4.2): requests, their timeouts, and the responses.

use silverback::{Conn, UpgradeError, Upgrader};
use silverback_testkit::pipe::{Remote, pipe};
use silverback_testkit::wire::{CLIENT_KEY, ping, pong, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{Head, echo, request, settle, within};

mod policy;
mod read_before;
mod slow_and_endless_heads;
mod the_hook;
mod what_is_wrong_is_said;

type Accepting = JoinHandle<Result<Conn, UpgradeError>>;

fn accept(upgrader: Upgrader) -> (Accepting, Remote) {
    let (pipe, remote) = pipe();
    (tokio::spawn(async move { upgrader.accept(pipe).await }), remote.as_client())
}

async fn head(remote: &Remote) -> Head {
    Head::parse(&within(remote.read_until("\r\n\r\n")).await)
}

/// The refusal, of which the body is as long as it says and after which the stream ends.
async fn refusal(remote: &Remote) -> (Head, String) {
    let head = head(remote).await;
    within(remote.ended()).await;
    let body = String::from_utf8(remote.received()).unwrap();
    assert_eq!(head.header("content-length").unwrap().parse::<usize>().unwrap(), body.len());
    (head, body)
}

#[tokio::test(start_paused = true)]
async fn the_samples_of_the_handshake_are_answered_as_the_rfc_says() {
    for (key, answer) in [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    ] {
        let (accepting, remote) = accept(Upgrader::new());
        remote.send(request("").replace("dGhlIHNhbXBsZSBub25jZQ==", key));
        let head = head(&remote).await;
        assert_eq!(head.first_line, "HTTP/1.1 101 Switching Protocols");
        assert_eq!(head.header("sec-websocket-accept"), Some(answer));
        assert_eq!(head.header("upgrade"), Some("websocket"));
        assert_eq!(head.header("connection"), Some("Upgrade"));
        assert_eq!((head.header("sec-websocket-protocol"), head.header("sec-websocket-extensions")), (None, None));
        let conn = within(accepting).await.unwrap().unwrap();
        assert_eq!(conn.subprotocol(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn frames_in_the_same_packet_as_the_request_are_answered() {
    let (accepting, remote) = accept(Upgrader::new());
    let frames = [text("early"), ping("?"), text("bird")].map(|frame| frame.masked(CLIENT_KEY).encode()).concat();
    remote.send([request("").into_bytes(), frames].concat());
    tokio::spawn(echo(within(accepting).await.unwrap().unwrap()));
    assert_eq!(head(&remote).await.status(), 101);
    for expected in [text("early"), pong("?"), text("bird")] {
        within(remote.expect(expected)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn request_and_frames_may_be_cut_anywhere() {
    let wire = [request("").into_bytes(), text("early").masked(CLIENT_KEY).encode()].concat();
    for cut in 0..=wire.len() {
        let (accepting, remote) = accept(Upgrader::new());
        remote.send(&wire[..cut]);
        settle().await;
        remote.send(&wire[cut..]);
        let mut conn = within(accepting).await.unwrap().unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("early".into()), "cut at {cut}");
        assert_eq!(head(&remote).await.status(), 101);
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_may_leave_byte_by_byte() {
    let (accepting, remote) = accept(Upgrader::new());
    remote.limit_capacity(1);
    remote.send(request(""));
    assert_eq!(head(&remote).await.status(), 101);
    let mut conn = within(accepting).await.unwrap().unwrap();
    conn.write_message("hello").await.unwrap();
    within(remote.expect(text("hello"))).await;
}

/// If a client continues to send, a TCP reset must not destroy the refusal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_survives_what_the_client_still_sends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { Upgrader::new().accept(stream).await });
        }
    });
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n").await.unwrap();
        stream.write_all(&[b'x'; 40_000]).await.unwrap();
        let mut answer = Vec::new();
        within(stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 405 "), "{}", answer.escape_ascii());
    }
}
