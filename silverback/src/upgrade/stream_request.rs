//! A request on a separate stream, as HTTP/2 and HTTP/3 have them: a WebSocket handshake or any other request. The
//! versions differ only in the stream.

use std::{fmt, io};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONTENT_LENGTH, HeaderName},
};
use silverback_proto::handshake::{Rejection, ServerHandshake, headers::is_connection_specific};
use tokio::time::timeout_at;

#[cfg(feature = "http2")]
use super::http2_stream::Http2Stream;
#[cfg(feature = "http3")]
use super::http3::stream::Http3Stream;
use super::{UpgradeError, Upgrader, bare::Budget, multiplexed::negotiate};
use crate::conn::{Conn, opening::Opening};

/// A request that is not answered yet, on a stream of a connection that carries many. Answer it with
/// [`accept`](Self::accept), [`accept_handshake`](Self::accept_handshake) or [`respond`](Self::respond). Dropping it resets
/// the stream.
///
/// A server that answers more than WebSocket handshakes gets it from `Http2Server::next_request` and
/// `Http3Server::next_request`.
pub struct StreamRequest {
    request: Request<()>,
    protocol: Option<String>,
    stream: Stream,
    /// Began when the request, or its stream, arrived.
    budget: Budget,
}

/// The stream of a request, by the version of HTTP.
enum Stream {
    #[cfg(feature = "http2")]
    Http2(Http2Stream),
    #[cfg(feature = "http3")]
    Http3(Box<Http3Stream>),
}

impl StreamRequest {
    #[cfg(feature = "http2")]
    pub(super) fn over_http2(
        request: Request<()>,
        protocol: Option<String>,
        stream: Http2Stream,
        budget: Budget,
    ) -> Self {
        Self { request, protocol, stream: Stream::Http2(stream), budget }
    }

    #[cfg(feature = "http3")]
    pub(super) fn over_http3(
        request: Request<()>,
        protocol: Option<String>,
        stream: Http3Stream,
        budget: Budget,
    ) -> Self {
        Self { request, protocol, stream: Stream::Http3(Box::new(stream)), budget }
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
    pub async fn accept(self, upgrader: &Upgrader) -> Result<(Conn, Request<()>), UpgradeError> {
        let begun = self.budget.begun();
        let accepted = self.accept_asked(upgrader).await;
        upgrader.count(&accepted, Some(begun));
        accepted
    }

    async fn accept_asked(mut self, upgrader: &Upgrader) -> Result<(Conn, Request<()>), UpgradeError> {
        let handshake = self.handshake();
        match negotiate(upgrader, &self.budget, &self.request, handshake, self.stream.reset()).await {
            Ok((response, opening)) => {
                let Self { request, stream, budget, .. } = self;
                Ok((budget.limit(open(stream, upgrader, response, opening)).await?, request))
            }
            Err(error) => Err(self.refuse(error).await),
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
        let begun = self.budget.begun();
        let accepted = match upgrader.negotiate(handshake, HeaderMap::new()) {
            Ok((response, opening)) => self.budget.limit(open(self.stream, upgrader, response, opening)).await,
            Err(error) => Err(self.refuse(error).await),
        };
        upgrader.count(&accepted, Some(begun));
        accepted
    }

    /// Reads the body of the request, for instance of a POST. Call it once, and then [`respond`](Self::respond).
    ///
    /// The client gets room for as much as was read, so memory grows with the bytes that come. Give it a time limit.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use http::{Response, StatusCode};
    /// # use silverback::StreamRequest;
    /// # async fn example(mut request: StreamRequest) -> Result<(), Box<dyn std::error::Error>> {
    /// let body = tokio::time::timeout(Duration::from_secs(10), request.read_body(64 * 1024)).await??;
    /// request.respond(Response::new(format!("{} bytes", body.len()))).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails with [`io::ErrorKind::FileTooLarge`] if the body has more than `limit` bytes, and with another kind if the
    /// client resets the stream or the connection ends.
    ///
    /// # Cancel safety
    /// Not cancel safe: bytes that were read are lost.
    pub async fn read_body(&mut self, limit: usize) -> io::Result<Bytes> {
        match &mut self.stream {
            #[cfg(feature = "http2")]
            Stream::Http2(stream) => stream.read_body(limit).await,
            #[cfg(feature = "http3")]
            Stream::Http3(stream) => stream.read_body(limit).await,
        }
    }

    /// Answers the request with a whole response. If the body has more than 64 KiB, this waits until the client has made
    /// room for it, so give it a time limit. The response to HEAD is sent without its body.
    ///
    /// Over HTTP/2, if the request has a body, this then reads and discards up to 64 KiB of it, for a second at
    /// most. Some clients lose a response that comes before they have sent their body.
    ///
    /// Header fields that only HTTP/1.1 has, such as `Connection`, are left out, and `Content-Length` is added.
    ///
    /// # Errors
    /// Fails if the client has reset the stream, or if the connection has ended.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future resets the stream.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
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
            #[cfg(feature = "http2")]
            Stream::Http2(stream) => {
                // A client that asks for a WebSocket or a tunnel sends nothing before the response.
                let has_body = self.request.method() != Method::CONNECT && !stream.has_ended();
                stream.respond(Response::from_parts(head, ()), body, has_body).await
            }
            #[cfg(feature = "http3")]
            Stream::Http3(stream) => stream.respond(Response::from_parts(head, ()), body).await,
        }
    }

    /// Sends the reason and returns it. A stream that was reset takes nothing more.
    async fn refuse(self, error: UpgradeError) -> UpgradeError {
        if !matches!(error, UpgradeError::Disconnected) {
            // Even after the deadline this polls once, so the transport can still take a response such as the 408.
            let _ = timeout_at(self.budget.deadline(), self.respond(error.response())).await;
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
            #[cfg(feature = "http2")]
            Self::Http2(stream) => stream.has_ended(),
            #[cfg(feature = "http3")]
            Self::Http3(stream) => stream.has_ended(),
        }
    }

    fn version(&self) -> Version {
        match self {
            #[cfg(feature = "http2")]
            Self::Http2(_) => Version::HTTP_2,
            #[cfg(feature = "http3")]
            Self::Http3(_) => Version::HTTP_3,
        }
    }

    /// Completes if the client resets the stream.
    async fn reset(&mut self) {
        match self {
            #[cfg(feature = "http2")]
            Self::Http2(stream) => std::future::poll_fn(|cx| stream.poll_reset(cx)).await,
            #[cfg(feature = "http3")]
            Self::Http3(stream) => stream.reset().await,
        }
    }
}

/// Sends the acceptance. The stream is the transport of the WebSocket from then on.
async fn open(
    stream: Stream,
    upgrader: &Upgrader,
    response: Response<()>,
    opening: Opening,
) -> Result<Conn, UpgradeError> {
    let opening = Opening { version: Some(stream.version()), ..opening };
    let sides = match stream {
        #[cfg(feature = "http2")]
        Stream::Http2(stream) => stream.open(response)?,
        #[cfg(feature = "http3")]
        Stream::Http3(stream) => stream.open(response).await?,
    };
    Ok(Conn::on(sides, opening, Vec::new(), &upgrader.settings))
}
