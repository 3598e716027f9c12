//! The end of a server: all connections are told, and their tasks are waited for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use silverback::{CloseCode, Conn, Connections, Dialer, Tracked, Upgrader};
use tokio::net::TcpListener;

use crate::support::{over_tcp, within};

/// Reads until the connection has ended, and counts it then.
async fn handle(mut conn: Conn, tracked: Tracked, done: Arc<AtomicUsize>) {
    while let Ok(Some(_)) = conn.read_message().await {}
    // What an application does after the end.
    tokio::task::yield_now().await;
    done.fetch_add(1, Ordering::SeqCst);
    drop(tracked);
}

async fn code_of(mut client: Conn) -> CloseCode {
    assert_eq!(within(client.read_message()).await.unwrap(), None);
    client.close_info().unwrap().code
}

#[tokio::test]
async fn a_drain_tells_every_client_and_waits_for_the_tasks() {
    for (window, count) in [(Duration::ZERO, 30), (Duration::from_millis(200), 30), (Duration::from_secs(3600), 3)] {
        let connections = Connections::new();
        let done = Arc::new(AtomicUsize::new(0));
        let mut clients = Vec::new();
        for _ in 0..count {
            let (client, server) = over_tcp(None).await;
            let tracked = connections.track(&server);
            tokio::spawn(handle(server, tracked, done.clone()));
            clients.push(tokio::spawn(code_of(client)));
        }
        assert_eq!((connections.count(), connections.is_draining()), (count, false));
        within(connections.drain(window)).await;
        assert_eq!((done.load(Ordering::SeqCst), connections.count(), connections.is_draining()), (count, 0, true));
        for client in clients {
            assert_eq!(within(client).await.unwrap(), CloseCode::SERVICE_RESTART);
        }
    }
}

#[tokio::test]
async fn without_connections_a_drain_is_done_at_once_and_again() {
    let connections = Connections::default();
    within(connections.drain(Duration::from_secs(3600))).await;
    within(connections.drain(Duration::from_secs(3600))).await;
    within(connections.draining()).await;
}

#[tokio::test]
async fn a_connection_that_comes_late_is_told_at_once_with_the_code_of_the_set() {
    let connections = Connections::with_close_code(4000);
    within(connections.drain(Duration::ZERO)).await;
    let (client, server) = over_tcp(None).await;
    let tracked = connections.track(&server);
    let (code, ()) = tokio::join!(code_of(client), handle(server, tracked, Arc::default()));
    assert_eq!(code, CloseCode::new(4000));
    assert_eq!(connections.count(), 0);
    // A code that must not be sent is not.
    let connections = Connections::with_close_code(1006);
    within(connections.drain(Duration::ZERO)).await;
    let (client, server) = over_tcp(None).await;
    let tracked = connections.track(&server);
    let (code, ()) = tokio::join!(code_of(client), handle(server, tracked, Arc::default()));
    assert_eq!(code, CloseCode::SERVICE_RESTART);
}

#[tokio::test]
async fn a_drain_that_is_dropped_is_continued_by_the_next_one() {
    let connections = Connections::new();
    let (client, server) = over_tcp(None).await;
    let tracked = connections.track(&server);
    // Nobody reads yet, so the drain cannot end.
    let first = tokio::time::timeout(Duration::from_millis(100), connections.drain(Duration::ZERO)).await;
    assert!(first.is_err() && connections.is_draining());
    tokio::spawn(handle(server, tracked, Arc::default()));
    let (code, ()) = tokio::join!(code_of(client), within(connections.drain(Duration::ZERO)));
    assert_eq!(code, CloseCode::SERVICE_RESTART);
}

#[tokio::test]
async fn an_upgrader_refuses_handshakes_while_its_connections_drain() {
    let connections = Connections::new();
    let upgrader = Upgrader::new().connections(&connections);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let accept = async || upgrader.accept(listener.accept().await.unwrap().0).await;
    let dialer = Dialer::new();
    let (dialled, accepted) = within(async { tokio::join!(dialer.dial(&url), accept()) }).await;
    assert!(dialled.is_ok() && accepted.is_ok());
    within(connections.drain(Duration::ZERO)).await;
    let (dialled, accepted) = within(async { tokio::join!(dialer.dial(&url), accept()) }).await;
    assert!(accepted.is_err());
    let error = dialled.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.status, 503);
    assert!(refusal.headers.contains_key("retry-after"));
}
