//! The examples for what people look for first.

use std::time::Duration;

use silverback::{Dialer, Message, Upgrader};
use tokio::net::TcpListener;

use super::running::{Running, closed, text};
use crate::support::within;

const ANY_PORT: &[&str] = &["127.0.0.1:0"];

#[cfg(feature = "rustls-tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tls_server_echoes_over_tls() {
    let folder = std::env::temp_dir().join(format!("silverback-tls-server-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let paths = ["cert.pem", "key.pem"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    std::fs::write(&paths[0], made.cert.pem()).unwrap();
    std::fs::write(&paths[1], made.signing_key.serialize_pem()).unwrap();
    let server = Running::start("tls_server", &[&paths[0], &paths[1], "127.0.0.1:0"]);
    let url = server.address.replace("127.0.0.1", "localhost");
    let tls = silverback::tls::Tls::new().add_roots(made.cert.pem()).default_roots(false);
    let mut conn = within(Dialer::new().tls(tls).dial(&url)).await.unwrap();
    conn.write_message("over TLS").await.unwrap();
    assert_eq!(text(&mut conn).await, "over TLS");
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reconnecting_client_comes_back_and_sends_json() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut client = Running::start_client("reconnecting_client", &[url]);
    for number in ["1", "2"] {
        let mut conn = Upgrader::new().accept(within(listener.accept()).await.unwrap().0).await.unwrap();
        assert_eq!(text(&mut conn).await, r#"{"number":0,"text":"I am here"}"#);
        let note = text(&mut conn).await;
        assert!(note.starts_with(&format!(r#"{{"number":{number},"#)), "{note}");
        conn.write_message(note).await.unwrap();
        conn.flush().await.unwrap();
        let line = tokio::task::block_in_place(|| client.line());
        assert_eq!(line, format!("{number} \"hello\""));
        // The connection is dropped without a closing handshake, or closed so that the client ends.
        match number {
            "1" => {
                drop(conn);
                let line = tokio::task::block_in_place(|| client.line());
                assert!(line.starts_with("disconnected: "), "{line}");
            }
            _ => within(conn.close(1000, "")).await.unwrap(),
        }
    }
    assert!(client.ended().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_reaches_everyone_and_a_slow_reader_is_told_that_it_missed_messages() {
    let server = Running::start("broadcast", ANY_PORT);
    let dial = || async { within(Dialer::new().dial(&server.address)).await.unwrap() };
    let (mut first, mut second, mut slow) = (dial().await, dial().await, dial().await);
    // A connection hears everything from its handshake on, including its own messages.
    first.write_message("hello").await.unwrap();
    assert_eq!([text(&mut first).await, text(&mut second).await], ["hello", "hello"]);
    assert_eq!(text(&mut slow).await, "hello");
    let large = Message::from(vec![7; 64 * 1024]);
    // More than the kernel, the queue of the slow reader and the channel hold together.
    for _ in 0..400 {
        first.write_message(large.clone()).await.unwrap();
        assert_eq!(within(first.read_message()).await.unwrap().as_ref(), Some(&large));
        assert_eq!(within(second.read_message()).await.unwrap().as_ref(), Some(&large));
    }
    while within(slow.read_message()).await.unwrap().is_some() {}
    let info = slow.close_info().unwrap();
    assert_eq!(info.code.get(), 1013);
    assert!(info.reason.ends_with(" messages missed"), "{}", info.reason);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graceful_shutdown_finishes_the_work_in_hand() {
    let mut server = Running::start("graceful_shutdown", ANY_PORT);
    let (mut busy, mut idle) = (within(Dialer::new().dial(&server.address)).await.unwrap(), {
        within(Dialer::new().dial(&server.address)).await.unwrap()
    });
    busy.write_message("work").await.unwrap();
    busy.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.interrupt();
    let goodbye = (1001, "the server is going away".to_owned());
    assert_eq!(closed(&mut idle).await, goodbye);
    assert_eq!(text(&mut busy).await, "work");
    assert_eq!(closed(&mut busy).await, goodbye);
    assert_eq!(server.line(), "all connections closed");
    assert!(server.ended().success());
}
