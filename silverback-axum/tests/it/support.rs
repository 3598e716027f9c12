//! Servers on free ports, raw requests, and deadlines that only a hang can miss.

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::Router;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use silverback::{Conn, Dialer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Serves with `axum::serve`.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Serves with hyper's HTTP/1 alone.
pub(crate) async fn serve_with_hyper(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(router.clone());
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection.with_upgrades());
        }
    });
    address
}

pub(crate) async fn dial(address: SocketAddr, path: &str) -> Conn {
    within(Dialer::new().dial(&format!("ws://{address}{path}"))).await.unwrap()
}

/// An opening handshake with changes from `headers`: a value replaces a header, an empty value removes it.
pub(crate) fn handshake(method: &str, headers: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("Host", "example.com"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for &(name, value) in headers {
        all.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        all.extend((!value.is_empty()).then_some((name, value)));
    }
    let lines: String = all.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} /ws HTTP/1.1\r\n{lines}\r\n")
}

/// Returns the head of the response to a raw request, in lower case, and the body if its length is declared.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        if let Some(found) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(answer[..found].to_vec()).unwrap().to_ascii_lowercase();
            let declared = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let end = found + 4 + declared.map_or(0, |length| length.parse().unwrap());
            if answer.len() >= end {
                return (head, String::from_utf8(answer[found + 4..end].to_vec()).unwrap());
            }
        }
        assert_ne!(within(stream.read_buf(&mut answer)).await.unwrap(), 0, "the answer is not complete");
    }
}

/// A limit that only a hang exceeds, even on a busy machine.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), work).await.expect("it hangs")
}
