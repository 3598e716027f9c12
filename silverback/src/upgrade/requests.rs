//! Functions for handlers that inspect a request before they upgrade it.

use http::{
    Request,
    header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
};
use silverback_proto::handshake::{
    Subprotocol,
    headers::{contains_token, list_elements},
};

/// Returns whether a request asks for a WebSocket: `Connection` contains `upgrade` and `Upgrade` contains `websocket`.
/// Both may be in any case, in lists and on several lines. [`Upgrader`](crate::Upgrader) then validates the whole
/// request and answers with the reason if it is wrong.
///
/// ```
/// let request = http::Request::get("/").header("Connection", "keep-alive, Upgrade").header("Upgrade", "websocket");
/// assert!(silverback::is_websocket_upgrade(&request.body(())?));
/// # Ok::<(), http::Error>(())
/// ```
pub fn is_websocket_upgrade<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    contains_token(headers, &CONNECTION, "upgrade") && contains_token(headers, &UPGRADE, "websocket")
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
