//! What was answered instead of what was hoped for, and no more of it than is useful.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode, header};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout_at},
};

use super::body::Framing;
use crate::io::transport::wire::Wire;

/// What a server said instead of 101, or a proxy instead of 200.
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
    /// Reads as much of the body as is kept, until the deadline. One whose end only the end of the connection tells may
    /// take a second: many servers keep the connection open, and then nothing more comes.
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

/// A body that does not come whole is still worth what came of it.
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

/// Marks what may be secret. A `Location` often repeats the query of the request.
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
/// With what chunks cost, unless they are tiny.
const MAX_RAW: usize = 16 * 1024;
const CHUNK: usize = 1024;
const GRACE: Duration = Duration::from_secs(1);
