//! Functions for handlers that inspect a request before they upgrade it.

use http::{
    Method, Request, Version,
    header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
};
use silverback_proto::handshake::{
    Rejection, ServerHandshake, Subprotocol,
    headers::{contains_token, list_elements},
};

/// Returns whether a request asks for a WebSocket: `Connection` contains `upgrade` and `Upgrade` contains `websocket`.
/// Both may be in any case, in lists and on several lines. With the feature `http2`, the same holds for a CONNECT request
/// whose `:protocol` is `websocket`. [`Upgrader`](crate::Upgrader) then validates the whole request and answers with the
/// reason if it is wrong.
///
/// ```
/// let request = http::Request::get("/").header("Connection", "keep-alive, Upgrade").header("Upgrade", "websocket");
/// assert!(silverback::is_websocket_upgrade(&request.body(())?));
/// # Ok::<(), http::Error>(())
/// ```
pub fn is_websocket_upgrade<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let is_upgrade =
        || contains_token(headers, &CONNECTION, "upgrade") && contains_token(headers, &UPGRADE, "websocket");
    if request.version() < Version::HTTP_2 {
        return is_upgrade();
    }
    request.method() == Method::CONNECT && protocol(request).is_some_and(|name| name.eq_ignore_ascii_case("websocket"))
}

/// Reads the handshake of a request: an upgrade over HTTP/1.1 or an extended CONNECT.
pub(super) fn read_handshake<B>(request: &Request<B>) -> Result<ServerHandshake, Rejection> {
    if request.version() < Version::HTTP_2 {
        return ServerHandshake::from_request(request);
    }
    ServerHandshake::from_connect(request, protocol(request))
}

/// Returns the `:protocol` of a request, which hyper hands over beside it.
#[cfg(all(feature = "http2", feature = "hyper"))]
fn protocol<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get::<hyper::ext::Protocol>().map(hyper::ext::Protocol::as_str)
}

/// Without these features it is unknown.
#[cfg(not(all(feature = "http2", feature = "hyper")))]
fn protocol<B>(_: &Request<B>) -> Option<&str> {
    None
}

/// Returns the subprotocols that a request offers on all its header lines, in the client's order of preference. Names
/// that are not tokens are left out here, but [`Upgrader`](crate::Upgrader) rejects a request that has any.
///
/// ```
/// let request = http::Request::get("/").header("Sec-WebSocket-Protocol", "chat.v2, chat").body(())?;
/// assert_eq!(silverback::subprotocols(&request), ["chat.v2", "chat"]);
/// # Ok::<(), http::Error>(())
/// ```
pub fn subprotocols<B>(request: &Request<B>) -> Vec<Subprotocol> {
    let names = list_elements(request.headers(), &SEC_WEBSOCKET_PROTOCOL);
    names.filter_map(|name| Subprotocol::new(std::str::from_utf8(name).ok()?).ok()).collect()
}
