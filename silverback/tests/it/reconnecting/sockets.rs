//! The same on real sockets, with a server that is stopped and started again on its port.

use silverback::Upgrader;
use tokio::net::TcpListener;

use super::*;
use crate::support::echo;

#[tokio::test]
async fn a_server_that_is_restarted_is_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("ws://{address}/");
    let first = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut conn = Upgrader::new().accept(stream).await.unwrap();
        let message = conn.read_message().await.unwrap().unwrap();
        conn.write_message(message).await.unwrap();
        conn.close(1012, "restart").await.unwrap();
    });
    let client = Reconnect::new(Dialer::new(), url).initial_backoff(Duration::from_millis(10));
    let mut conn = client.max_backoff(Duration::from_millis(50)).start();
    within(conn.write_message("one")).await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
    let restarting = async {
        within(first).await.unwrap();
        // No server listens for a while.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(echo(Upgrader::new().accept(stream).await.unwrap()));
    };
    let reading = async {
        // The server's close comes, and then connections are refused, until there is one again.
        loop {
            match conn.read_event().await.unwrap() {
                Some(ReconnectEvent::Connected(attempt)) if attempt.connections == 1 => return,
                event => assert!(event.is_some()),
            }
        }
    };
    tokio::join!(within(restarting), within(reading));
    within(conn.write_message("two")).await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
    within(conn.close(1000, "")).await.unwrap();
}

/// A connection to an echo, with compression.
async fn compressed_echo() -> ReconnectingConn {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let compression = silverback::Compression::default();
    let upgrader = Upgrader::new().compression(compression.clone());
    tokio::spawn(async move { echo(upgrader.accept(listener.accept().await.unwrap().0).await.unwrap()).await });
    Reconnect::new(Dialer::new().compression(compression), url).start()
}

#[tokio::test]
async fn large_messages_are_compressed_and_written_from_several_tasks() {
    let mut conn = compressed_echo().await;
    let large: String = (0..300_000).map(|number| format!("{number} ")).collect();
    within(conn.write_message(large.clone())).await.unwrap();
    let (writer, theirs) = (conn.writer(), large.clone());
    let other = tokio::spawn(async move {
        writer.write_message(theirs.clone()).await.unwrap();
        while writer.try_write_message(theirs.clone()).is_err() {
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..3 {
        let read = within(conn.read_message()).await.unwrap();
        assert!(read == Some(large.clone().into()));
    }
    within(other).await.unwrap();
    within(conn.close(1000, "")).await.unwrap();
}

#[tokio::test]
async fn messages_can_be_kept_from_compression() {
    let mut conn = compressed_echo().await;
    for text in ["secret ".repeat(1_000), "secret ".repeat(100_000)] {
        for may_compress in [true, false, true] {
            conn.set_write_compression(may_compress);
            let mut writer = conn.writer();
            assert_eq!((conn.write_compression(), writer.write_compression()), (may_compress, may_compress));
            let before = conn.connection().map_or(0, |conn| conn.stats().bytes_sent);
            within(conn.write_message(text.clone())).await.unwrap();
            within(writer.write_message(text.clone())).await.unwrap();
            within(writer.flush()).await.unwrap();
            let plain = conn.connection().unwrap().stats().bytes_sent - before >= 2 * text.len() as u64;
            assert_eq!(plain, !may_compress, "{} bytes", text.len());
            writer.set_write_compression(!may_compress);
            writer.try_write_message(text.clone()).unwrap();
            writer.flush().await.unwrap();
            for _ in 0..3 {
                assert!(within(conn.read_message()).await.unwrap() == Some(text.clone().into()));
            }
        }
    }
    within(conn.close(1000, "")).await.unwrap();
}
