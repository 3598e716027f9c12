//! Redirects (RFC 9110, 15.4), if the application turned them on: where they lead, and which ones are refused.

use std::fmt;

use http::{HeaderMap, HeaderValue, StatusCode, header::LOCATION};
use silverback_proto::handshake::ClientRequest;

/// Why the dialer did not follow a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectFault {
    /// The dial had already followed as many redirects as allowed.
    TooMany {
        /// The number of allowed redirects.
        limit: usize,
    },
    /// The response has no `Location`, several of them, or one that is not the URL of a WebSocket server.
    Location,
    /// The redirect leads from TLS to a server without TLS.
    ToPlain,
}

impl fmt::Display for RedirectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { limit } => write!(f, "only {limit} redirects are followed"),
            Self::Location => f.write_str("it does not say where in a way that can be followed"),
            Self::ToPlain => f.write_str("it leads away from TLS"),
        }
    }
}

impl std::error::Error for RedirectFault {}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Returns the URL that a redirect leads to, from the headers of the response to `from`.
pub(super) fn next_url(from: &ClientRequest, headers: &HeaderMap) -> Result<String, RedirectFault> {
    let mut locations = headers.get_all(LOCATION).iter();
    let (Some(location), None) = (locations.next(), locations.next()) else { return Err(RedirectFault::Location) };
    let location = text(location);
    // A fragment is for pages. RFC 6455, 3 allows none.
    let location = location.split('#').next().unwrap_or_default();
    let url = absolute(from, location).ok_or(RedirectFault::Location)?;
    let next = ClientRequest::parse(&url).map_err(|_| RedirectFault::Location)?;
    match from.is_secure() && !next.is_secure() {
        true => Err(RedirectFault::ToPlain),
        false => Ok(url),
    }
}

/// Reads a `Location` as browsers do. UTF-8 is kept and other bytes are escaped, although a URI may contain neither.
/// Tabs, and blanks at both ends, are ignored. A `\` before the query means `/`.
fn text(location: &HeaderValue) -> String {
    let text = match std::str::from_utf8(location.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => location.as_bytes().iter().map(|&byte| escaped(byte)).collect(),
    };
    let text = text.trim().replace('\t', "");
    let (path, query) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    path.replace('\\', "/") + query
}

fn escaped(byte: u8) -> String {
    match byte.is_ascii() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    }
}

/// Returns whether both requests go to the same origin (RFC 6454, 4). Only then may the second one carry the secrets of
/// the first.
pub(super) fn same_origin(one: &ClientRequest, other: &ClientRequest) -> bool {
    let origin = |request: &ClientRequest| (request.is_secure(), request.uri_host(), request.port());
    origin(one) == origin(other)
}

/// Resolves a reference against the URL of a request (RFC 3986, 5.2).
fn absolute(from: &ClientRequest, reference: &str) -> Option<String> {
    if has_scheme(reference) {
        return Some(reference.to_owned());
    }
    let scheme = if from.is_secure() { "wss" } else { "ws" };
    if let Some(rest) = reference.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    let base = from.target();
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (reference, String::new()),
    };
    let path = match path {
        "" if reference.is_empty() => return None,
        "" => base.path().to_owned(),
        path if path.starts_with('/') => without_dots(path),
        path => {
            let folder = base.path().rfind('/').map_or("/", |end| &base.path()[..=end]);
            without_dots(&format!("{folder}{path}"))
        }
    };
    Some(format!("{scheme}://{}:{}{path}{query}", from.uri_host(), from.port()))
}

fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Removes dot segments (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
#[path = "redirect_tests.rs"]
mod tests;
