//! Text that the peer sent or the application passed in, as errors show it.

use std::fmt;

use http::{HeaderMap, HeaderName};

use super::syntax::list_elements;

/// Text of the peer or the application in a form that is safe to print: escaped, in backquotes, and cut after 64 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Received(Box<str>);

impl Received {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
        let mut text = shown.escape_ascii().to_string();
        if shown.len() < bytes.len() {
            text.push_str("...");
        }
        Self(text.into())
    }

    /// Shows text of the application. Letters of all languages stay as they are.
    pub(super) fn text(text: &str) -> Self {
        let end = (0..=text.len().min(SHOWN_BYTES)).rev().find(|end| text.is_char_boundary(*end));
        let shown = &text[..end.unwrap_or_default()];
        let more = if shown.len() < text.len() { "..." } else { "" };
        Self(format!("{}{more}", shown.escape_debug()).into())
    }

    /// Shows a URI without the text before an `@` and without the query. They may be secret, and errors end up in logs.
    pub(super) fn uri(uri: &str) -> Self {
        let (before, behind) = uri.split_at(uri.find(['?', '#']).unwrap_or(uri.len()));
        let before = match before.rsplit_once('@') {
            Some((_, host)) => host,
            // The `?` may be part of a password.
            None if behind.contains('@') => "",
            None => before,
        };
        let mut shown = Self::text(before);
        if !behind.is_empty() {
            shown.0 = format!("{}{}…", shown.0, &behind[..1]).into();
        }
        shown
    }

    /// Shows all elements of a list header. Returns `None` if the header is missing.
    pub(super) fn list(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        if !headers.contains_key(name) {
            return None;
        }
        let elements: Vec<&[u8]> = list_elements(headers, name).collect();
        Some(Self::new(&elements.join(&b", "[..])))
    }

    /// The escaped text, without the backquotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const SHOWN_BYTES: usize = 64;
