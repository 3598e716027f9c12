//! WebSockets over HTTP/2 (RFC 8441), on h2: one connection carries many of them, as streams.
//!
//! `connection` has one connection, `exchange` the handshake of one stream. Here is the choice between them: which
//! connection a WebSocket gets, when another one is opened, and when HTTP/1.1 is used instead.

mod connection;
mod exchange;
mod http1_servers;
mod prefixed;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Response, Version};
use silverback_proto::handshake::ClientRequest;
use tokio::{sync::Mutex, time::Instant};

pub(super) use self::http1_servers::Http1Servers;
use self::{
    connection::{Http2Connection, Slot, TurnedAway},
    exchange::{exchange, http2_error, remedy},
    prefixed::Prefixed,
};
use super::{
    DialError, DialEvent, DialStep, Dialer, HttpVersion, VersionFault,
    error::Place,
    exchange::{knows_no_protocol, shake_hands},
    multiplexed::{MAX_ATTEMPTS, Remedy},
    reach::{Reached, reach},
    target,
    time_limit::{TimeLimit, until},
    version::Alpn,
};
use crate::{
    conn::Conn,
    io::transport::{socket::peer_of, wire::Wire},
};

/// The connections of one dial or of one session, all to the same origin.
#[derive(Debug, Default)]
pub(super) struct Http2Pool {
    /// The connection that gets the next stream. Others live as long as their streams.
    current: Mutex<Option<Arc<Http2Connection>>>,
    /// Whether the server wanted HTTP/1.1 at the last connection.
    is_http1: AtomicBool,
}

/// A place for one WebSocket.
enum Reserved {
    Stream(Stream),
    /// A new connection over HTTP/1.1.
    Http1(Wire),
    /// None yet: the server wants HTTP/1.1, and the next connection will be of it.
    FellBack,
}

struct Stream {
    connection: Arc<Http2Connection>,
    slot: Slot,
    /// Whether the connection was opened for this stream.
    is_first: bool,
    /// The end of the handshake, and the limit that it comes from.
    limit: (Instant, Duration),
}

impl Http2Pool {
    /// Returns the version of HTTP of the newest connection.
    pub(super) fn version(&self) -> Version {
        if self.is_http1.load(Ordering::Relaxed) { Version::HTTP_11 } else { Version::HTTP_2 }
    }

    /// Opens the first connection, unless it would be of HTTP/1.1.
    pub(super) async fn prepare(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
    ) -> Result<(), DialError> {
        if offer(dialer, request) == Alpn::Http1 {
            self.is_http1.store(true, Ordering::Relaxed);
            return Ok(());
        }
        self.reserve(dialer, request, time, &mut 1).await.map(drop)
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
            let stream = match self.reserve(dialer, request, time, &mut attempt).await? {
                Reserved::Stream(stream) => stream,
                Reserved::Http1(wire) => return shake_hands(dialer, wire, request.clone(), time).await,
                Reserved::FellBack => continue,
            };
            let Stream { connection, slot, is_first, limit } = stream;
            let place = Place::new(&target, connection.peer());
            let work = exchange(dialer, slot, request.clone(), place, limit.0);
            let error = match until(limit, DialStep::Handshake, place, work).await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            let remedy = remedy(&error, is_first);
            if remedy != Remedy::None {
                connection.retire();
            }
            let can_retry = match remedy {
                Remedy::None | Remedy::LeaveConnection => false,
                Remedy::NewConnection => true,
                Remedy::Http1 => fall_back(dialer, request),
            };
            if !can_retry || attempt == MAX_ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
    }

    /// Tries again if the server turns a new connection away.
    async fn reserve(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
        attempt: &mut u32,
    ) -> Result<Reserved, DialError> {
        loop {
            match self.try_reserve(dialer, request, time).await {
                Err(error) if is_turned_away(&error) && *attempt < MAX_ATTEMPTS => *attempt += 1,
                reserved => return reserved,
            }
        }
    }

    async fn try_reserve(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
    ) -> Result<Reserved, DialError> {
        if self.is_http1.load(Ordering::Relaxed) {
            return self.connect(dialer, request, time, &mut None).await;
        }
        let target = target(request);
        // Others may be opening the connection that this stream will share.
        let locking = async { Ok(self.current.lock().await) };
        let mut current = time.in_all(DialStep::Connect, Place::new(&target, None), locking).await?;
        if let Some((connection, slot)) = current.as_ref().and_then(|current| Some((current.clone(), current.slot()?)))
        {
            let limit = time.deadline(DialStep::Handshake);
            return Ok(Reserved::Stream(Stream { connection, slot, is_first: false, limit }));
        }
        self.connect(dialer, request, time, &mut current).await
    }

    /// Opens a new connection, and makes it the current one if it is of HTTP/2.
    async fn connect(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
        current: &mut Option<Arc<Http2Connection>>,
    ) -> Result<Reserved, DialError> {
        let reserved = connect(dialer, request, time).await?;
        let connection = match &reserved {
            Reserved::Stream(stream) => Some(stream.connection.clone()),
            Reserved::Http1(_) | Reserved::FellBack => None,
        };
        self.is_http1.store(connection.is_none(), Ordering::Relaxed);
        *current = connection;
        Ok(reserved)
    }
}

/// Connects to the server with the version that it takes.
async fn connect(dialer: &Dialer, request: &ClientRequest, time: &TimeLimit) -> Result<Reserved, DialError> {
    let alpn = offer(dialer, request);
    let Reached { wire, selected, early } = reach(dialer, request, alpn, time).await.map_err(|error| match error {
        DialError::Io { step: DialStep::Tls, target, peer, source } if knows_no_protocol(&source) => {
            unsupported(&target, peer, DialStep::Tls, VersionFault::Alpn { selected: None })
        }
        error => error,
    })?;
    let is_http2 = selected.as_deref() == Some(b"h2") || (!request.is_secure() && alpn == Alpn::Http2);
    match alpn {
        _ if is_http2 => {}
        Alpn::Http1 | Alpn::Http2OrHttp1 => return Ok(Reserved::Http1(wire)),
        _ => {
            let fault = VersionFault::Alpn { selected };
            return Err(unsupported(&target(request), peer_of(&wire), DialStep::Tls, fault));
        }
    }
    match begin(dialer, Prefixed::new(early, wire), request, time).await {
        Err(DialError::HttpVersion { fault: VersionFault::ExtendedConnect, .. })
            if alpn == Alpn::Http2OrHttp1 && fall_back(dialer, request) =>
        {
            Ok(Reserved::FellBack)
        }
        begun => begun.map(Reserved::Stream),
    }
}

/// Does the opening handshake of one WebSocket on a stream that leads to a server of HTTP/2.
pub(super) async fn dial_on(
    dialer: &Dialer,
    wire: Wire,
    request: ClientRequest,
    time: &TimeLimit,
) -> Result<(Conn, Response<()>), DialError> {
    let Stream { connection, slot, limit, .. } = begin(dialer, Prefixed::new(Vec::new(), wire), &request, time).await?;
    let target = target(&request);
    let place = Place::new(&target, connection.peer());
    let deadline = limit.0;
    until(limit, DialStep::Handshake, place, exchange(dialer, slot, request, place, deadline)).await
}

/// Begins HTTP/2 on a stream.
async fn begin(
    dialer: &Dialer,
    stream: Prefixed,
    request: &ClientRequest,
    time: &TimeLimit,
) -> Result<Stream, DialError> {
    let target = target(request);
    let peer = peer_of(stream.wire());
    let place = Place::new(&target, peer);
    let limit = time.deadline(DialStep::Handshake);
    let begun = Instant::now();
    let beginning = async {
        let begun = Http2Connection::begin(stream, dialer.settings.max_head_size).await;
        begun.map_err(|error| match http2_error(&error) {
            Some(fault) if !fault.is_remote() => {
                unsupported(&target, peer, DialStep::Handshake, VersionFault::OtherProtocol)
            }
            _ => place.failed(DialStep::Handshake, error),
        })
    };
    let (connection, slot) = until(limit, DialStep::Handshake, place, beginning).await?;
    let extended_connect = slot.sender.is_extended_connect_protocol_enabled();
    dialer.observe(&DialEvent::Http2Settings { target: &target, extended_connect, took: begun.elapsed() });
    match extended_connect {
        true => Ok(Stream { connection, slot, is_first: true, limit }),
        false => Err(unsupported(&target, peer, DialStep::Handshake, VersionFault::ExtendedConnect)),
    }
}

/// Returns what to offer by ALPN.
fn offer(dialer: &Dialer, request: &ClientRequest) -> Alpn {
    match dialer.http_version {
        HttpVersion::Http2 => Alpn::Http2,
        HttpVersion::Http2OrHttp1 if request.is_secure() && !dialer.http1_servers.contains(request) => {
            Alpn::Http2OrHttp1
        }
        _ => Alpn::Http1,
    }
}

/// Returns whether the dialer may use HTTP/1.1 instead, and remembers that the server wants it.
fn fall_back(dialer: &Dialer, request: &ClientRequest) -> bool {
    let may = dialer.http_version == HttpVersion::Http2OrHttp1;
    if may {
        dialer.http1_servers.add(request);
        dialer.observe(&DialEvent::FellBack { target: &target(request) });
    }
    may
}

/// Returns whether the server has ended a new connection before the request.
fn is_turned_away(error: &DialError) -> bool {
    let DialError::Io { source, .. } = error else { return false };
    source.get_ref().is_some_and(|inner| inner.is::<TurnedAway>())
}

fn unsupported(target: &str, peer: Option<SocketAddr>, step: DialStep, fault: VersionFault) -> DialError {
    DialError::HttpVersion { step, target: target.to_owned(), peer, version: Version::HTTP_2, fault }
}
