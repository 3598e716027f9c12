//! The opening handshake on a bare stream: reads a request head of limited size and writes a response.

use std::{future::Future, time::Duration};

use http::{HeaderMap, HeaderValue, Request, Response, Version, header::CONNECTION};
use silverback_proto::handshake::{
    Rejection, ServerHandshake,
    http1::{encode_response, encode_response_head, parse_request},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use super::{UpgradeError, Upgrader};
#[cfg(any(feature = "http2", feature = "http3"))]
use crate::io::meter::Begun;
use crate::{
    conn::{Conn, opening::Opening},
    io::{
        head::{ReadHeadError, read_head},
        last_look::within,
        meter::Metering,
        transport::{self, ByteStream},
    },
};

impl Upgrader {
    /// Does the opening handshake on a bare stream. If the client is rejected, it is told why before this returns.
    ///
    /// # Errors
    /// Fails if the request is not an acceptable handshake, if the hook rejects it, or if it does not arrive in time.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future also drops the stream.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub async fn accept(&self, stream: impl ByteStream) -> Result<Conn, UpgradeError> {
        self.accept_counted(stream, None).await
    }

    /// Does the same as [`accept`](Self::accept), and also returns the request. Its path, query and headers identify
    /// the client and the service that it asks for.
    ///
    /// ```
    /// # async fn serve(stream: tokio::net::TcpStream) -> Result<(), silverback::Error> {
    /// let (mut conn, request) = silverback::Upgrader::new().accept_with_request(stream).await?;
    /// conn.write_message(format!("you asked for {}", request.uri().path())).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future also drops the stream.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub async fn accept_with_request(&self, stream: impl ByteStream) -> Result<(Conn, Request<()>), UpgradeError> {
        let mut request = Request::default();
        let conn = self.accept_counted(stream, Some(&mut request)).await?;
        Ok((conn, request))
    }

    /// Completes an opening handshake whose request was already read from the stream, for instance by a server that
    /// checks the path first. `leftover` holds the bytes that were read after the request. If the client is rejected, it
    /// is told why before this returns. The hook of [`on_request`](Self::on_request) is not called.
    ///
    /// ```
    /// use silverback::{Upgrader, proto::handshake::{ServerHandshake, http1::parse_request}};
    /// # async fn take(stream: tokio::net::TcpStream, head: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let request = parse_request(head)?;
    /// if request.uri().path() == "/chat" {
    ///     let handshake = ServerHandshake::from_request(&request)?;
    ///     let mut conn = Upgrader::new().accept_handshake(stream, handshake, []).await?;
    ///     conn.write_message("welcome").await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails if the host or the origin is not allowed, if the memory budget is exhausted, or if the response does not
    /// leave in time.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future also drops the stream.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub async fn accept_handshake(
        &self,
        stream: impl ByteStream,
        handshake: ServerHandshake,
        leftover: impl Into<Vec<u8>>,
    ) -> Result<Conn, UpgradeError> {
        let accepted = accept_handshake(self, stream, handshake, leftover.into()).await;
        // The request was read by the caller, who alone knows when it began.
        self.count(&accepted, None);
        accepted
    }

    /// `kept` gets the request, if the caller wants it.
    async fn accept_counted(
        &self,
        stream: impl ByteStream,
        kept: Option<&mut Request<()>>,
    ) -> Result<Conn, UpgradeError> {
        let begun = Metering::begin();
        // Boxed: the handshake's memory goes with it, while the caller's task stays as long as the connection.
        let accepted = Box::pin(accept(self, stream, kept)).await;
        self.count(&accepted, Some(begun));
        accepted
    }
}

async fn accept(
    upgrader: &Upgrader,
    mut stream: impl ByteStream,
    kept: Option<&mut Request<()>>,
) -> Result<Conn, UpgradeError> {
    let budget = Budget::start(upgrader);
    let shaken = budget.limit(shake_hands(upgrader, &mut stream, kept)).await;
    conclude(upgrader, stream, shaken, budget).await
}

async fn accept_handshake(
    upgrader: &Upgrader,
    mut stream: impl ByteStream,
    handshake: ServerHandshake,
    leftover: Vec<u8>,
) -> Result<Conn, UpgradeError> {
    let budget = Budget::start(upgrader);
    let answered = budget.limit(answer(upgrader, &mut stream, handshake, HeaderMap::new())).await;
    conclude(upgrader, stream, answered.map(|opening| (opening, leftover)), budget).await
}

/// The time limit for a whole opening handshake. Rejecting a client must also finish within it.
pub(super) struct Budget {
    length: Duration,
    deadline: Instant,
    #[cfg(any(feature = "http2", feature = "http3"))]
    begun: Begun,
}

impl Budget {
    pub(super) fn start(upgrader: &Upgrader) -> Self {
        let length = upgrader.settings.handshake_timeout;
        let now = Instant::now();
        // An application may set `Duration::MAX` for no limit, which an `Instant` cannot hold.
        let deadline = now.checked_add(length).unwrap_or_else(|| now + FAR_FUTURE);
        Self {
            length,
            deadline,
            #[cfg(any(feature = "http2", feature = "http3"))]
            begun: Metering::begin(),
        }
    }

    #[cfg(any(feature = "http2", feature = "http3"))]
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    #[cfg(any(feature = "http2", feature = "http3"))]
    pub(super) fn begun(&self) -> Begun {
        self.begun
    }

    pub(super) async fn limit<T>(
        &self,
        work: impl Future<Output = Result<T, UpgradeError>>,
    ) -> Result<T, UpgradeError> {
        match within(self.deadline, work).await {
            Some(result) => result,
            None => Err(UpgradeError::Timeout(self.length)),
        }
    }
}

async fn conclude(
    upgrader: &Upgrader,
    mut stream: impl ByteStream,
    shaken: Result<(Opening, Vec<u8>), UpgradeError>,
    budget: Budget,
) -> Result<Conn, UpgradeError> {
    match shaken {
        Ok((opening, leftover)) => Ok(Conn::on(transport::split(stream), opening, leftover, &upgrader.settings)),
        Err(error) => {
            // Even after the deadline this polls once, so the transport can still take a response such as the 408.
            let _ = timeout_at(budget.deadline, turn_away(&mut stream, &error)).await;
            Err(error)
        }
    }
}

async fn shake_hands(
    upgrader: &Upgrader,
    stream: &mut impl ByteStream,
    kept: Option<&mut Request<()>>,
) -> Result<(Opening, Vec<u8>), UpgradeError> {
    let (head, leftover) = read_head(stream, upgrader.settings.max_head_size).await?;
    let request = parse_request(&head).map_err(Rejection::Head)?;
    let headers = ask(upgrader, &request).await?;
    let handshake = ServerHandshake::from_request(&request)?;
    if let Some(kept) = kept {
        *kept = request;
    }
    Ok((answer(upgrader, stream, handshake, headers).await?, leftover))
}

async fn answer(
    upgrader: &Upgrader,
    stream: &mut impl ByteStream,
    handshake: ServerHandshake,
    headers: HeaderMap,
) -> Result<Opening, UpgradeError> {
    let (response, opening) = upgrader.negotiate(handshake, headers)?;
    stream.write_all(&encode_response_head(&response)).await?;
    stream.flush().await?;
    Ok(Opening { version: Some(Version::HTTP_11), ..opening })
}

/// Asks the application's hook.
pub(super) async fn ask(upgrader: &Upgrader, request: &Request<()>) -> Result<HeaderMap, UpgradeError> {
    match &upgrader.hook {
        Some(hook) => hook(request.clone()).await.map_err(|response| UpgradeError::Refused(Box::new(response))),
        None => Ok(HeaderMap::new()),
    }
}

async fn turn_away(stream: &mut impl ByteStream, error: &UpgradeError) -> std::io::Result<()> {
    if !matches!(error, UpgradeError::Io(_) | UpgradeError::Disconnected) {
        let mut response: Response<String> = error.response();
        response.headers_mut().entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
        stream.write_all(&encode_response(&response)).await?;
    }
    stream.shutdown().await?;
    // Read the rest of the client's input. Unread input would make the kernel reset the connection and destroy the
    // response.
    tokio::io::copy(&mut stream.take(MAX_DRAINED), &mut tokio::io::sink()).await.map(|_| ())
}

impl From<ReadHeadError> for UpgradeError {
    fn from(error: ReadHeadError) -> Self {
        match error {
            ReadHeadError::Head(error) => Self::Rejected(Rejection::Head(error)),
            ReadHeadError::Ended => Self::Disconnected,
            ReadHeadError::Io(error) => Self::Io(error),
        }
    }
}

/// The most bytes that are read from a rejected client before it is dropped.
const MAX_DRAINED: u64 = 64 * 1024;

/// Thirty years.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
