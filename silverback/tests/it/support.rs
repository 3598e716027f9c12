//! Connections on the kit's pipe, settings, and waiting that ends.

use std::{future::Future, time::Duration};

use silverback::{Compression, Config, Conn, Dialer, Negotiated, Role, Settings, Upgrader};
use silverback_testkit::{
    pipe::{Remote, pipe},
    wire::Frame,
};
use tokio::{net::TcpListener, time::timeout};

/// We are the server on a pipe, the test is the client.
pub(crate) fn server() -> (Conn, Remote) {
    server_with(&Settings::default())
}

/// We are the client on a pipe, the test is the server.
pub(crate) fn client() -> (Conn, Remote) {
    client_with(&Settings::default())
}

pub(crate) fn server_with(settings: &Settings) -> (Conn, Remote) {
    let (pipe, remote) = pipe();
    (Conn::from_handshake(pipe, Role::Server, Negotiated::default(), [], settings), remote.as_client())
}

pub(crate) fn client_with(settings: &Settings) -> (Conn, Remote) {
    let (pipe, remote) = pipe();
    (Conn::from_handshake(pipe, Role::Client, Negotiated::default(), [], settings), remote.as_server())
}

/// We are the server, with some of the configuration changed.
pub(crate) fn server_config(change: impl FnOnce(Config) -> Config) -> (Conn, Remote) {
    server_with(&Settings::default().adjust_config(change))
}

/// A client and a server over a socket, with compression or without.
pub(crate) async fn over_tcp(compression: Option<Compression>) -> (Conn, Conn) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let upgrader = Upgrader::new().compression(compression.clone());
    let accepting = async { upgrader.accept(listener.accept().await.unwrap().0).await.unwrap() };
    let dialler = Dialer::new().compression(compression);
    let (dialled, accepted) = within(async { tokio::join!(dialler.dial(&url), accepting) }).await;
    (dialled.unwrap(), accepted)
}

/// Sends frames in one piece, as they arrive when a peer has sent them together.
pub(crate) fn send_together(remote: &Remote, frames: impl IntoIterator<Item = Frame>) {
    let key = silverback_testkit::wire::CLIENT_KEY;
    let wire: Vec<u8> = frames.into_iter().flat_map(|frame| frame.masked(key).encode()).collect();
    remote.send(wire);
}

/// Waits, up to a limit.
#[track_caller]
pub(crate) fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("waited in vain at {caller}"),
        }
    }
}

/// Echoes in the plain loop until the connection ends.
pub(crate) async fn echo(mut conn: Conn) -> Result<(), silverback::Error> {
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

/// Runs every task that can make progress, without moving the clock.
pub(crate) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A request that is an opening handshake (RFC 6455, 1.2), with these lines besides, each with its end.
pub(crate) fn request(extra: &str) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n"
    )
}

/// The status and headers of a head, names in lower case.
pub(crate) struct Head {
    pub(crate) first_line: String,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let first_line = lines.next().unwrap().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Self { first_line, headers: lines.map(header).collect() }
    }

    pub(crate) fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The only header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} appears twice");
        value
    }

    /// The values of all headers of this name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// Receives the echo of a greeting and of a ping on a stream of HTTP/2, closes, and sees the server end its side.
#[cfg(feature = "http2")]
pub(crate) async fn expect_echo_and_close(stream: &mut silverback_testkit::http2::Stream, greeting: &str) {
    use silverback_testkit::wire::{close, pong, text};

    within(stream.expect(text(greeting))).await;
    within(stream.expect(pong("?"))).await;
    stream.send_frame(close(1000, "done"));
    within(stream.expect(close(1000, ""))).await;
    // The server ends its side first, as over TCP.
    assert_eq!(within(stream.receive()).await.unwrap(), None);
}
