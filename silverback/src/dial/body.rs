//! Reads the beginning of a body (RFC 9112, 6), which may explain why the request was refused.

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use httparse::{InvalidChunkSize, Status, parse_chunk_size};

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
        let (begin, size) = match parse_chunk_size(raw) {
            Ok(Status::Complete((begin, size))) => (begin, usize::try_from(size).unwrap_or(usize::MAX)),
            Ok(Status::Partial) => return (body, false),
            Err(InvalidChunkSize) => return (body, true),
        };
        raw = &raw[begin..];
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

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
