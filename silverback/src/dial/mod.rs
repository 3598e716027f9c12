//! The client's side of the opening handshake (RFC 6455, 4.1): reach the server, ask, verify the answer.

mod error;
mod exchange;

use std::{future::Future, time::Duration};

use http::{HeaderName, HeaderValue};
use silverback_proto::{
    Subprotocol,
    handshake::{ClientRequest, HandshakeError, headers::parse_header},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

pub use self::error::{DialError, DialStep, Refusal};
use crate::{
    Conn, Settings,
    settings::{forward_settings, subprotocols},
    transport::ByteStream,
};

/// Opens connections to servers.
///
/// ```no_run
/// # async fn run() -> Result<(), silverback::Error> {
/// let mut conn = silverback::Dialer::new().dial("ws://localhost:8000/ws/echo").await?;
/// conn.write_message("hello").await?;
/// println!("{:?}", conn.read_message().await?);
/// conn.close(1000, "").await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    settings: Settings,
    subprotocols: Vec<Subprotocol>,
    headers: Vec<(HeaderName, HeaderValue)>,
    origin: Option<HeaderValue>,
    /// The first thing that was asked for and cannot be. Reported by each dial: builders do not fail.
    misuse: Option<HandshakeError>,
}

impl Dialer {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The subprotocols to offer, the best first. The answer must be one of them, or none.
    pub fn subprotocols<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.subprotocols = subprotocols(names, &mut self.misuse);
        self
    }

    /// A header to send along, as `Authorization`. Headers of the handshake itself are refused by the dial.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match parse_header(name, value) {
            Ok(header) => self.headers.push(header),
            Err(error) => self.misuse = Some(error),
        }
        self
    }

    /// The origin to name, as a browser would. Default: none.
    pub fn origin(mut self, origin: &str) -> Self {
        match parse_header("origin", origin) {
            Ok((_, value)) => self.origin = Some(value),
            Err(error) => self.misuse = Some(error),
        }
        self
    }

    forward_settings!();

    /// Connects to a `ws://` URL and does the opening handshake.
    ///
    /// # Errors
    /// See [`DialError`]: the step that failed, and what the server said.
    ///
    /// # Cancel safety
    /// A future that is dropped leaves nothing behind.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its I/O and time drivers enabled.
    pub async fn dial(&self, url: &str) -> Result<Conn, DialError> {
        let request = self.request(url)?;
        if request.is_secure() {
            return Err(DialError::TlsUnsupported);
        }
        let target = target(&request);
        let connect = TcpStream::connect((request.host().trim_matches(['[', ']']), request.port()));
        let stream = self.within(DialStep::Connect, &target, connect).await?;
        self.shake_hands(stream, request, &target).await
    }

    /// Does the opening handshake for a URL on a stream that leads to its server already.
    ///
    /// # Errors
    /// As [`dial`](Self::dial).
    ///
    /// # Panics
    /// Outside of a tokio runtime with its time driver enabled.
    pub async fn dial_on(&self, stream: impl ByteStream, url: &str) -> Result<Conn, DialError> {
        let request = self.request(url)?;
        let target = target(&request);
        self.shake_hands(stream, request, &target).await
    }

    fn request(&self, url: &str) -> Result<ClientRequest, DialError> {
        if let Some(error) = &self.misuse {
            return Err(DialError::Request(error.clone()));
        }
        let mut request = ClientRequest::parse(url).map_err(DialError::Request)?;
        request = request.compression(self.settings.connection().wanted_compression().cloned());
        for name in &self.subprotocols {
            request = request.subprotocol(name.clone());
        }
        for (name, value) in &self.headers {
            request = request.header(name.clone(), value.clone());
        }
        Ok(match &self.origin {
            Some(origin) => request.origin(origin.clone()),
            None => request,
        })
    }

    async fn shake_hands(
        &self,
        stream: impl ByteStream,
        request: ClientRequest,
        target: &str,
    ) -> Result<Conn, DialError> {
        let after = self.settings.handshake_budget();
        let step = DialStep::Handshake;
        let deadline = Instant::now() + after.min(FAR_FUTURE);
        let exchange = exchange::exchange(stream, request, target, &self.settings, deadline);
        // Boxed: the handshake's memory goes with it, while the caller's task stays as long as the connection.
        match timeout_at(deadline, Box::pin(exchange)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::Timeout { step, target: target.to_owned(), after }),
        }
    }

    async fn within<T>(
        &self,
        step: DialStep,
        target: &str,
        work: impl Future<Output = std::io::Result<T>>,
    ) -> Result<T, DialError> {
        let after = self.settings.handshake_budget();
        match timeout(after, work).await {
            Ok(done) => done.map_err(|source| DialError::Io { step, target: target.to_owned(), source }),
            Err(_) => Err(DialError::Timeout { step, target: target.to_owned(), after }),
        }
    }
}

fn target(request: &ClientRequest) -> String {
    format!("{}:{}", request.host(), request.port())
}

/// Sums of instants end somewhere.
const FAR_FUTURE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
