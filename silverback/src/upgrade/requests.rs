//! Questions about a request, for handlers that look before they upgrade it.

use http::{
    Request,
    header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
};
use silverback_proto::handshake::{
    Subprotocol,
    headers::{contains_token, list_elements},
};

/// Whether a request asks for WebSocket: `Connection` has `upgrade` and `Upgrade` has `websocket`, in any case, in
/// lists, over several lines. Whether it does so rightly is for [`Upgrader`](crate::Upgrader) to say, with an answer
/// that tells what is wrong.
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

/// The subprotocols that a request offers, in the client's order of preference, from all its lines. Names that are no
/// tokens are left out here; [`Upgrader`](crate::Upgrader) refuses a request that has them.
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
