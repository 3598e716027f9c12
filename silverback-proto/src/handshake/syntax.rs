//! Tokens and comma-separated lists, the syntax of the header fields of a handshake (RFC 9110, 5.6).

use http::{HeaderMap, HeaderName};

/// Whether the list in the fields called `name` has `token` as an element, in any case.
///
/// This reads all lines of that name, and ignores blanks around commas. A quoted string is part of one element:
/// `x="a, upgrade"` has no element `upgrade`.
pub fn contains_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list_elements(headers, name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// The elements of the comma-separated list in all fields called `name`, in order, trimmed.
/// Empty elements are ignored (RFC 2616, 2.1).
pub fn list_elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    headers.get_all(name).into_iter().flat_map(|line| ListElements(line.as_bytes()))
}

/// Whether this is a `token` of RFC 2616, 2.2, the same as in RFC 9110.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Splits one field line at the commas that are not inside a quoted string.
struct ListElements<'a>(&'a [u8]);

impl<'a> Iterator for ListElements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let end = element_length(self.0);
            let element = trim_blanks(&self.0[..end]);
            self.0 = self.0.get(end + 1..).unwrap_or_default();
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// The number of bytes up to the first comma outside quotes. An unfinished quote takes the rest of the line.
fn element_length(line: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (index, &byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return index,
            _ => {}
        }
    }
    line.len()
}

pub(super) fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
