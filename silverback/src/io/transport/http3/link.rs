//! The connection below the streams.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use quinn::{Connection, ConnectionError, SendStream};
use silverback_proto::h3::{Error, ErrorCode};
use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};

use super::codes::varint;

/// A connection of QUIC. Every WebSocket on it and every request in progress has a share. When the last one is dropped,
/// the connection ends in order.
#[derive(Debug)]
pub(crate) struct Link {
    connection: Connection,
    /// The address of our UDP socket, if it is known. It may be the unspecified one.
    socket: Option<SocketAddr>,
    /// The rule of HTTP/3 that the peer broke.
    fault: OnceLock<Error>,
    /// How many streams with WebSockets and requests there are.
    pub(super) streams: AtomicUsize,
    /// Our control stream, which must stay open as long as the connection. `None` if the server keeps it.
    _control: Option<SendStream>,
}

impl Link {
    pub(crate) fn new(connection: Connection, socket: Option<SocketAddr>, control: Option<SendStream>) -> Self {
        Self { connection, socket, fault: OnceLock::new(), streams: AtomicUsize::new(0), _control: control }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the present address of the peer, which may move to another one.
    pub(crate) fn peer_addr(&self) -> SocketAddr {
        canonical(self.connection.remote_address())
    }

    /// Returns the address of our end, if it is known.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        let mut local = self.socket?;
        // Of a socket for all addresses, quinn knows the one that the packets came to. It does not for clients.
        if local.ip().is_unspecified() {
            local.set_ip(self.connection.local_ip()?);
        }
        Some(canonical(local))
    }

    /// Ends the connection and tells the peer which rule it broke. All of its streams end with it.
    pub(crate) fn fail(&self, fault: &Error) {
        // The first fault is the one that the peer is told.
        if self.fault.set(fault.clone()).is_ok() {
            self.connection.close(varint(fault.code()), fault.to_string().as_bytes());
        }
    }

    /// Waits until the peer has received all of a stream or needs no more of it. A peer that is not heard for a while,
    /// although QUIC asks it again and again (RFC 9002, 6.2), may be gone: a program that exits leaves its connection
    /// behind. Then the wait ends, and so does the connection, unless others use it.
    pub(super) async fn wait_for_delivery(&self, stopped: impl Future) {
        let received = || self.connection.stats().udp_rx.datagrams;
        let mut stopped = pin!(stopped);
        let mut before = received();
        loop {
            let patience =
                self.connection.rtt().saturating_mul(SILENT_ROUND_TRIPS).clamp(SHORTEST_SILENCE, LONGEST_SILENCE);
            if timeout(patience, &mut stopped).await.is_ok() {
                return;
            }
            let now = received();
            if now == before {
                break;
            }
            before = now;
        }
        if self.streams.load(Ordering::Relaxed) == 1 {
            self.connection.close(varint(ErrorCode::NO_ERROR), b"");
        }
    }

    /// Ends the connection, and waits until the packet that says so has left. The end at the drop sends it later, and a
    /// program that exits at once would never send it.
    pub(super) async fn leave(&self) {
        // quinn has no event for it.
        let sent = || self.connection.stats().udp_tx.datagrams;
        let before = sent();
        self.connection.close(varint(ErrorCode::NO_ERROR), b"");
        for turn in 0..LEAVING_YIELDS + LEAVING_SLEEPS {
            if sent() > before {
                return;
            }
            if turn < LEAVING_YIELDS { yield_now().await } else { sleep(LEAVING_SLEEP).await }
        }
    }

    /// The fault of the peer that ended the connection.
    pub(crate) fn fault(&self) -> Option<&Error> {
        self.fault.get()
    }

    /// Says why the connection has ended.
    pub(crate) fn error(&self, error: ConnectionError) -> io::Error {
        match self.fault() {
            Some(fault) => io::Error::new(io::ErrorKind::InvalidData, fault.clone()),
            None => to_io(error),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.close(varint(ErrorCode::NO_ERROR), b"");
    }
}

/// A socket for both families reports addresses of IPv4 in the form of IPv6.
fn canonical(mut address: SocketAddr) -> SocketAddr {
    address.set_ip(address.ip().to_canonical());
    address
}

/// Returns whether the peer has ended the connection without an error.
pub(crate) fn is_clean_end(error: &ConnectionError) -> bool {
    match error {
        ConnectionError::ApplicationClosed(close) => close.error_code == varint(ErrorCode::NO_ERROR),
        _ => false,
    }
}

pub(crate) fn to_io(error: ConnectionError) -> io::Error {
    let kind = match &error {
        ConnectionError::TimedOut => io::ErrorKind::TimedOut,
        ConnectionError::LocallyClosed => io::ErrorKind::ConnectionAborted,
        ConnectionError::Reset => io::ErrorKind::ConnectionReset,
        ConnectionError::ApplicationClosed(close) => {
            let code = ErrorCode::new(close.error_code.into_inner());
            let reason = String::from_utf8_lossy(&close.reason);
            let blank = if reason.is_empty() { "" } else { ": " };
            let text = format!("the peer ended the connection with {code}{blank}{}", reason.escape_debug());
            return io::Error::new(io::ErrorKind::ConnectionReset, text);
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// How long a peer may say nothing, in round trips, and its bounds. Several packets that ask it fit into that time.
const SILENT_ROUND_TRIPS: u32 = 8;
const SHORTEST_SILENCE: Duration = Duration::from_millis(500);
const LONGEST_SILENCE: Duration = Duration::from_secs(2);
/// The last packet leaves at the next turn of the connection's task, unless the machine is very busy.
const LEAVING_YIELDS: u32 = 16;
const LEAVING_SLEEPS: u32 = 50;
const LEAVING_SLEEP: Duration = Duration::from_millis(2);
