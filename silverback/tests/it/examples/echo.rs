//! `echo_server` and `echo_client`, with each other and with ours.

use silverback::{Dialer, Upgrader};
use tokio::net::TcpListener;

use super::running::{Running, closed};
use crate::support::within;

const ANY_PORT: &[&str] = &["127.0.0.1:0"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_echoes_and_says_goodbye_when_it_is_interrupted() {
    let mut server = Running::start("echo_server", ANY_PORT);
    let mut conn = within(Dialer::new().dial(&server.address)).await.unwrap();
    for message in ["hello".into(), silverback::Message::from(vec![7; 1_000_000]), "".into()] {
        conn.write_message(message.clone()).await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(message));
    }
    server.interrupt();
    assert_eq!(closed(&mut conn).await, (1001, "the server is going away".to_owned()));
    assert!(conn.close_info().unwrap().is_clean);
    assert!(server.ended().success());
}

#[test]
fn the_client_prints_the_answers_and_closes_when_it_is_interrupted() {
    let server = Running::start("echo_server", ANY_PORT);
    let mut client = Running::start_client("echo_client", &[&server.address]);
    assert_eq!(client.line(), "Text(\"hello 1\")");
    assert_eq!(client.line(), "Text(\"hello 2\")");
    client.interrupt();
    assert_eq!(last_line(&mut client), "closed with 1000 \"\"");
    assert!(client.ended().success());
}

#[test]
fn the_client_ends_when_the_server_goes_away() {
    let mut server = Running::start("echo_server", ANY_PORT);
    let mut client = Running::start_client("echo_client", &[&server.address]);
    assert_eq!(client.line(), "Text(\"hello 1\")");
    server.interrupt();
    assert_eq!(last_line(&mut client), "closed with 1001 \"the server is going away\"");
    assert!(client.ended().success() && server.ended().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_does_the_closing_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut client = Running::start_client("echo_client", &[url]);
    let mut conn = Upgrader::new().accept(within(listener.accept()).await.unwrap().0).await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello 1".into()));
    client.interrupt();
    while within(conn.read_message()).await.unwrap().is_some() {}
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.is_clean), (1000, true));
    assert!(client.ended().success());
}

/// Answers that were on their way may come before it.
fn last_line(client: &mut Running) -> String {
    let mut line = client.line();
    while line.starts_with("Text") {
        line = client.line();
    }
    line
}
