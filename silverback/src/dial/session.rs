//! A session with a server: connections that carry several WebSockets.

use std::{fmt, sync::Arc};

use http::{Response, Version};
use silverback_proto::handshake::ClientRequest;

use super::{DialError, Dialer, Trust, connections::Connections, target};
use crate::{conn::Conn, io::meter::Metering};

impl Dialer {
    /// Connects to the server of a URL, for several WebSockets. The path of the URL does not matter.
    ///
    /// Over HTTP/2 and HTTP/3 this opens a connection, and [`Session::dial`] opens WebSockets on it. Over HTTP/1.1 it only checks the
    /// URL and the settings, because each WebSocket needs a separate connection there.
    ///
    /// ```
    /// # #[cfg(feature = "http2")]
    /// # async fn run() -> Result<(), silverback::DialError> {
    /// use silverback::{Dialer, dial::HttpVersion};
    ///
    /// let dialer = Dialer::new().http_version(HttpVersion::Http2OrHttp1);
    /// let session = dialer.connect("wss://example.com").await?;
    /// let news = session.dial("/news").await?;
    /// let chat = session.dial("/chat?room=1").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The same errors as [`dial`](Self::dial).
    ///
    /// # Cancel safety
    /// Dropping the future aborts it and closes its connection.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime with its I/O and time drivers enabled.
    pub async fn connect(&self, url: impl AsRef<str>) -> Result<Session, DialError> {
        let origin = self.request(url.as_ref(), Trust::Full)?;
        let time = self.time_limit();
        let connections = Connections::new(self.http_version);
        Box::pin(connections.prepare(self, &origin, &time)).await?;
        Ok(Session(Arc::new(Inner { dialer: self.clone(), origin, connections })))
    }
}

/// Opens WebSockets to one server. Over HTTP/2 and HTTP/3 they share a connection.
///
/// Clones share the connection too. It carries at most 100 WebSockets, or as many as the server allows. If it is full,
/// if the server ends it (GOAWAY) or refuses another stream, or if it breaks, the next dial opens a new one. WebSockets
/// that are open stay on theirs. A connection ends with its last WebSocket if a newer one has replaced it or the session
/// is dropped, and otherwise after about a minute without a WebSocket. The next dial then opens a new one.
///
/// A session uses its connections for the origin of its URL only (scheme, host and port), even if the certificate of the
/// server is valid for other hosts. All of its connections take the route of its dialer: the same TLS settings, proxy,
/// local address, Unix socket or connector.
///
/// With HTTP/1.1 each WebSocket has a separate connection; see [`version`](Self::version).
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    dialer: Dialer,
    origin: ClientRequest,
    connections: Connections,
}

impl Session {
    /// Opens a WebSocket at a path of the server. The path begins with `/` and may have a query. The request has
    /// everything that the dialer of the session sets: headers, subprotocols, cookies.
    ///
    /// If the server redirects and the dialer follows, a redirect to another origin leads to a separate connection.
    ///
    /// # Errors
    /// The same errors as [`Dialer::dial`], and [`DialError::Path`] if the path begins with something else.
    ///
    /// # Cancel safety
    /// Dropping the future resets the stream. The other WebSockets of the session are not affected.
    ///
    /// # Panics
    /// As [`Dialer::dial`].
    pub async fn dial(&self, path: impl AsRef<str>) -> Result<Conn, DialError> {
        Ok(self.dial_with_response(path).await?.0)
    }

    /// Does the same as [`dial`](Self::dial), and also returns the server's response.
    ///
    /// # Errors
    /// The same errors as [`dial`](Self::dial).
    pub async fn dial_with_response(&self, path: impl AsRef<str>) -> Result<(Conn, Response<()>), DialError> {
        let Inner { dialer, origin, connections } = &*self.0;
        let path = path.as_ref();
        if !path.starts_with('/') {
            return Err(DialError::Path);
        }
        let scheme = if origin.is_secure() { "wss" } else { "ws" };
        let url = format!("{scheme}://{}:{}{path}", origin.uri_host(), origin.port());
        let request = dialer.request(&url, Trust::Full)?;
        let time = dialer.time_limit();
        let begun = Metering::begin();
        let dialed = Box::pin(dialer.dial_and_follow(request, &time, connections)).await;
        dialer.count(&dialed, begun);
        dialed
    }

    /// Returns the version of HTTP of the newest connection: `HTTP_3`, `HTTP_2`, or `HTTP_11`, where WebSockets share
    /// nothing.
    pub fn version(&self) -> Version {
        self.0.connections.version()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("server", &target(&self.0.origin))
            .field("version", &self.version())
            .field("dialer", &self.0.dialer)
            .finish_non_exhaustive()
    }
}
