//! The connections of one dial or of one session, over the version of HTTP that the application chose. All of them go to
//! the same origin.

use http::{Response, Version};
use silverback_proto::handshake::ClientRequest;

#[cfg(feature = "http2")]
use super::http2::{self, Http2Pool};
#[cfg(feature = "http3")]
use super::http3::{Http3Pool, QuicMisuse};
use super::{
    DialError, Dialer, HttpVersion, exchange::shake_hands, reach::reach, time_limit::TimeLimit, version::Alpn,
};
use crate::{conn::Conn, io::transport::wire::Wire};

#[derive(Debug)]
pub(super) enum Connections {
    /// Each WebSocket gets a separate connection.
    Http1,
    #[cfg(feature = "http2")]
    Http2(Http2Pool),
    #[cfg(feature = "http3")]
    Http3(Http3Pool),
}

impl Connections {
    pub(super) fn new(version: HttpVersion) -> Self {
        match version {
            HttpVersion::Http1 => Self::Http1,
            #[cfg(feature = "http2")]
            HttpVersion::Http2 | HttpVersion::Http2OrHttp1 => Self::Http2(Http2Pool::default()),
            #[cfg(feature = "http3")]
            HttpVersion::Http3 => Self::Http3(Http3Pool::default()),
        }
    }

    /// Returns the version of HTTP of the newest connection.
    pub(super) fn version(&self) -> Version {
        match self {
            Self::Http1 => Version::HTTP_11,
            #[cfg(feature = "http2")]
            Self::Http2(pool) => pool.version(),
            #[cfg(feature = "http3")]
            Self::Http3(_) => Version::HTTP_3,
        }
    }

    /// Opens the first connection, if WebSockets can share it.
    pub(super) async fn prepare(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
    ) -> Result<(), DialError> {
        match self {
            Self::Http1 => {
                let _ = (dialer, request, time);
                Ok(())
            }
            #[cfg(feature = "http2")]
            Self::Http2(pool) => pool.prepare(dialer, request, time).await,
            #[cfg(feature = "http3")]
            Self::Http3(pool) => pool.prepare(dialer, request, time).await,
        }
    }

    /// Connects to the server if no connection has room, and does the opening handshake of a WebSocket.
    pub(super) async fn open(
        &self,
        dialer: &Dialer,
        request: &ClientRequest,
        time: &TimeLimit,
    ) -> Result<(Conn, Response<()>), DialError> {
        match self {
            Self::Http1 => {
                let reached = reach(dialer, request, Alpn::Http1, time).await?;
                shake_hands(dialer, reached.wire, request.clone(), time).await
            }
            #[cfg(feature = "http2")]
            Self::Http2(pool) => pool.open(dialer, request, time).await,
            #[cfg(feature = "http3")]
            Self::Http3(pool) => pool.open(dialer, request, time).await,
        }
    }
}

/// Does the opening handshake on a stream that is connected to the server.
pub(super) async fn dial_on(
    dialer: &Dialer,
    wire: Wire,
    request: ClientRequest,
    time: &TimeLimit,
) -> Result<(Conn, Response<()>), DialError> {
    match dialer.http_version {
        #[cfg(feature = "http2")]
        HttpVersion::Http2 => http2::dial_on(dialer, wire, request, time).await,
        #[cfg(feature = "http3")]
        HttpVersion::Http3 => Err(DialError::Quic(QuicMisuse::Stream)),
        _ => shake_hands(dialer, wire, request, time).await,
    }
}
