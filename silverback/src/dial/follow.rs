//! Runs a dial, from the URL to the connection, and follows redirects.

use std::time::SystemTime;

use http::{Response, header};
use silverback_proto::{Role, handshake::ClientRequest};

use super::{
    DialError, DialEvent, Dialer, RedirectFault, Trust,
    connections::{self, Connections},
    redirect,
    redirect_cookies::RedirectCookies,
    time_limit::TimeLimit,
};
use crate::{
    conn::Conn,
    io::{
        meter::{Begun, Metering},
        transport::{ByteStream, wire::Wire},
    },
};

impl Dialer {
    /// Connects to the server of a URL and does the opening handshake.
    ///
    /// The URL is a `&str`, a `String`, or anything else that is text, such as `url::Url`. For an [`http::Uri`] pass
    /// `uri.to_string()`.
    ///
    /// # Errors
    /// See [`DialError`]. It has the step that failed, and the server's response if there was one.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the dial and closes its connections.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime with its I/O and time drivers enabled.
    pub async fn dial(&self, url: impl AsRef<str>) -> Result<Conn, DialError> {
        Ok(self.dial_with_response(url).await?.0)
    }

    /// Does the same as [`dial`](Self::dial), and also returns the server's response. Its headers may say more than the
    /// protocol needs.
    ///
    /// # Errors
    /// The same errors as [`dial`](Self::dial).
    pub async fn dial_with_response(&self, url: impl AsRef<str>) -> Result<(Conn, Response<()>), DialError> {
        let request = self.request(url.as_ref(), Trust::Full)?;
        let time = self.time_limit();
        // Boxed, so that the handshake's memory is freed with it: the caller's task lives as long as the connection.
        let connections = Connections::new(self.http_version);
        let begun = Metering::begin();
        let dialed = Box::pin(self.dial_and_follow(request, &time, &connections)).await;
        self.count(&dialed, begun);
        dialed
    }

    /// Does the opening handshake for a URL on a stream that is already connected to its server. The dialer then
    /// resolves nothing, uses no proxy and does no TLS: for a `wss://` URL, the stream must already have TLS. Redirects
    /// are not followed. The dialer does not know what ALPN has selected, so it speaks HTTP/2 only if it is told to use
    /// nothing else.
    ///
    /// # Errors
    /// The same errors as [`dial`](Self::dial).
    ///
    /// # Panics
    /// Panics outside of a tokio runtime with its time driver enabled.
    pub async fn dial_on(&self, stream: impl ByteStream, url: impl AsRef<str>) -> Result<Conn, DialError> {
        let request = self.request(url.as_ref(), Trust::Full)?;
        let time = self.time_limit();
        let begun = Metering::begin();
        let dialed = Box::pin(connections::dial_on(self, Wire::new(stream), request, &time)).await;
        self.count(&dialed, begun);
        Ok(dialed?.0)
    }

    /// Reports the result of a dial.
    pub(super) fn count<T>(&self, dialed: &Result<T, DialError>, begun: Begun) {
        let result = || dialed.as_ref().err().map_or("accepted", DialError::label);
        self.settings.metering.handshake(Role::Client, Some(begun), result);
    }

    /// `connections` are for the origin of the first request.
    pub(super) async fn dial_and_follow(
        &self,
        first: ClientRequest,
        time: &TimeLimit,
        connections: &Connections,
    ) -> Result<(Conn, Response<()>), DialError> {
        let mut request = first.clone();
        let mut trust = Trust::Full;
        let mut cookies = RedirectCookies::default();
        let mut followed = 0;
        loop {
            let opened = match redirect::same_origin(&first, &request) {
                true => connections.open(self, &request, time).await,
                false => Connections::new(self.http_version).open(self, &request, time).await,
            };
            let (target, peer, refusal) = match opened {
                Err(DialError::Refused { target, peer, refusal })
                    if self.max_redirects > 0 && redirect::is_redirect(refusal.status) =>
                {
                    (target, peer, refusal)
                }
                outcome => return outcome,
            };
            if self.cookie_jar.is_none() {
                cookies.store(&request, &refusal.headers, SystemTime::now());
            }
            let next = match followed == self.max_redirects {
                true => Err(RedirectFault::TooMany { limit: followed }),
                false => redirect::next_url(&request, &refusal.headers),
            };
            let url = next.map_err(|fault| DialError::Redirect { target, peer, fault, refusal })?;
            followed += 1;
            request = self.request(&url, Trust::Full)?;
            // A redirect has left the first origin. From then on no secret is sent, even if a later redirect leads
            // back.
            if trust == Trust::None || !redirect::same_origin(&first, &request) {
                trust = Trust::None;
                request = self.request(&url, trust)?;
            }
            let own = self.headers.iter().filter(|(name, _)| trust == Trust::Full && *name == header::COOKIE);
            if let Some(cookies) = cookies.join(&request, own.map(|(_, value)| value)) {
                request = request.replace_header(header::COOKIE, cookies);
            }
            self.observe(&DialEvent::Redirected { to: &super::target(&request) });
        }
    }
}
