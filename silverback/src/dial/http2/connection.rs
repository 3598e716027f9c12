//! One connection over HTTP/2: its settings, its streams, and the task that drives it.

use std::{
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::Poll,
};

use bytes::Bytes;
use h2::{
    Reason,
    client::{Builder, Connection, SendRequest},
};
use tokio::time::timeout;

use super::prefixed::Prefixed;
use crate::{
    dial::multiplexed::{CHECK, MAX_IDLE_CHECKS, MAX_STREAMS},
    io::transport::{
        driven::Driven,
        http2::to_io,
        socket::{Addresses, socket_under},
    },
};

/// A connection on which streams can be opened. When it and all streams are gone, the connection ends.
#[derive(Debug)]
pub(super) struct Http2Connection {
    /// `None` if no more streams may be opened.
    sender: Mutex<Option<SendRequest<Bytes>>>,
    /// Each handshake and each WebSocket has a clone, and so has the driver.
    streams: Arc<Driven>,
    addresses: Option<Arc<Addresses>>,
}

/// The right to open one stream.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) counted: Arc<Driven>,
    pub(super) addresses: Option<Arc<Addresses>>,
}

impl Http2Connection {
    /// Begins HTTP/2 on a stream and waits for the server's SETTINGS, because only they say whether the server takes
    /// WebSockets.
    ///
    /// # Errors
    /// An error of h2 or [`TurnedAway`] is inside of the `io::Error`.
    pub(super) async fn begin(stream: Prefixed, max_head_size: usize) -> io::Result<(Arc<Self>, Slot)> {
        let addresses = Addresses::of(stream.wire()).map(Arc::new);
        if let Some(socket) = socket_under(stream.wire()) {
            // Nagle's algorithm would add up to 40 ms.
            let _ = socket.set_nodelay(true);
        }
        let (mut sender, mut connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(u32::try_from(max_head_size).unwrap_or(u32::MAX))
            .max_send_buffer_size(SEND_BUFFER)
            .data_frame_budget(FRAME_BUDGET)
            // h2 does not report that SETTINGS have come, but they change this number. It stays 0 if the server allows no
            // stream yet.
            .initial_max_send_streams(0)
            .handshake::<_, Bytes>(stream)
            .await
            .map_err(to_io)?;
        poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            // Only the sender knows of a GOAWAY, after which the server may also have closed the socket.
            Poll::Ready(ended) => Poll::Ready(Err(match (sender.poll_ready(cx), ended) {
                (Poll::Ready(Err(told)), _) if told.is_go_away() && told.reason() == Some(Reason::NO_ERROR) => {
                    TurnedAway.into()
                }
                (_, Err(error)) => to_io(error),
                (_, Ok(())) => io::ErrorKind::UnexpectedEof.into(),
            })),
            Poll::Pending if connection.max_concurrent_send_streams() == 0 => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await?;
        let streams = Arc::new(Driven::default());
        let slot = Slot { sender: sender.clone(), counted: streams.clone(), addresses: addresses.clone() };
        let this = Arc::new(Self { sender: Mutex::new(Some(sender)), streams: streams.clone(), addresses });
        tokio::spawn(drive(connection, Arc::downgrade(&this), streams));
        Ok((this, slot))
    }

    /// Returns the right to open one more stream, if the connection may have one.
    pub(super) fn slot(&self) -> Option<Slot> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        // This connection and its driver count too.
        let open = Arc::strong_count(&self.streams).saturating_sub(2);
        let has_room = open < sender.current_max_send_streams().min(MAX_STREAMS);
        let (counted, addresses) = (self.streams.clone(), self.addresses.clone());
        has_room.then_some(Slot { sender, counted, addresses })
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        Some(self.addresses.as_ref()?.peer)
    }

    /// Opens no more streams. Those that are open live on, and the connection ends after the last one.
    pub(super) fn retire(&self) {
        // Dropped outside of the lock.
        let _sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_retired(&self) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// The server has ended a new connection without an error (GOAWAY). It is inside of an `io::Error`.
#[derive(Debug)]
pub(super) struct TurnedAway;

impl From<TurnedAway> for io::Error {
    fn from(error: TurnedAway) -> Self {
        Self::new(io::ErrorKind::ConnectionReset, error)
    }
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server ended the connection before the request (GOAWAY)")
    }
}

impl std::error::Error for TurnedAway {}

/// Drives a connection until it ends. h2 ends it in order when the last sender and the last stream are gone.
async fn drive(mut connection: Connection<Prefixed, Bytes>, handle: Weak<Http2Connection>, streams: Arc<Driven>) {
    let (mut idle_checks, mut ending_checks) = (0, 0);
    loop {
        let turns = poll_fn(|cx| {
            let turn = streams.begin_turn();
            let polled = Pin::new(&mut connection).poll(cx);
            streams.end_turn(turn);
            polled
        });
        if let Ok(ended) = timeout(CHECK, turns).await {
            tracing::debug!(name: "http2_ended", target: "silverback::dial", ?ended, "the HTTP/2 connection ended");
            return;
        }
        let handle = handle.upgrade();
        let others = 1 + usize::from(handle.is_some());
        let is_idle = Arc::strong_count(&streams) <= others;
        let is_ending = is_idle && handle.as_ref().is_none_or(|handle| handle.is_retired());
        idle_checks = if is_idle { idle_checks + 1 } else { 0 };
        ending_checks = if is_ending { ending_checks + 1 } else { 0 };
        // The connection has been ending since the check before, so the server takes nothing any more.
        if ending_checks == 2 {
            return;
        }
        if let Some(handle) = handle.filter(|_| idle_checks >= MAX_IDLE_CHECKS) {
            handle.retire();
        }
    }
}

/// The bytes that a server may send on one stream before we read them. One WebSocket receives at most as many in each
/// round trip: 2.5 MB/s over 100 ms. A stream that is not read makes us hold them.
const STREAM_WINDOW: u32 = 256 * 1024;
/// All streams of a connection may use up their windows, and one more can still be read.
const CONNECTION_WINDOW: u32 = (MAX_STREAMS as u32 + 1) * STREAM_WINDOW;
/// What h2 buffers for each stream beside our own queue.
const SEND_BUFFER: usize = 64 * 1024;
/// The bytes that h2 may spend on the bookkeeping of small DATA frames that are not read. Beyond that it ends the whole
/// connection. h2 charges 256 bytes for a frame without its payload, so a stream whose window is full of frames of one
/// byte uses up most of this, and its neighbours stay connected.
const FRAME_BUDGET: usize = 68 * 1024 * 1024;
