//! A request on a stream of its own, as HTTP/2 has them: a WebSocket handshake or any other request. It is the same for
//! every version of HTTP; the versions differ in the stream.

use std::{fmt, future::poll_fn, io};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, HeaderName},
};
use silverback_proto::{
    Negotiated, Role,
    handshake::{Rejection, ServerHandshake, headers::is_connection_specific},
};
use tokio::time::timeout_at;

use super::{UpgradeError, Upgrader, bare::Budget, http2_stream::Http2Stream, multiplexed::negotiate};
use crate::conn::Conn;

/// A request that is not answered yet, on a stream of a connection that carries many. Answer it with
/// [`accept`](Self::accept), [`accept_handshake`](Self::accept_handshake) or [`respond`](Self::respond). Dropping it resets
/// the stream.
///
/// A server that answers more than WebSocket handshakes gets it from `Http2Server::next_request`.
pub struct StreamRequest {
    request: Request<()>,
    protocol: Option<Box<str>>,
    stream: Stream,
}

/// The stream of a request, by the version of HTTP.
enum Stream {
    Http2(Http2Stream),
}

impl StreamRequest {
    pub(super) fn over_http2(request: Request<()>, protocol: Option<Box<str>>, stream: Http2Stream) -> Self {
        Self { request, protocol, stream: Stream::Http2(stream) }
    }

    /// The head of the request. Its version tells HTTP/2 from HTTP/3. Cookies in several fields are joined.
    pub fn request(&self) -> &Request<()> {
        &self.request
    }

    /// The pseudo-header field `:protocol`, which a WebSocket handshake has (RFC 8441, 4).
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Reads the request as a WebSocket handshake, without answering it.
    ///
    /// # Errors
    /// Returns the first reason why the request is not an opening handshake.
    pub fn handshake(&self) -> Result<ServerHandshake, Rejection> {
        let handshake = ServerHandshake::from_connect(&self.request, self.protocol())?;
        if self.stream.has_ended() { Err(handshake.reject(Rejection::EndOfStream)) } else { Ok(handshake) }
    }

    /// Accepts the request as a WebSocket, or refuses it with the reason. The hook of [`Upgrader::on_request`] is called.
    /// Its future is dropped if the client resets the stream.
    ///
    /// # Errors
    /// Fails if the request is not an acceptable handshake, if the hook rejects it, or if the client resets the stream.
    /// The client was told the reason.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future resets the stream.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub async fn accept(mut self, upgrader: &Upgrader) -> Result<(Conn, Request<()>), UpgradeError> {
        let budget = Budget::start(upgrader);
        let handshake = self.handshake();
        match negotiate(upgrader, &budget, &self.request, handshake, self.stream.reset()).await {
            Ok((response, negotiated)) => {
                let Self { request, stream, .. } = self;
                Ok((open(stream, upgrader, response, negotiated)?, request))
            }
            Err(error) => Err(self.refuse(error, &budget).await),
        }
    }

    /// Accepts a handshake that was read with [`handshake`](Self::handshake), for instance by a server that checks the
    /// path first, or refuses it with the reason. The hook of [`Upgrader::on_request`] is not called.
    ///
    /// # Errors
    /// Fails if the host or the origin is not allowed, if the memory budget is exhausted, or if the client has reset the
    /// stream. The client was told the reason.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future resets the stream.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub async fn accept_handshake(self, upgrader: &Upgrader, handshake: ServerHandshake) -> Result<Conn, UpgradeError> {
        let budget = Budget::start(upgrader);
        match upgrader.negotiate(handshake, HeaderMap::new()) {
            Ok((response, negotiated)) => open(self.stream, upgrader, response, negotiated),
            Err(error) => Err(self.refuse(error, &budget).await),
        }
    }

    /// Answers the request with a whole response. If the body has more than 64 KiB, this waits until the client has made
    /// room for it, so give it a time limit. The response to HEAD is sent without its body.
    ///
    /// Header fields that only HTTP/1.1 has, such as `Connection`, are left out, and `Content-Length` is added.
    ///
    /// # Errors
    /// Fails if the client has reset the stream, or if the connection has ended.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future resets the stream.
    pub async fn respond(self, response: Response<impl Into<Bytes>>) -> io::Result<()> {
        let (mut head, body) = response.into_parts();
        let body: Bytes = body.into();
        let forbidden: Vec<HeaderName> =
            head.headers.keys().filter(|name| is_connection_specific(name)).cloned().collect();
        for name in forbidden {
            head.headers.remove(name);
        }
        // RFC 9110, 8.6: neither 1xx nor 204 may have the field.
        if !head.status.is_informational() && head.status != StatusCode::NO_CONTENT {
            head.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(body.len()));
        }
        // A response to HEAD has no body (RFC 9110, 9.3.2).
        let body = if self.request.method() == Method::HEAD { Bytes::new() } else { body };
        match self.stream {
            Stream::Http2(stream) => stream.respond(Response::from_parts(head, ()), body).await,
        }
    }

    /// Sends the reason and returns it. A stream that was reset takes nothing more.
    async fn refuse(self, error: UpgradeError, budget: &Budget) -> UpgradeError {
        if !matches!(error, UpgradeError::Disconnected) {
            // Even after the deadline this polls once, so the transport can still take a response such as the 408.
            let _ = timeout_at(budget.deadline(), self.respond(error.response())).await;
        }
        error
    }
}

impl fmt::Debug for StreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamRequest")
            .field("version", &self.request.version())
            .field("method", self.request.method())
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Stream {
    /// Whether the client ended the stream with its request.
    fn has_ended(&self) -> bool {
        match self {
            Self::Http2(stream) => stream.has_ended(),
        }
    }

    /// Completes if the client resets the stream.
    async fn reset(&mut self) {
        match self {
            Self::Http2(stream) => poll_fn(|cx| stream.poll_reset(cx)).await,
        }
    }
}

/// Sends the acceptance. The stream is the transport of the WebSocket from then on.
fn open(
    stream: Stream,
    upgrader: &Upgrader,
    response: Response<()>,
    negotiated: Negotiated,
) -> Result<Conn, UpgradeError> {
    let sides = match stream {
        Stream::Http2(stream) => stream.open(response)?,
    };
    Ok(Conn::on(sides, Role::Server, negotiated, Vec::new(), &upgrader.settings))
}
