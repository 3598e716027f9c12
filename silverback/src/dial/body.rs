//! Reads the beginning of a body (RFC 9112, 6), which may explain why the request was refused.

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    /// The body ends with the connection.
    UntilClose,
}

impl Framing {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        if status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            return Self::Length(0);
        }
        if let Some(coding) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
            let is_chunked = coding.as_bytes().to_ascii_lowercase().trim_ascii_end().ends_with(b"chunked");
            return if is_chunked { Self::Chunked } else { Self::UntilClose };
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        length.map_or(Self::UntilClose, Self::Length)
    }

    /// Decodes at most `limit` bytes of the body from `raw`. Also returns whether the result is final: the body has
    /// ended, or the limit is reached.
    pub(super) fn decode(self, raw: &[u8], limit: usize) -> (Vec<u8>, bool) {
        match self {
            Self::Length(length) => {
                let wanted = length.min(limit);
                (raw[..raw.len().min(wanted)].to_vec(), raw.len() >= wanted)
            }
            Self::UntilClose => (raw[..raw.len().min(limit)].to_vec(), raw.len() >= limit),
            Self::Chunked => decode_chunks(raw, limit),
        }
    }
}

fn decode_chunks(mut raw: &[u8], limit: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(line_end) = raw.windows(2).position(|pair| pair == b"\r\n") else {
            // No chunk size is this long, so the line is malformed and the body ends here.
            return (body, raw.len() > LONGEST_SIZE_LINE);
        };
        let Some(size) = chunk_size(&raw[..line_end]) else { return (body, true) };
        raw = &raw[line_end + 2..];
        let taken = size.min(raw.len()).min(limit - body.len());
        body.extend_from_slice(&raw[..taken]);
        if size == 0 || body.len() == limit {
            return (body, true);
        }
        match raw.get(size.saturating_add(2)..) {
            Some(rest) => raw = rest,
            None => return (body, false),
        }
    }
}

/// Parses the hexadecimal number before any extension.
fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    usize::from_str_radix(text, 16).ok()
}

/// More bytes than any chunk size needs, with room for extensions, which are hardly used.
const LONGEST_SIZE_LINE: usize = 1024;

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
