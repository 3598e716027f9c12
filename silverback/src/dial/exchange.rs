//! Sends the request and reads the response, on a stream that leads to the server.

use std::io;

use http::{Response, StatusCode, Uri, Version, header};
use silverback_proto::{
    Role,
    handshake::{ClientHandshake, ClientRequest, HandshakeError, Nonce, http1::encode_request},
};
use tokio::{io::AsyncWriteExt, time::Instant};

use super::{
    DialError, DialEvent, DialStep, Dialer, Refusal,
    error::Place,
    final_response::{MAX_INTERIM_RESPONSES, NoResponse, read_final_response},
    refusal::hide_secrets,
    target,
    time_limit::TimeLimit,
};
use crate::{
    conn::{Conn, opening::Opening},
    io::{
        head::ReadHeadError,
        transport::{self, socket::peer_of, wire::Wire},
    },
};

/// Does the opening handshake within its time limit.
pub(super) async fn shake_hands(
    dialer: &Dialer,
    wire: Wire,
    request: ClientRequest,
    time: &TimeLimit,
) -> Result<(Conn, Response<()>), DialError> {
    let target = target(&request);
    let place = Place::new(&target, peer_of(&wire));
    let (deadline, _) = time.deadline(DialStep::Handshake);
    time.bounded(DialStep::Handshake, place, exchange(dialer, wire, request, place, deadline)).await
}

async fn exchange(
    dialer: &Dialer,
    mut wire: Wire,
    mut request: ClientRequest,
    place: Place<'_>,
    deadline: Instant,
) -> Result<(Conn, Response<()>), DialError> {
    let failed = |source| place.failed(step_of(&source), source);
    let (target, peer) = (|| place.target.to_owned(), place.peer);
    let url = http_url(&request);
    if let Some(cookies) = dialer.cookies(&url) {
        request = request.header(header::COOKIE, cookies);
    }
    let handshake = ClientHandshake::new(request, random_nonce().map_err(failed)?).map_err(DialError::Request)?;
    dialer.observe(&DialEvent::Requested { request: handshake.request() });
    let begun = Instant::now();
    wire.write_all(&encode_request(handshake.request())).await.map_err(failed)?;
    wire.flush().await.map_err(failed)?;
    let (mut response, leftover) =
        read_final_response(&mut wire, dialer.settings.max_head_size).await.map_err(|error| match error {
            NoResponse::Head(ReadHeadError::Head(error)) => DialError::Head { target: target(), peer, error },
            NoResponse::Head(ReadHeadError::Ended) => failed(io::ErrorKind::UnexpectedEof.into()),
            NoResponse::Head(ReadHeadError::Io(error)) => failed(error),
            NoResponse::TooManyInterim => {
                DialError::TooManyInterim { target: target(), peer, limit: MAX_INTERIM_RESPONSES }
            }
        })?;
    dialer.answered(&url, &mut response, begun);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let refusal = Refusal::read(&mut wire, response, leftover, deadline).await;
        return Err(DialError::Refused { target: target(), peer, refusal });
    }
    let wrong = |error| DialError::Answer { target: target(), peer, error };
    let opening = opening(Version::HTTP_11, handshake, &response).map_err(wrong)?;
    Ok((Conn::on(transport::split(wire), opening, leftover, &dialer.settings), response))
}

/// Verifies the answer to a handshake.
pub(super) fn opening(
    version: Version,
    handshake: ClientHandshake,
    response: &Response<()>,
) -> Result<Opening, HandshakeError> {
    let target = handshake.request().uri().path_and_query().cloned();
    Ok(Opening { role: Role::Client, version: Some(version), target, negotiated: handshake.verify(response)? })
}

impl Dialer {
    pub(super) fn cookies(&self, url: &Uri) -> Option<http::HeaderValue> {
        let mut cookies = self.cookie_jar.as_ref().filter(|_| !self.has_header(&header::COOKIE))?.cookies(url)?;
        cookies.set_sensitive(true);
        Some(cookies)
    }

    /// Takes note of a response: marks its secrets, and reports it to the observer and to the cookie jar.
    pub(super) fn answered(&self, url: &Uri, response: &mut Response<()>, begun: Instant) {
        hide_secrets(response.headers_mut());
        let (status, headers) = (response.status(), response.headers());
        self.observe(&DialEvent::Answered { status, headers, took: begun.elapsed() });
        let mut set_cookie = headers.get_all(header::SET_COOKIE).iter().peekable();
        if let (Some(jar), Some(_)) = (&self.cookie_jar, set_cookie.peek()) {
            jar.store(url, &mut set_cookie);
        }
    }
}

/// Returns the URL with the scheme `http` or `https`, as the rules for cookies need it.
pub(super) fn http_url(request: &ClientRequest) -> Uri {
    let (scheme, default_port) = if request.is_secure() { ("https", 443) } else { ("http", 80) };
    let authority = match request.port() {
        port if port == default_port => request.host().to_owned(),
        _ => target(request),
    };
    let parts = Uri::builder().scheme(scheme).authority(authority).path_and_query(request.target().clone());
    // Never fails: all parts come from a valid `ClientRequest`.
    parts.build().unwrap_or_default()
}

/// Draws a new nonce for a connection (RFC 6455, 4.1).
fn random_nonce() -> io::Result<Nonce> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Nonce::from(bytes))
}

/// Returns the step that an error of the stream belongs to, if it occurs in the opening handshake. In TLS 1.3 a server
/// that refuses the client, perhaps because it wants a client certificate, says so only after its part of the TLS
/// handshake.
fn step_of(error: &io::Error) -> DialStep {
    #[cfg(feature = "rustls-tls")]
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return DialStep::Tls;
    }
    let _ = error;
    DialStep::Handshake
}

/// Returns whether the server ended the TLS handshake because it knows none of the offered protocols (RFC 7301, 3.2).
#[cfg(feature = "http2")]
pub(super) fn knows_no_protocol(error: &io::Error) -> bool {
    #[cfg(feature = "rustls-tls")]
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return *error == rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol);
    }
    let _ = error;
    false
}
