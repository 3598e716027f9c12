//! The response of a server or proxy that refused, with as much of its body as is useful.

#[cfg(feature = "http3")]
use std::future::poll_fn;
use std::time::Duration;

#[cfg(feature = "http3")]
use bytes::BufMut;
use http::{HeaderMap, Response, StatusCode, header};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout_at},
};

use super::body::Framing;
#[cfg(feature = "http3")]
use crate::io::transport::http3::reader::Http3Reader;
use crate::io::transport::wire::Wire;

/// The response of a server that did not open a WebSocket, or of a proxy that is not a success.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The headers. `Set-Cookie` and a `Location` with a query are marked as sensitive, so that they do not appear in
    /// debug output.
    pub headers: HeaderMap,
    /// At most 4 KiB of the body.
    pub body: Vec<u8>,
}

impl Refusal {
    /// Reads as much of the body as is kept, until the deadline. If only the end of the connection ends the body,
    /// reading stops after a second: many servers keep such a connection open and send nothing more.
    pub(super) async fn read(stream: &mut Wire, response: Response<()>, raw: Vec<u8>, deadline: Instant) -> Box<Self> {
        let (parts, ()) = response.into_parts();
        let mut headers = parts.headers;
        hide_secrets(&mut headers);
        let framing = Framing::of(parts.status, &headers);
        let deadline = match framing {
            Framing::UntilClose => deadline.min(Instant::now() + GRACE),
            Framing::Length(_) | Framing::Chunked => deadline,
        };
        Box::new(Self { status: parts.status, headers, body: read_body(stream, framing, raw, deadline).await })
    }
}

#[cfg(feature = "http2")]
impl Refusal {
    /// Does the same for a response over HTTP/2, whose body ends with its stream.
    pub(super) async fn read_http2(mut body: h2::RecvStream, response: Response<()>, deadline: Instant) -> Box<Self> {
        let (parts, ()) = response.into_parts();
        let mut kept = Vec::new();
        while kept.len() < MAX_BODY {
            let Ok(Some(Ok(data))) = timeout_at(deadline, body.data()).await else { break };
            let wanted = data.len().min(MAX_BODY - kept.len());
            kept.extend_from_slice(&data[..wanted]);
        }
        Box::new(Self { status: parts.status, headers: parts.headers, body: kept })
    }
}

#[cfg(feature = "http3")]
impl Refusal {
    /// Does the same for a response over HTTP/3, whose body ends with its stream.
    pub(super) async fn read_http3(body: &mut Http3Reader, response: Response<()>, deadline: Instant) -> Box<Self> {
        let (parts, ()) = response.into_parts();
        let mut kept = Vec::with_capacity(MAX_BODY);
        while kept.len() < MAX_BODY {
            let missing = MAX_BODY - kept.len();
            let mut room = (&mut kept).limit(missing);
            let reading = poll_fn(|cx| body.poll_read(cx, &mut room));
            let Ok(Ok(1..)) = timeout_at(deadline, reading).await else { break };
        }
        Box::new(Self { status: parts.status, headers: parts.headers, body: kept })
    }
}

/// Returns the part of the body that arrived, even if the rest is missing.
async fn read_body(stream: &mut Wire, framing: Framing, mut raw: Vec<u8>, deadline: Instant) -> Vec<u8> {
    loop {
        let (body, is_done) = framing.decode(&raw, MAX_BODY);
        let room = MAX_RAW.saturating_sub(raw.len());
        if is_done || room == 0 {
            return body;
        }
        let mut chunk = [0; CHUNK];
        match timeout_at(deadline, stream.read(&mut chunk[..room.min(CHUNK)])).await {
            Ok(Ok(count)) if count > 0 => raw.extend_from_slice(&chunk[..count]),
            _ => return body,
        }
    }
}

/// Marks values that may be secret as sensitive. A `Location` often repeats the query of the request.
pub(super) fn hide_secrets(headers: &mut HeaderMap) {
    if let header::Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) {
        cookies.iter_mut().for_each(|cookie| cookie.set_sensitive(true));
    }
    if let header::Entry::Occupied(mut locations) = headers.entry(header::LOCATION) {
        let with_query = locations.iter_mut().filter(|location| location.as_bytes().contains(&b'?'));
        with_query.for_each(|location| location.set_sensitive(true));
    }
}

const MAX_BODY: usize = 4 * 1024;
/// The most bytes to read for a chunked body. Only a body of tiny chunks needs more for [`MAX_BODY`].
const MAX_RAW: usize = 16 * 1024;
const CHUNK: usize = 1024;
const GRACE: Duration = Duration::from_secs(1);
