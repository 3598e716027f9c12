//! Connections as tunnels of bytes.

use std::io;

use silverback::{Compression, Conn, Dialer, Negotiated, Role, Settings, Tunnel, Upgrader};
use silverback_testkit::wire::{binary, text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::support::{echo, over_tcp, server, within};

mod ending;
mod reading;
mod writing;

/// Two ends of a tunnel over a stream in memory.
fn pair() -> (Tunnel, Tunnel) {
    let (near, far) = tokio::io::duplex(10_000);
    let end = |stream, role| {
        Conn::from_handshake(stream, role, Negotiated::default(), [], &Settings::default()).into_tunnel()
    };
    (end(near, Role::Client), end(far, Role::Server))
}

/// Bytes that depend on their position.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

#[tokio::test]
async fn bytes_come_through_both_ways_at_once() {
    for chunk in [1, 7, 1000, 1 << 20] {
        let size = if chunk < 10 { 20_000 } else { 2_000_000 };
        let (near, far) = pair();
        let end = move |tunnel: Tunnel| async move {
            let (mut reading, mut writing) = tokio::io::split(tunnel.max_chunk_size(chunk));
            let mut received = vec![0; size];
            let sent = bytes(size);
            let (written, read) = tokio::join!(writing.write_all(&sent), reading.read_exact(&mut received));
            written.unwrap();
            read.unwrap();
            assert!(received == bytes(size), "chunks of {chunk}");
        };
        within(async { tokio::join!(end(near), end(far)) }).await;
    }
}

#[tokio::test]
async fn bytes_come_through_compressed() {
    let (near, far) = over_tcp(Some(Compression::default())).await;
    let (mut near, mut far) = (near.into_tunnel().max_chunk_size(100_000), far.into_tunnel());
    let sent = "all work and no play ".repeat(200_000);
    let expected = sent.clone();
    let sending = tokio::spawn(async move {
        near.write_all(sent.as_bytes()).await.unwrap();
        near.shutdown().await.unwrap();
        near.read(&mut [0; 1]).await.unwrap()
    });
    let mut received = String::new();
    within(far.read_to_string(&mut received)).await.unwrap();
    assert!(received == expected);
    assert!(far.conn().stats().bytes_received < expected.len() as u64 / 10);
    assert_eq!(within(sending).await.unwrap(), 0);
}

/// TCP in a WebSocket over TCP, as in a tunnelling proxy, with real sockets all the way.
#[tokio::test]
async fn a_tcp_connection_goes_through_a_pair_of_tunnels() {
    // The remote server: it echoes its input and then closes.
    let far_server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far_address = far_server.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = far_server.accept().await.unwrap();
        let mut received = vec![0; 1_000_000];
        stream.read_exact(&mut received).await.unwrap();
        stream.write_all(&received).await.unwrap();
    });
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", gateway.local_addr().unwrap());
    tokio::spawn(async move {
        let conn = Upgrader::new().accept(gateway.accept().await.unwrap().0).await.unwrap();
        let mut onwards = TcpStream::connect(far_address).await.unwrap();
        copy_bidirectional(&mut conn.into_tunnel(), &mut onwards).await.unwrap();
    });
    let entrance = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let entrance_address = entrance.local_addr().unwrap();
    let entering = tokio::spawn(async move {
        let (mut stream, _) = entrance.accept().await.unwrap();
        let mut tunnel = Dialer::new().dial(&url).await.unwrap().into_tunnel();
        copy_bidirectional(&mut stream, &mut tunnel).await.unwrap()
    });
    let mut stream = TcpStream::connect(entrance_address).await.unwrap();
    stream.write_all(&bytes(1_000_000)).await.unwrap();
    let mut received = Vec::new();
    within(stream.read_to_end(&mut received)).await.unwrap();
    assert!(received == bytes(1_000_000));
    drop(stream);
    assert_eq!(within(entering).await.unwrap(), (1_000_000, 1_000_000));
}

#[tokio::test]
async fn a_websocket_goes_through_a_websocket() {
    let (near, far) = pair();
    tokio::spawn(async move { echo(Upgrader::new().accept(far).await.unwrap()).await });
    let mut conn = within(Dialer::new().dial_on(near, "ws://inside.example/")).await.unwrap();
    for message in ["", "inside", &"x".repeat(200_000)] {
        conn.write_message(message).await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(message.into()));
    }
    within(conn.close(1000, "")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_becomes_a_connection_again() {
    let (conn, remote) = server();
    let mut tunnel = conn.into_tunnel();
    assert_eq!(tunnel.conn().stats().messages_received, 0);
    remote.send_frame(binary("half"));
    remote.send_frame(text("next"));
    let mut read = [0; 2];
    tunnel.read_exact(&mut read).await.unwrap();
    tunnel.write_all(b"written").await.unwrap();
    let mut conn = tunnel.into_conn();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("next".into()), "the rest of a message is skipped");
    conn.write_message("after").await.unwrap();
    assert_eq!(remote.received_frames(), [binary("written"), text("after")]);
}

fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|error| error.kind())
}
