//! Turns an upgrade into an extended CONNECT and back. The fields of the WebSocket pass through unchanged.

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, Version, header};
use silverback::proto::handshake::accept_key;

use crate::AnyError;

/// The CONNECT for an upgrade. `:protocol` is for the caller to add.
pub(crate) fn connect(upgrade: &Request<()>, scheme: &str, authority: &str) -> Result<Request<()>, AnyError> {
    let path = upgrade.uri().path_and_query().ok_or("no path")?;
    let mut request = Request::new(());
    *request.method_mut() = Method::CONNECT;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::builder().scheme(scheme).authority(authority).path_and_query(path.clone()).build()?;
    copy(&REQUEST_FIELDS, upgrade.headers(), request.headers_mut());
    Ok(request)
}

/// The upgrade for a CONNECT.
pub(crate) fn upgrade(connect: &Request<()>, host: &str) -> Result<Request<()>, AnyError> {
    let path = connect.uri().path_and_query().ok_or("no path")?;
    let mut request = Request::get(path.as_str())
        .header(header::HOST, host)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())?;
    copy(&REQUEST_FIELDS, connect.headers(), request.headers_mut());
    Ok(request)
}

/// The response to an upgrade, for one to the CONNECT.
pub(crate) fn switching(response: &Response<()>, upgrade: &Request<()>) -> Response<()> {
    let mut switching = Response::new(());
    *switching.status_mut() = response.status();
    if response.status().is_success() {
        *switching.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let key = upgrade.headers().get(header::SEC_WEBSOCKET_KEY).map_or(&b""[..], |key| key.as_bytes());
        switching.headers_mut().extend([
            (header::UPGRADE, http::HeaderValue::from_static("websocket")),
            (header::CONNECTION, http::HeaderValue::from_static("Upgrade")),
            (header::SEC_WEBSOCKET_ACCEPT, accept_key(key).to_header_value()),
        ]);
        copy(&RESPONSE_FIELDS, response.headers(), switching.headers_mut());
    }
    switching
}

/// The response to a CONNECT, for one to the upgrade.
pub(crate) fn success(response: &Response<()>) -> Response<()> {
    let mut success = Response::new(());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        copy(&RESPONSE_FIELDS, response.headers(), success.headers_mut());
    } else {
        *success.status_mut() = StatusCode::BAD_GATEWAY;
    }
    success
}

fn copy(fields: &[HeaderName], from: &HeaderMap, to: &mut HeaderMap) {
    for name in fields {
        to.extend(from.get_all(name).iter().map(|value| (name.clone(), value.clone())));
    }
}

const REQUEST_FIELDS: [HeaderName; 4] = [
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::USER_AGENT,
];
const RESPONSE_FIELDS: [HeaderName; 2] = [header::SEC_WEBSOCKET_PROTOCOL, header::SEC_WEBSOCKET_EXTENSIONS];
