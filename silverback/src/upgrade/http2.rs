//! A server of WebSockets over HTTP/2 without a framework (RFC 8441), on h2. Compared with hyper it has its own windows, so
//! that a WebSocket that is not read never stops the others, and a connection costs less.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{
    RecvStream,
    ext::Protocol,
    server::{Builder, Connection, Handshake, SendResponse},
};
use http::{Method, Request, Response};
use silverback_proto::{
    Role,
    handshake::{
        Rejection, ServerHandshake,
        headers::{is_connection_specific, join_cookies},
    },
};
use tokio::task::JoinSet;

use super::{
    UpgradeError, Upgrader,
    bare::Budget,
    multiplexed::{IdleStep, IdleTimer, MAX_STREAMS, negotiate},
};
use crate::{
    conn::Conn,
    io::transport::{
        ByteStream, ReadSide, WriteSide,
        http2::{Http2Reader, Http2Writer},
    },
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
            handshakes: JoinSet::new(),
            connections: Arc::new(()),
            is_shutting_down: false,
        }
    }
}

/// The outcome of the request of one stream.
type Accepted = Result<(Conn, Request<()>), UpgradeError>;

/// One HTTP/2 connection that carries WebSockets; see [`Upgrader::serve_http2`].
///
/// All of its WebSockets make progress only while [`accept`](Self::accept) is called, and end when it is dropped.
pub struct Http2Server {
    upgrader: Upgrader,
    state: State,
    timer: IdleTimer,
    /// The handshakes of single streams. Each may wait for the application's hook.
    handshakes: JoinSet<Accepted>,
    /// Each WebSocket has a clone.
    connections: Arc<()>,
    is_shutting_down: bool,
}

enum State {
    /// The client's preface has not come.
    Begins(Handshake<Box<dyn ByteStream>, Bytes>),
    Open(Connection<Box<dyn ByteStream>, Bytes>),
    Over,
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

    /// Ends the connection in order: the client is told to open no more streams (GOAWAY), and
    /// [`accept`](Self::accept) returns `None` once those that are open have ended.
    pub fn shut_down(&mut self) {
        self.is_shutting_down = true;
        if let State::Open(connection) = &mut self.state {
            connection.graceful_shutdown();
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
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
                    match self.handshakes.poll_join_next(cx) {
                        Poll::Ready(Some(Ok(handshake))) => return Poll::Ready(Some(handshake)),
                        // A hook has panicked, which reset its stream. Others that are done would not wake this task
                        // again.
                        Poll::Ready(Some(Err(_))) => continue,
                        Poll::Ready(None) | Poll::Pending => {}
                    }
                    // A client may reset its requests and send others. They wait until the first handshakes are over.
                    let polled = if self.handshakes.len() < MAX_STREAMS as usize {
                        connection.poll_accept(cx)
                    } else {
                        connection.poll_closed(cx).map(|closed| closed.err().map(Err))
                    };
                    match polled {
                        Poll::Ready(Some(Ok((request, respond)))) => {
                            let (upgrader, counted) = (self.upgrader.clone(), self.connections.clone());
                            self.handshakes.spawn(async move { take(&upgrader, request, respond, counted).await });
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
        let is_idle = Arc::strong_count(&self.connections) == 1;
        match self.timer.check(is_idle, self.is_shutting_down) {
            IdleStep::Nothing => {}
            IdleStep::ShutDown => self.shut_down(),
            IdleStep::End => self.state = State::Over,
        }
    }

    fn end(&mut self, error: h2::Error) -> Poll<Option<Accepted>> {
        self.state = State::Over;
        // A client that was told to open no more streams may close the transport before it has read everything.
        if self.is_shutting_down && error.is_io() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Err(UpgradeError::Io(std::io::Error::other(error)))))
    }
}

impl fmt::Debug for Http2Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Server").field("upgrader", &self.upgrader).finish_non_exhaustive()
    }
}

/// Answers the request of one stream.
async fn take(
    upgrader: &Upgrader,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    counted: Arc<()>,
) -> Accepted {
    let (mut head, stream) = request.into_parts();
    join_cookies(&mut head.headers);
    let mut request = Request::from_parts(head, ());
    let handshake = read_handshake(&request, &stream);
    let reset = poll_fn(|cx| respond.poll_reset(cx).map(drop));
    match negotiate(upgrader, &Budget::start(upgrader), &request, handshake, reset).await {
        Ok((response, negotiated)) => {
            let sender = respond.send_response(response, false).map_err(disconnected)?;
            let sides = (
                ReadSide::Http2(Box::new(Http2Reader::new(stream))),
                WriteSide::Http2(Box::new(Http2Writer::new(sender, counted))),
            );
            request.extensions_mut().clear();
            Ok((Conn::on(sides, Role::Server, negotiated, Vec::new(), &upgrader.settings), request))
        }
        Err(error) => {
            refuse(&mut respond, request.method(), &error);
            Err(error)
        }
    }
}

fn read_handshake(request: &Request<()>, stream: &RecvStream) -> Result<ServerHandshake, Rejection> {
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    let handshake = ServerHandshake::from_connect(request, protocol)?;
    if stream.is_end_stream() { Err(handshake.reject(Rejection::EndOfStream)) } else { Ok(handshake) }
}

/// Sends the reason. If the stream was reset meanwhile, the client no longer waits for it.
fn refuse(respond: &mut SendResponse<Bytes>, method: &Method, error: &UpgradeError) {
    let (mut head, body) = error.response().into_parts();
    // A response of the application's hook may have such fields, and h2 does not send a response with one of them.
    let forbidden: Vec<_> = head.headers.keys().filter(|name| is_connection_specific(name)).cloned().collect();
    for name in forbidden {
        head.headers.remove(name);
    }
    // A response to HEAD has no body (RFC 9110, 9.3.2).
    let ends = method == Method::HEAD;
    if let Ok(mut sender) = respond.send_response(Response::from_parts(head, ()), ends) {
        if !ends {
            let _ = sender.send_data(Bytes::from(body), true);
        }
    }
}

fn disconnected(_: h2::Error) -> UpgradeError {
    UpgradeError::Disconnected
}

/// How much a client may send on one stream before we read it. With the smallest useful window, a stream that is not read
/// makes us hold little; on a long way a large message takes more round trips.
const STREAM_WINDOW: u32 = 64 * 1024;
/// All streams of a connection may use up their windows, and one more can still be read.
const CONNECTION_WINDOW: u32 = (MAX_STREAMS + 1) * STREAM_WINDOW;
/// What h2 buffers for each stream beside our own queue.
const SEND_BUFFER: usize = 64 * 1024;
/// The bytes that h2 may spend on the bookkeeping of small DATA frames that are not read. Beyond that it ends the whole
/// connection. h2 charges 256 bytes for a frame without its payload, so a stream whose window is full of frames of one
/// byte uses up most of this, and its neighbours stay connected.
const FRAME_BUDGET: usize = 17 * 1024 * 1024;
