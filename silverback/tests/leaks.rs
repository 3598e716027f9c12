//! After any end of a connection, no task and no descriptor remains. This is a separate test program, because no other
//! test may open files meanwhile.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream as PlainStream},
    time::{Duration, Instant},
};

use silverback::{Config, Error, Upgrader};
use silverback_testkit::wire::{CLIENT_KEY, Frame, binary, close, frame, text};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
    task::spawn_blocking,
    time::sleep,
};

/// How a client ends, or stays connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    ClosesCleanly,
    ClosesAndStays,
    GoesAway,
    GoesAwayWithAnswersUnread,
    Resets,
    SaysItsLastWordAndStays,
    IsSilent,
    IsAtFaultAndStays,
    NeverReads,
    NeverReadsAndIsLeft,
    SendsHalfARequestAndStays,
    SendsHalfARequestAndGoesAway,
    IsNoWebSocketAndStays,
}

use Client::*;

const CLIENTS: [Client; 13] = [
    ClosesCleanly,
    ClosesAndStays,
    GoesAway,
    GoesAwayWithAnswersUnread,
    Resets,
    SaysItsLastWordAndStays,
    IsSilent,
    IsAtFaultAndStays,
    NeverReads,
    NeverReadsAndIsLeft,
    SendsHalfARequestAndStays,
    SendsHalfARequestAndGoesAway,
    IsNoWebSocketAndStays,
];

/// Runs this client; the returned stream keeps it connected.
fn behave(client: Client, address: SocketAddr) -> Option<PlainStream> {
    let mut stream = PlainStream::connect(address).unwrap();
    match client {
        SendsHalfARequestAndStays | SendsHalfARequestAndGoesAway => {
            stream.write_all(b"GET / HTTP/1.1\r\nHost").unwrap();
            return (client == SendsHalfARequestAndStays).then_some(stream);
        }
        IsNoWebSocketAndStays => {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            return Some(stream);
        }
        _ => shake_hands(&mut stream, client),
    }
    match client {
        ClosesCleanly => {
            send(&mut stream, close(1000, ""));
            stream.read_to_end(&mut Vec::new()).unwrap();
            None
        }
        ClosesAndStays => {
            send(&mut stream, close(1000, ""));
            Some(stream)
        }
        GoesAway => None,
        GoesAwayWithAnswersUnread => {
            send(&mut stream, text("hello"));
            stream.read_exact(&mut [0]).unwrap();
            None
        }
        Resets => {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            None
        }
        SaysItsLastWordAndStays => {
            stream.shutdown(Shutdown::Write).unwrap();
            Some(stream)
        }
        IsAtFaultAndStays => {
            send(&mut stream, frame(0xF, ""));
            Some(stream)
        }
        NeverReads | NeverReadsAndIsLeft => {
            stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            let message = binary(vec![7; 500_000]).masked(CLIENT_KEY).encode();
            while stream.write_all(&message).is_ok() {}
            Some(stream)
        }
        _ => Some(stream),
    }
}

fn send(stream: &mut PlainStream, frame: Frame) {
    stream.write_all(&frame.masked(CLIENT_KEY).encode()).unwrap();
}

fn shake_hands(stream: &mut PlainStream, client: Client) {
    let subprotocol = if client == NeverReadsAndIsLeft { "Sec-WebSocket-Protocol: leave\r\n" } else { "" };
    let request = format!(
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{subprotocol}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
}

/// Timeouts that end each of them soon.
fn upgrader() -> Upgrader {
    let soon = Duration::from_millis(300);
    let config = Config::default()
        .ping_interval(soon)
        .ping_timeout(soon)
        .close_timeout(soon)
        .write_stall_timeout(soon)
        .max_queued_output(100_000);
    // If a client asks for this, the server writes to it and then drops the connection.
    Upgrader::new().config(config).handshake_timeout(soon).subprotocols(["leave"])
}

async fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut conn = upgrader().accept(stream).await?;
    if conn.subprotocol().is_some() {
        // Writes until the queue is full, so accepted output is still in flight.
        while conn.try_write_message(vec![7; 1_000_000]).is_ok() {}
        return Ok(());
    }
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn whatever_the_client_does_no_task_and_no_descriptor_stays() {
    const EACH: usize = 8;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream));
            }
        });
        // The first connection starts the flusher, which remains for all.
        let first = spawn_blocking(move || behave(ClosesCleanly, address)).await.unwrap();
        assert!(first.is_none());
        sleep(Duration::from_secs(1)).await;
        let metrics = Handle::current().metrics();
        let (tasks, descriptors) = (metrics.num_alive_tasks(), open_descriptors());

        let clients = CLIENTS.into_iter().cycle().take(EACH * CLIENTS.len());
        let behaving: Vec<_> = clients.map(|client| spawn_blocking(move || behave(client, address))).collect();
        let mut staying = Vec::new();
        for client in behaving {
            staying.extend(client.await.unwrap());
        }
        // Connected clients hold one descriptor each.
        let begun = Instant::now();
        loop {
            let left = (metrics.num_alive_tasks(), open_descriptors() - staying.len());
            if left.0 <= tasks && left.1 <= descriptors {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{left:?} stay, of {:?}", (tasks, descriptors));
            sleep(Duration::from_millis(50)).await;
        }
    });
}
