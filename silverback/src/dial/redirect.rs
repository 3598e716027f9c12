//! Redirects (RFC 9110, 15.4), for those who ask for them: where they lead, and where we do not go.

use std::fmt;

use http::{HeaderMap, HeaderValue, StatusCode, header::LOCATION};
use silverback_proto::handshake::ClientRequest;

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectFault {
    /// There were as many as are allowed already.
    TooMany {
        /// How many are.
        limit: usize,
    },
    /// It has no `Location`, or one that is no URL of a WebSocket server.
    Location,
    /// It leads from TLS to a server without.
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

/// The URL that an answer to a request for `from` leads to.
pub(super) fn next_url(from: &ClientRequest, headers: &HeaderMap) -> Result<String, RedirectFault> {
    let mut locations = headers.get_all(LOCATION).iter();
    let (Some(location), None) = (locations.next(), locations.next()) else { return Err(RedirectFault::Location) };
    let location = text(location);
    // A fragment is for pages; RFC 6455, 3 has none.
    let location = location.split('#').next().unwrap_or_default();
    let url = absolute(from, location).ok_or(RedirectFault::Location)?;
    let next = ClientRequest::parse(&url).map_err(|_| RedirectFault::Location)?;
    match from.is_secure() && !next.is_secure() {
        true => Err(RedirectFault::ToPlain),
        false => Ok(url),
    }
}

/// A `Location` as browsers read it: UTF-8 is taken as it is and other bytes are escaped, although a URI has neither; tabs
/// and blanks around it do not count; and a `\` before the query is a `/`.
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

/// Whether both lead to the same origin (RFC 6454, 4): what was meant for one may be told to the other.
pub(super) fn same_origin(one: &ClientRequest, other: &ClientRequest) -> bool {
    let origin = |request: &ClientRequest| (request.is_secure(), request.uri_host(), request.port());
    origin(one) == origin(other)
}

/// RFC 3986, 5.2.
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

/// RFC 3986, 5.2.4.
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
