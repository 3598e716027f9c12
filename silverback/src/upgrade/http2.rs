//! A server of WebSockets over HTTP/2 without a framework (RFC 8441), on h2. Compared with hyper it has its own windows, so
//! that a WebSocket that is not read never stops the others, and a connection costs less.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{
    RecvStream,
    ext::Protocol,
    server::{Builder, Connection, Handshake},
};
use http::Request;
use silverback_proto::handshake::headers::join_cookies;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    UpgradeError, Upgrader,
    bare::Budget,
    handshakes::{Accepted, Handshakes},
    http2_stream::{Http2Stream, SEND_BUFFER},
    multiplexed::{IdleStep, IdleTimer, MAX_STREAMS},
    stream_request::StreamRequest,
};
use crate::{
    conn::Conn,
    io::transport::{ByteStream, driven::Driven, socket::Addresses},
};

impl Upgrader {
    /// Serves WebSockets on one HTTP/2 connection (RFC 8441). The stream is one on which the client speaks HTTP/2: a TLS
    /// stream whose ALPN protocol is `h2`, or a bare stream if both sides know it.
    ///
    /// A client that has no WebSocket open must open one within the handshake timeout. Otherwise the server ends the
    /// connection, within three times that timeout.
    ///
    /// ```no_run
    /// # async fn serve(stream: tokio::net::TcpStream) {
    /// let mut http2 = silverback::Upgrader::new().serve_http2(stream);
    /// while let Some(accepted) = http2.accept().await {
    ///     let Ok((mut conn, _request)) = accepted else { continue };
    ///     tokio::spawn(async move {
    ///         while let Some(message) = conn.read_message().await? {
    ///             conn.write_message(message).await?;
    ///         }
    ///         Ok::<_, silverback::Error>(())
    ///     });
    /// }
    /// # }
    /// ```
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub fn serve_http2(&self, stream: impl ByteStream) -> Http2Server {
        let addresses = Addresses::of(&stream).map(Arc::new);
        let stream: Box<dyn ByteStream> = Box::new(stream);
        let head_limit = u32::try_from(self.settings.max_head_size).unwrap_or(u32::MAX);
        let mut builder = Builder::new();
        builder
            .enable_connect_protocol()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(head_limit)
            .max_send_buffer_size(SEND_BUFFER)
            .data_frame_budget(FRAME_BUDGET);
        Http2Server {
            upgrader: self.clone(),
            state: State::Begins(builder.handshake(stream)),
            timer: IdleTimer::new(self.settings.handshake_timeout),
            handshakes: Handshakes::default(),
            rooms: Rooms::new(),
            busy: Arc::default(),
            addresses,
            is_shutting_down: false,
        }
    }
}

/// One HTTP/2 connection that carries WebSockets; see [`Upgrader::serve_http2`].
///
/// All of its WebSockets make progress only while [`accept`](Self::accept) or [`next_request`](Self::next_request) is
/// called, and end when it is dropped.
pub struct Http2Server {
    upgrader: Upgrader,
    state: State,
    timer: IdleTimer,
    handshakes: Handshakes,
    rooms: Rooms,
    /// Each WebSocket and each request that is not answered has a clone.
    busy: Arc<Driven>,
    addresses: Option<Arc<Addresses>>,
    is_shutting_down: bool,
}

enum State {
    /// The client's preface has not come.
    Begins(Handshake<Box<dyn ByteStream>, Bytes>),
    Open(Connection<Box<dyn ByteStream>, Bytes>),
    Over,
}

/// Bounds the requests that are not answered. A client may reset its requests, which then no longer count for
/// [`MAX_STREAMS`], and send others. They wait until the first ones are answered.
struct Rooms {
    all: Arc<Semaphore>,
    /// The room for the next request.
    next: Option<OwnedSemaphorePermit>,
    waiting: Option<Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>>,
}

impl Http2Server {
    /// Returns the next WebSocket with its request, or `None` once the connection has ended. Call this until then: it
    /// also drives the connection for the WebSockets that were accepted before.
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
    /// also answer other requests, such as those for a page. Call it until then: it also drives the connection. Answer
    /// each request in a separate task, because answers make progress only while this is called.
    ///
    /// ```no_run
    /// # async fn serve(stream: tokio::net::TcpStream) {
    /// let upgrader = silverback::Upgrader::new();
    /// let mut http2 = upgrader.serve_http2(stream);
    /// while let Some(next) = http2.next_request().await {
    ///     let Ok(request) = next else { continue };
    ///     let upgrader = upgrader.clone();
    ///     tokio::spawn(async move {
    ///         if request.request().uri().path() == "/" {
    ///             let page = http::Response::new("<p>Hello</p>");
    ///             return request.respond(page).await.map_err(silverback::Error::from);
    ///         }
    ///         let (mut conn, _) = request.accept(&upgrader).await?;
    ///         conn.write_message("welcome").await
    ///     });
    /// }
    /// # }
    /// ```
    ///
    /// A client may have 100 requests without an answer; more of them wait.
    ///
    /// # Errors
    /// An error of the connection comes last, before `None`.
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
        if let State::Open(connection) = &mut self.state {
            connection.graceful_shutdown();
        }
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
                State::Begins(handshake) => {
                    if let Poll::Ready(begun) = Pin::new(handshake).poll(cx) {
                        match begun {
                            Ok(connection) => self.state = State::Open(connection),
                            Err(error) => return self.end(error),
                        }
                        if self.is_shutting_down {
                            self.shut_down();
                        }
                        continue;
                    }
                    ready!(self.timer.poll(cx));
                    self.state = State::Over;
                    return Poll::Ready(Some(Err(UpgradeError::Timeout(self.upgrader.settings.handshake_timeout))));
                }
                State::Open(connection) => {
                    let turn = self.busy.begin_turn();
                    let polled = if self.rooms.poll_room(cx).is_ready() {
                        connection.poll_accept(cx)
                    } else {
                        connection.poll_closed(cx).map(|closed| closed.err().map(Err))
                    };
                    if polled.is_pending() {
                        self.busy.end_turn(turn);
                    }
                    match polled {
                        Poll::Ready(Some(Ok((request, respond)))) => {
                            let (request, received, protocol) = taken_apart(request);
                            let stream = Http2Stream {
                                received,
                                respond,
                                busy: self.busy.clone(),
                                addresses: self.addresses.clone(),
                                _room: self.rooms.next.take(),
                            };
                            let budget = Budget::start(&self.upgrader);
                            return Poll::Ready(Some(Ok(StreamRequest::over_http2(request, protocol, stream, budget))));
                        }
                        Poll::Ready(Some(Err(error))) => return self.end(error),
                        Poll::Ready(None) => self.state = State::Over,
                        Poll::Pending => {
                            ready!(self.timer.poll(cx));
                            self.check_idle();
                        }
                    }
                }
            }
        }
    }

    fn check_idle(&mut self) {
        let is_idle = Arc::strong_count(&self.busy) == 1;
        match self.timer.check(is_idle, self.is_shutting_down) {
            IdleStep::Nothing => {}
            IdleStep::ShutDown => self.shut_down(),
            IdleStep::End => self.state = State::Over,
        }
    }

    fn end<T>(&mut self, error: h2::Error) -> Poll<Option<Result<T, UpgradeError>>> {
        self.state = State::Over;
        // A client that was told to open no more streams may close the transport before it has read everything.
        if self.is_shutting_down && error.is_io() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Err(UpgradeError::Io(io::Error::other(error)))))
    }
}

impl fmt::Debug for Http2Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Server").field("upgrader", &self.upgrader).finish_non_exhaustive()
    }
}

impl Rooms {
    fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_STREAMS as usize)), next: None, waiting: None }
    }

    /// Waits until there is room for one more request.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.next.is_none() && self.waiting.is_none() {
            self.next = self.all.clone().try_acquire_owned().ok();
        }
        if self.next.is_none() {
            let all = &self.all;
            let waiting = self.waiting.get_or_insert_with(|| {
                let all = all.clone();
                Box::pin(async move { all.acquire_owned().await.ok() })
            });
            self.next = ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

/// Returns the head of a request, its stream, and the value of `:protocol`.
fn taken_apart(request: Request<RecvStream>) -> (Request<()>, RecvStream, Option<String>) {
    let (mut head, received) = request.into_parts();
    join_cookies(&mut head.headers);
    let protocol = head.extensions.remove::<Protocol>().map(|protocol| protocol.as_str().to_owned());
    head.extensions.clear();
    (Request::from_parts(head, ()), received, protocol)
}

/// How much a client may send on one stream before we read it. With the smallest useful window, a stream that is not read
/// makes us hold little; on a long way a large message takes more round trips.
const STREAM_WINDOW: u32 = 64 * 1024;
/// All streams of a connection may use up their windows, and one more can still be read.
const CONNECTION_WINDOW: u32 = (MAX_STREAMS + 1) * STREAM_WINDOW;
/// The bytes that h2 may spend on the bookkeeping of small DATA frames that are not read. Beyond that it ends the whole
/// connection. h2 charges 256 bytes for a frame without its payload, so a stream whose window is full of frames of one
/// byte uses up most of this, and its neighbours stay connected.
const FRAME_BUDGET: usize = 17 * 1024 * 1024;
