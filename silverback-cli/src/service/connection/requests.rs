//! The requests of one connection, one after the other.

use std::{io, mem};

use http::Request;
use silverback::proto::handshake::{
    HeadError,
    http1::{HeadReader, Progress, parse_request},
};
use tokio::io::{AsyncRead, AsyncReadExt as _};

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
                    return parse_request(reader.head()).map_err(|error| unreadable(error, reader.head()));
                }
                Ok(Progress::NeedMore) => self.input.clear(),
                Err(error) => return Err(unreadable(error, self.reader.head())),
            }
            if stream.read_buf(&mut self.input).await? == 0 {
                return Err(ReadError::Ended);
            }
        }
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

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

fn unreadable(error: HeadError, head: &[u8]) -> ReadError {
    let is_too_large = matches!(error, HeadError::TooLarge { .. });
    ReadError::Head(UnreadableHead { error, longest: longest_header(head).filter(|_| is_too_large) })
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
