//! The UDP socket of a server over HTTP/3.

use std::{fmt, io, net::SocketAddr, pin::Pin, sync::Arc};

use quinn::{ConnectionError, Endpoint};

#[cfg(all(feature = "with-rustls-0_23", any(feature = "ring", feature = "aws-lc-rs")))]
use super::config;

/// A UDP socket on which clients begin HTTP/3 connections.
///
/// QUIC checks that a client receives packets at its address before the server sends it more than three times as much as
/// it has sent. If many handshakes are in progress, the endpoint checks the address before it keeps anything of a client
/// (Retry, RFC 9000, 8.1). 0-RTT is refused, because its requests can be replayed.
///
/// The methods that take the certificate need the feature `with-rustls-0_23`, and `ring` or `aws-lc-rs`. With
/// `with-quinn-0_11` an application can also use an endpoint of quinn of its own.
#[derive(Debug)]
pub struct Http3Endpoint {
    endpoint: Endpoint,
    /// Each handshake in progress has a clone.
    handshakes: Arc<()>,
}

impl Http3Endpoint {
    /// Binds a UDP socket. `tls` has the certificate and its key; its ALPN protocols are replaced by `h3`. The
    /// connections have settings that suit many WebSockets: a stream has a window of 64 KiB and the connection one for
    /// all of its 100 streams, so that a WebSocket that is not read stops only itself.
    ///
    /// # Errors
    /// Fails if the address cannot be bound, or if `tls` does not allow TLS 1.3 with its default cipher suite.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its I/O and time drivers enabled.
    #[cfg(all(feature = "with-rustls-0_23", any(feature = "ring", feature = "aws-lc-rs")))]
    pub fn bind(address: SocketAddr, tls: rustls::ServerConfig) -> io::Result<Self> {
        Self::on(std::net::UdpSocket::bind(address)?, tls)
    }

    /// Does the same as [`bind`](Self::bind) on a socket that is already bound.
    ///
    /// # Errors
    /// Fails if the socket is not usable, or if `tls` does not allow TLS 1.3 with its default cipher suite.
    ///
    /// # Panics
    /// As [`bind`](Self::bind).
    #[cfg(all(feature = "with-rustls-0_23", any(feature = "ring", feature = "aws-lc-rs")))]
    pub fn on(socket: std::net::UdpSocket, tls: rustls::ServerConfig) -> io::Result<Self> {
        let config = config::server(tls)?;
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = Endpoint::new(quinn::EndpointConfig::default(), Some(config), socket, runtime)?;
        Ok(Self { endpoint, handshakes: Arc::new(()) })
    }

    /// Replaces the certificate and the other settings of TLS for connections that begin later.
    ///
    /// # Errors
    /// Fails if `tls` does not allow TLS 1.3 with its default cipher suite. The old settings then stay.
    #[cfg(all(feature = "with-rustls-0_23", any(feature = "ring", feature = "aws-lc-rs")))]
    pub fn set_tls(&self, tls: rustls::ServerConfig) -> io::Result<()> {
        self.endpoint.set_server_config(Some(config::server(tls)?));
        Ok(())
    }

    /// Returns the configuration that [`bind`](Self::bind) uses, for an endpoint of the application's own.
    ///
    /// # Errors
    /// Fails if `tls` does not allow TLS 1.3 with its default cipher suite.
    #[cfg(all(feature = "with-quinn-0_11", any(feature = "ring", feature = "aws-lc-rs")))]
    pub fn quinn_config(tls: rustls::ServerConfig) -> io::Result<quinn::ServerConfig> {
        config::server(tls)
    }

    /// Returns the next client that begins a connection, or `None` if the socket has failed. Pass it to
    /// [`Upgrader::serve_http3`](crate::Upgrader::serve_http3).
    ///
    /// # Cancel safety
    /// Dropping the future loses no client.
    pub async fn accept(&self) -> Option<Http3Incoming> {
        loop {
            let incoming = self.endpoint.accept().await?;
            let is_busy = Arc::strong_count(&self.handshakes) > MAX_UNCHECKED;
            if is_busy && !incoming.remote_address_validated() && incoming.may_retry() {
                // Fails only if the client has been checked.
                let _ = incoming.retry();
                continue;
            }
            let socket = self.endpoint.local_addr().ok();
            return Some(Http3Incoming::new(incoming, socket, Some(self.handshakes.clone())));
        }
    }

    /// Returns the address of the socket.
    ///
    /// # Errors
    /// Fails if the system does not know it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Refuses new connections, and waits until all others have ended. Tell those before with
    /// [`Http3Server::shut_down`](crate::Http3Server::shut_down).
    ///
    /// # Cancel safety
    /// Dropping the future stops waiting. New connections stay refused.
    pub async fn shut_down(&self) {
        self.endpoint.set_server_config(None);
        self.endpoint.wait_idle().await;
    }
}

/// A client that has begun a connection at an [`Http3Endpoint`]. Dropping it refuses the client.
pub struct Http3Incoming {
    connecting: Connecting,
    remote_address: SocketAddr,
    /// The address of our socket, if it is known.
    pub(super) socket: Option<SocketAddr>,
}

type Connecting = Pin<Box<dyn Future<Output = Result<quinn::Connection, ConnectionError>> + Send>>;

impl Http3Incoming {
    fn new(incoming: quinn::Incoming, socket: Option<SocketAddr>, handshake: Option<Arc<()>>) -> Self {
        let remote_address = incoming.remote_address();
        let connecting = async move {
            let connected = incoming.accept()?.await;
            drop(handshake);
            connected
        };
        Self { connecting: Box::pin(connecting), remote_address, socket }
    }

    /// The address that the client claims to have. It is known to be true once a WebSocket is open.
    pub fn remote_address(&self) -> SocketAddr {
        self.remote_address
    }

    /// Completes the handshake of QUIC.
    pub(super) async fn connect(self) -> Result<quinn::Connection, ConnectionError> {
        self.connecting.await
    }
}

impl fmt::Debug for Http3Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http3Incoming").field("remote_address", &self.remote_address).finish_non_exhaustive()
    }
}

/// Serves a client that has begun a connection at an endpoint of the application's own. See
/// [`Http3Endpoint::quinn_config`] for the configuration.
#[cfg(feature = "with-quinn-0_11")]
impl From<quinn::Incoming> for Http3Incoming {
    fn from(incoming: quinn::Incoming) -> Self {
        Self::new(incoming, None, None)
    }
}

/// Serves a connection whose handshake is done. Its ALPN protocol must be `h3`.
#[cfg(feature = "with-quinn-0_11")]
impl From<quinn::Connection> for Http3Incoming {
    fn from(connection: quinn::Connection) -> Self {
        let remote_address = connection.remote_address();
        Self { connecting: Box::pin(async { Ok(connection) }), remote_address, socket: None }
    }
}

/// Beyond this many handshakes in progress, the address of a client is checked first.
const MAX_UNCHECKED: usize = 256;
