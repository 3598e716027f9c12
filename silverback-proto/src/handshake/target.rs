//! The path and query of a WebSocket URI (RFC 6455, 3), as the request sends them. People paste URIs with blanks,
//! quotes and letters of any language. Browsers escape those (the URL Standard, 1.3), and so do we.

use http::uri::PathAndQuery;

use super::{
    error::{Escaped, HandshakeError},
    received::Received,
};

/// Escapes the characters that RFC 3986 does not allow and browsers escape. As in browsers, a `\` in the path becomes
/// `/`. Escapes in the text stay as they are, and so does a single `%`. An empty path becomes `/`.
pub(super) fn escape_target(target: &str) -> Result<PathAndQuery, HandshakeError> {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut escaped = String::with_capacity(target.len() + 1);
    if !path.starts_with('/') {
        escaped.push('/');
    }
    for c in path.chars() {
        match c {
            '\\' => escaped.push('/'),
            '^' | '`' | '{' | '}' => escape(&mut escaped, c),
            c => push(&mut escaped, c),
        }
    }
    query.chars().for_each(|c| push(&mut escaped, c));
    PathAndQuery::try_from(escaped).map_err(|_| HandshakeError::InvalidUri(Received::uri(target)))
}

/// Rejects control characters, because they are never intended. A line break may come from a file with URIs, or may be
/// an attempt to add a header. Blanks and line breaks around the URI are ignored.
pub(super) fn refuse_control_characters(uri: &str) -> Result<(), HandshakeError> {
    let core = uri.trim_matches(BLANKS);
    let begin = uri.len() - uri.trim_start_matches(BLANKS).len();
    match core.char_indices().find(|(_, c)| c.is_control()) {
        None => Ok(()),
        Some((at, character)) => {
            let position = uri[..begin + at].chars().count() + 1;
            Err(HandshakeError::ControlCharacter { character, position })
        }
    }
}

/// Returns the path without the query for debug output. A query is often secret, and debug output ends up in logs.
pub(super) fn shown_target(target: &PathAndQuery) -> String {
    match target.query() {
        Some(query) if !query.is_empty() => format!("{}?…", target.path()),
        _ => target.as_str().to_owned(),
    }
}

/// Appends a character of the path or the query, escaped if necessary.
fn push(out: &mut String, c: char) {
    match c {
        '"' | '<' | '>' => escape(out, c),
        c if c.is_ascii_graphic() => out.push(c),
        c => escape(out, c),
    }
}

fn escape(out: &mut String, c: char) {
    out.push_str(&Escaped(c).to_string());
}

/// The characters that browsers strip from both ends of a URL.
pub(super) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
