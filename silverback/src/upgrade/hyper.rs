//! Requests of hyper 1.x and of everything built on it: the socket is taken back out after the response.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::hyper::upgrade::{OnUpgrade, Upgraded};
use http::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use silverback_proto::{Negotiated, Role, handshake::ServerHandshake};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::{UpgradeError, Upgrader};
use crate::{conn::Conn, error::Error, io::settings::Settings};

impl Upgrader {
    /// Upgrades a request of an HTTP server: send the response, and await the rest elsewhere.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # fn handler(mut request: Request<()>) -> Response<String> {
    /// match silverback::Upgrader::new().upgrade(&mut request) {
    ///     Err(error) => error.response(),
    ///     Ok((response, upgrade)) => {
    ///         tokio::spawn(async move {
    ///             let mut conn = upgrade.await?;
    ///             conn.write_message("welcome").await
    ///         });
    ///         response
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// The connection runs on the socket itself, with `TCP_NODELAY` set, where hyper was given a `TokioIo<TcpStream>`
    /// (or a `UnixStream`). Under `axum::serve` and hyper-util's automatic server that takes the feature `hyper-auto`
    /// (`silverback-axum` enables it). Any other transport stays in its wrapper and keeps its options: a TCP socket
    /// without `TCP_NODELAY` delays small messages by up to 40 ms, so set it where the socket is accepted.
    ///
    /// # Errors
    /// The request is no acceptable handshake; [`UpgradeError::response`] says so to the client.
    pub fn upgrade<B, R: Default>(&self, request: &mut Request<B>) -> Result<(Response<R>, Upgrade), UpgradeError> {
        self.upgrade_with_headers(request, HeaderMap::new())
    }

    /// [`upgrade`](Self::upgrade) with headers to add to the response, as `Set-Cookie`.
    ///
    /// # Errors
    /// As [`upgrade`](Self::upgrade); also if a header belongs to the handshake.
    pub fn upgrade_with_headers<B, R: Default>(
        &self,
        request: &mut Request<B>,
        headers: HeaderMap,
    ) -> Result<(Response<R>, Upgrade), UpgradeError> {
        let handshake = ServerHandshake::from_request(request)?;
        let on_upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(UpgradeError::NotUpgradable)?;
        self.upgrade_handshake(handshake, on_upgrade, headers)
    }

    /// Upgrades a request whose handshake was read before, as by an extractor: `on_upgrade` came in the extensions of
    /// the request.
    ///
    /// # Errors
    /// The origin is refused, or a header belongs to the handshake.
    pub fn upgrade_handshake<R: Default>(
        &self,
        handshake: ServerHandshake,
        on_upgrade: OnUpgrade,
        headers: HeaderMap,
    ) -> Result<(Response<R>, Upgrade), UpgradeError> {
        let (response, negotiated) = self.negotiate(handshake, headers)?;
        let upgrade = Upgrade { on_upgrade, negotiated, settings: self.settings.clone() };
        Ok((response.map(|()| R::default()), upgrade))
    }
}

/// A connection that is there as soon as the response has been sent.
pub struct Upgrade {
    on_upgrade: OnUpgrade,
    negotiated: Negotiated,
    settings: Settings,
}

impl Upgrade {
    /// What both sides agreed on.
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }
}

impl Future for Upgrade {
    type Output = Result<Conn, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let upgraded = match ready!(Pin::new(&mut self.on_upgrade).poll(cx)) {
            Ok(upgraded) => upgraded,
            Err(error) => return Poll::Ready(Err(Error::Io(std::io::Error::other(error)))),
        };
        let negotiated = std::mem::take(&mut self.negotiated);
        Poll::Ready(Ok(take_socket(upgraded, negotiated, &self.settings)))
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("negotiated", &self.negotiated).finish_non_exhaustive()
    }
}

/// The socket out of whichever of hyper's wrappers it is in; a transport that we do not know stays wrapped.
fn take_socket(upgraded: Upgraded, negotiated: Negotiated, settings: &Settings) -> Conn {
    macro_rules! try_as {
        ($upgraded:ident, $socket:ty) => {
            match $upgraded.downcast::<TokioIo<$socket>>() {
                Ok(parts) => {
                    let (stream, early) = (parts.io.into_inner(), parts.read_buf);
                    return Conn::from_handshake(stream, Role::Server, negotiated, early, settings);
                }
                Err(upgraded) => upgraded,
            }
        };
    }
    let upgraded = try_as!(upgraded, TcpStream);
    #[cfg(unix)]
    let upgraded = try_as!(upgraded, UnixStream);
    #[cfg(feature = "hyper-auto")]
    let upgraded = match hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => {
            let (stream, early) = (parts.io.into_inner(), parts.read_buf);
            return Conn::from_handshake(stream, Role::Server, negotiated, early, settings);
        }
        Err(upgraded) => upgraded,
    };
    Conn::from_handshake(TokioIo::new(upgraded), Role::Server, negotiated, [], settings)
}
