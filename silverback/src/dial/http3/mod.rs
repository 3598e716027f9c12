//! WebSockets over HTTP/3 (RFC 9220), on quinn: one connection carries many of them, as streams.
//!
//! `reach` opens a connection of QUIC, `connection` has HTTP/3 on it, and `exchange` the handshake of one stream. Here is
//! the choice between connections.

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod client;
#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
#[path = "no_client.rs"]
mod client;
mod connection;
mod exchange;
mod fault;
mod misuse;
mod reach;
mod tls_fault;

use std::{sync::Arc, time::Duration};

use http::Response;
use silverback_proto::{h3::Limits, handshake::ClientRequest};
use tokio::{sync::Mutex, time::Instant};

pub use self::misuse::QuicMisuse;
use self::{
    connection::{Http3Connection, Slot},
    exchange::{exchange, remedy},
    fault::unsupported,
    reach::reach,
};
use super::{
    DialError, DialEvent, DialStep, Dialer, VersionFault,
    error::Place,
    final_response::MAX_INTERIM_RESPONSES,
    multiplexed::{MAX_ATTEMPTS, Remedy},
    target,
    time_limit::{TimeLimit, until},
};
use crate::conn::Conn;

/// The connections of one dial or of one session, all to the same origin.
#[derive(Debug, Default)]
pub(super) struct Http3Pool {
    /// The connection that gets the next stream. Others live as long as their streams.
    current: Mutex<Option<Arc<Http3Connection>>>,
}

/// A place for one WebSocket.
struct Reserved {
    connection: Arc<Http3Connection>,
    slot: Slot,
    /// Whether the connection was opened for this stream.
    is_first: bool,
    /// The end of the handshake, and the limit that it comes from.
    limit: (Instant, Duration),
}

impl Http3Pool {
    /// Opens the first connection.
    pub(super) async fn prepare(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
    ) -> Result<(), DialError> {
        let mut current = self.current.lock().await;
        *current = Some(connect(dialer, request, time).await?.0);
        Ok(())
    }

    /// Opens a WebSocket on a connection that has room, or on a new one.
    pub(super) async fn open(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
    ) -> Result<(Conn, Response<()>), DialError> {
        let target = target(request);
        let mut attempt = 1;
        loop {
            let Reserved { connection, slot, is_first, limit } = self.reserve(dialer, request, time).await?;
            let place = Place::new(&target, Some(connection.peer));
            let work = exchange(dialer, slot, request.clone(), place, limit.0);
            let error = match until(limit, DialStep::Handshake, place, work).await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            let remedy = remedy(&error, is_first);
            if remedy != Remedy::None {
                connection.retire();
            }
            if remedy != Remedy::NewConnection || attempt == MAX_ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
    }

    async fn reserve(&self, dialer: &Dialer, request: &ClientRequest, time: &TimeLimit) -> Result<Reserved, DialError> {
        let target = target(request);
        // Others may be opening the connection that this stream will share.
        let locking = async { Ok(self.current.lock().await) };
        let mut current = time.in_all(DialStep::Connect, Place::new(&target, None), locking).await?;
        if let Some(connection) = current.clone() {
            if let Some(slot) = connection.slot().await {
                let limit = time.deadline(DialStep::Handshake);
                return Ok(Reserved { connection, slot, is_first: false, limit });
            }
        }
        let (connection, limit) = connect(dialer, request, time).await?;
        let place = Place::new(&target, Some(connection.peer));
        // The server may allow the first stream later than it sends its SETTINGS.
        let opening = async { connection.first_slot().await.map_err(|error| place.failed(DialStep::Handshake, error)) };
        let slot = until(limit, DialStep::Handshake, place, opening).await?;
        *current = Some(connection.clone());
        Ok(Reserved { connection, slot, is_first: true, limit })
    }
}

/// Opens a connection and waits for the server's SETTINGS, because only they say whether the server takes WebSockets.
async fn connect(
    dialer: &Dialer,
    request: &ClientRequest,
    time: &TimeLimit,
) -> Result<(Arc<Http3Connection>, (Instant, Duration)), DialError> {
    let target = target(request);
    let quic = reach(dialer, request, time).await?;
    let place = Place::new(&target, Some(quic.connection.remote_address()));
    let limit = time.deadline(DialStep::Handshake);
    let begun = Instant::now();
    let limits = Limits {
        field_section: dialer.settings.max_head_size as u64,
        interim_responses: MAX_INTERIM_RESPONSES as u32,
        ..Limits::default()
    };
    let beginning = async {
        let begun = Http3Connection::begin(quic, limits).await;
        begun.map_err(|error| place.failed(DialStep::Handshake, error))
    };
    let connection = until(limit, DialStep::Handshake, place, beginning).await?;
    let extended_connect = connection.settings.enable_connect_protocol;
    dialer.observe(&DialEvent::Http3Settings { target: &target, extended_connect, took: begun.elapsed() });
    if !extended_connect {
        return Err(unsupported(place, DialStep::Handshake, VersionFault::ExtendedConnect));
    }
    Ok((connection, limit))
}
