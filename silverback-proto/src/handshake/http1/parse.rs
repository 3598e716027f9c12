//! Parses heads. The grammar is that of httparse in strict mode: no folded lines, no blanks before a colon, no control
//! bytes.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use httparse::{EMPTY_HEADER, Error, Header, Status};

use super::error::HeadError;

/// Parses a complete request head. The version may be HTTP/1.0, which the handshake refuses.
///
/// # Errors
/// Fails if the head is malformed or incomplete, or has more than 100 header lines.
pub fn parse_request(head: &[u8]) -> Result<Request<()>, HeadError> {
    with_header_room(|room| {
        let mut parsed = httparse::Request::new(room);
        check_status(parsed.parse(head))?;
        let mut request = Request::new(());
        let method = parsed.method.ok_or(HeadError::StartLine)?;
        *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| HeadError::StartLine)?;
        *request.uri_mut() = parse_target(parsed.path.ok_or(HeadError::Target)?, method)?;
        *request.version_mut() = version(parsed.version)?;
        fill_headers(request.headers_mut(), parsed.headers)?;
        Ok(request)
    })
}

/// Parses a complete response head. A status from 100 to 199 other than 101 is an interim
/// response: another head follows it.
///
/// # Errors
/// As [`parse_request`].
pub fn parse_response(head: &[u8]) -> Result<Response<()>, HeadError> {
    with_header_room(|room| {
        let mut parsed = httparse::Response::new(room);
        check_status(parsed.parse(head))?;
        let mut response = Response::new(());
        let status = parsed.code.ok_or(HeadError::StartLine)?;
        *response.status_mut() = StatusCode::from_u16(status).map_err(|_| HeadError::StartLine)?;
        *response.version_mut() = version(parsed.version)?;
        fill_headers(response.headers_mut(), parsed.headers)?;
        Ok(response)
    })
}

/// Parses with room for an ordinary number of headers, and if there are more, again with the largest number we allow.
fn with_header_room<'h, T>(parse: impl Fn(&mut [Header<'h>]) -> Result<T, HeadError>) -> Result<T, HeadError> {
    match parse(&mut [EMPTY_HEADER; ORDINARY_HEADERS]) {
        Err(HeadError::TooManyHeaders { .. }) => parse(&mut [EMPTY_HEADER; MAX_HEADERS]),
        result => result,
    }
}

fn check_status(result: Result<Status<usize>, Error>) -> Result<(), HeadError> {
    match result {
        Ok(Status::Complete(_)) => Ok(()),
        Ok(Status::Partial) => Err(HeadError::UnexpectedEnd),
        Err(Error::TooManyHeaders) => Err(HeadError::TooManyHeaders { limit: MAX_HEADERS }),
        Err(Error::Version) => Err(HeadError::Version),
        Err(Error::NewLine) => Err(HeadError::LineEnding),
        Err(Error::HeaderName | Error::HeaderValue) => Err(HeadError::Header),
        Err(Error::Token | Error::Status) => Err(HeadError::StartLine),
    }
}

/// RFC 9112, 3.2: a path, an absolute URI, `*` for OPTIONS, an authority for CONNECT. `http::Uri` would silently drop a
/// fragment, and accept `example.com:80` for any method.
fn parse_target(target: &str, method: &str) -> Result<Uri, HeadError> {
    let uri = Uri::try_from(target).map_err(|_| HeadError::Target)?;
    let fits_method = match method {
        "CONNECT" => uri.scheme().is_none() && uri.authority().is_some(),
        "OPTIONS" if target == "*" => true,
        _ => target.starts_with('/') || uri.scheme().is_some(),
    };
    match fits_method && !target.contains('#') {
        true => Ok(uri),
        false => Err(HeadError::Target),
    }
}

fn version(minor: Option<u8>) -> Result<Version, HeadError> {
    match minor {
        Some(1) => Ok(Version::HTTP_11),
        Some(0) => Ok(Version::HTTP_10),
        _ => Err(HeadError::Version),
    }
}

fn fill_headers(headers: &mut HeaderMap, parsed: &[Header<'_>]) -> Result<(), HeadError> {
    headers.reserve(parsed.len());
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| HeadError::Header)?;
        let value = HeaderValue::from_bytes(header.value).map_err(|_| HeadError::Header)?;
        headers.append(name, value);
    }
    Ok(())
}

const ORDINARY_HEADERS: usize = 64;
/// The most header lines of a head, as in hyper, so that the same limit applies on a bare stream and behind hyper or
/// axum. Servers behind proxies and CDNs see dozens. This limits time; the limit in bytes limits memory.
const MAX_HEADERS: usize = 100;
