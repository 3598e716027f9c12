//! Encodes heads as bytes.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use crate::handshake::headers::wire_name;

/// Writes a request head: the method, the path and query (the authority for CONNECT), HTTP/1.1 and the headers. The
/// caller adds `Host`, and a body if there is one.
///
/// Header names are written as in RFC 6455 (`Sec-WebSocket-Key`), because some servers care.
pub fn encode_request<B>(request: &Request<B>) -> Vec<u8> {
    let mut out = Vec::with_capacity(EXPECTED_HEAD);
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    push_target(&mut out, request.method(), request.uri());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    push_headers(&mut out, request.headers());
    out.extend_from_slice(b"\r\n");
    out
}

/// Writes the head of a response that has no body, such as the 101 of a handshake.
pub fn encode_response_head<B>(response: &Response<B>) -> Vec<u8> {
    let mut out = Vec::with_capacity(EXPECTED_HEAD);
    push_status_line(&mut out, response.status());
    push_headers(&mut out, response.headers());
    out.extend_from_slice(b"\r\n");
    out
}

/// Writes a whole response. `Content-Length` is the length of the body. A `Content-Length` or `Transfer-Encoding` among
/// the headers is left out, so that it cannot contradict the bytes.
pub fn encode_response<B: AsRef<[u8]>>(response: &Response<B>) -> Vec<u8> {
    let body = response.body().as_ref();
    let status = response.status();
    // RFC 9110, 8.6 and 15.4.5: these statuses never have a body.
    let has_body = !status.is_informational() && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
    let mut headers = response.headers().clone();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);

    let mut out = Vec::with_capacity(EXPECTED_HEAD + body.len());
    push_status_line(&mut out, status);
    push_headers(&mut out, &headers);
    if has_body {
        push_header(&mut out, "Content-Length", body.len().to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    if has_body {
        out.extend_from_slice(body);
    }
    out
}

fn push_target(out: &mut Vec<u8>, method: &Method, uri: &Uri) {
    let target = match uri.authority() {
        Some(authority) if method == Method::CONNECT => authority.as_str(),
        _ => uri.path_and_query().map_or("/", |target| target.as_str()),
    };
    // RFC 6455, 3: an empty path is `/`, also in front of a query.
    if target.starts_with('?') {
        out.push(b'/');
    }
    out.extend_from_slice(target.as_bytes());
}

fn push_status_line(out: &mut Vec<u8>, status: StatusCode) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    // The blank is required even without a reason (RFC 9112, 4).
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn push_headers(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        push_header(out, &wire_name(name), value.as_bytes());
    }
}

fn push_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    push_value(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a header value. A `HeaderValue` has no line break unless it was made without checks. This replaces control
/// bytes by blanks, so that no value can end a head early.
pub(in crate::handshake) fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    if value.iter().fold(true, |all, &byte| all & !matches!(byte, 0..=31 | 127)) {
        out.extend_from_slice(value);
        return;
    }
    out.extend(value.iter().map(|&byte| match byte {
        b'\t' => b'\t',
        0..=31 | 127 => b' ',
        _ => byte,
    }));
}

/// Enough capacity for an ordinary handshake.
const EXPECTED_HEAD: usize = 512;
