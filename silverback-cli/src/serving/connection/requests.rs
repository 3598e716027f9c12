//! The requests of one connection, one after the other.

use std::{io, mem};

use bytes::Bytes;
use http::{
    HeaderMap, Request,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use silverback::proto::handshake::{
    HeadError,
    http1::{HeadReader, Progress, parse_request},
};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::serving::proxy_header;

/// Reads the heads of requests.
#[derive(Debug)]
pub(crate) struct Requests {
    /// The head that is being read.
    reader: HeadReader,
    /// Bytes that were read but do not belong to the head yet.
    input: Vec<u8>,
    max_head_size: usize,
}

/// Why no request could be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The bytes are not a head, or the head is too large.
    Head(UnreadableHead),
    /// The connection ended or failed.
    Ended,
}

/// The error of a head that cannot be read.
#[derive(Debug)]
pub(crate) struct UnreadableHead {
    pub(crate) error: HeadError,
    /// The name and length of the longest header line so far, if the head is too large.
    pub(crate) longest: Option<(String, usize)>,
    /// Whether the bytes are a header of the PROXY protocol.
    pub(crate) is_proxy_header: bool,
}

impl Requests {
    pub(crate) fn new(max_head_size: usize) -> Self {
        Self { reader: HeadReader::new(max_head_size), input: Vec::with_capacity(CHUNK), max_head_size }
    }

    /// Reads the beginning of the stream, which stays in the input. Returns whether it is the preface of HTTP/2 (RFC
    /// 9113, 3.4), by which a client shows that it speaks HTTP/2 without being asked.
    ///
    /// Cancel safe: bytes already read are kept.
    pub(crate) async fn begin_http2(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        loop {
            let count = self.input.len().min(HTTP_2_PREFACE.len());
            if self.input[..count] != HTTP_2_PREFACE[..count] {
                return Ok(false);
            }
            if count == HTTP_2_PREFACE.len() {
                return Ok(true);
            }
            if stream.read_buf(&mut self.input).await? == 0 {
                return Ok(false);
            }
        }
    }

    /// Reads the next request.
    ///
    /// Cancel safe: bytes already read are kept.
    pub(crate) async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Request<()>, ReadError> {
        loop {
            match self.reader.handle_input(&self.input) {
                Ok(Progress::Complete { consumed }) => {
                    self.input.drain(..consumed);
                    let reader = mem::replace(&mut self.reader, HeadReader::new(self.max_head_size));
                    return parse_request(reader.head()).map_err(|error| unreadable(error, reader.head(), b""));
                }
                Ok(Progress::NeedMore) => self.input.clear(),
                Err(error) => return Err(unreadable(error, self.reader.head(), &self.input)),
            }
            if stream.read_buf(&mut self.input).await? == 0 {
                return Err(ReadError::Ended);
            }
        }
    }

    /// Reads the body after the last request, which has this length.
    ///
    /// Not cancel safe: bytes already read are lost, and so is the connection.
    pub(crate) async fn body(&mut self, stream: &mut (impl AsyncRead + Unpin), length: usize) -> io::Result<Bytes> {
        let early = length.min(self.input.len());
        let mut body: Vec<u8> = self.input.drain(..early).collect();
        // Memory grows with the bytes that come, not with the declared length.
        let mut rest = stream.take((length - early) as u64);
        while body.len() < length {
            if rest.read_buf(&mut body).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(body.into())
    }

    /// Whether no byte of the next request has come.
    pub(crate) fn is_between(&self) -> bool {
        self.reader.is_empty() && self.input.is_empty()
    }

    /// Returns the bytes after the last request.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.input
    }
}

/// Why the body of a request is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The request has a body of unknown length.
    NoLength,
    /// The length is not a number, or not certain, by which requests are smuggled through proxies (RFC 9112, 11.2).
    Malformed,
    /// The body is larger than the limit.
    TooLarge,
}

/// Returns the length of the body of a request.
pub(crate) fn body_length(headers: &HeaderMap, limit: usize) -> Result<usize, BodyError> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next(), headers.contains_key(TRANSFER_ENCODING)) {
        (None, _, true) => Err(BodyError::NoLength),
        (None, _, false) => Ok(0),
        (Some(_), _, true) | (Some(_), Some(_), _) => Err(BodyError::Malformed),
        (Some(length), None, false) => {
            let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let digits = digits.filter(|text| !text.is_empty()).ok_or(BodyError::Malformed)?;
            // A number that does not fit is too large.
            digits.parse().ok().filter(|length| *length <= limit).ok_or(BodyError::TooLarge)
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

/// `rest` is the input after the head.
fn unreadable(error: HeadError, head: &[u8], rest: &[u8]) -> ReadError {
    let is_too_large = matches!(error, HeadError::TooLarge { .. });
    let is_proxy_header = proxy_header::is_begun_by(head) || (head.is_empty() && proxy_header::is_begun_by(rest));
    ReadError::Head(UnreadableHead { error, longest: longest_header(head).filter(|_| is_too_large), is_proxy_header })
}

/// RFC 6585, 5: an answer of 431 should name the header that is too large.
fn longest_header(head: &[u8]) -> Option<(String, usize)> {
    let lines = head.split(|&byte| byte == b'\n').skip(1);
    let longest = lines.max_by_key(|line| line.len())?;
    let name = &longest[..longest.iter().position(|&byte| byte == b':')?];
    let is_name = (1..=MAX_NAME).contains(&name.len())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    is_name.then(|| (String::from_utf8_lossy(name).into_owned(), longest.len()))
}

/// The request line of the preface, which no HTTP/1.1 server accepts. The library checks the rest.
const HTTP_2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// An ordinary handshake comes in one read.
const CHUNK: usize = 1024;

/// Longer names are not worth quoting.
const MAX_NAME: usize = 64;

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
