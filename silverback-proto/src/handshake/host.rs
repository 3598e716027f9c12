//! Which host a request is for (RFC 9112, 3.2).

use http::{HeaderValue, Request, Version};

use super::{
    authority::Authority,
    headers::{HOST, single},
    received::Received,
    rejection::Rejection,
};

/// Returns the `host[:port]` that a request is for: of the target if that is an absolute URI, otherwise of the `Host`
/// header. `None` if an HTTP/1.0 request, or one of HTTP/2 and later, names none.
///
/// # Errors
/// Fails if `Host` is missing from an HTTP/1.1 request, appears several times, or is not a host with an optional port.
/// A server must answer every such request with 400, on any path (RFC 9112, 3.2).
pub fn requested_host<B>(request: &Request<B>) -> Result<Option<HeaderValue>, Rejection> {
    let header = single(request.headers(), &HOST).map_err(|_| Rejection::RepeatedHeader("Host"))?;
    match header {
        Some(host) => check_host(host)?,
        None if request.version() == Version::HTTP_11 => return Err(Rejection::MissingHeader("Host")),
        None => {}
    }
    match request.uri().authority() {
        Some(authority) => read_authority(authority.as_str()).map(Some),
        None => Ok(header.cloned()),
    }
}

/// Returns the host that an extended CONNECT is for: the pseudo-header field `:authority`, or the `Host` header if that is
/// missing. If both are there, they must agree (RFC 9113, 8.3.1; RFC 9114, 4.3.1).
pub(super) fn connect_host<B>(request: &Request<B>) -> Result<HeaderValue, Rejection> {
    let header = single(request.headers(), &HOST).map_err(|_| Rejection::RepeatedHeader("Host"))?;
    if let Some(host) = header {
        check_host(host)?;
    }
    let Some(authority) = request.uri().authority() else {
        return header.cloned().ok_or(Rejection::MissingHeader(":authority"));
    };
    let authority = read_authority(authority.as_str())?;
    match header {
        Some(host) if Authority::parse(host.as_bytes()) != Authority::parse(authority.as_bytes()) => {
            Err(Rejection::OtherHost(Received::new(host.as_bytes())))
        }
        _ => Ok(authority),
    }
}

/// RFC 9112, 3.2.2: the host of an absolute target replaces the `Host` header.
pub(super) fn read_authority(authority: &str) -> Result<HeaderValue, Rejection> {
    let host =
        HeaderValue::from_str(authority).map_err(|_| Rejection::InvalidHost(Received::new(authority.as_bytes())))?;
    check_host(&host)?;
    Ok(host)
}

pub(super) fn check_host(host: &HeaderValue) -> Result<(), Rejection> {
    match Authority::parse(host.as_bytes()) {
        Some(_) => Ok(()),
        None => Err(Rejection::InvalidHost(Received::new(host.as_bytes()))),
    }
}
