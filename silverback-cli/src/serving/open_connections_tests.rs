//! Closing all connections: which ones are told to close, and which ones are waited for.
#![allow(clippy::unwrap_used)]

use silverback::{Conn, Negotiated, Role, Settings};
use tokio::io::duplex;

use super::*;

/// Two ends of a connection.
fn pair() -> (Conn, Conn) {
    let (server, client) = duplex(4096);
    let conn = |stream, role| Conn::from_handshake(stream, role, Negotiated::default(), [], &Settings::default());
    (conn(server, Role::Server), conn(client, Role::Client))
}

async fn code_seen_by(mut client: Conn, mut server: Conn) -> Option<CloseCode> {
    let (seen, _) = tokio::join!(client.read_message(), server.read_message());
    assert_eq!(seen.unwrap(), None);
    client.close_info().map(|info| info.code)
}

#[tokio::test]
async fn everyone_is_told_to_go() {
    let open = Arc::<OpenConnections>::default();
    let (mut server, client) = pair();
    let mut presence = open.enter();
    presence.attach(server.halves().0.clone(), CloseCode::GOING_AWAY, open.places.take(None).unwrap());
    open.close_all();
    assert_eq!(code_seen_by(client, server).await, Some(CloseCode::GOING_AWAY));
}

#[tokio::test]
async fn who_comes_late_is_told_at_once() {
    let open = Arc::<OpenConnections>::default();
    open.close_all();
    let (mut server, client) = pair();
    let mut presence = open.enter();
    presence.attach(server.halves().0.clone(), CloseCode::GOING_AWAY, open.places.take(None).unwrap());
    assert_eq!(code_seen_by(client, server).await, Some(CloseCode::GOING_AWAY));
}

#[tokio::test]
async fn it_is_empty_when_the_last_presence_is_gone() {
    let open = Arc::<OpenConnections>::default();
    open.emptied().await;
    let (first, second) = (open.enter(), open.enter());
    assert_eq!(open.count(), 2);
    drop(first);
    let mut emptied = std::pin::pin!(open.emptied());
    assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(emptied.as_mut().poll(cx).is_pending())).await);
    drop(second);
    emptied.await;
}

#[tokio::test]
async fn seats_are_used_again() {
    let open = Arc::<OpenConnections>::default();
    for _ in 0..100 {
        let (mut server, _client) = pair();
        let mut presence = open.enter();
        presence.attach(server.halves().0.clone(), CloseCode::GOING_AWAY, open.places.take(None).unwrap());
        drop(presence);
    }
    assert_eq!(open.lock().seats.len(), 1);
}

#[tokio::test]
async fn who_has_left_holds_no_writer() {
    let open = Arc::<OpenConnections>::default();
    let (mut server, _client) = pair();
    let mut presence = open.enter();
    presence.attach(server.halves().0.clone(), CloseCode::GOING_AWAY, open.places.take(None).unwrap());
    drop(presence);
    assert!(open.lock().seats.iter().all(Option::is_none));
    assert_eq!(open.count(), 0);
}

#[tokio::test]
async fn closing_wakes_those_who_wait_for_it() {
    let open = Arc::<OpenConnections>::default();
    let waiting = tokio::spawn({
        let open = open.clone();
        async move { open.closing().await }
    });
    tokio::task::yield_now().await;
    open.close_all();
    waiting.await.unwrap();
    open.closing().await;
}

#[tokio::test]
async fn a_shared_connection_counts_as_its_streams_and_as_one_without_any() {
    let open = Arc::<OpenConnections>::default();
    let shared = Shared::new(open.enter());
    assert_eq!(open.count(), 1);
    let streams = [shared.enter(), shared.enter(), shared.enter()];
    assert_eq!(open.count(), 3);
    let [first, second, third] = streams;
    // In any order.
    drop(first);
    assert_eq!(open.count(), 2);
    drop((second, third));
    assert_eq!(open.count(), 1);
    let (fourth, fifth) = (shared.enter(), shared.enter());
    shared.end();
    assert_eq!(open.count(), 2);
    drop((fourth, fifth));
    assert_eq!((open.count(), open.places.connections.load(Ordering::Relaxed)), (0, 0));
    let unused = Shared::new(open.enter());
    unused.end();
    assert_eq!(open.count(), 0);
}

#[tokio::test]
async fn only_websockets_take_places_and_each_gives_its_own_back() {
    let open = Arc::new(OpenConnections::new(Arc::new(Places::new(2, Monitor::default()))));
    // Clients whose requests have not come, or will be refused.
    let _others: Vec<_> = (0..10).map(|_| open.enter()).collect();
    let (mut server, _client) = pair();
    let mut presence = open.enter();
    presence.attach(server.halves().0.clone(), CloseCode::GOING_AWAY, open.places.take(None).unwrap());
    let unanswered = open.places.take(None).unwrap();
    assert!(matches!(open.places.take(None), Err(Full::Server)));
    drop(unanswered);
    let another = open.places.take(None).unwrap();
    assert!(open.places.take(None).is_err());
    drop(presence);
    let _third = open.places.take(None).unwrap();
    assert!(open.places.take(None).is_err());
    drop(another);
    assert!(open.places.take(None).is_ok());
}

#[test]
fn there_is_room_for_a_hundred_connections_beyond_the_limit() {
    let open = Arc::new(OpenConnections::new(Arc::new(Places::new(2, Monitor::default()))));
    let mut all: Vec<_> = (0..102).map(|_| open.enter()).collect();
    assert!(!open.has_room());
    all.pop();
    assert!(open.has_room());
}

#[test]
fn handshakes_of_quic_take_no_room_from_connections_and_are_bounded() {
    let open = Arc::new(OpenConnections::new(Arc::new(Places::new(2, Monitor::default()))));
    let mut handshakes: Vec<_> = std::iter::from_fn(|| open.begin_handshake()).collect();
    assert_eq!(handshakes.len(), 2 + 100 + 256);
    assert!(open.has_room());
    handshakes.pop();
    assert!(open.begin_handshake().is_some());
    let _connections: Vec<_> = (0..102).map(|_| open.enter()).collect();
    assert!(open.begin_handshake().is_none(), "there is no room for its connection");
}
