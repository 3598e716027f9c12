//! Sessions over HTTP/3: many WebSockets on one connection, and when another one is opened.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Version;
use silverback::{Conn, Http3Endpoint, Upgrader};
use tokio::time::sleep;

use super::support::{Certificate, Server};
use crate::support::{echo, within};

async fn expect_echo(conn: &mut Conn, message: &str) {
    conn.write_message(message).await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some(message.into()));
}

#[tokio::test]
async fn ten_websockets_share_one_connection_and_an_unread_one_stops_no_other() {
    let server = Server::start(&Upgrader::new());
    let session = within(server.dialer().connect(server.url("/"))).await.unwrap();
    assert_eq!(session.version(), Version::HTTP_3);
    let mut unread = within(session.dial("/unread")).await.unwrap();
    // More than all windows together would take if the server read nothing.
    let flooding = tokio::spawn(async move {
        loop {
            if unread.write_message(vec![0; 256 * 1024]).await.is_err() {
                return;
            }
        }
    });
    let mut conns = Vec::new();
    for _ in 0..9 {
        conns.push(within(session.dial("/ws")).await.unwrap());
    }
    for round in 0..20 {
        for (number, conn) in conns.iter_mut().enumerate() {
            expect_echo(conn, &format!("{round} {number}")).await;
        }
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    for mut conn in conns {
        within(conn.close(1000, "")).await.unwrap();
        assert!(conn.close_info().unwrap().is_clean);
    }
    flooding.abort();
}

#[tokio::test]
async fn a_full_connection_gets_a_second_one_beside_it() {
    let server = Server::start(&Upgrader::new());
    let session = within(server.dialer().connect(server.url("/"))).await.unwrap();
    let mut conns = Vec::new();
    for _ in 0..101 {
        conns.push(within(session.dial("/ws")).await.unwrap());
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
    expect_echo(&mut conns[0], "first").await;
    expect_echo(&mut conns[100], "last").await;
}

/// The old WebSocket lives on, and the new one is on another connection.
#[tokio::test]
async fn after_goaway_a_session_dials_anew() {
    let certificate = Certificate::new();
    let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), certificate.config()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Some(client) = endpoint.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut http3 = Upgrader::new().serve_http3(client);
            tokio::spawn(async move {
                while let Some(accepted) = http3.accept().await {
                    tokio::spawn(echo(accepted.unwrap().0));
                    // Each connection takes one WebSocket.
                    http3.shut_down();
                }
            });
        }
    });
    let dialer = certificate.dialer().resolve("localhost", address);
    let session = within(dialer.connect(format!("wss://localhost:{}", address.port()))).await.unwrap();
    let mut conns = Vec::new();
    for number in 1..=3 {
        conns.push(within(session.dial("/ws")).await.unwrap());
        for (index, conn) in conns.iter_mut().enumerate() {
            expect_echo(conn, &format!("{index}")).await;
        }
        assert_eq!(connections.load(Ordering::SeqCst), number);
    }
}

/// The server drops the connection with everything on it.
#[tokio::test]
async fn a_session_whose_connection_has_ended_opens_another_one() {
    let certificate = Certificate::new();
    let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), certificate.config()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        for _ in 0..2 {
            let mut http3 = Upgrader::new().serve_http3(endpoint.accept().await.unwrap());
            let (mut conn, _) = http3.accept().await.unwrap().unwrap();
            conn.write_message("welcome").await.unwrap();
            assert_eq!(conn.read_message().await.unwrap(), Some("bye".into()));
        }
    });
    let dialer = certificate.dialer().resolve("localhost", address);
    let session = within(dialer.connect(format!("wss://localhost:{}", address.port()))).await.unwrap();
    for _ in 0..2 {
        let mut conn = within(session.dial("/ws")).await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("welcome".into()));
        conn.write_message("bye").await.unwrap();
        within(conn.read_message()).await.unwrap_err();
    }
    within(serving).await.unwrap();
}

/// Neither side sends pings. QUIC keeps the connection open, although its idle timeout is 60 s.
#[tokio::test(start_paused = true)]
async fn a_silent_websocket_outlives_the_idle_timeout_of_its_connection() {
    let quiet = |config: silverback::Config| config.ping_interval(None);
    let server = Server::start(&Upgrader::new().adjust_config(quiet));
    let mut conn = within(server.dialer().adjust_config(quiet).dial(server.url("/ws"))).await.unwrap();
    sleep(Duration::from_secs(3600)).await;
    conn.write_message("still here").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("still here".into()));
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_websocket_gives_its_connection_up_and_opens_another_one() {
    let server = Server::start(&Upgrader::new().handshake_timeout(Duration::from_secs(600)));
    let session = within(server.dialer().connect(server.url("/"))).await.unwrap();
    sleep(Duration::from_secs(120)).await;
    let mut conn = within(session.dial("/ws")).await.unwrap();
    conn.write_message("hello").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}
