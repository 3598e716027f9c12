//! The error of a failed dial names the server, and which of its addresses was reached.

use std::{net::SocketAddr, time::Duration};

use silverback::{DialError, Dialer, dial::DialStep};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::within;

/// A server that gives each request this answer, and ends if there is none; without `Some` it is silent.
async fn server(answer: Option<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            match &answer {
                Some(answer) => _ = stream.write_all(answer.as_bytes()).await,
                None => silent.push(stream),
            }
        }
    });
    address
}

/// Dials a name that stands for this address.
async fn failure(dialer: Dialer, address: SocketAddr) -> DialError {
    let dialer = dialer.resolve("server.example", address);
    within(dialer.dial(&format!("ws://server.example:{}/", address.port()))).await.unwrap_err()
}

#[track_caller]
fn check(error: &DialError, step: DialStep, target: &str, peer: SocketAddr) {
    assert_eq!((error.step(), error.target(), error.peer()), (Some(step), Some(target), Some(peer)), "{error}");
    let text = error.to_string();
    assert!(text.contains(target) && text.contains(&format!("connected to {peer}")), "{text}");
}

#[tokio::test]
async fn whatever_the_server_answers() {
    let wrong = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n";
    for answer in ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", wrong, "220 mail ESMTP\r\n\r\n", ""] {
        let address = server(Some(answer.to_owned())).await;
        let error = failure(Dialer::new(), address).await;
        check(&error, DialStep::Handshake, &format!("server.example:{}", address.port()), address);
    }
}

#[tokio::test]
async fn or_if_it_does_not_answer() {
    let address = server(None).await;
    let error = failure(Dialer::new().handshake_timeout(Duration::from_millis(50)), address).await;
    assert!(error.is_timeout());
    check(&error, DialStep::Handshake, &format!("server.example:{}", address.port()), address);
}

#[tokio::test]
async fn the_address_is_the_one_of_several_that_could_be_reached() {
    let address = server(Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned())).await;
    // No server listens there.
    let dialer = Dialer::new().resolve("server.example", SocketAddr::new([127, 0, 0, 2].into(), address.port()));
    check(&failure(dialer, address).await, DialStep::Handshake, &format!("server.example:{}", address.port()), address);
}

#[tokio::test]
async fn after_a_redirect_it_is_the_server_that_it_led_to() {
    let last = server(Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned())).await;
    let to = format!("ws://other.example:{}/", last.port());
    let first = server(Some(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))).await;
    let other = format!("other.example:{}", last.port());
    let dialer = Dialer::new().redirects(1).resolve("other.example", last);
    check(&failure(dialer, first).await, DialStep::Handshake, &other, last);

    let again = server(Some("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_owned())).await;
    let error = failure(Dialer::new().redirects(1), again).await;
    assert!(matches!(error, DialError::Redirect { .. }), "{error}");
    check(&error, DialStep::Handshake, &format!("server.example:{}", again.port()), again);
}

#[tokio::test]
async fn with_a_proxy_it_is_the_proxys_address() {
    let proxy = server(Some("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned())).await;
    let url = format!("http://proxy.example:{}", proxy.port());
    let dialer = Dialer::new().proxy(&url).resolve("proxy.example", proxy);
    let error = within(dialer.dial("ws://server.example/")).await.unwrap_err();
    check(&error, DialStep::Proxy, &format!("proxy.example:{}", proxy.port()), proxy);
    let proxy = server(Some(String::new())).await;
    let dialer = Dialer::new().proxy(&format!("http://proxy.example:{}", proxy.port())).resolve("proxy.example", proxy);
    let error = within(dialer.dial("ws://server.example/")).await.unwrap_err();
    check(&error, DialStep::Proxy, "server.example:80", proxy);
}

#[tokio::test]
async fn an_address_that_stands_in_the_url_is_not_said_twice() {
    let address = server(Some(String::new())).await;
    let error = within(Dialer::new().dial(&format!("ws://{address}/"))).await.unwrap_err();
    assert_eq!(error.peer(), Some(address));
    assert!(!error.to_string().contains("connected to"), "{error}");
}
