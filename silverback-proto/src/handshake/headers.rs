//! The header fields of RFC 6455 (11.3), and which of them an application may not set. `server` and `client` decide how
//! to treat a missing or repeated field.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header::COOKIE};

use super::{error::HandshakeError, received::Received};

pub use super::syntax::{contains_token, list_elements};
pub use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};

/// Parses a header into a name and a value that are safe to send.
///
/// # Errors
/// Fails if the name is not a token, or the value has CR, LF, NUL or any other control byte except tab.
pub fn parse_header(name: &str, value: impl AsRef<[u8]>) -> Result<(HeaderName, HeaderValue), HandshakeError> {
    let parsed_name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| HandshakeError::InvalidHeaderName(Received::new(name.as_bytes())))?;
    let value = HeaderValue::from_bytes(value.as_ref())
        .map_err(|_| HandshakeError::InvalidHeaderValue(Received::new(name.as_bytes())))?;
    Ok((parsed_name, value))
}

/// Whether an application may not set this field, because the handshake writes it or because it would announce a body:
/// `Upgrade`, `Connection`, every `Sec-WebSocket-*`, `Content-Length`, `Transfer-Encoding`. For the `Host` of a client
/// there is a setter.
pub fn is_reserved(name: &HeaderName) -> bool {
    [UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

/// Whether this field is about an HTTP/1.1 connection. A message over HTTP/2 or HTTP/3 that has such a field is malformed
/// (RFC 9113, 8.2.2; RFC 9114, 4.2).
pub fn is_connection_specific(name: &HeaderName) -> bool {
    [CONNECTION, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// Joins several `Cookie` fields in one. A client over HTTP/2 or HTTP/3 may send each cookie in a field of its own (RFC
/// 9113, 8.2.3; RFC 9114, 4.2.1), and applications expect one field.
pub fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().collect();
    if cookies.len() < 2 {
        return;
    }
    let is_sensitive = cookies.iter().any(|cookie| cookie.is_sensitive());
    let bytes: Vec<_> = cookies.into_iter().map(HeaderValue::as_bytes).collect();
    // The parts are valid values, and so is the whole.
    if let Ok(mut joined) = HeaderValue::from_bytes(&bytes.join(&b"; "[..])) {
        joined.set_sensitive(is_sensitive);
        headers.insert(COOKIE, joined);
    }
}

/// Checks the headers that an application adds to a handshake.
pub(super) fn check_added(headers: &HeaderMap) -> Result<(), HandshakeError> {
    if headers.keys_len() > MAX_ADDED_HEADERS {
        return Err(HandshakeError::TooManyHeaders { limit: MAX_ADDED_HEADERS });
    }
    match headers.keys().find(|name| is_reserved(name)) {
        Some(name) => Err(HandshakeError::ReservedHeader(Received::new(wire_name(name).as_bytes()))),
        None => Ok(()),
    }
}

/// Returns the value of a field that may appear only once.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Repeated> {
    let mut lines = headers.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (first, None) => Ok(first),
        _ => Err(Repeated),
    }
}

/// The error of a field that may appear only once and has several lines.
pub(super) struct Repeated;

/// Whether the head announces a body. A handshake has none. If one party reads a byte as body and another reads it as a
/// frame, an attacker can smuggle requests. `Content-Length: 0` is tolerated, because some stacks add it to every
/// message.
pub(super) fn declares_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get_all(CONTENT_LENGTH).iter().any(|length| length.as_bytes() != b"0")
}

/// Returns the name with the case that RFC 6455 and HTTP/1.1 usually write. Names are case-insensitive, but some
/// servers look for exactly `Sec-WebSocket-Key`.
pub(super) fn wire_name(name: &HeaderName) -> Cow<'static, str> {
    if let Some((_, known)) = WIRE_NAMES.iter().find(|(known, _)| known == name) {
        return Cow::Borrowed(known);
    }
    match name.as_str().strip_prefix("sec-websocket-") {
        Some(rest) => format!("Sec-WebSocket-{}", title_case(rest)).into(),
        None => title_case(name.as_str()).into(),
    }
}

fn title_case(name: &str) -> String {
    let mut starts_word = true;
    name.chars()
        .map(|letter| {
            let cased = match starts_word {
                true => letter.to_ascii_uppercase(),
                false => letter,
            };
            starts_word = letter == '-';
            cased
        })
        .collect()
}

pub(super) const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
/// The only version there is (RFC 6455, 4.1).
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("13");
/// The names of every handshake, which are then not built each time, and one whose case follows no rule.
static WIRE_NAMES: [(HeaderName, &str); 9] = [
    (UPGRADE, "Upgrade"),
    (CONNECTION, "Connection"),
    (SEC_WEBSOCKET_ACCEPT, "Sec-WebSocket-Accept"),
    (SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key"),
    (SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version"),
    (SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions"),
    (SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol"),
    (HOST, "Host"),
    (http::header::WWW_AUTHENTICATE, "WWW-Authenticate"),
];

/// Ten times as many as any server reads. Without this limit the map itself would panic at 24,576 names.
const MAX_ADDED_HEADERS: usize = 1000;
