//! `Reconnect`: when it reconnects, when it stops, and that it never loses messages silently. The network is a pipe for
//! each connection, which the test answers. Time is paused, so every wait is exact.

use std::{io, time::Duration};

use silverback::{
    Dialer, Message, Reconnect,
    proto::handshake::{AcceptKey, Nonce},
    reconnect::{Outage, ReconnectError, ReconnectEvent, ReconnectingConn, ReconnectingWriter},
};
use silverback_testkit::{
    pipe::{Remote, pipe},
    wire::{close, text},
};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinHandle,
    time::Instant,
};

use crate::support::{Head, within};

mod as_sink;
mod ending;
mod hooks;
mod lost_messages;
mod sockets;
mod when;

const URL: &str = "ws://server.example.com/feed";

/// The connections that a client makes, in their order.
struct Server {
    connections: UnboundedReceiver<Remote>,
}

/// A client that waits as long as the bound says, and the server that it dials.
fn client() -> (Reconnect, Server) {
    let (dialer, server) = dialer();
    (Reconnect::new(dialer, URL).jitter(|| 1.0), server)
}

fn dialer() -> (Dialer, Server) {
    let (made, connections) = mpsc::unbounded_channel();
    let dialer = Dialer::new().connector(move |_| {
        let (stream, remote) = pipe();
        let taken = made.send(remote.as_server()).map_err(|_| io::ErrorKind::ConnectionRefused.into());
        async move { taken.map(|()| stream) }
    });
    (dialer, Server { connections })
}

impl Server {
    /// The next connection, before any handshake.
    async fn connection(&mut self) -> Remote {
        within(self.connections.recv()).await.unwrap()
    }

    /// The next connection, with the handshake done.
    async fn accept(&mut self) -> Remote {
        self.accept_request().await.1
    }

    async fn accept_request(&mut self) -> (Head, Remote) {
        let remote = self.connection().await;
        let (head, accept) = request(&remote).await;
        remote.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ));
        (head, remote)
    }

    /// Answers the next connection's request with this status, and closes it.
    async fn refuse(&mut self, status: &str, headers: &str) {
        let remote = self.connection().await;
        request(&remote).await;
        remote.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{headers}\r\n"));
        remote.half_close();
    }

    /// Whether no client has connected.
    fn is_alone(&mut self) -> bool {
        self.connections.try_recv().is_err()
    }
}

async fn request(remote: &Remote) -> (Head, AcceptKey) {
    let head = Head::parse(&within(remote.read_until("\r\n\r\n")).await);
    let nonce = Nonce::parse(head.header("sec-websocket-key").unwrap().as_bytes()).unwrap();
    (head, nonce.accept_key())
}

/// The results of a client that reads in a loop.
struct Events {
    events: UnboundedReceiver<Result<ReconnectEvent, ReconnectError>>,
    reading: JoinHandle<()>,
}

fn read_on(mut conn: ReconnectingConn) -> Events {
    let (sender, events) = mpsc::unbounded_channel();
    let reading = tokio::spawn(async move {
        while let Some(event) = conn.read_event().await.transpose() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    Events { events, reading }
}

impl Events {
    async fn next(&mut self) -> Option<Result<ReconnectEvent, ReconnectError>> {
        within(self.events.recv()).await
    }

    async fn connected(&mut self) {
        let event = self.next().await;
        assert!(matches!(event, Some(Ok(ReconnectEvent::Connected(_)))), "{event:?}");
    }

    /// The next outage that is not the last one.
    async fn outage(&mut self) -> Outage {
        loop {
            match self.next().await {
                Some(Ok(ReconnectEvent::Disconnected(outage))) => return outage,
                Some(Ok(_)) => {}
                end => panic!("expected an outage, got {end:?}"),
            }
        }
    }

    async fn given_up(&mut self) -> Outage {
        loop {
            match self.next().await {
                Some(Err(ReconnectError::GivenUp(outage))) => return outage,
                Some(Ok(_)) => {}
                end => panic!("expected the end, got {end:?}"),
            }
        }
    }
}

/// The time that passes until `future` is done.
async fn time_of<T>(future: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let output = future.await;
    (begun.elapsed(), output)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn messages_of_all_connections_are_read_as_if_there_were_one() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let serving = tokio::spawn(async move {
        for round in 1..=3 {
            let remote = server.accept().await;
            remote.send_frame(text(format!("round {round}")));
            if round == 3 {
                remote.send_frame(close(1000, "done"));
            }
            remote.half_close();
            within(remote.ended()).await;
        }
    });
    for round in 1..=3 {
        let message = within(conn.read_message()).await.unwrap();
        assert_eq!(message, Some(format!("round {round}").into()));
    }
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_somebody_waits() {
    let (client, mut server) = client();
    let conn = client.start();
    tokio::time::sleep(seconds(100)).await;
    assert!(server.is_alone());
    drop(conn);
}
