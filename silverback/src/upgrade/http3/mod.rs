//! A server of WebSockets over HTTP/3 (RFC 9220), on quinn and the sans-I/O layer of `silverback_proto::h3`.
//!
//! ```text
//! config     what a client may make us hold, in the terms of QUIC
//! endpoint   the UDP socket, and clients that begin a connection
//! mod        one connection: accepts streams, ends it in order
//! stream     one stream: request in, response out
//! request    reads a request
//! ```

#[cfg(all(feature = "with-rustls-0_23", any(feature = "ring", feature = "aws-lc-rs")))]
mod config;
pub(super) mod endpoint;
mod request;
pub(super) mod stream;

use std::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
};

use http::Request;
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use silverback_proto::{
    Role,
    h3::{Error as Fault, ErrorCode, LimitError, Limits, Peer, Settings, goaway_frame},
};
use tokio::{io::AsyncWrite, sync::watch, task::JoinSet};

use self::{endpoint::Http3Incoming, request::read, stream::Http3Stream};
use super::{
    UpgradeError, Upgrader,
    handshakes::{Accepted, Handshakes, poll_task},
    multiplexed::{IdleStep, IdleTimer, MAX_STREAMS},
    stream_request::StreamRequest,
};
use crate::{
    conn::Conn,
    io::transport::http3::{
        codes::varint,
        control::{self, Told},
        link::{Link, is_clean_end, to_io},
    },
};

impl Upgrader {
    /// Serves WebSockets on one HTTP/3 connection (RFC 9220), which a client has begun at an
    /// [`Http3Endpoint`](crate::Http3Endpoint).
    ///
    /// A client that has no WebSocket open must open one within the handshake timeout. Otherwise the server ends the
    /// connection, within three times that timeout.
    ///
    /// ```no_run
    /// # #[cfg(all(feature = "with-rustls-0_23", any(feature = "ring", feature = "aws-lc-rs")))]
    /// # async fn serve(tls: rustls::ServerConfig) -> std::io::Result<()> {
    /// let upgrader = silverback::Upgrader::new();
    /// let endpoint = silverback::Http3Endpoint::bind("[::]:443".parse().unwrap(), tls)?;
    /// while let Some(client) = endpoint.accept().await {
    ///     let mut http3 = upgrader.serve_http3(client);
    ///     tokio::spawn(async move {
    ///         while let Some(accepted) = http3.accept().await {
    ///             let Ok((mut conn, _request)) = accepted else { continue };
    ///             tokio::spawn(async move {
    ///                 while let Some(message) = conn.read_message().await? {
    ///                     conn.write_message(message).await?;
    ///                 }
    ///                 Ok::<_, silverback::Error>(())
    ///             });
    ///         }
    ///     });
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub fn serve_http3(&self, client: impl Into<Http3Incoming>) -> Http3Server {
        let client = client.into();
        let limits = Limits { field_section: self.settings.max_head_size as u64, ..Limits::default() };
        Http3Server {
            upgrader: self.clone(),
            remote_address: client.remote_address(),
            socket: client.socket,
            limits,
            state: State::Begins(Box::pin(open(client, limits))),
            timer: IdleTimer::new(self.settings.handshake_timeout),
            requests: JoinSet::new(),
            handshakes: Handshakes::default(),
            cancelled: Arc::default(),
            is_shutting_down: false,
        }
    }
}

/// One HTTP/3 connection that carries WebSockets; see [`Upgrader::serve_http3`].
///
/// All of its WebSockets end when it is dropped.
pub struct Http3Server {
    upgrader: Upgrader,
    remote_address: SocketAddr,
    /// The address of our socket, if it is known.
    socket: Option<SocketAddr>,
    limits: Limits,
    state: State,
    timer: IdleTimer,
    /// The streams whose requests are read.
    requests: JoinSet<Result<StreamRequest, UpgradeError>>,
    handshakes: Handshakes,
    /// How many requests the client has cancelled since the last check.
    cancelled: Arc<AtomicU32>,
    is_shutting_down: bool,
}

enum State {
    /// The handshake of QUIC is not over, or our SETTINGS are not sent.
    Begins(Opening),
    Open(Box<Open>),
    Over,
}

type Opening = Pin<Box<dyn Future<Output = std::io::Result<(Connection, SendStream)>> + Send>>;

struct Open {
    connection: Connection,
    /// Each WebSocket and each handshake has a share, and the connection ends with the last one. `None` once the
    /// connection shuts down.
    link: Option<Arc<Link>>,
    /// Our control stream, and the rest of a GOAWAY frame for it.
    control: SendStream,
    goaway: Vec<u8>,
    /// What the client has said on its control stream.
    told: watch::Receiver<Told>,
    next_stream: NextStream,
    /// The identifier of the first stream that was not accepted.
    next_id: u64,
}

type NextStream = Pin<Box<dyn Future<Output = Result<(SendStream, RecvStream), ConnectionError>> + Send>>;

impl Http3Server {
    /// Waits until the handshake of QUIC is done. [`accept`](Self::accept) and [`next_request`](Self::next_request) do the
    /// same, so call this only to do something in between. Before, the client's address may be invented, so a server that
    /// limits its connections should count a client from here on. Does nothing if the handshake is done.
    ///
    /// # Errors
    /// Fails if the handshake fails or takes longer than the handshake timeout. The connection has ended then.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn connected(&mut self) -> Result<(), UpgradeError> {
        poll_fn(|cx| self.poll_connected(cx)).await
    }

    /// Returns the next WebSocket with its request, or `None` once the connection has ended. Call this until then.
    ///
    /// The hook of [`Upgrader::on_request`] is called for each request. Its future is dropped if the client resets the
    /// stream. A request that is not a WebSocket handshake gets the response that says so.
    ///
    /// # Errors
    /// Fails for one stream. Its request was answered with the reason, unless the client had reset it. The connection and
    /// its other streams go on. An error of the connection itself comes last, before `None`.
    ///
    /// # Cancel safety
    /// Dropping the future loses no WebSocket.
    pub async fn accept(&mut self) -> Option<Result<(Conn, Request<()>), UpgradeError>> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Returns the next request without answering it, or `None` once the connection has ended. This is for servers that
    /// also answer other requests, such as those for a page. Call it until then. `Http2Server` has the same method, so a
    /// server answers both versions alike.
    ///
    /// A client may have 100 requests without an answer. A request that does not arrive within the handshake timeout is
    /// answered with 408.
    ///
    /// # Errors
    /// Fails for one stream whose request could not be read. The connection and its other streams go on. An error of the
    /// connection itself comes last, before `None`.
    ///
    /// # Cancel safety
    /// Dropping the future loses no request.
    pub async fn next_request(&mut self) -> Option<Result<StreamRequest, UpgradeError>> {
        poll_fn(|cx| self.poll_next_request(cx)).await
    }

    /// Ends the connection in order: the client is told to open no more streams (GOAWAY), and
    /// [`accept`](Self::accept) and [`next_request`](Self::next_request) return `None` once those that are open have
    /// ended.
    pub fn shut_down(&mut self) {
        self.is_shutting_down = true;
        if let State::Open(open) = &mut self.state {
            open.shut_down();
        }
    }

    /// The address of the client when the connection began. Clients of QUIC may move to another one.
    pub fn remote_address(&self) -> SocketAddr {
        self.remote_address
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        loop {
            if let Some(handshake) = self.handshakes.poll_one(cx) {
                return Poll::Ready(Some(handshake));
            }
            match ready!(self.poll_next_request(cx)) {
                Some(Ok(request)) => self.handshakes.start(&self.upgrader, request),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn poll_next_request(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<StreamRequest, UpgradeError>>> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Begins(_) => {
                    if let Err(error) = ready!(self.poll_connected(cx)) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                State::Open(open) => {
                    if let Some(request) = poll_task(&mut self.requests, cx) {
                        return Poll::Ready(Some(request));
                    }
                    // A client that opens streams and resets them without end makes us work for nothing.
                    if self.cancelled.load(Ordering::Relaxed) > MAX_CANCELLED {
                        open.fail(&LimitError::CancelledRequests { limit: MAX_CANCELLED }.into());
                    }
                    open.poll_goaway(cx);
                    match open.next_stream.as_mut().poll(cx) {
                        // QUIC limits how many streams there are at a time, and a stream counts until its request is
                        // answered.
                        Poll::Ready(Ok(stream)) => {
                            if let Some((stream, link)) = open.accept(stream) {
                                let upgrader = self.upgrader.clone();
                                let stream = Http3Stream::new(stream, self.limits, link, self.cancelled.clone());
                                self.requests.spawn(async move { read(&upgrader, stream).await });
                            }
                        }
                        Poll::Ready(Err(error)) => return self.end(error),
                        Poll::Pending => {
                            ready!(self.timer.poll(cx));
                            self.check();
                        }
                    }
                }
            }
        }
    }

    fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpgradeError>> {
        let State::Begins(opening) = &mut self.state else { return Poll::Ready(Ok(())) };
        let error = match opening.as_mut().poll(cx) {
            Poll::Ready(Ok((connection, control))) => {
                self.begin(connection, control);
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(error)) => UpgradeError::Io(error),
            Poll::Pending => {
                ready!(self.timer.poll(cx));
                UpgradeError::Timeout(self.upgrader.settings.handshake_timeout)
            }
        };
        self.state = State::Over;
        Poll::Ready(Err(error))
    }

    fn begin(&mut self, connection: Connection, control: SendStream) {
        let link = Arc::new(Link::new(connection.clone(), self.socket, None));
        let told = control::read_in_background(&link, Peer::new(Role::Client, self.limits));
        self.state = State::Open(Box::new(Open {
            next_stream: next_stream(&connection),
            connection,
            link: Some(link),
            control,
            goaway: Vec::new(),
            told,
            next_id: 0,
        }));
        // The time for the handshake of QUIC is not that for the first request.
        self.timer = IdleTimer::new(self.upgrader.settings.handshake_timeout);
        if self.is_shutting_down {
            self.shut_down();
        }
    }

    fn check(&mut self) {
        self.cancelled.store(0, Ordering::Relaxed);
        let State::Open(open) = &mut self.state else { return };
        if open.told.borrow().settings.is_none() {
            // RFC 9114, 6.2.1: each side opens its control stream at the beginning of the connection.
            open.fail(&Fault::NoSettings);
        }
        let is_idle = open.link.as_ref().is_some_and(|link| Arc::strong_count(link) == 1);
        match self.timer.check(is_idle, self.is_shutting_down) {
            IdleStep::Nothing => {}
            IdleStep::ShutDown => self.shut_down(),
            IdleStep::End => self.state = State::Over,
        }
    }

    fn end<T>(&mut self, error: ConnectionError) -> Poll<Option<Result<T, UpgradeError>>> {
        let State::Open(open) = std::mem::replace(&mut self.state, State::Over) else { return Poll::Ready(None) };
        if let Some(fault) = open.link.as_ref().and_then(|link| link.fault()) {
            return Poll::Ready(Some(Err(UpgradeError::Http3(fault.clone()))));
        }
        if self.is_shutting_down || is_clean_end(&error) || matches!(error, ConnectionError::LocallyClosed) {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Err(UpgradeError::Io(to_io(error)))))
    }
}

impl Open {
    /// Takes a stream of the client. After GOAWAY it is rejected, and the client may repeat its request elsewhere.
    fn accept(
        &mut self,
        (mut send, mut recv): (SendStream, RecvStream),
    ) -> Option<((SendStream, RecvStream), Arc<Link>)> {
        self.next_stream = next_stream(&self.connection);
        let Some(link) = &self.link else {
            let code = varint(ErrorCode::REQUEST_REJECTED);
            // Both fail only if the client has ended the stream.
            let _ = (send.reset(code), recv.stop(code));
            return None;
        };
        self.next_id = u64::from(send.id()) + NEXT_ID;
        Some(((send, recv), link.clone()))
    }

    fn shut_down(&mut self) {
        if self.link.take().is_some() {
            self.goaway = goaway_frame(self.next_id);
        }
    }

    /// Sends what is left of a GOAWAY frame. The window of the client may have no room for it.
    fn poll_goaway(&mut self, cx: &mut Context<'_>) {
        while !self.goaway.is_empty() {
            match AsyncWrite::poll_write(Pin::new(&mut self.control), cx, &self.goaway) {
                Poll::Ready(Ok(count)) => drop(self.goaway.drain(..count)),
                // The connection is over or the client does not read, which is noticed elsewhere.
                Poll::Ready(Err(_)) => self.goaway.clear(),
                Poll::Pending => return,
            }
        }
    }

    fn fail(&self, fault: &Fault) {
        if let Some(link) = &self.link {
            link.fail(fault);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Does nothing if the connection has ended.
        self.connection.close(varint(ErrorCode::NO_ERROR), b"");
    }
}

impl fmt::Debug for Http3Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { upgrader, remote_address, .. } = self;
        let mut debug = f.debug_struct("Http3Server");
        debug.field("upgrader", upgrader).field("remote_address", remote_address).finish_non_exhaustive()
    }
}

/// Completes the handshake of QUIC and sends our SETTINGS.
async fn open(client: Http3Incoming, limits: Limits) -> std::io::Result<(Connection, SendStream)> {
    let connection = client.connect().await.map_err(to_io)?;
    let control = control::open(&connection, &Settings::server(&limits)).await?;
    Ok((connection, control))
}

fn next_stream(connection: &Connection) -> NextStream {
    let connection = connection.clone();
    Box::pin(async move { connection.accept_bi().await })
}

/// RFC 9000, 2.1: the two low bits of an identifier are the kind of the stream.
const NEXT_ID: u64 = 4;
/// How many requests a client may cancel within the handshake timeout.
const MAX_CANCELLED: u32 = 10 * MAX_STREAMS;
